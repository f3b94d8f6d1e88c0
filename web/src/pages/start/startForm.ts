import type { Schemas } from '@/api/client';

export interface DeclaredParam {
  name: string;
  type: string;
  required: boolean;
  description?: string;
  /** The default, as text. */
  value: string;
}

export interface StartForm {
  /** What differs from the defaults. */
  params: Record<string, string>;
  tasks: string[];
  scope?: string;
  priority?: string;
  failure_strategy?: string;
  worker_group?: string;
  timezone?: string;
  scheduled_at?: string;
  start_within?: string;
  dry_run?: boolean;
}

function asText(value: unknown): string {
  if (value === undefined || value === null) return '';
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

/** The parameters that a start may set: outputs are none. */
export function declaredParams(document: unknown): DeclaredParam[] {
  const { params = {} } = document as { params?: Record<string, unknown> };
  return Object.entries(params).flatMap<DeclaredParam>(([name, spec]) => {
    if (typeof spec !== 'object' || spec === null || Array.isArray(spec)) {
      return [{ name, type: 'string', required: false, value: asText(spec) }];
    }
    const { direction, type, value, required, description } = spec as Record<string, unknown>;
    if (direction === 'out') return [];
    return [{ name, type: asText(type) || 'string', required: required === true, description: asText(description) || undefined, value: asText(value) }];
  });
}

/** The body of a start: only what was chosen. */
export function startBody(form: StartForm, declared: DeclaredParam[]): Record<string, unknown> {
  const defaults = new Map(declared.map((param) => [param.name, param.value]));
  const params = Object.fromEntries(Object.entries(form.params).filter(([name, value]) => value !== defaults.get(name)));
  const { priority, failure_strategy, worker_group, timezone, scheduled_at, start_within } = form;
  const options = { priority, failure_strategy, worker_group, timezone, scheduled_at, start_within };
  const { tasks, scope, dry_run: dryRun } = form;
  return {
    ...(Object.keys(params).length > 0 ? { params } : {}),
    ...(tasks.length > 0 ? { tasks, scope: scope ?? 'downstream' } : {}),
    ...(dryRun ? { dry_run: true } : {}),
    ...Object.fromEntries(Object.entries(options).filter(([, value]) => value)),
  };
}

/** What an instance was started with, as far as it shows it. */
export function likeBody(instance: Schemas['Instance']): StartForm {
  const start = (instance as { start?: Partial<StartForm> }).start;
  if (start) return { ...start, params: start.params ?? {}, tasks: start.tasks ?? [] };
  return {
    params: instance.params,
    tasks: [],
    priority: instance.priority,
    failure_strategy: instance.failure_strategy,
    timezone: instance.timezone,
    dry_run: instance.dry_run,
  };
}
