import { api } from '@/api/client';

/** The smtp connections that a channel may send by: those that a project may use, or the shared ones. */
export function useMailServers(project: string): string[] {
  const query = { limit: 200 };
  const own = api.useQuery('get', '/api/v1/projects/{project}/connections', { params: { path: { project }, query } }, { enabled: Boolean(project) });
  const shared = api.useQuery('get', '/api/v1/connections', { params: { query } }, { enabled: !project });
  const items: { name: string; type: string }[] = (project ? own.data : shared.data)?.items ?? [];
  return items.filter(({ type }) => type === 'smtp').map(({ name }) => name);
}
