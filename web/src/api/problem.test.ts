import { expect, test } from 'vitest';
import { ProblemError } from './problem';

test('a problem names each field once', () => {
  const one = new ProblemError(422, { detail: 'not a number', errors: [{ pointer: '/params/n', message: 'not a number' }] });
  expect(one.text).toBe('/params/n: not a number');
  const two = new ProblemError(422, { detail: '2 errors', errors: [{ pointer: '/a', message: 'x' }, { pointer: '/', message: 'y' }] });
  expect(two.text).toBe('2 errors\n/a: x\ny');
  expect(new ProblemError(503, { title: 'away' }).text).toBe('away');
});
