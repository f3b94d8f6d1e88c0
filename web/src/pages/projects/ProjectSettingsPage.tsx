import { useQueryClient } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { Button } from 'antd';
import { useState } from 'react';
import { api, path, send, sendJson, type Schemas } from '@/api/client';
import { useParam } from '@/app/routing';
import { useUser } from '@/app/user';
import { FormField } from '@/components/FormField';
import { Loaded } from '@/components/Loaded';
import { useNotices } from '@/components/notices';
import { Page } from '@/components/Page';
import { PRIORITIES } from '@/components/priorities';
import { ProjectLinks } from '@/components/ProjectLinks';
import { ResourceList } from '@/components/ResourcePage';
import { useText } from '@/i18n/i18n';
import { RuleList } from '@/pages/rules/RuleList';

const PERMISSIONS = ['read', 'execute', 'write'] as const;

export default function ProjectSettingsPage() {
  const text = useText();
  const project = useParam('project');
  const query = api.useQuery('get', '/api/v1/projects/{project}', { params: { path: { project } } });
  return (
    <Loaded query={query} missing="page">
      {(found) => (
        <Page title={found.name} crumbs={<Link to="/projects">{text.nav.projects}</Link>} actions={<ProjectLinks project={project} />}>
          <SettingsForm key={found.updated_at} project={found} />
          <h2>{text.projects.grants}</h2>
          <Grants project={project} />
          <h2>{text.rules.title}</h2>
          <p className="muted">{text.rules.projectHint}</p>
          <RuleList project={project} />
        </Page>
      )}
    </Loaded>
  );
}

function SettingsForm({ project }: { project: Schemas['Project'] }) {
  const text = useText();
  const queries = useQueryClient();
  const notices = useNotices();
  const admin = useUser().role === 'admin';
  const [values, setValues] = useState({
    description: project.description,
    worker_group: project.defaults.worker_group ?? '',
    priority: project.defaults.priority ?? '',
    timeout: project.defaults.timeout ?? '',
    retention: project.retention ?? '',
    max_instances: project.max_instances?.toString() ?? '',
    max_tasks: project.max_tasks?.toString() ?? '',
    weight: project.weight.toString(),
  });
  const set = (name: string) => (value: string) => setValues({ ...values, [name]: value });
  const number = (value: string) => (value === '' ? null : Number(value));
  const save = async () => {
    const { description, worker_group: group, priority, timeout } = values;
    const defaults = { ...project.defaults, worker_group: group || undefined, priority: priority || undefined, timeout: timeout || undefined };
    const reserved = { retention: values.retention || null, max_instances: number(values.max_instances), max_tasks: number(values.max_tasks), weight: Number(values.weight) };
    try {
      await sendJson('PATCH', path`/api/v1/projects/${project.name}`, { description, defaults, ...(admin ? reserved : {}) });
      notices.show('applied', text.common.saved(project.name));
    } catch (error) {
      notices.showError(error);
    }
    await queries.invalidateQueries({ queryKey: ['get', '/api/v1/projects/{project}'] });
  };
  const priorities = [{ value: '', label: text.common.none }, ...PRIORITIES.map((value) => ({ value, label: text.priorities[value] }))];
  return (
    <form
      className="card stack"
      data-testid="project-form"
      onSubmit={(event) => {
        event.preventDefault();
        void save();
      }}
    >
      <FormField spec={{ name: 'description', label: text.common.description }} value={values.description} onChange={set('description')} />
      <h3>{text.projects.defaults}</h3>
      <div className="columns">
        <FormField spec={{ name: 'worker_group', label: text.start.options.worker_group }} value={values.worker_group} onChange={set('worker_group')} />
        <FormField spec={{ name: 'priority', label: text.common.priority, kind: 'choice', choices: priorities }} value={values.priority} onChange={set('priority')} />
        <FormField spec={{ name: 'timeout', label: text.projects.timeout, placeholder: '2h' }} value={values.timeout} onChange={set('timeout')} />
      </div>
      <h3>{text.projects.reserved}</h3>
      <div className="columns">
        <FormField spec={{ name: 'retention', label: text.projects.retention, placeholder: '90d', fixed: !admin }} value={values.retention} onChange={set('retention')} />
        <FormField spec={{ name: 'max_instances', label: text.projects.maxInstances, kind: 'number', fixed: !admin }} value={values.max_instances} onChange={set('max_instances')} />
        <FormField spec={{ name: 'max_tasks', label: text.projects.maxTasks, kind: 'number', fixed: !admin }} value={values.max_tasks} onChange={set('max_tasks')} />
        <FormField spec={{ name: 'weight', label: text.projects.weight, kind: 'number', fixed: !admin }} value={values.weight} onChange={set('weight')} />
      </div>
      <div>
        <Button type="primary" htmlType="submit" data-testid="project-save">
          {text.common.save}
        </Button>
      </div>
    </form>
  );
}

function Grants({ project }: { project: string }) {
  const text = useText();
  return (
    <ResourceList<Schemas['GrantView']>
      noun="grant"
      title={text.projects.grants}
      listPath="/api/v1/projects/{project}/grants"
      path={{ project }}
      nameOf={(row) => row.user}
      empty={text.projects.noGrants}
      columns={[
        { key: 'user', title: text.projects.who, render: (row) => row.user },
        { key: 'permission', title: text.projects.permission, render: (row) => text.permissions[row.permission] },
      ]}
      fields={(row) => [
        { name: 'name', label: text.projects.who, required: true, fixed: row !== null, hint: text.projects.whoHint },
        { name: 'permission', label: text.projects.permission, kind: 'choice', choices: PERMISSIONS.map((value) => ({ value, label: text.permissions[value] })) },
      ]}
      valuesOf={(row) => ({ name: row?.user ?? '', permission: row?.permission ?? 'read' })}
      save={(values) => sendJson('PUT', path`/api/v1/projects/${project}/grants/${values.name ?? ''}`, { permission: values.permission })}
      remove={(row) => send('DELETE', path`/api/v1/projects/${project}/grants/${row.user}`)}
    />
  );
}
