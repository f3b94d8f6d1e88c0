import { Button } from 'antd';
import { api } from '@/api/client';
import { InstanceLink, WorkflowLink } from '@/components/links';
import { Loaded } from '@/components/Loaded';
import { Marked } from '@/components/Marked';
import { StateBadge } from '@/components/StateBadge';
import { Time } from '@/components/Time';
import { useText } from '@/i18n/i18n';
import { AlertRetry } from './AlertRetry';
import type { Alert } from './alert';

/** One alert with what became of each of its messages. */
export function AlertPanel({ id, onClose }: { id: string; onClose: () => void }) {
  const text = useText();
  const query = api.useQuery('get', '/api/v1/alerts/{id}', { params: { path: { id } } }, { refetchInterval: 5000 });
  const words: Record<string, string> = text.events;
  return (
    <section className="card stack" data-testid="alert-panel">
      <Loaded query={query} missing="page">
        {(alert) => (
          <>
            <header>
              <h2>
                <Marked text={alert.text} />
              </h2>
              <span className="row" style={{ flex: 'none' }}>
                <AlertRetry alert={alert} />
                <Button onClick={onClose}>{text.common.close}</Button>
              </span>
            </header>
            <dl className="facts">
              <dt>{text.alerts.event}</dt>
              <dd>
                {words[alert.event] ?? alert.event} <code className="muted">{alert.event}</code>
              </dd>
              <dt>{text.alerts.at}</dt>
              <dd>
                <Time at={alert.at} digits={3} />
              </dd>
              <dt>{text.rules.rule}</dt>
              <dd>
                <code>{alert.rule}</code>
              </dd>
              <dt>{text.alerts.subject}</dt>
              <dd>{alert.subject}</dd>
              {alert.project && alert.workflow && (
                <>
                  <dt>{text.common.workflow}</dt>
                  <dd>
                    <WorkflowLink project={alert.project} workflow={alert.workflow} />
                  </dd>
                </>
              )}
              {alert.instance && (
                <>
                  <dt>{text.common.instance}</dt>
                  <dd>
                    <InstanceLink id={alert.instance} />
                  </dd>
                </>
              )}
            </dl>
            <DeliveryTable alert={alert} />
          </>
        )}
      </Loaded>
    </section>
  );
}

function DeliveryTable({ alert }: { alert: Alert }) {
  const text = useText();
  return (
    <div className="table-frame">
      <table className="data-table" data-testid="delivery-table">
        <thead>
          <tr>
            <th scope="col">{text.alerts.channel}</th>
            <th scope="col">{text.common.state}</th>
            <th scope="col">{text.alerts.tries}</th>
            <th scope="col">{text.alerts.nextTry}</th>
            <th scope="col">{text.alerts.lastError}</th>
          </tr>
        </thead>
        <tbody>
          {alert.deliveries.map((delivery) => (
            <tr key={delivery.id} data-testid={`delivery-row-${delivery.channel}`}>
              <td>{delivery.channel}</td>
              <td>
                <StateBadge state={delivery.state} />
              </td>
              <td>{delivery.attempts}</td>
              <td>
                <Time at={delivery.next_at} form="relative" />
              </td>
              <td style={{ overflowWrap: 'anywhere' }}>{delivery.last_error ?? '–'}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
