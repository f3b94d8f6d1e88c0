import { useQueries } from '@tanstack/react-query';
import { useMemo } from 'react';
import { api, client, type Schemas } from '@/api/client';

export interface WorkflowRow extends Omit<Schemas['WorkflowItem'], never> {
  project: string;
}

const RUNS = 14;
const PATH = '/api/v1/projects/{project}/workflows';

/** The workflows of a project, or of all that the user may read. */
export function useWorkflows(project: string | undefined) {
  const projects = api.useQuery('get', '/api/v1/projects', { params: { query: { limit: 200 } } }, { enabled: !project });
  const names = project ? [project] : (projects.data?.items ?? []).map(({ name }) => name);
  const lists = useQueries({
    queries: names.map((name) => ({
      queryKey: ['get', PATH, { params: { path: { project: name }, query: { runs: RUNS } } }, 'all'],
      queryFn: () => readAll(name),
      refetchInterval: 15_000,
    })),
  });
  const pending = (!project && projects.isPending) || lists.some((list) => list.isPending);
  const error = projects.error ?? lists.find((list) => list.error)?.error ?? null;
  const stamp = lists.map((list) => list.dataUpdatedAt).join();
  // eslint-disable-next-line react-hooks/exhaustive-deps -- The stamp stands for the data of all lists.
  const rows = useMemo(() => lists.flatMap((list) => list.data ?? []), [stamp]);
  const refetch = () => {
    void projects.refetch();
    for (const list of lists) void list.refetch();
  };
  return { rows: pending ? undefined : rows, error, refetch, projects: projects.data?.items.map(({ name }) => name) ?? [] };
}

async function readAll(project: string): Promise<WorkflowRow[]> {
  const rows: WorkflowRow[] = [];
  let cursor: string | undefined;
  do {
    const { data } = await client.GET(PATH, { params: { path: { project }, query: { runs: RUNS, limit: 200, cursor } } });
    rows.push(...(data?.items ?? []).map((item) => ({ ...item, project })));
    cursor = data?.next_cursor ?? undefined;
  } while (cursor);
  return rows;
}
