import { api } from '@/api/client';

/** The worker groups that have a node. */
export function useWorkerGroups(): string[] {
  const nodes = api.useQuery('get', '/api/v1/nodes', { params: { query: { limit: 200 } } });
  return [...new Set(nodes.data?.items.map((node) => node.worker_group))];
}
