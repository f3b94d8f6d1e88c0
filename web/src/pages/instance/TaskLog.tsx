import { api } from '@/api/client';
import { useChangeSearch, usePageSearch } from '@/app/routing';
import { first } from '@/app/search';
import { Loaded } from '@/components/Loaded';
import { LogView } from '@/components/log/LogView';
import { StateBadge } from '@/components/StateBadge';
import { useText } from '@/i18n/i18n';

/** The log of a task with the choice of the attempt. */
export function TaskLog({ id, task }: { id: string; task: string }) {
  const text = useText();
  const words: Record<string, string> = text.states;
  const search = usePageSearch();
  const change = useChangeSearch();
  const query = api.useQuery('get', '/api/v1/instances/{id}/tasks/{task}', { params: { path: { id, task } } });
  return (
    <Loaded query={query}>
      {({ attempt_list: attempts }) => {
        const attempt = attempts.find((one) => one.attempt === Number(first(search.attempt))) ?? attempts.at(-1);
        if (!attempt) return <p className="muted">{text.log.noAttempt}</p>;
        return (
          <div className="stack tight">
            <div className="row">
              <label className="row tight">
                {text.log.attempt}
                <select className="native" data-testid="attempt-select" value={attempt.attempt} onChange={(event) => change({ attempt: event.target.value })}>
                  {attempts.map((one) => (
                    <option key={one.attempt} value={one.attempt}>
                      {one.attempt} · {words[one.state] ?? one.state}
                    </option>
                  ))}
                </select>
              </label>
              <StateBadge state={attempt.state} />
              {typeof attempt.exit_code === 'number' && <span className="small muted">{text.log.exitCode(attempt.exit_code)}</span>}
              {attempt.worker && <span className="small muted">{attempt.worker}</span>}
            </div>
            {attempt.error && <p className="attempt-error">{attempt.error}</p>}
            <LogView key={attempt.attempt} id={id} task={task} attempt={attempt.attempt} />
          </div>
        );
      }}
    </Loaded>
  );
}
