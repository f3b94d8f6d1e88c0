import { expect, test } from 'vitest';
import { parseSearch } from '@/app/search';
import { bulkFilterOf, filterOf } from './filters';

test('the search of the page is the filter', () => {
  const search = parseSearch('?state=failed&state=stopped&workflow=daily&version=3&tab=x&host=');
  expect(filterOf(search)).toEqual({ state: ['failed', 'stopped'], workflow: 'daily', version: '3' });
  expect(bulkFilterOf(filterOf(search))).toEqual({ state: ['failed', 'stopped'], workflow: 'daily', version: 3 });
  expect(filterOf({})).toEqual({});
});
