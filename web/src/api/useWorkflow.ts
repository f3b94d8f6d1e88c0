import { useQuery } from '@tanstack/react-query';
import { path, sendJson, type Schemas } from './client';

const PATH = '/api/v1/projects/{project}/workflows/{workflow}';

/** The current version of a workflow. The API also answers with its source, which the generated types do not tell apart. */
export function useWorkflow(project: string, workflow: string) {
  return useQuery({
    queryKey: ['get', PATH, { params: { path: { project, workflow } } }],
    queryFn: () => sendJson<Schemas['WorkflowView']>('GET', path`/api/v1/projects/${project}/workflows/${workflow}`),
  });
}
