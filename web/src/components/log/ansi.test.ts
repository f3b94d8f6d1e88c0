import { expect, test } from 'vitest';
import { parseAnsi } from './ansi';

test('colours become spans, other sequences vanish', () => {
  expect(parseAnsi('a \u001b[1;31mbad\u001b[0m b')).toEqual([{ text: 'a ' }, { text: 'bad', bold: true, colour: 1 }, { text: ' b' }]);
  expect(parseAnsi('\u001b[2K\u001b[94mx\r')).toEqual([{ text: 'x', colour: 12 }]);
  expect(parseAnsi('plain')).toEqual([{ text: 'plain' }]);
});
