import { useQuery } from '@tanstack/react-query';
import { client, path, send, type Schemas } from '@/api/client';
import { InstanceLink } from '@/components/links';
import { Loaded } from '@/components/Loaded';
import { parseAnsi } from '@/components/log/ansi';
import { Time } from '@/components/Time';
import { useText } from '@/i18n/i18n';

/** Failed instances whose logs are shown. */
const MOST = 2;
/** Bytes from the end of a log. */
const TAIL = 2048;

/** The ends of the logs of what failed last. */
export function FailedLogs({ instances }: { instances: Schemas['Instance'][] }) {
  const text = useText();
  const failed = instances.filter((instance) => instance.state === 'failed').slice(0, MOST);
  if (failed.length === 0) return null;
  return (
    <section className="card stack tight" data-testid="failed-logs">
      <h2>{text.workflow.failedLogs}</h2>
      {failed.map((instance) => (
        <FailedInstance key={instance.id} instance={instance} />
      ))}
    </section>
  );
}

function FailedInstance({ instance }: { instance: Schemas['Instance'] }) {
  const query = useQuery({
    queryKey: ['get', '/api/v1/instances/{id}/tasks', { params: { path: { id: instance.id } } }, 'failed-logs'],
    queryFn: () => readFailedLogs(instance.id),
  });
  return (
    <Loaded query={query} lines={2}>
      {(logs) => (
        <>
          {logs.map((log) => (
            <div key={log.task}>
              <div className="row">
                <InstanceLink id={instance.id} search={{ task: log.task }} />
                <strong>{log.task}</strong>
                <span className="small muted">
                  <Time at={instance.ended_at} form="relative" />
                </span>
              </div>
              {log.reason && <p className="small">{log.reason}</p>}
              <pre className="preview-list">{parseAnsi(log.tail).map((span) => span.text)}</pre>
            </div>
          ))}
        </>
      )}
    </Loaded>
  );
}

async function readFailedLogs(id: string) {
  const { data } = await client.GET('/api/v1/instances/{id}/tasks', { params: { path: { id }, query: { limit: 200 } } });
  const failed = (data?.items ?? []).filter((task) => task.state === 'failed').slice(0, MOST);
  return Promise.all(
    failed.map(async (task) => {
      const response = await send('GET', path`/api/v1/instances/${id}/tasks/${task.name}/attempts/${task.attempts}/log` + `?tail=${TAIL}`);
      return { task: task.name, reason: task.reason, tail: await response.text() };
    }),
  );
}
