import { api, type Schemas } from '@/api/client';
import { GroupedGraph } from '@/components/groups/GroupedGraph';
import { Loaded } from '@/components/Loaded';

interface GraphTabProps {
  instance: Schemas['Instance'];
  selected: string | undefined;
  onTask: (name: string) => void;
}

export function GraphTab({ instance, selected, onTask }: GraphTabProps) {
  const query = api.useQuery('get', '/api/v1/instances/{id}/graph', { params: { path: { id: instance.id } } });
  return (
    <Loaded query={query}>
      {(graph) => (
        <GroupedGraph
          workflow={`${instance.project}/${instance.workflow}`}
          graph={graph}
          name={`${instance.workflow}-${instance.id}`}
          selected={selected}
          onOpen={onTask}
          height="max(360px, calc(100vh - 480px))"
        />
      )}
    </Loaded>
  );
}
