import { expect, test } from 'vitest';
import { layerGraph } from './layers';

const end = (workflow: string) => ({ project: 'p', workflow });
const edge = (from: string, to: string, kind: string) => ({ from: end(from), to: end(to), kind, task: 't' });

test('what waits stands right of what it waits for, a child right of its parent', () => {
  const graph = layerGraph([edge('report', 'orders', 'dependent'), edge('orders', 'load', 'sub_workflow'), edge('orders', 'load', 'dynamic')]);
  const x = (name: string) => graph.nodes.find((node) => node.name === `p/${name}`)?.x ?? -1;
  expect(x('orders')).toBeLessThan(x('report'));
  expect(x('orders')).toBeLessThan(x('load'));
  expect(graph.edges).toHaveLength(2);
});

test('a circle has places too', () => {
  const graph = layerGraph([edge('a', 'b', 'sub_workflow'), edge('b', 'a', 'sub_workflow')]);
  expect(graph.nodes).toHaveLength(2);
});
