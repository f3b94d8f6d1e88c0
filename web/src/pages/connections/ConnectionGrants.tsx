import { path, send, type Schemas } from '@/api/client';
import { useNames } from '@/components/connectors/connectors';
import { ResourceList } from '@/components/ResourcePage';
import { useText } from '@/i18n/i18n';

/** The projects that may use a shared connection. */
export function ConnectionGrants({ connection }: { connection: string }) {
  const text = useText();
  const projects = useNames('/api/v1/projects');
  const at = (project: string) => path`/api/v1/connections/${connection}/grants/${project}`;
  const choices = [{ value: '*', label: text.connections.everyProject }, ...projects.map((name) => ({ value: name, label: name }))];
  return (
    <div className="stack tight">
      <h3>{text.connections.grants}</h3>
      <ResourceList<Schemas['ConnectionGrant']>
        noun="connection-grant"
        title={text.connections.grants}
        listPath="/api/v1/connections/{connection}/grants"
        path={{ connection }}
        nameOf={(row) => row.project}
        empty={text.connections.noGrants}
        changes="create"
        newText={text.connections.grant}
        columns={[{ key: 'project', title: text.common.project, render: (row) => (row.project === '*' ? text.connections.everyProject : row.project) }]}
        fields={() => [{ name: 'name', label: text.common.project, kind: 'choice', choices }]}
        valuesOf={() => ({ name: '*' })}
        save={({ name = '' }) => send('PUT', at(name))}
        remove={(row) => send('DELETE', at(row.project))}
      />
    </div>
  );
}
