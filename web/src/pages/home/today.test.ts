import { expect, test } from 'vitest';
import { startOfToday } from './today';

test('the day begins by the clock of the zone', () => {
  const now = Date.parse('2026-07-01T22:15:30.250Z');
  expect(startOfToday('UTC', now)).toBe('2026-07-01T00:00:00.000Z');
  expect(startOfToday('Asia/Shanghai', now)).toBe('2026-07-01T16:00:00.000Z');
});
