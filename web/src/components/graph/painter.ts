import { toneOf, type Tone } from '../states';
import { NODE_HEIGHT, NODE_WIDTH, type GraphData, type GraphNodeData, type View } from './geometry';

export interface Colours {
  line: string;
  surface: string;
  ink: string;
  accent: string;
  fill: Record<Tone, string>;
}

const TONES: Tone[] = ['ok', 'bad', 'run', 'wait', 'rest', 'skip'];

/** Reads the colours of the theme, which a canvas cannot take from CSS. */
export function readColours(element: Element): Colours {
  const style = getComputedStyle(element);
  const value = (name: string) => style.getPropertyValue(name).trim();
  const fill = { idle: value('--idle-fill') } as Record<Tone, string>;
  for (const tone of TONES) fill[tone] = value(`--${tone}-fill`);
  return { line: value('--rest-fill'), surface: value('--surface'), ink: value('--ink'), accent: value('--accent'), fill };
}

interface Picture {
  view: View;
  nodes: GraphNodeData[];
  edges: [GraphNodeData, GraphNodeData, GraphData['edges'][number]][];
  colours: Colours;
  /** Names that stand out; all when absent. */
  bright?: Set<string>;
  /** Draws nodes too: those that are elements of the page are not painted. */
  withNodes: boolean;
  /** Draws names into the nodes. */
  withNames?: boolean;
}

export function paint(context: CanvasRenderingContext2D, width: number, height: number, picture: Picture) {
  const { view } = picture;
  const ratio = context.canvas.width / width;
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  context.setTransform(ratio * view.scale, 0, 0, ratio * view.scale, ratio * view.x, ratio * view.y);
  paintEdges(context, picture);
  if (picture.withNodes) paintNodes(context, picture);
}

function paintEdges(context: CanvasRenderingContext2D, { edges, colours, bright, view }: Picture) {
  const dashes: Record<string, number[]> = { succeeded: [], failed: [6, 4], done: [2, 4] };
  // Below this scale curves look like lines, which cost less.
  const straight = view.scale < 0.3;
  for (const on of ['succeeded', 'failed', 'done']) {
    for (const shown of [true, false]) {
      context.beginPath();
      for (const [from, to, edge] of edges) {
        const stands = !bright || (bright.has(from.name) && bright.has(to.name));
        if (edge.on !== on || stands !== shown) continue;
        traceEdge(context, from, to, straight);
      }
      context.setLineDash(dashes[on] ?? []);
      context.strokeStyle = on === 'failed' ? colours.fill.bad : colours.line;
      context.globalAlpha = shown ? 1 : 0.2;
      context.lineWidth = Math.min(1.5 / view.scale, 6);
      context.stroke();
    }
  }
  context.globalAlpha = 1;
  context.setLineDash([]);
}

/** From the lower side of a node to the upper side of the next: the server lays graphs out downwards. */
function traceEdge(context: CanvasRenderingContext2D, from: GraphNodeData, to: GraphNodeData, straight: boolean) {
  const x1 = from.x + NODE_WIDTH / 2;
  const y1 = from.y + NODE_HEIGHT;
  const x2 = to.x + NODE_WIDTH / 2;
  const y2 = to.y;
  context.moveTo(x1, y1);
  if (straight) {
    context.lineTo(x2, y2);
    return;
  }
  const bend = Math.max(20, Math.abs(y2 - y1) / 2);
  context.bezierCurveTo(x1, y1 + bend, x2, y2 - bend, x2, y2);
  context.moveTo(x2 - 4, y2 - 7);
  context.lineTo(x2, y2);
  context.lineTo(x2 + 4, y2 - 7);
}

function paintNodes(context: CanvasRenderingContext2D, { nodes, colours, bright, withNames }: Picture) {
  const byTone = new Map<Tone, GraphNodeData[]>();
  for (const node of nodes) {
    const tone = toneOf(node.state ?? '');
    const same = byTone.get(tone);
    if (same) same.push(node);
    else byTone.set(tone, [node]);
  }
  for (const [tone, same] of byTone) {
    context.fillStyle = colours.fill[tone];
    for (const node of same) {
      context.globalAlpha = !bright || bright.has(node.name) ? 1 : 0.25;
      context.fillRect(node.x, node.y, NODE_WIDTH, NODE_HEIGHT);
    }
  }
  context.globalAlpha = 1;
  if (!withNames) return;
  context.fillStyle = colours.ink;
  context.font = '13px sans-serif';
  context.textBaseline = 'middle';
  for (const node of nodes) context.fillText(node.name, node.x + 10, node.y + NODE_HEIGHT / 2, NODE_WIDTH - 20);
}
