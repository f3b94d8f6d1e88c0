import { expect, test } from 'vitest';
import { layerGraph } from './layers';

const end = (workflow: string) => ({ project: 'p', workflow });
const edge = (from: string, to: string, kind: string) => ({ from: end(from), to: end(to), kind, task: 't' });

test('what waits stands below what it waits for, a child below its parent', () => {
  const graph = layerGraph([edge('report', 'orders', 'dependent'), edge('orders', 'load', 'sub_workflow'), edge('orders', 'load', 'dynamic')]);
  const y = (name: string) => graph.nodes.find((node) => node.name === `p/${name}`)?.y ?? -1;
  expect(y('orders')).toBeLessThan(y('report'));
  expect(y('orders')).toBeLessThan(y('load'));
  expect(graph.edges).toHaveLength(2);
});

test('a circle has places too', () => {
  const graph = layerGraph([edge('a', 'b', 'sub_workflow'), edge('b', 'a', 'sub_workflow')]);
  expect(graph.nodes).toHaveLength(2);
});
