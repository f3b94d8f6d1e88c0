import { useMemo } from 'react';
import type { GraphData } from '@/components/graph/geometry';
import { useText } from '@/i18n/i18n';
import { useChangePreferences, usePreferences } from '@/preferences/preferences';
import { collapseGroups, groupNodeName, groupsOf } from './collapse';

const NONE: string[] = [];

/** The graph of a workflow with the groups that the user collapsed, on any page and in any session. */
export function useGroups(workflow: string, graph: GraphData) {
  const text = useText();
  const { collapsed: all = {} } = usePreferences();
  const change = useChangePreferences();
  const collapsed = all[workflow] ?? NONE;
  const groups = useMemo(() => groupsOf(graph.nodes), [graph.nodes]);
  const shown = useMemo(() => collapseGroups(graph, collapsed, text.groups.tasks), [graph, collapsed, text]);
  const set = (names: string[]) => change({ collapsed: { ...all, [workflow]: names } });
  return {
    groups,
    shown,
    collapsed,
    set,
    toggle: (group: string) => set(collapsed.includes(group) ? collapsed.filter((other) => other !== group) : [...collapsed, group]),
    /** The group that a node of the shown graph stands for; undefined for a task. */
    groupOf: (node: string) => collapsed.find((group) => groups.has(group) && groupNodeName(group) === node),
  };
}

export type Groups = ReturnType<typeof useGroups>;
