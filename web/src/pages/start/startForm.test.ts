import { expect, test } from 'vitest';
import { declaredParams, startBody } from './startForm';

const document = {
  params: {
    day: '$[yyyyMMdd-1]',
    top_n: { type: 'integer', value: '10' },
    full: { type: 'boolean', value: 'false' },
    region: { type: 'string', required: true },
    total: { direction: 'out' },
    list: { type: 'json', value: [1] },
  },
};

test('a form has a field for each parameter that is no output', () => {
  expect(declaredParams(document).map(({ name, type, value, required }) => [name, type, value, required])).toEqual([
    ['day', 'string', '$[yyyyMMdd-1]', false],
    ['top_n', 'integer', '10', false],
    ['full', 'boolean', 'false', false],
    ['region', 'string', '', true],
    ['list', 'json', '[1]', false],
  ]);
  expect(declaredParams({})).toEqual([]);
});

test('a start says only what was chosen', () => {
  const declared = declaredParams(document);
  expect(startBody({ params: { top_n: '10', day: 'x' }, tasks: [] }, declared)).toEqual({ params: { day: 'x' } });
  expect(startBody({ params: {}, tasks: ['a'], priority: 'high', timezone: '', dry_run: true }, declared)).toEqual({
    tasks: ['a'], scope: 'downstream', priority: 'high', dry_run: true,
  });
  expect(startBody({ params: {}, tasks: [] }, declared)).toEqual({});
});
