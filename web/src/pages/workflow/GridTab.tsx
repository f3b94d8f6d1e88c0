import { useQuery } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { Button } from 'antd';
import { useRef, useState } from 'react';
import { useVirtualizer } from '@tanstack/react-virtual';
import { client, type Schemas } from '@/api/client';
import { EmptyPanel } from '@/components/EmptyPanel';
import { InstanceLink } from '@/components/links';
import { Loaded } from '@/components/Loaded';
import { StateIcon } from '@/components/StateIcon';
import { GRID_LETTERS, toneOf } from '@/components/states';
import { useText } from '@/i18n/i18n';
import type { TabProps } from './WorkflowPage';

const PATH = '/api/v1/projects/{project}/workflows/{workflow}/grid';
/** Runs of one page. */
const RUNS = 25;
const ROW_PX = 26;

/** The states of tasks in the last runs: a row for each task, a column for each run. */
export function GridTab({ workflow: { project, name } }: TabProps) {
  const text = useText();
  const [cursors, setCursors] = useState<(string | undefined)[]>([undefined]);
  const cursor = cursors.at(-1);
  const query = useQuery({
    queryKey: ['get', PATH, { params: { path: { project, workflow: name }, query: { cursor } } }],
    queryFn: async () => {
      const { data } = await client.GET(PATH, { params: { path: { project, workflow: name }, query: { runs: RUNS, cursor } } });
      return data as Schemas['Grid'];
    },
  });
  return (
    <Loaded query={query} lines={8}>
      {(grid) => (
        <section className="card stack tight">
          {grid.runs.length === 0 ? <EmptyPanel text={text.workflow.noRuns} /> : <Matrix grid={grid} />}
          <div className="row">
            <Button size="small" disabled={cursors.length === 1} onClick={() => setCursors(cursors.slice(0, -1))}>
              {text.workflow.newerRuns}
            </Button>
            <Button size="small" disabled={!grid.next_cursor} onClick={() => setCursors([...cursors, grid.next_cursor ?? undefined])}>
              {text.workflow.olderRuns}
            </Button>
          </div>
        </section>
      )}
    </Loaded>
  );
}

function Matrix({ grid }: { grid: Schemas['Grid'] }) {
  const text = useText();
  const words: Record<string, string> = text.states;
  const navigate = useNavigate();
  const frame = useRef<HTMLDivElement>(null);
  const runs = [...grid.runs].reverse();
  // eslint-disable-next-line react-hooks/incompatible-library -- The virtualizer measures the page, which cannot be memoised.
  const rows = useVirtualizer({ count: grid.tasks.length, getScrollElement: () => frame.current, estimateSize: () => ROW_PX, overscan: 10 });
  const items = rows.getVirtualItems();
  const before = items[0]?.start ?? 0;
  const after = rows.getTotalSize() - (items.at(-1)?.end ?? 0);
  return (
    <div className="grid-scroll" ref={frame} data-testid="grid-matrix" tabIndex={0} role="group" aria-label={text.workflow.tabs.grid}>
      <table className="grid-table">
        <thead>
          <tr>
            <th scope="col">{text.common.task}</th>
            {runs.map((run) => (
              <th key={run.id} scope="col" className={`tone-${toneOf(run.state)}`} data-state={run.state} title={words[run.state]}>
                <StateIcon state={run.state} />
                <InstanceLink id={run.id}>{run.id}</InstanceLink>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {before > 0 && <tr style={{ height: before }} />}
          {items.map((item) => {
            const task = grid.tasks[item.index] ?? '';
            return (
              <tr key={task} style={{ height: ROW_PX }}>
                <th scope="row" title={task}>
                  {task}
                </th>
                {runs.map((run) => {
                  const state = GRID_LETTERS[run.states[item.index] ?? '-'];
                  if (!state) return <td key={run.id} />;
                  const title = `${task} · #${run.id} · ${words[state] ?? state}`;
                  return (
                    <td key={run.id}>
                      <button
                        className={`plain grid-cell tone-${toneOf(state)}`}
                        data-testid={`grid-cell-${run.id}/${task}`}
                        data-state={state}
                        title={title}
                        aria-label={title}
                        onClick={() => void navigate({ to: '/instances/$id', params: { id: run.id }, search: { task } })}
                      >
                        <StateIcon state={state} size={12} />
                      </button>
                    </td>
                  );
                })}
              </tr>
            );
          })}
          {after > 0 && <tr style={{ height: after }} />}
        </tbody>
      </table>
    </div>
  );
}
