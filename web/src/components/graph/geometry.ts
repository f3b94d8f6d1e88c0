import type { Schemas } from '@/api/client';

export type GraphData = Schemas['Graph'];
export type GraphNodeData = Schemas['GraphNode'];

/** The size of a node, as the server lays it out. */
export const NODE_WIDTH = 180;
export const NODE_HEIGHT = 48;

/** Where the graph stands on the screen: a point p of it is at p * scale + (x, y). */
export interface View {
  x: number;
  y: number;
  scale: number;
}

export interface Box {
  left: number;
  top: number;
  right: number;
  bottom: number;
}

const LARGEST_SCALE = 2;
const SMALLEST_SCALE = 0.02;
const MARGIN = 32;
const CELL = 512;

export function boundsOf(nodes: GraphNodeData[]): Box {
  const box = { left: Infinity, top: Infinity, right: -Infinity, bottom: -Infinity };
  for (const { x, y } of nodes) {
    box.left = Math.min(box.left, x);
    box.top = Math.min(box.top, y);
    box.right = Math.max(box.right, x + NODE_WIDTH);
    box.bottom = Math.max(box.bottom, y + NODE_HEIGHT);
  }
  return nodes.length > 0 ? box : { left: 0, top: 0, right: NODE_WIDTH, bottom: NODE_HEIGHT };
}

/** Shows a box as large as it fits, at most at its natural size. */
export function fitView(box: Box, width: number, height: number): View {
  const scale = Math.max(
    SMALLEST_SCALE,
    Math.min(1, (width - 2 * MARGIN) / (box.right - box.left), (height - 2 * MARGIN) / (box.bottom - box.top)),
  );
  return {
    scale,
    x: (width - (box.left + box.right) * scale) / 2,
    y: (height - (box.top + box.bottom) * scale) / 2,
  };
}

export function zoomAt(view: View, factor: number, x: number, y: number): View {
  const scale = Math.min(LARGEST_SCALE, Math.max(SMALLEST_SCALE, view.scale * factor));
  const ratio = scale / view.scale;
  return { scale, x: x - (x - view.x) * ratio, y: y - (y - view.y) * ratio };
}

/** The part of the graph that is on a screen of this size, and beyond by a part of the screen on each side. */
export function visibleBox(view: View, width: number, height: number, margin = 0): Box {
  return {
    left: (-width * margin - view.x) / view.scale,
    top: (-height * margin - view.y) / view.scale,
    right: (width * (1 + margin) - view.x) / view.scale,
    bottom: (height * (1 + margin) - view.y) / view.scale,
  };
}

/** How far a picture reaches beyond its window on each side, as a part of the window. */
export const PICTURE_MARGIN = 0.25;
/** The picture is stretched by at most this factor before it is painted again. */
const MOST_STRETCH = 2;

/** The transform that shows a picture, painted for one view, where another view has it. */
export function moveOf(painted: View, view: View): { x: number; y: number; scale: number } {
  const scale = view.scale / painted.scale;
  return { scale, x: view.x - painted.x * scale, y: view.y - painted.y * scale };
}

/** Whether a picture with its margin covers the window of a view. */
export function isWithinPicture(view: View, painted: View, width: number, height: number): boolean {
  const { x, y, scale } = moveOf(painted, view);
  if (scale > MOST_STRETCH || scale < 1 / MOST_STRETCH) return false;
  const covers = (at: number, side: number) => at - PICTURE_MARGIN * side * scale <= 0 && at + (1 + PICTURE_MARGIN) * side * scale >= side;
  return covers(x, width) && covers(y, height);
}

/** Finds nodes by place without a look at each. */
export class NodeIndex {
  private cells = new Map<string, GraphNodeData[]>();

  constructor(nodes: GraphNodeData[]) {
    for (const node of nodes) {
      const key = `${Math.floor(node.x / CELL)}/${Math.floor(node.y / CELL)}`;
      const cell = this.cells.get(key);
      if (cell) cell.push(node);
      else this.cells.set(key, [node]);
    }
  }

  within(box: Box): GraphNodeData[] {
    const found: GraphNodeData[] = [];
    // A node begins at most its own size before the box.
    for (let column = Math.floor((box.left - NODE_WIDTH) / CELL); column <= Math.floor(box.right / CELL); column++) {
      for (let row = Math.floor((box.top - NODE_HEIGHT) / CELL); row <= Math.floor(box.bottom / CELL); row++) {
        for (const node of this.cells.get(`${column}/${row}`) ?? []) {
          if (node.x + NODE_WIDTH > box.left && node.x < box.right && node.y + NODE_HEIGHT > box.top && node.y < box.bottom) found.push(node);
        }
      }
    }
    return found;
  }

  at(x: number, y: number): GraphNodeData | undefined {
    return this.within({ left: x, right: x + 0.01, top: y, bottom: y + 0.01 })[0];
  }
}

/** The names of what a node needs and what follows it, over any number of edges, with itself. */
export function connectedWith(name: string, edges: GraphData['edges']): Set<string> {
  const down = new Map<string, string[]>();
  const up = new Map<string, string[]>();
  for (const { from, to } of edges) {
    down.set(from, [...(down.get(from) ?? []), to]);
    up.set(to, [...(up.get(to) ?? []), from]);
  }
  const found = new Set([name]);
  for (const next of [down, up]) {
    const seen = new Set([name]);
    const open = [name];
    for (let at = open.pop(); at !== undefined; at = open.pop()) {
      for (const other of next.get(at) ?? []) {
        if (seen.has(other)) continue;
        seen.add(other);
        found.add(other);
        open.push(other);
      }
    }
  }
  return found;
}
