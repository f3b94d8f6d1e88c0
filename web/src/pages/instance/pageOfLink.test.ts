import { expect, test } from 'vitest';
import { pageOfLink } from './pageOfLink';

test.each([
  ['/api/v1/instances/7/tasks/load%20eu', '/instances/7?task=load%20eu'],
  ['/api/v1/instances/7', '/instances/7'],
  ['/api/v1/projects/retail/limits/warehouse', '/projects/retail/limits'],
  ['/api/v1/limits/api', '/admin/limits'],
  ['/api/v1/nodes', '/cluster'],
  ['/api/v1/unknown', null],
  [null, null],
])('%s is shown by %s', (link, page) => {
  expect(pageOfLink(link)).toBe(page);
});
