import type { Node, NodeProps } from '@xyflow/react';
import { useState } from 'react';
import { NODE_HEIGHT, NODE_WIDTH } from '@/components/graph/geometry';
import { useText } from '@/i18n/i18n';
import type { TaskGroups } from './history';

interface GroupActions {
  onRename: (from: string, to: string) => void;
  onRemove: (name: string) => void;
}

interface GroupData extends GroupActions, Record<string, unknown> {
  name: string;
}

export type GroupBox = Node<GroupData, 'group'>;

/** What a box leaves round its tasks, and above them for its name. */
const MARGIN = 14;
const HEAD = 30;

/** A box round the tasks of each group. It moves with them. */
export function boxesOf(groups: TaskGroups, places: Map<string, number[]>, actions: GroupActions): GroupBox[] {
  return Object.entries(groups).flatMap(([name, tasks]) => {
    const own = tasks.flatMap((task) => (places.has(task) ? [places.get(task) ?? []] : []));
    if (own.length === 0) return [];
    const [left, top] = [Math.min(...own.map(([x = 0]) => x)), Math.min(...own.map(([, y = 0]) => y))];
    const [right, bottom] = [Math.max(...own.map(([x = 0]) => x)), Math.max(...own.map(([, y = 0]) => y))];
    return {
      id: `group ${name}`, type: 'group', position: { x: left - MARGIN, y: top - HEAD }, zIndex: -1, draggable: false, selectable: false, deletable: false,
      width: right - left + NODE_WIDTH + 2 * MARGIN, height: bottom - top + NODE_HEIGHT + HEAD + MARGIN, data: { name, ...actions },
    } as GroupBox;
  });
}

export function GroupBoxView({ data: { name, onRename, onRemove } }: NodeProps<GroupBox>) {
  const text = useText();
  const [draft, setDraft] = useState(name);
  const commit = () => {
    onRename(name, draft.trim());
    // What could not be renamed shows its name again.
    setDraft(name);
  };
  return (
    <div className="editor-group" data-testid={`group-${name}`}>
      <input
        className="nodrag"
        data-testid={`group-name-${name}`}
        aria-label={text.groups.name}
        value={draft}
        onChange={(event) => setDraft(event.target.value)}
        onBlur={commit}
        onKeyDown={(event) => event.key === 'Enter' && event.currentTarget.blur()}
      />
      <button className="plain nodrag" data-testid={`group-remove-${name}`} aria-label={text.groups.ungroup} title={text.groups.ungroup} onClick={() => onRemove(name)}>
        ✕
      </button>
    </div>
  );
}
