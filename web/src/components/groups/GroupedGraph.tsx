import { Button } from 'antd';
import { GraphView } from '@/components/graph/GraphView';
import type { GraphData } from '@/components/graph/geometry';
import { useText } from '@/i18n/i18n';
import { useGroups, type Groups } from './useGroups';

interface GroupedGraphProps {
  /** `PROJECT/NAME`, by which it is kept what is collapsed. */
  workflow: string;
  graph: GraphData;
  name: string;
  selected?: string;
  onOpen: (task: string) => void;
  height?: string;
}

/** A graph whose groups can be collapsed. A collapsed group opens when it is clicked. */
export function GroupedGraph({ workflow, graph, onOpen, ...view }: GroupedGraphProps) {
  const groups = useGroups(workflow, graph);
  const open = (node: string) => {
    const group = groups.groupOf(node);
    if (group === undefined) onOpen(node);
    else groups.toggle(group);
  };
  return (
    <div className="stack tight">
      {groups.groups.size > 0 && <GroupBar groups={groups} />}
      <GraphView graph={groups.shown} onOpen={open} {...view} />
    </div>
  );
}

function GroupBar({ groups: { groups, collapsed, toggle, set } }: { groups: Groups }) {
  const text = useText();
  const names = [...groups.keys()];
  const isAny = names.some((name) => collapsed.includes(name));
  return (
    <div className="row tight" role="group" aria-label={text.groups.title} data-testid="graph-groups">
      <span className="muted small">{text.groups.title}</span>
      {names.map((name) => {
        const isCollapsed = collapsed.includes(name);
        return (
          <button key={name} className="plain toggle" data-testid={`graph-group-${name}`} aria-expanded={!isCollapsed} title={isCollapsed ? text.groups.expand : text.groups.collapse} onClick={() => toggle(name)}>
            <span aria-hidden="true">{isCollapsed ? '⊞' : '⊟'}</span> {name} <span className="muted">{groups.get(name)}</span>
          </button>
        );
      })}
      <Button size="small" type="link" data-testid="graph-groups-all" onClick={() => set(isAny ? [] : names)}>
        {isAny ? text.groups.expandAll : text.groups.collapseAll}
      </Button>
    </div>
  );
}
