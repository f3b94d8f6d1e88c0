import {
  Background, BaseEdge, Controls, getBezierPath, Handle, Position, ReactFlow, ReactFlowProvider, useReactFlow, type Connection, type Edge, type EdgeProps, type Node, type NodeChange,
  type NodeProps,
} from '@xyflow/react';
import '@xyflow/react/dist/style.css';
import { useEffect, useMemo, useRef, useState } from 'react';
import { Button } from 'antd';
import { NODE_HEIGHT, NODE_WIDTH } from '@/components/graph/geometry';
import { layerPlaces } from '@/components/graph/layering';
import { useText } from '@/i18n/i18n';
import { addTask, connect, copyTasks, disconnect, freeName, pasteTasks, removeTasks, type DocumentModel } from './document';
import type { Draft, Places } from './history';
import { DRAGGED } from './Palette';
import { newTaskFields, useTaskTypes } from './taskTypes';
import { freeGroupName, renamedGroup, withGroup, withoutGroup } from './layout';
import { boxesOf, GroupBoxView, type GroupBox } from './GroupBoxView';
import type { EditorProblem } from './useProblems';

interface TaskData extends Record<string, unknown> {
  name: string;
  type: string;
  problems: string;
}

type TaskNode = Node<TaskData, 'task'>;
type NeedEdge = Edge<{ on: string }, 'need'>;

interface EditorCanvasProps {
  draft: Draft;
  model: DocumentModel;
  problems: EditorProblem[];
  selected: string[];
  onSelect: (names: string[]) => void;
  onChange: (change: Partial<Draft>) => void;
}

const nodeTypes = { task: TaskNodeView, group: GroupBoxView };
const edgeTypes = { need: NeedEdgeView };

export function EditorCanvas(props: EditorCanvasProps) {
  return (
    <ReactFlowProvider>
      <Canvas {...props} />
    </ReactFlowProvider>
  );
}

function Canvas({ draft, model, problems, selected, onSelect, onChange }: EditorCanvasProps) {
  const text = useText();
  const types = useTaskTypes();
  const flow = useReactFlow();
  const frame = useRef<HTMLDivElement>(null);
  /** Places while nodes are dragged, before they are a step. */
  const [dragged, setDragged] = useState<Places>({});
  const [selectedEdges, setSelectedEdges] = useState<string[]>([]);
  const places = usePlaces(model, draft.places);
  const nodes = model.tasks.map<TaskNode>(({ name, type }) => {
    const [x, y] = dragged[name] ?? places.get(name) ?? [0, 0];
    const own = problems.filter((problem) => problem.task === name).map((problem) => problem.message);
    return {
      id: name, type: 'task', position: { x, y }, width: NODE_WIDTH, height: NODE_HEIGHT, selected: selected.includes(name),
      data: { name, type, problems: own.join('\n') },
    };
  });
  const boxes = boxesOf(draft.groups, new Map(nodes.map(({ id, position }) => [id, [position.x, position.y]])), {
    onRename: (from, to) => onChange({ groups: renamedGroup(draft.groups, from, to) }),
    onRemove: (name) => onChange({ groups: withoutGroup(draft.groups, name) }),
  });
  const edges = model.tasks.flatMap((task) =>
    task.needs.map<NeedEdge>((need) => {
      const id = `${need.task}/${task.name}`;
      return { id, type: 'need', source: need.task, target: task.name, data: { on: need.on }, selected: selectedEdges.includes(id) };
    }),
  );
  const onNodesChange = (changes: NodeChange<TaskNode | GroupBox>[]) => {
    const moved: Places = {};
    const chosen = new Set(selected);
    for (const change of changes) {
      if (change.type === 'position' && change.position) moved[change.id] = [Math.round(change.position.x), Math.round(change.position.y)];
      if (change.type === 'select') chosen[change.selected ? 'add' : 'delete'](change.id);
    }
    if (Object.keys(moved).length > 0) setDragged((old) => ({ ...old, ...moved }));
    if (changes.some((change) => change.type === 'select')) onSelect([...chosen]);
  };
  const placeAll = (change: Places): Places => ({ ...Object.fromEntries(places), ...change });
  const finishDrag = () => {
    if (Object.keys(dragged).length === 0) return;
    onChange({ places: placeAll(dragged) });
    setDragged({});
  };
  const drop = (event: React.DragEvent) => {
    const type = types.find(({ name }) => name === event.dataTransfer.getData(DRAGGED));
    if (!type) return;
    event.preventDefault();
    const { x, y } = flow.screenToFlowPosition({ x: event.clientX, y: event.clientY });
    const name = freeName(model, type.name);
    onChange({ text: addTask(draft.text, name, newTaskFields(type)), places: placeAll({ [name]: [Math.round(x - NODE_WIDTH / 2), Math.round(y - NODE_HEIGHT / 2)] }) });
  };
  const align = (axis: 0 | 1) => {
    const [first] = selected.map((name) => places.get(name));
    if (!first) return;
    const moved = Object.fromEntries(
      selected.map((name) => {
        const [x, y] = places.get(name) ?? [0, 0];
        return [name, axis === 0 ? [first[0], y] : [x, first[1]]];
      }),
    ) as Places;
    onChange({ places: placeAll(moved) });
  };
  useClipboard(frame, {
    copy: () => (selected.length > 0 ? copyTasks(draft.text, selected) : null),
    paste: (copied) => {
      const { text: next, names } = pasteTasks(draft.text, copied);
      if (names.length === 0) return false;
      onChange({ text: next });
      onSelect(names);
      return true;
    },
  });
  const empty = model.tasks.length === 0;
  useEffect(() => {
    void flow.fitView({ maxZoom: 1, padding: 0.2 });
  }, [flow, empty]);
  return (
    <div className="editor-canvas" ref={frame} data-testid="editor-canvas" tabIndex={-1} onDragOver={(event) => event.preventDefault()} onDrop={drop}>
      {model.error && <p className="attempt-error">{model.error}</p>}
      {selected.length > 1 && (
        <div className="editor-align row tight">
          <Button size="small" onClick={() => align(0)}>
            {text.editor.alignColumn}
          </Button>
          <Button size="small" onClick={() => align(1)}>
            {text.editor.alignRow}
          </Button>
          <Button size="small" data-testid="editor-group" onClick={() => onChange({ groups: withGroup(draft.groups, freeGroupName(draft.groups, 'group'), selected) })}>
            {text.groups.group}
          </Button>
        </div>
      )}
      <ReactFlow
        nodes={[...boxes, ...nodes]}
        edges={edges}
        nodeTypes={nodeTypes}
        edgeTypes={edgeTypes}
        onNodesChange={onNodesChange}
        onEdgesChange={(changes) => {
          for (const change of changes) {
            if (change.type === 'select') setSelectedEdges((old) => (change.selected ? [...old, change.id] : old.filter((id) => id !== change.id)));
          }
        }}
        onNodeDragStop={finishDrag}
        onConnect={({ source, target }: Connection) => onChange({ text: connect(draft.text, source, target) })}
        onDelete={({ nodes: gone, edges: cut }) => {
          let next = draft.text;
          for (const edge of cut) next = disconnect(next, edge.source, edge.target);
          if (gone.length > 0) next = removeTasks(next, gone.map((node) => node.id));
          onChange({ text: next });
          onSelect([]);
        }}
        deleteKeyCode={['Delete', 'Backspace']}
        onlyRenderVisibleElements
        fitView
        fitViewOptions={{ maxZoom: 1, padding: 0.2 }}
        minZoom={0.05}
      >
        <Background />
        <Controls showInteractive={false} />
      </ReactFlow>
    </div>
  );
}

