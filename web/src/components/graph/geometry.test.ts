import { expect, test } from 'vitest';
import { boundsOf, connectedWith, fitView, isWithinPicture, moveOf, NodeIndex, visibleBox, zoomAt } from './geometry';

const node = (name: string, x: number, y: number) => ({ name, type: 'noop', x, y, group: null });
const nodes = [node('a', 0, 0), node('b', 500, 0), node('c', 5000, 3000)];

test('a graph fits its window, and is never larger than natural', () => {
  const view = fitView(boundsOf(nodes), 800, 600);
  const box = visibleBox(view, 800, 600);
  expect(box.left).toBeLessThan(0);
  expect(box.right).toBeGreaterThan(5180);
  expect(fitView(boundsOf(nodes.slice(0, 1)), 800, 600).scale).toBe(1);
});

test('zooming keeps the point under the pointer', () => {
  const view = zoomAt({ x: 10, y: 20, scale: 1 }, 0.5, 110, 120);
  expect(view).toEqual({ x: 60, y: 70, scale: 0.5 });
});

test('a picture that is moved shows each point where the view has it', () => {
  const painted = { x: 40, y: 10, scale: 0.5 };
  const view = { x: -25, y: 90, scale: 0.75 };
  const move = moveOf(painted, view);
  const point = (300 * painted.scale + painted.x) * move.scale + move.x;
  expect(point).toBeCloseTo(300 * view.scale + view.x);
});

test('a picture is painted again when the view leaves it, or stretches it far', () => {
  const painted = { x: 0, y: 0, scale: 1 };
  expect(isWithinPicture({ x: 199, y: -149, scale: 1 }, painted, 800, 600)).toBe(true);
  expect(isWithinPicture({ x: 201, y: 0, scale: 1 }, painted, 800, 600)).toBe(false);
  expect(isWithinPicture({ x: 0, y: -151, scale: 1 }, painted, 800, 600)).toBe(false);
  expect(isWithinPicture({ x: 0, y: 0, scale: 0.9 }, painted, 800, 600)).toBe(true);
  expect(isWithinPicture({ x: 0, y: 0, scale: 2.5 }, painted, 800, 600)).toBe(false);
});

test('nodes are found by place, also across cells', () => {
  const index = new NodeIndex(nodes);
  expect(index.within({ left: 100, top: 0, right: 600, bottom: 10 }).map(({ name }) => name)).toEqual(['a', 'b']);
  expect(index.at(650, 20)?.name).toBe('b');
  expect(index.at(300, 20)).toBeUndefined();
});

test('what is connected is what comes before and after, not beside', () => {
  const edge = (from: string, to: string) => ({ from, to, on: 'succeeded', branch: null });
  const edges = [edge('a', 'b'), edge('b', 'c'), edge('a', 'x'), edge('y', 'c')];
  expect([...connectedWith('b', edges)].sort()).toEqual(['a', 'b', 'c']);
});
