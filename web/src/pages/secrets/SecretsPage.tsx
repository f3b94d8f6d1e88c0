import { Link } from '@tanstack/react-router';
import { path, send, sendJson, type Schemas } from '@/api/client';
import { useParam } from '@/app/routing';
import { useWriteObstacle } from '@/app/usePermission';
import { ResourcePage } from '@/components/ResourcePage';
import { Time } from '@/components/Time';
import { useText } from '@/i18n/i18n';

/** The secrets of a project: their values are written here, and shown nowhere. */
export default function SecretsPage() {
  const text = useText();
  const project = useParam('project');
  const obstacle = useWriteObstacle(project);
  return (
    <ResourcePage<Schemas['Secret']>
      noun="secret"
      title={text.secrets.of(project)}
      crumbs={<Link to="/projects/$project/settings" params={{ project }}>{project}</Link>}
      listPath="/api/v1/projects/{project}/secrets"
      path={{ project }}
      nameOf={(row) => row.name}
      empty={text.secrets.empty}
      obstacle={obstacle}
      columns={[
        { key: 'name', title: text.common.name, sortBy: (row) => row.name, render: (row) => <strong className="mono">{row.name}</strong> },
        { key: 'use', title: text.secrets.use, render: (row) => <code>{`\${secret.${row.name}}`}</code> },
        { key: 'updated', title: text.common.updated, sortBy: (row) => row.updated_at, render: (row) => <Time at={row.updated_at} form="relative" /> },
        { key: 'by', title: text.workflow.createdBy, render: (row) => row.updated_by },
        { key: 'created', title: text.common.created, render: (row) => <Time at={row.created_at} form="relative" /> },
      ]}
      fields={(row) => [
        { name: 'name', label: text.common.name, required: true, fixed: row !== null, hint: text.secrets.nameHint },
        { name: 'value', label: row ? text.secrets.newValue : text.common.value, kind: 'secret-area', required: true, hint: text.secrets.valueHint },
      ]}
      valuesOf={(row) => ({ name: row?.name ?? '', value: '' })}
      save={({ name = '', value }) => sendJson('PUT', path`/api/v1/projects/${project}/secrets/${name}`, { value })}
      remove={(row) => send('DELETE', path`/api/v1/projects/${project}/secrets/${row.name}`)}
    />
  );
}
