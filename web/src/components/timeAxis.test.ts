import { expect, test } from 'vitest';
import { axisTicks } from './timeAxis';

test('ticks are round times of the zone, and few', () => {
  const from = Date.parse('2026-07-01T00:10:00Z');
  const ticks = axisTicks(from, from + 86_400_000, 'Asia/Shanghai');
  expect(ticks.map((tick) => tick.text)).toEqual(['09:00', '12:00', '15:00', '18:00', '21:00', '00:00', '03:00', '06:00']);
  expect(axisTicks(0, 1, 'UTC').length).toBeLessThanOrEqual(9);
  expect(axisTicks(0, 20, 'UTC').map((tick) => tick.text)).toContain('00:00.010');
});
