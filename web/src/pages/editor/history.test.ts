import { expect, test } from 'vitest';
import { reduceHistory, startHistory, type Draft } from './history';

const draft = (text: string): Draft => ({ text, places: {}, groups: {} });

test('a thousand steps are undone and done again', () => {
  let history = startHistory(draft('0'));
  for (let step = 1; step <= 600; step++) history = reduceHistory(history, { kind: 'change', draft: draft(String(step)) });
  for (let step = 0; step < 600; step++) history = reduceHistory(history, { kind: 'undo' });
  expect(history.present.text).toBe('0');
  for (let step = 0; step < 600; step++) history = reduceHistory(history, { kind: 'redo' });
  expect(history.present.text).toBe('600');
  expect(reduceHistory(history, { kind: 'redo' })).toBe(history);
});

test('fast typing is one step, a change after it another', () => {
  let history = startHistory(draft(''));
  history = reduceHistory(history, { kind: 'type', text: 'a', at: 0 });
  history = reduceHistory(history, { kind: 'type', text: 'ab', at: 100 });
  history = reduceHistory(history, { kind: 'type', text: 'abc', at: 900 });
  expect(history.past).toHaveLength(2);
  history = reduceHistory(history, { kind: 'undo' });
  expect(history.present.text).toBe('ab');
});
