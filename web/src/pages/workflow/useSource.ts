import { useQuery } from '@tanstack/react-query';
import { path, send } from '@/api/client';

/** The stored text of a version of a workflow; the newest without a version. */
export function useSource(project: string, workflow: string, version?: number, enabled = true) {
  return useQuery({
    queryKey: ['source', project, workflow, version],
    queryFn: () => readSource(project, workflow, version).then((source) => source.text),
    enabled,
  });
}

export async function readSource(project: string, workflow: string, version?: number): Promise<{ text: string; tag: string | null }> {
  const at = path`/api/v1/projects/${project}/workflows/${workflow}`;
  const response = await send('GET', version === undefined ? at : `${at}?version=${version}`, { headers: { Accept: 'application/yaml' } });
  return { text: await response.text(), tag: response.headers.get('ETag') };
}
