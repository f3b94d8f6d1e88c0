import { Link } from '@tanstack/react-router';
import { useMemo } from 'react';
import { path, send, sendJson, type Schemas } from '@/api/client';
import { useList } from '@/api/useList';
import { useParam } from '@/app/routing';
import { useWriteObstacle } from '@/app/usePermission';
import { DataTable, type Column } from '@/components/DataTable';
import { EmptyPanel } from '@/components/EmptyPanel';
import { InstanceLink } from '@/components/links';
import { ResourcePage } from '@/components/ResourcePage';
import { StateBadge } from '@/components/StateBadge';
import { Time } from '@/components/Time';
import { useText } from '@/i18n/i18n';

type Limit = Schemas['Limit'];
type Entry = Schemas['LimitQueueEntry'];

/** The limits of a project, or those that all projects share. */
export default function LimitsPage() {
  const text = useText();
  const project = useParam('project');
  const obstacle = useWriteObstacle(project);
  const at = (name: string) => (project ? path`/api/v1/projects/${project}/limits/${name}` : path`/api/v1/limits/${name}`);
  const switches = [
    { value: 'true', label: text.common.yes },
    { value: 'false', label: text.common.no },
  ];
  return (
    <ResourcePage<Limit>
      noun="limit"
      title={project ? text.projects.limitsOf(project) : text.nav.sharedLimits}
      crumbs={project && <Link to="/projects/$project/settings" params={{ project }}>{project}</Link>}
      listPath={project ? '/api/v1/projects/{project}/limits' : '/api/v1/limits'}
      path={project ? { project } : undefined}
      nameOf={(row) => row.name}
      empty={text.projects.noLimits}
      obstacle={obstacle}
      isFixed={(row) => Boolean(project) && row.shared}
      columns={[
        { key: 'name', title: text.common.name, sortBy: (row) => row.name, render: (row) => <strong>{row.name}</strong> },
        { key: 'description', title: text.common.description, render: (row) => row.description },
        { key: 'used', title: text.projects.used, sortBy: (row) => row.used, render: (row) => text.cluster.slots(row.used, row.slots) },
        { key: 'waiting', title: text.projects.waiting, align: 'right', sortBy: (row) => row.waiting, render: (row) => row.waiting },
        { key: 'enabled', title: text.common.state, render: (row) => <StateBadge state={row.enabled ? 'enabled' : 'disabled'} /> },
      ]}
      fields={(row) => [
        { name: 'name', label: text.common.name, required: true, fixed: row !== null },
        { name: 'slots', label: text.projects.slots, kind: 'number', required: true },
        { name: 'enabled', label: text.common.enabled, kind: 'choice', choices: switches },
        { name: 'description', label: text.common.description },
      ]}
      valuesOf={(row) => ({ name: row?.name ?? '', slots: String(row?.slots ?? 1), enabled: String(row?.enabled ?? true), description: row?.description ?? '' })}
      save={({ name = '', slots, enabled, description }) => sendJson('PUT', at(name), { slots: Number(slots), enabled: enabled === 'true', description })}
      remove={(row) => send('DELETE', at(row.name))}
      detail={(row) => <LimitQueue key={row.name} limit={row} project={row.shared ? undefined : project} />}
    />
  );
}

function LimitQueue({ limit, project }: { limit: Limit; project: string | undefined }) {
  const text = useText();
  const template = project ? '/api/v1/projects/{project}/limits/{limit}/queue' : '/api/v1/limits/{limit}/queue';
  const list = useList<Entry>(template, { path: { limit: limit.name, ...(project ? { project } : {}) }, query: { limit: 100 }, refreshMs: 5000 });
  const columns = useMemo<Column<Entry>[]>(
    () => [
      { key: 'state', title: text.common.state, render: (row) => <StateBadge state={row.state} /> },
      { key: 'position', title: text.projects.position, align: 'right', render: (row) => row.position ?? '–' },
      { key: 'instance', title: text.common.instance, render: (row) => <InstanceLink id={row.instance} search={{ task: row.task }} /> },
      { key: 'task', title: text.common.task, render: (row) => row.task },
      { key: 'slots', title: text.projects.slots, align: 'right', render: (row) => row.slots },
      { key: 'priority', title: text.common.priority, render: (row) => text.priorities[row.priority as 'medium'] },
      { key: 'since', title: text.common.since, render: (row) => <Time at={row.since} form="relative" /> },
    ],
    [text],
  );
  return (
    <section className="stack tight">
      <h2>{text.projects.queueOf(limit.name)}</h2>
      <DataTable testId="limit-queue" list={list} rowKey={(row) => `${row.instance}/${row.task}`} rowTestId={(row) => `limit-queue-row-${row.instance}/${row.task}`} columns={columns} empty={<EmptyPanel text={text.projects.queueEmpty} />} />
    </section>
  );
}
