import { useQueryClient } from '@tanstack/react-query';
import { Button, Modal } from 'antd';
import { useMemo, useState, type ReactNode } from 'react';
import { problemText } from '@/api/problem';
import { useList } from '@/api/useList';
import { useText } from '@/i18n/i18n';
import { useConfirm } from './confirm';
import { DataTable, type Column } from './DataTable';
import { EmptyPanel } from './EmptyPanel';
import { FormField, type FieldSpec } from './FormField';
import { useNotices } from './notices';
import { Page } from './Page';

export type FormValues = Record<string, string>;

interface ResourceProps<T> {
  /** The noun of its test ids: `limit` for `limit-table`, `limit-new`, … */
  noun: string;
  title: string;
  crumbs?: ReactNode;
  /** The list of the API, with what fills its path. */
  listPath: string;
  path?: Record<string, string>;
  query?: Record<string, string>;
  columns: Column<T>[];
  nameOf: (row: T) => string;
  /** What an empty list says. */
  empty: string;
  /** The fields of a new thing, or of one that is changed; absent where it cannot be. */
  fields?: (row: T | null) => FieldSpec[];
  valuesOf?: (row: T | null) => FormValues;
  save?: (values: FormValues, row: T | null) => Promise<unknown>;
  remove?: (row: T) => Promise<unknown>;
  /** Things that the list shows and that are changed elsewhere. */
  isFixed?: (row: T) => boolean;
  /** Rows can be deleted, but not changed. */
  changes?: 'all' | 'create';
  mayWrite?: boolean;
  /** What stands below the table about an opened row. */
  detail?: (row: T) => ReactNode;
  /** What a save shows, for example a secret that is shown once. */
  saved?: (answer: unknown) => ReactNode;
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
  const { noun, listPath, path, query, columns, nameOf, empty, fields, save, remove, isFixed, changes = 'all', mayWrite = true, detail } = props;
  const text = useText();
  const queries = useQueryClient();
  const confirm = useConfirm();
  const notices = useNotices();
  const list = useList<T>(listPath, { path, query: { ...query, limit: 100 }, refreshMs: 15_000 });
  const [edited, setEdited] = useState<{ row: T | null } | null>(null);
  const [opened, setOpened] = useState<string | null>(null);
  const refresh = () => void queries.invalidateQueries({ queryKey: ['get', listPath] });
  const openedRow = list.rows?.find((row) => nameOf(row) === opened);

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
  const withActions: Column<T>[] = [
    ...columns,
    {
      key: 'actions',
      title: text.common.actions,
      width: 200,
      render: (row) => (
        <span className="row tight">
          {detail && (
            <Button size="small" onClick={() => setOpened(opened === nameOf(row) ? null : nameOf(row))}>
              {text.common.expand}
            </Button>
          )}
          {save && changes === 'all' && !isFixed?.(row) && (
            <Button size="small" disabled={!mayWrite} onClick={() => setEdited({ row })}>
              {text.common.edit}
            </Button>
          )}
          {remove && !isFixed?.(row) && (
            <Button size="small" danger disabled={!mayWrite} data-testid={`${noun}-delete`} onClick={() => void deleteRow(row)}>
              {text.common.delete}
            </Button>
          )}
        </span>
      ),
    },
  ];
  const newButton = save && fields && (
    <Button type="primary" data-testid={`${noun}-new`} disabled={!mayWrite} onClick={() => setEdited({ row: null })}>
      {text.common.create}
    </Button>
  );
  return (
    <div className="stack">
      {newButton && <div>{newButton}</div>}
      <DataTable
        testId={`${noun}-table`}
        list={list}
        rowKey={nameOf}
        rowTestId={(row) => `${noun}-row-${nameOf(row)}`}
        columns={withActions}
        empty={<EmptyPanel text={empty}>{null}</EmptyPanel>}
      />
      {openedRow && detail?.(openedRow)}
      {edited && <ResourceForm {...props} row={edited.row} onClose={() => setEdited(null)} onSaved={refresh} />}
    </div>
  );
}

interface ResourceFormProps<T> extends ResourceProps<T> {
  row: T | null;
  onClose: () => void;
  onSaved: () => void;
}

function ResourceForm<T extends object>({ noun, title, row, nameOf, fields, valuesOf, save, saved, onClose, onSaved }: ResourceFormProps<T>) {
  const text = useText();
  const notices = useNotices();
  const [values, setValues] = useState<FormValues>(() => valuesOf?.(row) ?? {});
  const [error, setError] = useState<string | null>(null);
  const [shown, setShown] = useState<ReactNode>(null);
  const specs = useMemo(() => fields?.(row) ?? [], [fields, row]);
  const submit = async () => {
    setError(null);
    try {
      const answer = await save?.(values, row);
      notices.show('applied', text.common.saved(row ? nameOf(row) : (values.name ?? title)));
      onSaved();
      const after = saved?.(answer);
      if (after) setShown(after);
      else onClose();
    } catch (problem) {
      setError(problemText(problem));
    }
  };
  return (
    <Modal open title={row ? nameOf(row) : text.common.create} footer={null} onCancel={onClose} width={560}>
      {shown ?? (
        <form
          className="stack"
          data-testid={`${noun}-form`}
          onSubmit={(event) => {
            event.preventDefault();
            void submit();
          }}
        >
          {specs.map((spec) => (
            <FormField key={spec.name} spec={spec} value={values[spec.name] ?? ''} onChange={(value) => setValues({ ...values, [spec.name]: value })} />
          ))}
          {error && (
            <p role="alert" className="attempt-error">
              {error}
            </p>
          )}
          <div className="row" style={{ justifyContent: 'flex-end' }}>
            <Button onClick={onClose}>{text.common.cancel}</Button>
            <Button type="primary" htmlType="submit" data-testid={`${noun}-save`}>
              {text.common.save}
            </Button>
          </div>
        </form>
      )}
    </Modal>
  );
}
