// Rules of alerts as a form shows them.
import { linesOf, type FormValues } from '@/components/schemaForm';

/** A rule as the API and documents write it. */
export interface Rule {
  name?: string;
  on: string[];
  channels: string[];
  group?: string;
  when?: string;
  by?: string;
  after?: string;
  within?: string;
  children?: boolean;
}

/** A rule with its place in the list, which is its name in alerts where it has none. */
export interface PlacedRule {
  place: number;
  rule: Rule;
}

/** The events that any rule may name, in the order in which they are offered. */
export const EVENTS = [
  'failed', 'timed_out', 'attention', 'stopped', 'succeeded', 'recovered', 'task_failed', 'task_retrying', 'approval_waiting', 'late', 'not_started',
  'schedule_refused', 'backfill_finished',
] as const;

/** The events that only rules of the server name. */
export const NODE_EVENTS = ['node_dead', 'failover'] as const;

export type AlertEvent = (typeof EVENTS)[number] | (typeof NODE_EVENTS)[number];

const TEXTS = ['name', 'group', 'when', 'by', 'after', 'within'] as const;

export function ruleValues(rule: Rule | null): FormValues {
  return {
    ...Object.fromEntries(TEXTS.map((key) => [key, rule?.[key] ?? ''])),
    on: (rule?.on ?? ['failed']).join('\n'),
    channels: rule?.channels.join('\n') ?? '',
    children: rule?.children ? 'true' : '',
  };
}

/** The rule that a form says. The times of an event that is not chosen are left out. */
export function ruleOf(values: FormValues): Rule {
  const on = linesOf(values.on ?? '');
  const applies = (key: string) => (key === 'within' ? on.includes('not_started') : key === 'by' || key === 'after' ? on.includes('late') : true);
  const texts = TEXTS.filter((key) => values[key] && applies(key)).map((key) => [key, values[key]]);
  return { ...Object.fromEntries(texts), on, channels: linesOf(values.channels ?? ''), ...(values.children ? { children: true } : {}) };
}

/** The list with a rule in the place of another, or at its end. */
export function withRule(rules: Rule[], rule: Rule, place: number | null): Rule[] {
  return place === null ? [...rules, rule] : rules.map((other, at) => (at === place ? rule : other));
}

/** The list with a rule one place further up. */
export function movedUp(rules: Rule[], place: number): Rule[] {
  const moved = rules[place];
  const above = rules[place - 1];
  return moved && above ? [...rules.slice(0, place - 1), moved, above, ...rules.slice(place + 1)] : rules;
}
