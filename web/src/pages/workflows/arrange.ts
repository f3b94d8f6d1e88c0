import type { WorkflowRow } from './useWorkflows';

export const sortings = ['name', 'last', 'next', 'state'] as const;
export type Sorting = (typeof sortings)[number];

export interface Arrangement {
  find: string;
  /** States of the last run; empty for all. */
  states: string[];
  sort: Sorting;
  isFavourite: (name: string) => boolean;
}

/** Filters and sorts workflows; favourites come first in every order. */
export function arrangeWorkflows(rows: WorkflowRow[], { find, states, sort, isFavourite }: Arrangement): WorkflowRow[] {
  const words = find.toLowerCase().split(/\s+/).filter(Boolean);
  const matches = (row: WorkflowRow) => {
    const labels = Object.entries(row.labels).map(([key, value]) => `${key}:${value}`);
    const text = [row.project, row.name, row.description, ...labels].join(' ').toLowerCase();
    return words.every((word) => text.includes(word)) && (states.length === 0 || states.includes(row.runs?.[0]?.state ?? ''));
  };
  const rank = (row: WorkflowRow) => (isFavourite(`${row.project}/${row.name}`) ? 0 : 1);
  return rows.filter(matches).sort((a, b) => rank(a) - rank(b) || COMPARE[sort](a, b) || COMPARE.name(a, b));
}

const COMPARE: Record<Sorting, (a: WorkflowRow, b: WorkflowRow) => number> = {
  name: (a, b) => `${a.project}/${a.name}`.localeCompare(`${b.project}/${b.name}`),
  last: (a, b) => (b.runs?.[0]?.started_at ?? '').localeCompare(a.runs?.[0]?.started_at ?? ''),
  next: (a, b) => (a.next_fire_at ?? '9').localeCompare(b.next_fire_at ?? '9'),
  state: (a, b) => (a.runs?.[0]?.state ?? 'z').localeCompare(b.runs?.[0]?.state ?? 'z'),
};
