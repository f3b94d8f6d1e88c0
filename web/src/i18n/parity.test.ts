import { expect, test } from 'vitest';
import { en } from './en';
import { zh } from './zh';

type Tree = { [key: string]: Tree | string | ((...values: never[]) => string) };

function leaves(tree: Tree, at = ''): [string, unknown][] {
  return Object.entries(tree).flatMap(([key, value]) =>
    typeof value === 'object' ? leaves(value, `${at}${key}.`) : [[`${at}${key}`, value] as [string, unknown]],
  );
}

const english = new Map(leaves(en as unknown as Tree));
const chinese = new Map(leaves(zh as unknown as Tree));

test('both languages have the same keys, of the same kind', () => {
  expect([...chinese.keys()].sort()).toEqual([...english.keys()].sort());
  for (const [key, text] of english) expect(typeof chinese.get(key), key).toBe(typeof text);
});

test('no text is empty, and Chinese sentences are Chinese', () => {
  for (const [key, text] of [...english, ...chinese]) {
    if (typeof text === 'string') expect(text.trim(), key).not.toBe('');
  }
  const untranslated = [...english].filter(
    ([key, text]) => typeof text === 'string' && /[a-z]{3} [a-z]{3}/.test(text) && chinese.get(key) === text,
  );
  expect(untranslated).toEqual([]);
});
