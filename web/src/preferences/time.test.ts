// @vitest-environment jsdom
import { expect, test } from 'vitest';
import { formatDuration, formatTime } from './time';

test.each([
  [0, '0 ms'],
  [999, '999 ms'],
  [4200, '4.2 s'],
  [59_000, '59 s'],
  [200_000, '3m 20s'],
  [3_600_000, '1h'],
  [3_900_000, '1h 5m'],
  [183_600_000, '2d 3h'],
])('%d ms is %s', (ms, text) => {
  expect(formatDuration(ms)).toBe(text);
});

test('times are those of the zone', () => {
  expect(formatTime('2026-07-01T00:30:00.042Z', 'Asia/Shanghai')).toBe('2026-07-01 08:30:00');
  expect(formatTime('2026-07-01T00:30:00.042Z', 'UTC', 3)).toBe('2026-07-01 00:30:00.042');
});
