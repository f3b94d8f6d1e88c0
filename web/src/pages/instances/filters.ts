import type { Search } from '@/app/search';
import { all } from '@/app/search';

/** The members of a filter of instances, as query parameters of the API and of the page. */
export const FILTERS = [
  'project', 'workflow', 'host', 'trigger', 'schedule', 'backfill', 'label', 'requested_by', 'version', 'parent', 'created_from', 'created_to', 'scheduled_from',
  'scheduled_to',
] as const;

/** Those that are shown before a user asks for more. */
export const FIRST_FILTERS: readonly string[] = ['project', 'workflow', 'created_from', 'created_to'];

export type InstanceFilter = { state?: string[] } & Partial<Record<(typeof FILTERS)[number], string>>;

/** Returns the filter that a search of the page means; what is no filter is passed over. */
export function filterOf(search: Search): InstanceFilter {
  const filter: InstanceFilter = {};
  const states = all(search.state);
  if (states.length > 0) filter.state = states;
  for (const name of FILTERS) {
    const value = all(search[name])[0];
    if (value) filter[name] = value;
  }
  return filter;
}

/** A filter as the body of a bulk operation takes it. */
export function bulkFilterOf(filter: InstanceFilter): Record<string, unknown> {
  const { version, ...rest } = filter;
  return version === undefined ? rest : { ...rest, version: Number(version) };
}
