import type { Schemas } from '@/api/client';
import { permits, type Permission } from '@/app/permission';
import { isFinal } from '@/components/states';
import type { Texts } from '@/i18n/en';

export type InstanceVerb = 'pause' | 'resume' | 'stop' | 'recover' | 'rerun' | 'priority' | 'delete';
export type TaskVerb = 'run' | 'retry' | 'kill' | 'skip' | 'force-success';

export const INSTANCE_VERBS: InstanceVerb[] = ['pause', 'resume', 'stop', 'recover', 'rerun', 'priority', 'delete'];
export const TASK_VERBS: TaskVerb[] = ['run', 'retry', 'kill', 'skip', 'force-success'];

/** Verbs whose preview says which tasks would run again. */
export const PREVIEWED = new Set<string>(['resume', 'recover', 'rerun', 'run', 'retry']);
/** Verbs that cannot be undone. */
export const FINAL_VERBS = new Set<string>(['stop', 'delete', 'kill', 'skip', 'force-success']);

/** The states in which a verb applies to an instance. */
const APPLIES: Record<InstanceVerb, (instance: Schemas['Instance']) => boolean> = {
  pause: ({ state }) => ['queued', 'running', 'pausing'].includes(state),
  resume: ({ state, attention }) => state === 'paused' || state === 'stopped' || (Boolean(attention) && !isFinal(state)),
  stop: ({ state }) => ['queued', 'running', 'pausing', 'paused', 'stopping'].includes(state),
  recover: ({ state }) => state === 'failed' || state === 'stopped',
  rerun: ({ state }) => isFinal(state),
  priority: ({ state }) => !isFinal(state),
  delete: ({ state }) => isFinal(state),
};

const TASK_APPLIES: Record<TaskVerb, (instance: string, task: string) => boolean> = {
  run: (instance) => isFinal(instance),
  retry: (instance, task) =>
    instance === 'running'
      ? ['failed', 'killed', 'waiting_retry'].includes(task)
      : ['failed', 'stopped'].includes(instance) && ['failed', 'killed'].includes(task),
  kill: (instance, task) => ['running', 'pausing'].includes(instance) && ['dispatched', 'running', 'waiting_retry'].includes(task),
  skip: (instance, task) => !['queued', 'stopping'].includes(instance) && !['succeeded', 'forced_success', 'skipped'].includes(task),
  'force-success': (instance, task) => isFinal(instance) && ['failed', 'killed', 'not_run'].includes(task),
};

/** Says why a verb cannot be used on an instance; null when it can. */
export function instanceObstacle(
  verb: InstanceVerb,
  instance: Schemas['Instance'],
  permission: Permission | undefined,
  text: Texts,
): string | null {
  const needed = verb === 'delete' ? 'write' : 'execute';
  if (!permits(permission, needed)) return text.verbs.needsPermission(needed);
  const words: Record<string, string> = text.states;
  return APPLIES[verb](instance) ? null : text.verbs.notInState(words[instance.state] ?? instance.state);
}

export function taskObstacle(
  verb: TaskVerb,
  instance: string,
  task: string,
  permission: Permission | undefined,
  text: Texts,
): string | null {
  if (!permits(permission, 'execute')) return text.verbs.needsPermission('execute');
  const words: Record<string, string> = text.states;
  if (TASK_APPLIES[verb](instance, task)) return null;
  return text.verbs.notInStates(words[instance] ?? instance, words[task] ?? task);
}