/** Where tasks are drawn: as kept; what has no place is laid out. */
function usePlaces(model: DocumentModel, kept: Places): Map<string, [number, number]> {
  return useMemo(() => {
    const names = model.tasks.map((task) => task.name);
    const arrows = model.tasks.flatMap((task) => task.needs.map((need): [string, string] => [need.task, task.name]));
    const laid = layerPlaces(names, arrows);
    const below = Math.max(0, ...names.filter((name) => kept[name]).map((name) => (kept[name]?.[1] ?? 0) + 2 * NODE_HEIGHT));
    const lacking = names.filter((name) => !kept[name]);
    if (lacking.length === names.length) return laid;
    return new Map(
      names.map((name): [string, [number, number]] => {
        const place = kept[name];
        return [name, place ?? [lacking.indexOf(name) * (NODE_WIDTH + 40), below]];
      }),
    );
  }, [model, kept]);
}

interface ClipboardActions {
  copy: () => string | null;
  paste: (text: string) => boolean;
}

/** Copies and pastes tasks while the canvas has the focus. */
function useClipboard(frame: React.RefObject<HTMLDivElement | null>, actions: ClipboardActions) {
  const latest = useRef(actions);
  useEffect(() => {
    latest.current = actions;
  });
  useEffect(() => {
    const isHere = () => frame.current?.contains(document.activeElement) ?? false;
    const onCopy = (event: ClipboardEvent) => {
      const copied = isHere() ? latest.current.copy() : null;
      if (!copied) return;
      event.clipboardData?.setData('text/plain', copied);
      event.preventDefault();
    };
    const onPaste = (event: ClipboardEvent) => {
      if (isHere() && latest.current.paste(event.clipboardData?.getData('text/plain') ?? '')) event.preventDefault();
    };
    document.addEventListener('copy', onCopy);
    document.addEventListener('paste', onPaste);
    return () => {
      document.removeEventListener('copy', onCopy);
      document.removeEventListener('paste', onPaste);
    };
  }, [frame]);
}

function TaskNodeView({ data, selected }: NodeProps<TaskNode>) {
  return (
    <div className={`editor-node${data.problems ? ' tone-bad' : ''}`} data-testid={`node-${data.name}`} data-selected={selected} data-problems={data.problems ? 'yes' : undefined} title={data.problems || data.name}>
      <Handle type="target" position={Position.Top} data-testid={`handle-in-${data.name}`} />
      <span className="graph-node-text">
        <strong>
          {data.problems && '⚠ '}
          {data.name}
        </strong>
        <span>{data.type}</span>
      </span>
      <Handle type="source" position={Position.Bottom} data-testid={`handle-out-${data.name}`} />
    </div>
  );
}

function NeedEdgeView({ id, data, ...ends }: EdgeProps<NeedEdge>) {
  const [line] = getBezierPath(ends);
  return (
    <g data-testid={`edge-${id}`} data-on={data?.on}>
      <BaseEdge id={id} path={line} style={data?.on === 'succeeded' ? undefined : { strokeDasharray: '6 4' }} interactionWidth={16} />
    </g>
  );
}
