import { expect, test } from 'vitest';
import { arrangeWorkflows, type Arrangement } from './arrange';
import type { WorkflowRow } from './useWorkflows';

function workflow(name: string, change: Partial<WorkflowRow> = {}): WorkflowRow {
  return {
    project: 'p', name, version: 1, description: '', labels: {}, tasks: 1, enabled: true, created_at: '', updated_at: '',
    next_fire_at: null, runs: [], ...change,
  };
}

const run = (state: string, started_at: string) => [{ id: '1', state, started_at, ended_at: null }];
const rows = [
  workflow('b', { runs: run('failed', '2026-01-02'), labels: { team: 'bi' } }),
  workflow('a', { runs: run('succeeded', '2026-01-03'), next_fire_at: '2026-02-01' }),
  workflow('c'),
];
const plain: Arrangement = { find: '', states: [], sort: 'name', isFavourite: () => false };
const names = (change: Partial<Arrangement>) =>
  arrangeWorkflows([...rows], { ...plain, ...change }).map(({ name }) => name).join('');

test('favourites come first, then the chosen order', () => {
  expect(names({})).toBe('abc');
  expect(names({ isFavourite: (name) => name === 'p/c' })).toBe('cab');
  expect(names({ sort: 'last' })).toBe('abc');
  expect(names({ sort: 'state' })).toBe('bac');
  expect(names({ sort: 'next', isFavourite: (name) => name === 'p/b' })).toBe('bac');
});

test('words find names and labels; the state is that of the last run', () => {
  expect(names({ find: 'team:bi' })).toBe('b');
  expect(names({ states: ['succeeded'] })).toBe('a');
  expect(names({ find: 'nothing' })).toBe('');
});
