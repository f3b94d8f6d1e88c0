import { memo } from 'react';
import { useText } from '@/i18n/i18n';
import { StateIcon } from '../StateIcon';
import { toneOf } from '../states';
import { NODE_HEIGHT, NODE_WIDTH, type GraphNodeData } from './geometry';

interface GraphNodeProps {
  node: GraphNodeData;
  mark: 'selected' | 'found' | 'dim' | 'none';
  onOpen: (name: string) => void;
}

/** A task as an element of the page: reached by keys, read aloud. */
export const GraphNode = memo(function GraphNode({ node, mark, onOpen }: GraphNodeProps) {
  const words: Record<string, string> = useText().states;
  return (
    <button
      type="button"
      className={`graph-node tone-${toneOf(node.state ?? '')}`}
      style={{ left: node.x, top: node.y, width: NODE_WIDTH, height: NODE_HEIGHT }}
      data-testid={`task-node-${node.name}`}
      data-state={node.state}
      data-mark={mark}
      title={node.name}
      onClick={() => onOpen(node.name)}
    >
      {node.state && <StateIcon state={node.state} size={18} />}
      <span className="graph-node-text">
        <strong>{node.name}</strong>
        <span>{node.state ? `${words[node.state] ?? node.state} · ${node.type}` : node.type}</span>
      </span>
    </button>
  );
});
