import { expect, test } from 'vitest';
import { appendPart, prependPart, windowOf } from './logWindow';

const texts = (window: ReturnType<typeof windowOf>) => window.lines.map(({ offset, text }) => `${offset}:${text}`);

test('a part in the middle begins at a whole line', () => {
  const window = windowOf('tail of one\nzwei ä\nthree\n', 100, 126);
  expect(window.start).toBe(112);
  expect(texts(window)).toEqual(['112:zwei ä', '120:three']);
});

test('what follows continues an open line, and what was there already is not repeated', () => {
  let window = windowOf('a\nb', 0, 3);
  window = appendPart(window, 'b\nc\n', 2, 6);
  expect(texts(window)).toEqual(['0:a', '2:b', '4:c']);
  expect(appendPart(window, 'c\n', 4, 6)).toBe(window);
  expect(appendPart(window, 'gap', 9, 12)).toBe(window);
});

test('what comes before is put before', () => {
  const window = prependPart(windowOf('x\nthird\n', 12, 20), 'rst\nsecond\nx\n', 1);
  expect(texts(window)).toEqual(['5:second', '12:x', '14:third']);
});
