import { useQuery } from '@tanstack/react-query';
import { client, type Schemas } from '@/api/client';

const PATH = '/api/v1/instances/{id}/tasks';

/** All tasks of an instance. */
export function useTasks(id: string) {
  return useQuery({ queryKey: ['get', PATH, { params: { path: { id } } }, 'all'], queryFn: () => readAll(id) });
}

async function readAll(id: string): Promise<Schemas['Task'][]> {
  const tasks: Schemas['Task'][] = [];
  let cursor: string | undefined;
  do {
    const { data } = await client.GET(PATH, { params: { path: { id }, query: { limit: 200, cursor } } });
    tasks.push(...(data?.items ?? []));
    cursor = data?.next_cursor ?? undefined;
  } while (cursor);
  return tasks;
}
