import { expect, test } from 'vitest';
import type { Schemas } from '@/api/client';
import { durationBars, median } from './durations';

test('time in the queue and time of running are apart, oldest first', () => {
  const at = (second: number) => `2026-01-01T00:00:${String(second).padStart(2, '0')}Z`;
  const rows = [
    { id: '2', state: 'running', created_at: at(20), started_at: at(21), ended_at: null },
    { id: '1', state: 'failed', created_at: at(0), started_at: at(5), ended_at: at(15) },
  ] as Schemas['Instance'][];
  expect(durationBars(rows)).toEqual([{ id: '1', state: 'failed', queued: 5000, running: 10_000 }]);
});

test.each([
  [[], 0],
  [[3], 3],
  [[9, 1, 5], 5],
  [[4, 2], 3],
])('the median of %j is %d', (values, middle) => {
  expect(median(values)).toBe(middle);
});
