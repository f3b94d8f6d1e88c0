import { expect, test } from 'vitest';
import { movedUp, ruleOf, ruleValues, withRule, type Rule } from './rules';

const NIGHTLY: Rule = { name: 'nightly', on: ['late', 'failed'], channels: ['oncall'], by: '06:30', children: true };

test('a rule becomes texts, and the same rule again', () => {
  expect(ruleOf(ruleValues(NIGHTLY))).toEqual(NIGHTLY);
});

test('the times of events that are not chosen are left out', () => {
  const values = { ...ruleValues(NIGHTLY), on: 'not_started', within: '15m' };
  expect(ruleOf(values)).toEqual({ name: 'nightly', on: ['not_started'], channels: ['oncall'], within: '15m', children: true });
  expect(ruleOf({ ...values, on: 'failed' })).not.toHaveProperty('within');
});

test('rules are replaced, added and moved', () => {
  const [a, b, c] = ['a', 'b', 'c'].map((name) => ({ ...NIGHTLY, name })) as [Rule, Rule, Rule];
  expect(withRule([a, b], c, 0)).toEqual([c, b]);
  expect(withRule([a, b], c, null)).toEqual([a, b, c]);
  expect(movedUp([a, b, c], 2)).toEqual([a, c, b]);
  expect(movedUp([a, b, c], 0)).toEqual([a, b, c]);
});
