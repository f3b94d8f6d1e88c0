import { Link } from '@tanstack/react-router';
import { path, send, sendJson, type Schemas } from '@/api/client';
import { ProjectLinks } from '@/components/ProjectLinks';
import { ResourcePage } from '@/components/ResourcePage';
import { Time } from '@/components/Time';
import { useText } from '@/i18n/i18n';

type Project = Schemas['Project'];

export default function ProjectsPage() {
  const text = useText();
  return (
    <ResourcePage<Project>
      noun="project"
      title={text.nav.projects}
      listPath="/api/v1/projects"
      nameOf={(row) => row.name}
      empty={text.projects.empty}
      changes="create"
      columns={[
        {
          key: 'name',
          title: text.common.name,
          sortBy: (row) => row.name,
          render: (row) => (
            <Link to="/projects/$project/settings" params={{ project: row.name }}>
              {row.name}
            </Link>
          ),
        },
        { key: 'description', title: text.common.description, render: (row) => row.description },
        {
          key: 'links',
          title: text.projects.things,
          render: (row) => <ProjectLinks project={row.name} />,
        },
        { key: 'created', title: text.common.created, render: (row) => <Time at={row.created_at} form="relative" /> },
      ]}
      fields={() => [
        { name: 'name', label: text.common.name, required: true },
        { name: 'description', label: text.common.description },
      ]}
      save={(values) => sendJson('POST', '/api/v1/projects', { name: values.name, description: values.description ?? '' })}
      remove={(row) => send('DELETE', path`/api/v1/projects/${row.name}`)}
    />
  );
}
