import { Link } from '@tanstack/react-router';
import { path, send, sendJson, type Schemas } from '@/api/client';
import { useParam } from '@/app/routing';
import { useWriteObstacle } from '@/app/usePermission';
import { ConnectorFacts } from '@/components/connectors/ConnectorFacts';
import { useConnectorForm, useNames, type Connector } from '@/components/connectors/connectors';
import { ResourcePage } from '@/components/ResourcePage';
import { Time } from '@/components/Time';
import { useText } from '@/i18n/i18n';
import { useMailServers } from './useMailServers';

/** The channels of a project with the shared ones, or those that all projects share. */
export default function ChannelsPage() {
  const text = useText();
  const project = useParam('project');
  const obstacle = useWriteObstacle(project);
  const listPath = project ? '/api/v1/projects/{project}/channels' : '/api/v1/channels';
  const place = project ? { project } : undefined;
  const base = project ? path`/api/v1/projects/${project}/channels` : '/api/v1/channels';
  const form = useConnectorForm('/api/v1/channel-types', { connection: useMailServers(project), members: useNames(listPath, place) });
  const at = (name: string) => `${base}/${encodeURIComponent(name)}`;
  return (
    <ResourcePage<Connector>
      noun="channel"
      title={project ? text.channels.of(project) : text.nav.sharedChannels}
      crumbs={project && <Link to="/projects/$project/settings" params={{ project }}>{project}</Link>}
      listPath={listPath}
      path={place}
      nameOf={(row) => row.name}
      keyOf={(row) => (row.shared ? `shared ${row.name}` : row.name)}
      empty={text.channels.empty}
      obstacle={obstacle}
      isFixed={(row) => Boolean(project) && row.shared}
      columns={[
        { key: 'name', title: text.common.name, sortBy: (row) => row.name, render: (row) => <strong>{row.name}</strong> },
        { key: 'type', title: text.common.type, sortBy: (row) => row.type, render: (row) => form.titleOf(row.type) },
        { key: 'description', title: text.common.description, render: (row) => <span className="clamp">{row.description}</span> },
        ...(project ? [{ key: 'from', title: text.common.project, render: (row: Connector) => (row.shared ? <span className="chip">{text.connectors.shared}</span> : project) }] : []),
        { key: 'updated', title: text.common.updated, render: (row) => <Time at={row.updated_at} form="relative" /> },
        { key: 'by', title: text.workflow.createdBy, render: (row) => row.updated_by },
      ]}
      fields={form.fields}
      valuesOf={form.valuesOf}
      save={(values) => sendJson('PUT', at(values.name ?? ''), form.bodyOf(values))}
      remove={(row) => send('DELETE', at(row.name))}
      test={(row) => sendJson<Schemas['ChannelTestView']>('POST', `${at(row.name)}/test`)}
      detail={(row) => <ConnectorFacts name={row.name} facts={project && row.shared ? [[text.common.type, form.titleOf(row.type)]] : form.factsOf(row)} />}
    />
  );
}
