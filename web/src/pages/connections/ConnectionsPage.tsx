import { Link } from '@tanstack/react-router';
import { path, send, sendJson } from '@/api/client';
import { useParam } from '@/app/routing';
import { useWriteObstacle } from '@/app/usePermission';
import { ConnectorFacts } from '@/components/connectors/ConnectorFacts';
import { useConnectorForm, type Connector } from '@/components/connectors/connectors';
import { ResourcePage } from '@/components/ResourcePage';
import { Time } from '@/components/Time';
import { useWorkerGroups } from '@/components/useWorkerGroups';
import { useText } from '@/i18n/i18n';
import { ConnectionGrants } from './ConnectionGrants';

interface Connection extends Connector {
  worker_group?: string;
  /** The key of the host that was accepted at the first contact. */
  accepted_keys?: string;
}

interface ConnectionTest {
  ok: boolean;
  detail: string;
  latency_ms: number;
}

/** The connections of a project with the shared ones that it may use, or those that administrators share. */
export default function ConnectionsPage() {
  const text = useText();
  const project = useParam('project');
  const obstacle = useWriteObstacle(project);
  const form = useConnectorForm('/api/v1/connection-types', { worker_group: useWorkerGroups() });
  const base = project ? path`/api/v1/projects/${project}/connections` : '/api/v1/connections';
  const test = async (at: string, body?: object) => {
    const { ok, detail, latency_ms: latency } = await sendJson<ConnectionTest>('POST', `${at}/test`, body);
    return { ok, detail: `${detail} (${latency} ms)` };
  };
  return (
    <ResourcePage<Connection>
      noun="connection"
      title={project ? text.connections.of(project) : text.nav.sharedConnections}
      crumbs={project && <Link to="/projects/$project/settings" params={{ project }}>{project}</Link>}
      listPath={project ? '/api/v1/projects/{project}/connections' : '/api/v1/connections'}
      path={project ? { project } : undefined}
      nameOf={(row) => row.name}
      empty={text.connections.empty}
      obstacle={obstacle}
      isFixed={(row) => Boolean(project) && row.shared}
      columns={[
        { key: 'name', title: text.common.name, sortBy: (row) => row.name, render: (row) => <strong>{row.name}</strong> },
        { key: 'type', title: text.common.type, sortBy: (row) => row.type, render: (row) => form.titleOf(row.type) },
        { key: 'where', title: text.connections.where, render: (row) => <span className="mono clamp" style={{ overflowWrap: 'anywhere' }}>{placeOf(row)}</span> },
        { key: 'description', title: text.common.description, render: (row) => <span className="clamp">{row.description}</span> },
        ...(project ? [{ key: 'from', title: text.common.project, render: (row: Connection) => (row.shared ? <span className="chip">{text.connectors.shared}</span> : project) }] : []),
        { key: 'updated', title: text.common.updated, render: (row) => <Time at={row.updated_at} form="relative" /> },
      ]}
      fields={form.fields}
      valuesOf={form.valuesOf}
      save={(values) => sendJson('PUT', `${base}/${encodeURIComponent(values.name ?? '')}`, form.bodyOf(values))}
      remove={(row) => send('DELETE', `${base}/${encodeURIComponent(row.name)}`)}
      test={(row) => test(`${base}/${encodeURIComponent(row.name)}`)}
      tryValues={project ? (values) => test(base, form.bodyOf(values)) : undefined}
      detail={(row) =>
        project && row.shared ? (
          <ConnectorFacts name={row.name} facts={[[text.common.type, form.titleOf(row.type)]]}>
            <p className="muted">{text.connections.sharedHint}</p>
          </ConnectorFacts>
        ) : (
          <ConnectorFacts name={row.name} facts={[...form.factsOf(row), ...(row.accepted_keys ? [[text.connections.acceptedKeys, row.accepted_keys] as [string, string]] : [])]}>
            {!project && <ConnectionGrants key={row.name} connection={row.name} />}
          </ConnectorFacts>
        )
      }
    />
  );
}

/** Where a connection leads, as far as one line says it. */
function placeOf(row: Connection): string {
  const { host, port, database, url, path: file } = row as Connection & Record<string, unknown>;
  if (host) return [`${String(host)}:${String(port)}`, database].filter(Boolean).join('/');
  return String(url ?? file ?? '');
}
