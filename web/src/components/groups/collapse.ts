// Groups of tasks in a graph: each can be drawn as one node.
import type { GraphData, GraphNodeData } from '@/components/graph/geometry';

/** The state that a collapsed group shows: the first of these that any of its tasks has. */
const TELLING = [
  'failed', 'killed', 'running', 'dispatched', 'waiting_retry', 'waiting', 'delayed', 'pending', 'not_run', 'succeeded', 'forced_success', 'skipped',
];

/** The name of the node that stands for a group. No task begins like this. */
export function groupNodeName(group: string): string {
  return `⊞ ${group}`;
}

/** The groups of a graph in the order of their first task, with how many tasks each has. */
export function groupsOf(nodes: GraphNodeData[]): Map<string, number> {
  const sizes = new Map<string, number>();
  for (const { group } of nodes) if (group) sizes.set(group, (sizes.get(group) ?? 0) + 1);
  return sizes;
}

/** The graph with one node for each collapsed group; `typeOf` says what stands below its name. */
export function collapseGroups(graph: GraphData, collapsed: string[], typeOf: (size: number) => string): GraphData {
  const members = new Map<string, GraphNodeData[]>(collapsed.map((group) => [group, []]));
  const standIns = new Map<string, string>();
  const others: GraphNodeData[] = [];
  for (const node of graph.nodes) {
    const group = node.group ? members.get(node.group) : undefined;
    if (!group || !node.group) {
      others.push(node);
      continue;
    }
    group.push(node);
    standIns.set(node.name, groupNodeName(node.group));
  }
  if (standIns.size === 0) return graph;
  const groups = [...members].filter(([, nodes]) => nodes.length > 0).map(([group, nodes]) => groupNode(group, nodes, typeOf(nodes.length)));
  const edges = new Map<string, GraphData['edges'][number]>();
  for (const edge of graph.edges) {
    const [from, to] = [standIns.get(edge.from) ?? edge.from, standIns.get(edge.to) ?? edge.to];
    if (from !== to) edges.set(JSON.stringify([from, to]), { ...edge, from, to });
  }
  return { nodes: [...others, ...groups], edges: [...edges.values()] };
}

function groupNode(group: string, nodes: GraphNodeData[], type: string): GraphNodeData {
  const mean = (axis: 'x' | 'y') => Math.round(nodes.reduce((sum, node) => sum + node[axis], 0) / nodes.length);
  const states = new Set(nodes.map(({ state }) => state));
  const state = TELLING.find((one) => states.has(one));
  return { name: groupNodeName(group), type, group, x: mean('x'), y: mean('y'), ...(state ? { state } : {}) };
}
