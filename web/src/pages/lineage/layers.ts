import type { Schemas } from '@/api/client';
import type { GraphData } from '@/components/graph/geometry';
import { layerPlaces } from '@/components/graph/layering';

/** Places workflows in layers: each stands below those whose results it needs, or that start it. */
export function layerGraph(edges: Schemas['WorkflowEdge'][]): GraphData {
  const name = (end: { project: string; workflow: string }) => `${end.project}/${end.workflow}`;
  // A dependent workflow waits for the named one; a child is started by the one that names it.
  const arrows = new Map<string, [string, string]>();
  for (const { from, to, kind } of edges) {
    const [above, below] = kind === 'dependent' ? [name(to), name(from)] : [name(from), name(to)];
    if (above !== below) arrows.set(`${above}>${below}`, [above, below]);
  }
  const names = [...new Set([...arrows.values()].flat())].sort();
  const places = layerPlaces(names, [...arrows.values()]);
  const nodes = names.map((one) => {
    const [x, y] = places.get(one) ?? [0, 0];
    return { name: one, type: '', x, y, group: null };
  });
  return { nodes, edges: [...arrows.values()].map(([from, to]) => ({ from, to, on: 'succeeded', branch: null })) };
}
