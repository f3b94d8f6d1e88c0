import { Button } from 'antd';
import { useCallback, useEffect, useMemo, useRef, useState, type KeyboardEvent } from 'react';
import { useDark } from '@/app/theme';
import { saveFile } from '@/api/saveFile';
import { useText } from '@/i18n/i18n';
import { boundsOf, connectedWith, fitView, moveOf, NODE_HEIGHT, NODE_WIDTH, NodeIndex, PICTURE_MARGIN, visibleBox, zoomAt, type GraphData } from './geometry';
import { GraphNode } from './GraphNode';
import { paint, readColours } from './painter';
import { useGraphView } from './useGraphView';
import { useSettledView } from './useSettledView';

/** Nodes on the screen beyond which they are painted instead of being elements. */
const MOST_ELEMENTS = 300;
/** The scale below which a name cannot be read. */
const READABLE = 0.3;
const PNG_SIDE = 8000;

interface GraphViewProps {
  graph: GraphData;
  name: string;
  selected?: string;
  /** Tasks that were clicked for a start; null where they open. */
  marked?: Set<string>;
  onOpen: (task: string) => void;
  height?: string;
}

/** A graph with the places that the server gave. It is painted on a canvas; what can be read is elements above it. */
export function GraphView({ graph, name, selected, marked, onOpen, height = 'calc(100vh - 300px)' }: GraphViewProps) {
  const text = useText();
  const dark = useDark();
  const frame = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const [find, setFind] = useState('');
  const [onlyConnected, setOnlyConnected] = useState(false);

  const byName = useMemo(() => new Map(graph.nodes.map((node) => [node.name, node])), [graph.nodes]);
  const index = useMemo(() => new NodeIndex(graph.nodes), [graph.nodes]);
  const edges = useMemo(
    () =>
      graph.edges.flatMap((edge) => {
        const [from, to] = [byName.get(edge.from), byName.get(edge.to)];
        return from && to ? [[from, to, edge] as [typeof from, typeof to, typeof edge]] : [];
      }),
    [graph.edges, byName],
  );
  const found = useMemo(() => findNames(graph, find), [graph, find]);
  const bright = useMemo(() => {
    if (selected && onlyConnected) return connectedWith(selected, graph.edges);
    return find ? new Set(found) : undefined;
  }, [selected, onlyConnected, graph.edges, find, found]);

  const clickAt = useRef<(x: number, y: number) => void>(() => undefined);
  const onClick = useCallback((x: number, y: number) => clickAt.current(x, y), []);
  const { view, setView, size, handlers } = useGraphView(frame, onClick);
  const painted = useSettledView(view, size);
  const box = useMemo(() => visibleBox(painted, size.width, size.height, PICTURE_MARGIN), [painted, size]);
  const visible = useMemo(() => (size.width > 0 ? index.within(box) : []), [index, box, size.width]);
  const asElements = painted.scale >= READABLE && visible.length <= MOST_ELEMENTS;
  useEffect(() => {
    clickAt.current = (x, y) => {
      if (asElements) return;
      const node = index.at((x - view.x) / view.scale, (y - view.y) / view.scale);
      if (node) onOpen(node.name);
    };
  });

  const structure = graph.nodes.length > 0 ? `${name}/${graph.nodes.length}` : '';
  const fit = useCallback(() => setView(fitView(boundsOf(graph.nodes), size.width, size.height)), [graph.nodes, size, setView]);
  const fitted = useRef('');
  useEffect(() => {
    if (size.width === 0 || fitted.current === structure) return;
    fitted.current = structure;
    fit();
  }, [structure, size, fit]);

  const margin = { x: Math.round(size.width * PICTURE_MARGIN), y: Math.round(size.height * PICTURE_MARGIN) };
  const whole = { width: size.width + 2 * margin.x, height: size.height + 2 * margin.y };
  useEffect(() => {
    const context = canvas.current?.getContext('2d');
    if (!context || size.width === 0) return;
    paint(context, whole.width, whole.height, {
      view: { scale: painted.scale, x: painted.x + margin.x, y: painted.y + margin.y },
      nodes: visible,
      edges: edges.filter(([from, to]) => crosses(from, to, box)),
      colours: readColours(context.canvas),
      bright,
      withNodes: !asElements,
    });
    context.canvas.dataset.pictures = String(Number(context.canvas.dataset.pictures ?? 0) + 1);
  }, [painted, visible, edges, box, bright, asElements, dark, size.width, whole.width, whole.height, margin.x, margin.y]);

  const move = moveOf(painted, view);
  const zoom = (factor: number) => setView((old) => zoomAt(old, factor, size.width / 2, size.height / 2));
  const showNode = (task: string) => {
    const node = byName.get(task);
    if (!node) return;
    const scale = Math.max(view.scale, 0.8);
    setView({ scale, x: size.width / 2 - (node.x + NODE_WIDTH / 2) * scale, y: size.height / 2 - (node.y + NODE_HEIGHT / 2) * scale });
  };
  const onKey = (event: KeyboardEvent) => {
    const step = 80;
    const moves: Record<string, [number, number]> = { ArrowLeft: [step, 0], ArrowRight: [-step, 0], ArrowUp: [0, step], ArrowDown: [0, -step] };
    const move = moves[event.key];
    if (move) setView((old) => ({ ...old, x: old.x + move[0], y: old.y + move[1] }));
    else if (event.key === '+') zoom(1.25);
    else if (event.key === '-') zoom(0.8);
    else if (event.key === '0') fit();
    else return;
    event.preventDefault();
  };
  const savePng = () => {
    const whole = boundsOf(graph.nodes);
    const margin = 24;
    const [width, tall] = [whole.right - whole.left + 2 * margin, whole.bottom - whole.top + 2 * margin];
    const scale = Math.min(1, PNG_SIDE / width, PNG_SIDE / tall);
    const target = document.createElement('canvas');
    target.width = width * scale;
    target.height = tall * scale;
    const context = target.getContext('2d');
    if (!context || !canvas.current) return;
    const colours = readColours(canvas.current);
    paint(context, target.width, target.height, {
      view: { scale, x: (margin - whole.left) * scale, y: (margin - whole.top) * scale },
      nodes: graph.nodes, edges, colours, withNodes: true, withNames: scale > READABLE,
    });
    context.globalCompositeOperation = 'destination-over';
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.fillStyle = colours.surface;
    context.fillRect(0, 0, target.width, target.height);
    target.toBlob((blob) => blob && saveFile(`${name}.png`, blob, 'image/png'));
  };

  return (
    <div className="graph" data-theme-dark={dark}>
      <div className="graph-tools">
        <input
          className="native"
          type="search"
          data-testid="graph-find"
          aria-label={text.graph.find}
          placeholder={text.graph.find}
          value={find}
          onChange={(event) => setFind(event.target.value)}
          onKeyDown={(event) => event.key === 'Enter' && found[0] && showNode(found[0])}
        />
        {find && <span className="muted small">{text.graph.found(found.length)}</span>}
        <span className="space" />
        {selected && (
          <label className="small row tight">
            <input type="checkbox" checked={onlyConnected} onChange={(event) => setOnlyConnected(event.target.checked)} /> {text.graph.connected}
          </label>
        )}
        <Button size="small" aria-label={text.graph.zoomOut} title={text.graph.zoomOut} onClick={() => zoom(0.8)}>
          −
        </Button>
        <Button size="small" aria-label={text.graph.zoomIn} title={text.graph.zoomIn} onClick={() => zoom(1.25)}>
          +
        </Button>
        <Button size="small" onClick={fit}>
          {text.graph.fit}
        </Button>
        <Button size="small" data-testid="graph-png" onClick={savePng}>
          {text.graph.png}
        </Button>
      </div>
      <div
        ref={frame}
        className="graph-frame"
        style={{ height }}
        data-testid="graph-canvas"
        data-nodes={graph.nodes.length}
        role="group"
        aria-label={text.graph.label(graph.nodes.length)}
        tabIndex={0}
        onKeyDown={onKey}
        {...handlers}
      >
        <canvas
          ref={canvas}
          width={whole.width * window.devicePixelRatio}
          height={whole.height * window.devicePixelRatio}
          style={{
            left: -margin.x,
            top: -margin.y,
            width: whole.width,
            height: whole.height,
            // The origin is the corner of the window, not of the picture.
            transformOrigin: `${margin.x}px ${margin.y}px`,
            transform: `translate(${move.x}px, ${move.y}px) scale(${move.scale})`,
          }}
        />
        {asElements && (
          <div className="graph-nodes" style={{ transform: `translate(${view.x}px, ${view.y}px) scale(${view.scale})` }}>
            {visible.map((node) => (
              <GraphNode key={node.name} node={node} mark={markOf(node.name, selected, marked, bright, find)} onOpen={onOpen} />
            ))}
          </div>
        )}
      </div>
    </div>
  );
}

function findNames(graph: GraphData, find: string): string[] {
  if (!find) return [];
  const text = find.toLowerCase();
  return graph.nodes.filter((node) => node.name.toLowerCase().includes(text) || node.type === text || node.state === text).map(({ name }) => name);
}

function crosses(from: { x: number; y: number }, to: { x: number; y: number }, box: ReturnType<typeof visibleBox>): boolean {
  return (
    Math.max(from.x, to.x) + NODE_WIDTH > box.left && Math.min(from.x, to.x) < box.right && Math.max(from.y, to.y) + NODE_HEIGHT > box.top && Math.min(from.y, to.y) < box.bottom
  );
}

function markOf(name: string, selected: string | undefined, marked: Set<string> | undefined, bright: Set<string> | undefined, find: string) {
  if (name === selected || marked?.has(name)) return 'selected';
  if (bright && !bright.has(name)) return 'dim';
  return find ? 'found' : 'none';
}
