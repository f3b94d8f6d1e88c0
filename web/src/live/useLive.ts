import { useQueryClient, type QueryClient } from '@tanstack/react-query';
import { useEffect, useSyncExternalStore } from 'react';
import type { Schemas } from '@/api/client';
import type { StreamEvent } from './eventParser';
import { liveStream } from './liveStream';

/** Time in which events are collected before what they touch is read again. */
const BATCH_MS = 250;

export interface Transition {
  topic: string;
  instance: string;
  project: string;
  workflow: string;
  task?: string;
  attempt?: number;
  to: string;
}

export function useLiveState() {
  return useSyncExternalStore(liveStream.onState, () => liveStream.state);
}

/** Follows topics while the component is shown. */
export function useTopics(...topics: string[]) {
  const key = topics.join(',');
  useEffect(() => (key ? liveStream.addTopics(key.split(',')) : undefined), [key]);
}

export function useLiveEvents(listener: (event: StreamEvent) => void) {
  useEffect(() => liveStream.onEvent(listener), [listener]);
}

/** Lists that show instances, by the paths of their queries. */
const LISTS = [
  '/api/v1/instances',
  '/api/v1/projects/{project}/workflows',
  '/api/v1/projects/{project}/workflows/{workflow}/grid',
  '/api/v1/timeline',
  '/api/v1/statistics',
  '/api/v1/task-instances',
  '/api/v1/approvals',
  '/api/v1/backfills',
];

/** Reads again what is shown and touched by an event: once in a batch, and all of it after a gap of the stream. */
export function useLiveQueries() {
  const queries = useQueryClient();
  useEffect(() => {
    let pending: Transition[] = [];
    let timer: ReturnType<typeof setTimeout> | undefined;
    const flush = () => {
      timer = undefined;
      const batch = pending;
      pending = [];
      applyTransitions(queries, batch);
    };
    const stopEvents = liveStream.onEvent((event) => {
      if (event.name === 'transition') {
        pending.push(JSON.parse(event.data) as Transition);
        timer ??= setTimeout(flush, BATCH_MS);
      }
      if (event.name === 'nodes') void queries.invalidateQueries({ queryKey: ['get', '/api/v1/nodes'] });
      if (event.name === 'backfill') void queries.invalidateQueries({ predicate: (query) => isAbout(query.queryKey, 'backfills') });
    });
    let before = liveStream.state;
    const stopStates = liveStream.onState(() => {
      if (before === 'reconnecting' && liveStream.state === 'live') void queries.invalidateQueries();
      before = liveStream.state;
    });
    return () => {
      stopEvents();
      stopStates();
      clearTimeout(timer);
    };
  }, [queries]);
}

function isAbout(key: readonly unknown[], noun: string): boolean {
  return typeof key[1] === 'string' && key[1].startsWith(`/api/v1/${noun}`);
}

function applyTransitions(queries: QueryClient, batch: Transition[]) {
  const ids = new Set(batch.map((transition) => transition.instance));
  // A step of the instance itself changes what its tasks are shown as, without a step of theirs.
  const whole = new Set(batch.filter((transition) => !transition.task).map((transition) => transition.instance));
  patchGraphs(queries, batch);
  void queries.invalidateQueries({
    predicate: ({ queryKey }) => {
      const path = queryKey[1];
      if (typeof path !== 'string') return false;
      if (LISTS.includes(path)) return true;
      if (!path.startsWith('/api/v1/instances/{id}')) return false;
      const init = queryKey[2] as { params?: { path?: { id?: string } } } | undefined;
      return (path.endsWith('/graph') ? whole : ids).has(init?.params?.path?.id ?? '');
    },
  });
}

/** Graphs are large: the states of their tasks are replaced in place. */
function patchGraphs(queries: QueryClient, batch: Transition[]) {
  const states = new Map<string, Map<string, string>>();
  for (const { instance, task, to } of batch) {
    if (!task) continue;
    if (!states.has(instance)) states.set(instance, new Map());
    states.get(instance)?.set(task, to);
  }
  for (const [id, changed] of states) {
    const key = ['get', '/api/v1/instances/{id}/graph', { params: { path: { id } } }];
    queries.setQueryData(key, (graph: Schemas['Graph'] | undefined) => {
      if (!graph) return graph;
      const nodes = graph.nodes.map((node) => {
        const state = changed.get(node.name);
        return state && state !== node.state ? { ...node, state } : node;
      });
      return { ...graph, nodes };
    });
  }
}
