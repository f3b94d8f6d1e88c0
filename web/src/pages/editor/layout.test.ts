import { expect, test } from 'vitest';
import { freeGroupName, renamedGroup, renamedInLayout, storedLayout, withGroup, withoutGroup } from './layout';

const GROUPS = { load: ['a', 'b'], check: ['c'] };

test('tasks leave the groups that they were in, and an empty group is gone', () => {
  expect(withGroup(GROUPS, 'both', ['b', 'c'])).toEqual({ load: ['a'], both: ['b', 'c'] });
  expect(withoutGroup(GROUPS, 'load')).toEqual({ check: ['c'] });
});

test('a name that is taken or empty renames no group', () => {
  expect(renamedGroup(GROUPS, 'load', 'fill')).toEqual({ fill: ['a', 'b'], check: ['c'] });
  expect(renamedGroup(GROUPS, 'load', 'check')).toBe(GROUPS);
  expect(renamedGroup(GROUPS, 'load', '')).toBe(GROUPS);
  expect(freeGroupName({ group: ['a'] }, 'group')).toBe('group-2');
});

test('place and group follow the name of a task, and what is gone is not stored', () => {
  const draft = { text: '', places: { a: [1, 2] as [number, number], b: [3, 4] as [number, number] }, groups: GROUPS };
  expect(renamedInLayout(draft, 'a', 'z')).toEqual({ places: { z: [1, 2], b: [3, 4] }, groups: { load: ['z', 'b'], check: ['c'] } });
  expect(storedLayout(draft, ['a'])).toEqual({ layout: { a: [1, 2] }, groups: { load: ['a'] } });
});
