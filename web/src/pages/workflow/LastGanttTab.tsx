import { useNavigate } from '@tanstack/react-router';
import { useState } from 'react';
import type { Schemas } from '@/api/client';
import { useList } from '@/api/useList';
import { EmptyPanel } from '@/components/EmptyPanel';
import { Loaded } from '@/components/Loaded';
import { Loading } from '@/components/Loading';
import { isFinal } from '@/components/states';
import { TaskGantt } from '@/components/TaskGantt';
import { useText } from '@/i18n/i18n';
import { useTasks } from '@/pages/instance/useTasks';
import type { TabProps } from './WorkflowPage';

/** The tasks of the last run, or of a chosen one of the last, on the axis of time. */
export function LastGanttTab({ workflow: { project, name } }: TabProps) {
  const text = useText();
  const words: Record<string, string> = text.states;
  const list = useList<Schemas['Instance']>('/api/v1/instances', { query: { project, workflow: name, limit: 20 } });
  const [chosen, setChosen] = useState('');
  const instance = list.rows?.find(({ id }) => id === chosen) ?? list.rows?.[0];
  if (!list.rows) return <Loading />;
  if (!instance) return <EmptyPanel text={text.workflow.noRuns} />;
  return (
    <section className="card stack tight" data-testid="gantt">
      <label className="row">
        {text.common.instance}
        <select className="native" value={instance.id} onChange={(event) => setChosen(event.target.value)}>
          {list.rows.map((one) => (
            <option key={one.id} value={one.id}>
              #{one.id} · {words[one.state] ?? one.state}
            </option>
          ))}
        </select>
      </label>
      <InstanceGantt key={instance.id} instance={instance} />
    </section>
  );
}

function InstanceGantt({ instance }: { instance: Schemas['Instance'] }) {
  const navigate = useNavigate();
  return (
    <Loaded query={useTasks(instance.id)}>
      {(tasks) => (
        <TaskGantt
          tasks={tasks}
          begin={instance.started_at ?? instance.created_at}
          live={!isFinal(instance.state)}
          onTask={(task) => void navigate({ to: '/instances/$id', params: { id: instance.id }, search: { task } })}
        />
      )}
    </Loaded>
  );
}
