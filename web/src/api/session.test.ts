// @vitest-environment jsdom
import { expect, test } from 'vitest';
import { keepToken, safeNext, sessionHeaders } from './session';

test.each([
  ['/instances?state=failed#x', '/instances?state=failed#x'],
  ['//evil.example/x', '/'],
  ['/\\evil.example', '/'],
  ['https://evil.example', '/'],
  ['javascript:alert(1)', '/'],
  [undefined, '/'],
  [['/a'], '/'],
])('next %j leads to %s', (next, path) => {
  expect(safeNext(next)).toBe(path);
});

test('writes name themselves as not forged, reads do not', () => {
  expect(sessionHeaders('POST')).toEqual({ 'Porpoise-Csrf': '1' });
  expect(sessionHeaders('GET')).toEqual({});
  keepToken('secret');
  expect(sessionHeaders('GET')).toEqual({ Authorization: 'Bearer secret' });
  keepToken(null);
});
