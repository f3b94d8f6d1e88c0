import { expect, test } from 'vitest';
import { all, first, parseSearch, stringifySearch } from './search';

test('a search is plain text, and the same after it was read', () => {
  const text = '?state=failed&state=stopped&workflow=daily+sales&id=42';
  const search = parseSearch(text);
  expect(search).toEqual({ state: ['failed', 'stopped'], workflow: 'daily sales', id: '42' });
  expect(stringifySearch(search)).toBe(text);
  expect(stringifySearch({ a: undefined, b: '' })).toBe('');
});

test('values come once or often', () => {
  expect(first(['a', 'b'])).toBe('a');
  expect(all('a')).toEqual(['a']);
  expect(all(undefined)).toEqual([]);
});
