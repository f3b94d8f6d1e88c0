import type { Schemas } from '@/api/client';
import { NODE_HEIGHT, NODE_WIDTH, type GraphData } from '@/components/graph/geometry';

const COLUMN = NODE_WIDTH + 100;
const ROW = NODE_HEIGHT + 24;

/** Places workflows in columns: each stands right of those whose results it needs, or that start it. */
export function layerGraph(edges: Schemas['WorkflowEdge'][]): GraphData {
  const name = (end: { project: string; workflow: string }) => `${end.project}/${end.workflow}`;
  // A dependent workflow waits for the named one; a child is started by the one that names it.
  const arrows = new Map<string, [string, string]>();
  for (const { from, to, kind } of edges) {
    const [left, right] = kind === 'dependent' ? [name(to), name(from)] : [name(from), name(to)];
    if (left !== right) arrows.set(`${left}>${right}`, [left, right]);
  }
  const names = [...new Set([...arrows.values()].flat())].sort();
  const column = new Map(names.map((one) => [one, 0]));
  // A circle of workflows ends after as many rounds as there are workflows.
  for (let round = 0, moved = true; moved && round < names.length; round++) {
    moved = false;
    for (const [left, right] of arrows.values()) {
      const least = (column.get(left) ?? 0) + 1;
      if ((column.get(right) ?? 0) >= least || least > names.length) continue;
      column.set(right, least);
      moved = true;
    }
  }
  const rows = new Map<number, number>();
  const nodes = names.map((one) => {
    const at = column.get(one) ?? 0;
    const row = rows.get(at) ?? 0;
    rows.set(at, row + 1);
    return { name: one, type: '', x: at * COLUMN, y: row * ROW, group: null };
  });
  return { nodes, edges: [...arrows.values()].map(([from, to]) => ({ from, to, on: 'succeeded', branch: null })) };
}
