import { Link } from '@tanstack/react-router';
import { api, type Schemas } from '@/api/client';
import { StateIcon } from '@/components/StateIcon';
import { Time } from '@/components/Time';
import { useText } from '@/i18n/i18n';
import { pageOfLink } from './pageOfLink';

/** Why an instance waits, or one of its tasks. */
export function Explain({ id, task }: { id: string; task?: string }) {
  const ofInstance = api.useQuery('get', '/api/v1/instances/{id}/explain', { params: { path: { id } } }, { enabled: !task });
  const ofTask = api.useQuery(
    'get',
    '/api/v1/instances/{id}/tasks/{task}/explain',
    { params: { path: { id, task: task ?? '' } } },
    { enabled: Boolean(task) },
  );
  const explanation = task ? ofTask.data : ofInstance.data;
  if (!explanation?.waiting) return null;
  return <Causes causes={explanation.because} />;
}

function Causes({ causes }: { causes: Schemas['Cause'][] }) {
  const text = useText();
  const kinds: Record<string, string> = text.causes;
  return (
    <section className="card" data-testid="explain">
      <header>
        <h3>{text.instance.whyWaiting}</h3>
      </header>
      <ul className="list">
        {causes.map((cause, index) => {
          const to = pageOfLink(cause.link);
          return (
            <li key={index} className="tone-wait">
              <span style={{ color: 'var(--tone)' }}>
                <StateIcon state="waiting" />
              </span>
              <span className="chip">{kinds[cause.kind] ?? cause.kind}</span>
              <span className="grow">{to ? <Link to={to}>{cause.detail}</Link> : cause.detail}</span>
              <span className="muted small">
                {text.instance.since} <Time at={cause.since} form="relative" />
                {cause.until && (
                  <>
                    {' · '}
                    {text.instance.until} <Time at={cause.until} />
                  </>
                )}
              </span>
            </li>
          );
        })}
      </ul>
    </section>
  );
}
