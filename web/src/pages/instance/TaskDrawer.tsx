import { api, path, type Schemas } from '@/api/client';
import { usePermission } from '@/app/usePermission';
import { Duration } from '@/components/Duration';
import { InstanceLink } from '@/components/links';
import { Loaded } from '@/components/Loaded';
import { StateBadge } from '@/components/StateBadge';
import { Time } from '@/components/Time';
import { VerbButton } from '@/components/VerbButton';
import { useText } from '@/i18n/i18n';
import { DecisionForm } from '@/pages/approvals/DecisionForm';
import { Explain } from './Explain';
import { TaskLog } from './TaskLog';
import { useVerb } from './useVerb';
import { Values } from './Values';
import { TASK_VERBS, taskObstacle } from './verbs';

interface TaskDrawerProps {
  instance: Schemas['Instance'];
  task: string;
  onClose: () => void;
}

/** One task beside the other tasks: state, reason, verbs, attempts, live log. */
export function TaskDrawer({ instance, task, onClose }: TaskDrawerProps) {
  const text = useText();
  const query = api.useQuery('get', '/api/v1/instances/{id}/tasks/{task}', { params: { path: { id: instance.id, task } } });
  return (
    <aside className="card drawer stack tight" data-testid="task-drawer" aria-label={task}>
      <div className="row between">
        <h2>{task}</h2>
        <button className="plain" aria-label={text.common.close} onClick={onClose}>
          ✕
        </button>
      </div>
      <Loaded query={query}>{(detail) => <TaskView instance={instance} task={detail} />}</Loaded>
    </aside>
  );
}

function TaskView({ instance, task }: { instance: Schemas['Instance']; task: Schemas['TaskDetail'] }) {
  const text = useText();
  const runVerb = useVerb();
  const permission = usePermission(instance.project);
  const at = path`/api/v1/instances/${instance.id}/tasks/${task.name}`;
  return (
    <>
      <div className="row">
        <StateBadge state={task.state} />
        <span className="chip">{task.type}</span>
        <span className="small">
          <Time at={task.started_at} /> · <Duration from={task.started_at} to={task.ended_at} />
        </span>
      </div>
      {task.reason && <p>{task.reason}</p>}
      {task.child && (
        <p>
          {text.instance.child} <InstanceLink id={task.child} />
        </p>
      )}
      {task.reused && (
        <p>
          {text.instance.reused} <InstanceLink id={task.reused} />
        </p>
      )}
      <Explain id={instance.id} task={task.name} />
      <div className="row">
        {TASK_VERBS.map((verb) => (
          <VerbButton
            key={verb}
            size="small"
            testId={`verb-${verb}`}
            name={text.verbs.names[verb]}
            obstacle={taskObstacle(verb, instance.state, task.state, permission, text)}
            danger={verb === 'kill'}
            onRun={() => runVerb(verb, at)}
          />
        ))}
      </div>
      {task.type === 'approval' && task.state === 'running' && <DecisionForm instance={instance.id} task={task.name} />}
      {Object.keys(task.outputs).length > 0 && <Values title={text.instance.outputs} values={task.outputs} nothing={text.instance.noOutputs} />}
      {task.overrides && (
        <details>
          <summary>{text.instance.overrides}</summary>
          <pre className="preview-list">{JSON.stringify(task.overrides, null, 2)}</pre>
        </details>
      )}
      {task.attempts > 0 && <TaskLog id={instance.id} task={task.name} />}
    </>
  );
}
