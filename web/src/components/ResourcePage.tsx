import { useQueryClient } from '@tanstack/react-query';
import { Button } from 'antd';
import { useState, type ReactNode } from 'react';
import { isMissing } from '@/api/problem';
import { useList } from '@/api/useList';
import { useText } from '@/i18n/i18n';
import { useConfirm } from './confirm';
import { DataTable, type Column } from './DataTable';
import { EmptyPanel } from './EmptyPanel';
import { NotFound } from './NotFound';
import { useNotices } from './notices';
import { Page } from './Page';
import { ResourceForm, type FormProps, type Trial } from './ResourceForm';
import type { ListSource } from './staticList';
import { VerbButton } from './VerbButton';

interface ResourceProps<T> extends FormProps<T> {
  crumbs?: ReactNode;
  /** The list of the API, with what fills its path. */
  listPath: string;
  path?: Record<string, string>;
  query?: Record<string, string>;
  /** The rows, where they are no list of the API but a part of what `listPath` answers. */
  source?: ListSource<T>;
  columns: Column<T>[];
  /** What tells rows apart; their name unless given. */
  keyOf?: (row: T) => string;
  /** What an empty list says. */
  empty: string;
  remove?: (row: T) => Promise<unknown>;
  /** Tries a thing, and says what it found. */
  test?: (row: T) => Promise<Trial>;
  /** Things that the list shows and that are changed elsewhere. */
  isFixed?: (row: T) => boolean;
  /** Rows can be deleted, but not changed. */
  changes?: 'all' | 'create';
  /** The words on the button of a new one. */
  newText?: string;
  /** Why the user may not change the list; null where they may. */
  obstacle?: string | null;
  /** What else can be done with a row. */
  actions?: (row: T) => ReactNode;
  /** What stands below the table about an opened row. */
  detail?: (row: T) => ReactNode;
}

/** A list of things with a form for them. */
export function ResourcePage<T extends object>(props: ResourceProps<T>) {
  return (
    <Page title={props.title} crumbs={props.crumbs}>
      <ResourceList {...props} />
    </Page>
  );
}

export function ResourceList<T extends object>(props: ResourceProps<T>) {
  const { noun, listPath, path, query, source, columns, nameOf, keyOf = nameOf, empty, fields, save, remove, test, isFixed, changes = 'all', newText, obstacle = null, actions, detail } = props;
  const text = useText();
  const queries = useQueryClient();
  const confirm = useConfirm();
  const notices = useNotices();
  const read = useList<T>(listPath, { path, query: { ...query, limit: 100 }, refreshMs: 15_000, enabled: !source });
  const list: ListSource<T> = source ?? read;
  const [edited, setEdited] = useState<{ row: T | null } | null>(null);
  const [opened, setOpened] = useState<string | null>(null);
  const refresh = () => void queries.invalidateQueries({ queryKey: ['get', listPath] });
  const openedRow = list.rows?.find((row) => keyOf(row) === opened);

  const deleteRow = async (row: T) => {
    if (!remove || !(await confirm({ title: text.common.deleteTitle(nameOf(row)), yes: text.common.delete, danger: true }))) return;
    try {
      await remove(row);
      notices.show('applied', text.common.deleted(nameOf(row)));
    } catch (error) {
      notices.showError(error);
    }
    refresh();
  };
  const testRow = async (row: T) => {
    try {
      const trial = await test?.(row);
      if (trial) notices.show(trial.ok ? 'applied' : 'failed', `${nameOf(row)}: ${trial.detail}`);
    } catch (error) {
      notices.showError(error);
    }
  };
  const withActions: Column<T>[] = [
    ...columns,
    {
      key: 'actions',
      title: text.common.actions,
      render: (row) => (
        <span className="row tight" style={{ flexWrap: 'nowrap' }}>
          {actions?.(row)}
          {detail && (
            <Button size="small" data-testid={`${noun}-details`} aria-expanded={opened === keyOf(row)} onClick={() => setOpened(opened === keyOf(row) ? null : keyOf(row))}>
              {text.common.expand}
            </Button>
          )}
          {test && !isFixed?.(row) && <VerbButton size="small" testId={`${noun}-test`} name={text.common.test} obstacle={obstacle} onRun={() => testRow(row)} />}
          {save && changes === 'all' && !isFixed?.(row) && (
            <Button size="small" data-testid={`${noun}-edit`} disabled={obstacle !== null} title={obstacle ?? undefined} onClick={() => setEdited({ row })}>
              {text.common.edit}
            </Button>
          )}
          {remove && !isFixed?.(row) && (
            <VerbButton size="small" danger testId={`${noun}-delete`} name={text.common.delete} obstacle={obstacle} onRun={() => deleteRow(row)} />
          )}
        </span>
      ),
    },
  ];
  const newButton = save && fields && (
    <Button type="primary" data-testid={`${noun}-new`} disabled={obstacle !== null} title={obstacle ?? undefined} onClick={() => setEdited({ row: null })}>
      {newText ?? text.common.create}
    </Button>
  );
  if (!list.rows && isMissing(list.error)) return <NotFound />;
  return (
    <div className="stack">
      {newButton && list.rows?.length !== 0 && <div>{newButton}</div>}
      <DataTable
        testId={`${noun}-table`}
        list={list}
        rowKey={keyOf}
        rowTestId={(row) => `${noun}-row-${nameOf(row)}`}
        columns={withActions}
        empty={<EmptyPanel text={empty}>{newButton}</EmptyPanel>}
      />
      {openedRow && detail?.(openedRow)}
      {edited && <ResourceForm {...props} row={edited.row} onClose={() => setEdited(null)} onSaved={refresh} />}
    </div>
  );
}
