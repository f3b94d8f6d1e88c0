import { expect, test } from 'vitest';
import type { Schemas } from '@/api/client';
import { permits } from '@/app/permission';
import { en } from '@/i18n/en';
import { INSTANCE_VERBS, instanceObstacle, TASK_VERBS, taskObstacle } from './verbs';

const usable = (state: string, attention: Schemas['Instance']['attention'] = null) =>
  INSTANCE_VERBS.filter((verb) => !instanceObstacle(verb, { state, attention } as Schemas['Instance'], 'owner', en)).join(' ');
const usableOn = (instance: string, task: string) =>
  TASK_VERBS.filter((verb) => !taskObstacle(verb, instance, task, 'owner', en)).join(' ');

test.each([
  ['queued', 'pause stop priority'],
  ['running', 'pause stop priority'],
  ['pausing', 'pause stop priority'],
  ['paused', 'resume stop priority'],
  ['stopping', 'stop priority'],
  ['stopped', 'resume recover rerun delete'],
  ['failed', 'recover rerun delete'],
  ['succeeded', 'rerun delete'],
])('an instance that is %s takes %s', (state, verbs) => {
  expect(usable(state)).toBe(verbs);
});

test('one that needs a person can be resumed in any open state', () => {
  expect(usable('running', { code: 'X', detail: '' })).toContain('resume');
});

test.each([
  ['running', 'failed', 'retry skip'],
  ['running', 'running', 'kill skip'],
  ['failed', 'failed', 'run retry skip force-success'],
  ['succeeded', 'succeeded', 'run'],
  ['stopping', 'running', ''],
])('in one that is %s a task that is %s takes %s', (instance, task, verbs) => {
  expect(usableOn(instance, task)).toBe(verbs);
});

test('a missing permission is named', () => {
  expect(instanceObstacle('delete', { state: 'failed' } as Schemas['Instance'], 'execute', en)).toContain('write');
  expect(permits('write', 'execute')).toBe(true);
  expect(permits(undefined, 'owner')).toBe(true);
});
