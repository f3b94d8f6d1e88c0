import { useNavigate } from '@tanstack/react-router';
import { useQueries } from '@tanstack/react-query';
import { useMemo } from 'react';
import { api, client, type Schemas } from '@/api/client';
import { useChangeSearch, usePageSearch } from '@/app/routing';
import { first } from '@/app/search';
import { EmptyPanel } from '@/components/EmptyPanel';
import { GraphView } from '@/components/graph/GraphView';
import { Loading } from '@/components/Loading';
import { workflowPath } from '@/components/links';
import { Page } from '@/components/Page';
import { ProjectSelect } from '@/components/ProjectSelect';
import { useText } from '@/i18n/i18n';
import { layerGraph } from './layers';

const PATH = '/api/v1/projects/{project}/lineage';

/** Which workflow names which. */
export default function LineagePage() {
  const text = useText();
  const navigate = useNavigate();
  const search = usePageSearch();
  const change = useChangeSearch();
  const project = first(search.project);
  const workflow = first(search.workflow);
  const projects = api.useQuery('get', '/api/v1/projects', { params: { query: { limit: 200 } } }, { enabled: !project });
  const names = project ? [project] : (projects.data?.items ?? []).map(({ name }) => name);
  const lists = useQueries({
    queries: names.map((name) => ({
      queryKey: ['get', PATH, { params: { path: { project: name }, query: { workflow } } }],
      queryFn: async () => (await client.GET(PATH, { params: { path: { project: name }, query: { workflow } } })).data?.items ?? [],
    })),
  });
  const ready = (project || projects.data) && lists.every((list) => !list.isPending);
  const edges = useMemo(() => lists.flatMap((list) => list.data ?? []), [lists]);
  const graph = useMemo(() => layerGraph(edges as Schemas['WorkflowEdge'][]), [edges]);
  return (
    <Page title={text.nav.lineage}>
      <div className="filters">
        <label>
          {text.common.project}
          <ProjectSelect value={project ?? ''} onChange={(value) => change({ project: value, workflow: undefined })} />
        </label>
      </div>
      <div data-testid="lineage-canvas">
        {!ready && <Loading />}
        {ready && graph.nodes.length === 0 && <EmptyPanel text={text.lineage.empty} />}
        {ready && graph.nodes.length > 0 && (
          <GraphView
            graph={graph}
            name={`lineage-${graph.nodes.length}`}
            onOpen={(node) => {
              const [owner = '', name = ''] = node.split('/');
              void navigate({ to: workflowPath(owner, name) });
            }}
          />
        )}
      </div>
    </Page>
  );
}
