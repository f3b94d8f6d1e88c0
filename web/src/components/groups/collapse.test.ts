import { expect, test } from 'vitest';
import type { GraphData } from '@/components/graph/geometry';
import { collapseGroups, groupsOf } from './collapse';

const node = (name: string, group: string | null, state: string, x: number) => ({ name, type: 'shell', group, state, x, y: 0 });
const edge = (from: string, to: string) => ({ from, to, on: 'succeeded' });

const GRAPH: GraphData = {
  nodes: [node('a', null, 'succeeded', 0), node('b', 'load', 'running', 100), node('c', 'load', 'failed', 300), node('d', 'load', 'pending', 200), node('e', null, 'pending', 0)],
  edges: [edge('a', 'b'), edge('a', 'c'), edge('b', 'd'), edge('c', 'd'), edge('d', 'e')],
};

test('a collapsed group is one node in the middle of its tasks, with the state that tells most', () => {
  const { nodes, edges } = collapseGroups(GRAPH, ['load'], (size) => `${size} tasks`);
  expect(nodes.map(({ name }) => name)).toEqual(['a', 'e', '⊞ load']);
  expect(nodes.at(-1)).toMatchObject({ type: '3 tasks', state: 'failed', x: 200 });
  expect(edges.map(({ from, to }) => `${from} > ${to}`)).toEqual(['a > ⊞ load', '⊞ load > e']);
});

test('what is not collapsed, or not there, stays as it is', () => {
  expect(collapseGroups(GRAPH, [], String)).toBe(GRAPH);
  expect(collapseGroups(GRAPH, ['gone'], String)).toBe(GRAPH);
  expect([...groupsOf(GRAPH.nodes)]).toEqual([['load', 3]]);
});
