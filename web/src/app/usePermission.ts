import { api } from '@/api/client';
import { useText } from '@/i18n/i18n';
import { permits, type Permission } from './permission';
import { useIsAdmin } from './user';

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

/**
 * Says why the user may not change things of a project, or, with an empty name, those that all projects share; null where
 * they may.
 */
export function useWriteObstacle(project: string): string | null {
  const text = useText();
  const admin = useIsAdmin();
  const permission = usePermission(project);
  if (!project) return admin ? null : text.verbs.needsAdmin;
  return permits(permission, 'write') ? null : text.verbs.needsPermission('write');
}
