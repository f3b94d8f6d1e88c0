import { Button } from 'antd';
import { useMemo, useState, type ReactNode } from 'react';
import { useKey } from '@/app/useKeys';
import { useText } from '@/i18n/i18n';
import { usePreferences } from '@/preferences/preferences';
import { ColumnChoice } from './ColumnChoice';
import { ErrorPanel } from './ErrorPanel';
import { Loading } from './Loading';
import type { ListSource } from './staticList';

export interface Column<T> {
  key: string;
  title: string;
  render: (row: T) => ReactNode;
  width?: number;
  align?: 'left' | 'right';
  /** What the column is sorted by; absent where it is not. */
  sortBy?: (row: T) => string | number;
}

export interface Selection {
  keys: string[];
  onChange: (keys: string[]) => void;
}

interface DataTableProps<T> {
  testId: string;
  list: ListSource<T>;
  rowKey: (row: T) => string;
  rowTestId: (row: T) => string;
  columns: Column<T>[];
  empty: ReactNode;
  selection?: Selection;
  /** Opens a row by `Enter`. */
  onOpen?: (row: T) => void;
}

interface Order {
  key: string;
  sign: 1 | -1;
}

/** A list with pages, chosen columns, and keys. */
export function DataTable<T extends object>(props: DataTableProps<T>) {
  const { testId, list, rowKey, columns, empty, selection, onOpen } = props;
  const text = useText();
  const [at, setAt] = useState(-1);
  const [order, setOrder] = useState<Order | null>(null);
  const { hidden = {} } = usePreferences();
  const shown = columns.filter((column) => !hidden[testId]?.includes(column.key));
  const rows = useMemo(() => list.rows && sortRows(list.rows, columns, order), [list.rows, columns, order]);
  useKey('j', () => setAt((index) => Math.min(index + 1, (rows?.length ?? 0) - 1)));
  useKey('k', () => setAt((index) => Math.max(index - 1, 0)));
  useKey('Enter', () => {
    const row = rows?.[at];
    if (row && document.activeElement === document.body) onOpen?.(row);
  });
  if (!rows) {
    return list.error ? <ErrorPanel error={list.error} onRetry={() => void list.refetch()} /> : <Loading lines={6} />;
  }
  return (
    <div className="stack tight" data-testid={testId}>
      {list.error && <ErrorPanel error={list.error} onRetry={() => void list.refetch()} />}
      {rows.length === 0 ? (
        empty
      ) : (
        <div className="table-frame">
          <table className="data-table">
            <thead>
              <tr>
                {selection && <SelectAll keys={rows.map(rowKey)} selection={selection} />}
                {shown.map((column) => (
                  <Heading key={column.key} column={column} order={order} onOrder={setOrder} />
                ))}
              </tr>
            </thead>
            <tbody>
              {rows.map((row, index) => (
                <Row key={rowKey(row)} {...props} row={row} shown={shown} current={index === at} />
              ))}
            </tbody>
          </table>
        </div>
      )}
      {rows.length > 0 && (
        <div className="row between">
          {list.hasNextPage ? (
            <Button data-testid="list-more" loading={list.isFetchingNextPage} onClick={() => void list.fetchNextPage()}>
              {text.common.more}
            </Button>
          ) : (
            <span className="muted small">{text.common.rows(rows.length)}</span>
          )}
          <ColumnChoice table={testId} columns={columns} />
        </div>
      )}
    </div>
  );
}

function sortRows<T>(rows: T[], columns: Column<T>[], order: Order | null): T[] {
  const sortBy = columns.find((column) => column.key === order?.key)?.sortBy;
  if (!sortBy || !order) return rows;
  const compare = (a: T, b: T) => {
    const [left, right] = [sortBy(a), sortBy(b)];
    return (typeof left === 'number' && typeof right === 'number' ? left - right : String(left).localeCompare(String(right))) * order.sign;
  };
  return [...rows].sort(compare);
}

interface HeadingProps<T> {
  column: Column<T>;
  order: Order | null;
  onOrder: (order: Order | null) => void;
}

function Heading<T>({ column, order, onOrder }: HeadingProps<T>) {
  const sign = order?.key === column.key ? order.sign : 0;
  const next = sign === 0 ? { key: column.key, sign: 1 as const } : sign === 1 ? { key: column.key, sign: -1 as const } : null;
  const sorted = sign === 0 ? undefined : sign === 1 ? 'ascending' : 'descending';
  return (
    <th scope="col" style={{ width: column.width, textAlign: column.align }} aria-sort={sorted}>
      {column.sortBy ? (
        <button className="plain" onClick={() => onOrder(next)}>
          {column.title} <span aria-hidden="true">{sign === 1 ? '↑' : sign === -1 ? '↓' : ''}</span>
        </button>
      ) : (
        column.title
      )}
    </th>
  );
}

function SelectAll({ keys, selection }: { keys: string[]; selection: Selection }) {
  const text = useText();
  const whole = keys.length > 0 && keys.every((key) => selection.keys.includes(key));
  return (
    <th scope="col" style={{ width: 36 }}>
      <input type="checkbox" checked={whole} aria-label={text.common.selectAll} data-testid="select-all" onChange={() => selection.onChange(whole ? [] : keys)} />
    </th>
  );
}

interface RowProps<T> extends DataTableProps<T> {
  row: T;
  shown: Column<T>[];
  current: boolean;
}

function Row<T>({ row, shown, current, rowKey, rowTestId, selection }: RowProps<T>) {
  const text = useText();
  const key = rowKey(row);
  const selected = selection?.keys.includes(key) ?? false;
  const toggle = () => selection?.onChange(selected ? selection.keys.filter((other) => other !== key) : [...selection.keys, key]);
  return (
    <tr data-testid={rowTestId(row)} className={current ? 'current' : undefined} aria-selected={selection ? selected : undefined}>
      {selection && (
        <td>
          <input type="checkbox" checked={selected} aria-label={`${text.common.select} ${key}`} onChange={toggle} />
        </td>
      )}
      {shown.map((column) => (
        <td key={column.key} style={{ textAlign: column.align }}>
          {column.render(row)}
        </td>
      ))}
    </tr>
  );
}
