import { useMemo } from 'react';
import type { Schemas } from '@/api/client';
import { useList } from '@/api/useList';
import { useChangeSearch, usePageSearch } from '@/app/routing';
import { first } from '@/app/search';
import { DataTable, type Column } from '@/components/DataTable';
import { EmptyPanel } from '@/components/EmptyPanel';
import { Loaded } from '@/components/Loaded';
import type { Texts } from '@/i18n/en';
import { useText } from '@/i18n/i18n';
import { useTasks } from './useTasks';
import { Values } from './Values';

type Param = Schemas['ParamView'];

/** The parameters of the instance, or those that one of its tasks sees, with the layer that gave each. */
export function ParamsTab({ instance }: { instance: Schemas['Instance'] }) {
  const text = useText();
  const change = useChangeSearch();
  const chosen = first(usePageSearch().of) ?? '';
  return (
    <div className="stack">
      <Loaded query={useTasks(instance.id)} lines={1}>
        {(tasks) => (
          <label className="row">
            {text.instance.seenBy}
            <select className="native" data-testid="params-of" value={chosen} onChange={(event) => change({ of: event.target.value || undefined })}>
              <option value="">{text.instance.wholeInstance}</option>
              {tasks.map(({ name }) => (
                <option key={name}>{name}</option>
              ))}
            </select>
          </label>
        )}
      </Loaded>
      {chosen ? (
        <TaskParams key={chosen} id={instance.id} task={chosen} />
      ) : (
        <div className="columns">
          <Values title={text.instance.params} values={instance.params} nothing={text.instance.noParams} />
          <Values title={text.instance.outputs} values={instance.outputs} nothing={text.instance.noOutputs} />
        </div>
      )}
    </div>
  );
}

function TaskParams({ id, task }: { id: string; task: string }) {
  const text = useText();
  const list = useList<Param>('/api/v1/instances/{id}/tasks/{task}/params', { path: { id, task }, query: { limit: 200 } });
  const columns = useMemo<Column<Param>[]>(
    () => [
      { key: 'name', title: text.common.name, sortBy: (row) => row.name, render: (row) => <strong>{row.name}</strong> },
      { key: 'value', title: text.common.value, render: (row) => <code>{row.value}</code> },
      { key: 'from', title: text.instance.givenBy, sortBy: (row) => row.from, render: (row) => layerText(row, text) },
    ],
    [text],
  );
  return (
    <DataTable testId="param-table" list={list} rowKey={(row) => row.name} rowTestId={(row) => `param-${row.name}`} columns={columns} empty={<EmptyPanel text={text.instance.noParams} />} />
  );
}

function layerText({ from, by }: Param, text: Texts): string {
  const layers: Record<string, string> = text.layers;
  return by ? `${layers[from] ?? from} ${by}` : (layers[from] ?? from);
}
