import { api } from '@/api/client';
import type { Permission } from './verbs';

/** What the user may do in a project; undefined where the server does not say. */
export function usePermission(project: string | undefined): Permission | undefined {
  const { data } = api.useQuery(
    'get',
    '/api/v1/projects/{project}',
    { params: { path: { project: project ?? '' } } },
    { enabled: Boolean(project), staleTime: 30_000 },
  );
  return (data as { permission?: Permission } | undefined)?.permission;
}
