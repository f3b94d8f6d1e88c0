import type { Schemas } from '@/api/client';
import { useChangeSearch, usePageSearch } from '@/app/routing';
import { first } from '@/app/search';
import { EmptyPanel } from '@/components/EmptyPanel';
import { Loaded } from '@/components/Loaded';
import { useText } from '@/i18n/i18n';
import { TaskLog } from './TaskLog';
import { useTasks } from './useTasks';

/** The log of one task at a time: of what failed, else of what runs, unless another one is chosen. */
export function LogTab({ instance }: { instance: Schemas['Instance'] }) {
  const text = useText();
  const search = usePageSearch();
  const change = useChangeSearch();
  return (
    <Loaded query={useTasks(instance.id)}>
      {(tasks) => {
        const started = tasks.filter((task) => task.attempts > 0);
        const task =
          started.find(({ name }) => name === first(search.log)) ??
          started.find(({ state }) => state === 'failed') ??
          started.find(({ state }) => state === 'running') ??
          started[0];
        if (!task) return <EmptyPanel text={text.instance.nothingStarted} />;
        return (
          <div className="stack tight">
            <label className="row">
              {text.common.task}
              <select className="native" data-testid="log-task" value={task.name} onChange={(event) => change({ log: event.target.value, attempt: undefined })}>
                {started.map(({ name }) => (
                  <option key={name}>{name}</option>
                ))}
              </select>
            </label>
            <TaskLog key={task.name} id={instance.id} task={task.name} />
          </div>
        );
      }}
    </Loaded>
  );
}
