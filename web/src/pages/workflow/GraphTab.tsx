import { useState } from 'react';
import { api } from '@/api/client';
import { useChangeSearch, usePageSearch } from '@/app/routing';
import { first } from '@/app/search';
import { GroupedGraph } from '@/components/groups/GroupedGraph';
import { Loaded } from '@/components/Loaded';
import type { TabProps } from './WorkflowPage';

export function GraphTab({ workflow: { project, name, document } }: TabProps) {
  const change = useChangeSearch();
  const selected = first(usePageSearch().task);
  const [closed, setClosed] = useState('');
  const query = api.useQuery('get', '/api/v1/projects/{project}/workflows/{workflow}/graph', { params: { path: { project, workflow: name } } });
  const tasks = (document as { tasks?: Record<string, unknown> }).tasks ?? {};
  const open = (task: string) => {
    setClosed('');
    change({ task });
  };
  return (
    <Loaded query={query}>
      {(graph) => (
        <div className={selected && selected !== closed ? 'with-drawer' : undefined}>
          <GroupedGraph workflow={`${project}/${name}`} graph={graph} name={name} selected={selected} onOpen={open} />
          {selected && selected !== closed && (
            <aside className="card drawer" data-testid="task-drawer" aria-label={selected}>
              <header>
                <h2>{selected}</h2>
                <button className="plain" onClick={() => change({ task: undefined })}>
                  ✕
                </button>
              </header>
              <pre className="preview-list" style={{ maxHeight: 'none' }}>
                {JSON.stringify(tasks[selected], null, 2)}
              </pre>
            </aside>
          )}
        </div>
      )}
    </Loaded>
  );
}
