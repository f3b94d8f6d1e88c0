import { api } from '@/api/client';
import { useList } from '@/api/useList';
import type { Schemas } from '@/api/client';
import { Chips } from '@/components/Chips';
import { WorkflowLink } from '@/components/links';
import { Loaded } from '@/components/Loaded';
import { Time } from '@/components/Time';
import { useText } from '@/i18n/i18n';
import { DurationChart } from './DurationChart';
import { FailedLogs } from './FailedLogs';
import type { TabProps } from './WorkflowPage';

/** Runs of the chart. */
const RUNS = 50;

export function OverviewTab({ workflow }: TabProps) {
  const text = useText();
  const { project, name } = workflow;
  const document = workflow.document as { description?: string; labels?: Record<string, string> };
  const instances = useList<Schemas['Instance']>('/api/v1/instances', { query: { project, workflow: name, limit: RUNS } });
  const schedules = api.useQuery('get', '/api/v1/projects/{project}/workflows/{workflow}/schedules', { params: { path: { project, workflow: name } } });
  const dependents = api.useQuery('get', '/api/v1/projects/{project}/workflows/{workflow}/dependents', { params: { path: { project, workflow: name } } });
  return (
    <div className="stack">
      {(document.description || document.labels) && (
        <div className="row">
          <span>{document.description}</span>
          <Chips labels={document.labels ?? {}} />
        </div>
      )}
      <div className="columns">
        <section className="card">
          <header>
            <h2>{text.workflow.nextFires}</h2>
          </header>
          <Loaded query={schedules} lines={2}>
            {({ items }) =>
              items.length === 0 ? (
                <p className="muted">{text.workflow.noSchedule}</p>
              ) : (
                <ul className="list">
                  {items.map((schedule) => (
                    <li key={schedule.name}>
                      <strong>{schedule.name}</strong>
                      <span className="grow">{schedule.description}</span>
                      <span className="small">{schedule.enabled ? <Time at={schedule.next_fire_at} form="relative" /> : text.states.disabled}</span>
                    </li>
                  ))}
                </ul>
              )
            }
          </Loaded>
        </section>
        <section className="card">
          <header>
            <h2>{text.workflow.dependents}</h2>
          </header>
          <Loaded query={dependents} lines={2}>
            {({ items }) =>
              items.length === 0 ? (
                <p className="muted">{text.workflow.noDependents}</p>
              ) : (
                <ul className="list">
                  {items.map((edge) => (
                    <li key={`${edge.from.project}/${edge.from.workflow}/${edge.task}`}>
                      <WorkflowLink project={edge.from.project} workflow={edge.from.workflow} />
                      <span className="chip">{edge.kind}</span>
                      <span className="muted small">{edge.task}</span>
                    </li>
                  ))}
                </ul>
              )
            }
          </Loaded>
        </section>
      </div>
      <section className="card">
        <header>
          <h2>{text.workflow.durations}</h2>
        </header>
        {instances.rows && <DurationChart instances={instances.rows} />}
      </section>
      {instances.rows && <FailedLogs instances={instances.rows} />}
    </div>
  );
}
