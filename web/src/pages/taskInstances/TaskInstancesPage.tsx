import { useMemo } from 'react';
import type { Schemas } from '@/api/client';
import { useList } from '@/api/useList';
import { useChangeSearch, usePageSearch } from '@/app/routing';
import { first } from '@/app/search';
import { DataTable, type Column } from '@/components/DataTable';
import { Duration } from '@/components/Duration';
import { EmptyPanel } from '@/components/EmptyPanel';
import { InstanceLink, WorkflowLink } from '@/components/links';
import { Page } from '@/components/Page';
import { SavedFilters } from '@/components/SavedFilters';
import { StateBadge } from '@/components/StateBadge';
import { StateSelect } from '@/components/StateSelect';
import { TASK_STATES } from '@/components/states';
import { Time } from '@/components/Time';
import { useText } from '@/i18n/i18n';

type TaskInstance = Schemas['TaskInstance'];

const TEXTS = ['project', 'workflow', 'task', 'worker', 'from', 'to'] as const;

export default function TaskInstancesPage() {
  const text = useText();
  const search = usePageSearch();
  const change = useChangeSearch();
  const query = Object.fromEntries([...TEXTS, 'state'].map((name) => [name, first(search[name])]));
  const list = useList<TaskInstance>('/api/v1/task-instances', { query: { ...query, limit: 50 }, refreshMs: 15_000 });
  const columns = useMemo<Column<TaskInstance>[]>(
    () => [
      { key: 'task', title: text.common.task, render: (row) => <InstanceLink id={row.instance} search={{ task: row.name }}>{row.name}</InstanceLink> },
      { key: 'instance', title: text.common.instance, width: 90, render: (row) => <InstanceLink id={row.instance} /> },
      { key: 'workflow', title: text.common.workflow, render: (row) => <WorkflowLink project={row.project} workflow={row.workflow} /> },
      { key: 'state', title: text.common.state, width: 140, render: (row) => <StateBadge state={row.state} title={row.reason} /> },
      { key: 'type', title: text.common.type, render: (row) => row.type },
      { key: 'worker', title: text.common.worker, render: (row) => row.worker ?? '–' },
      { key: 'attempts', title: text.common.attempts, align: 'right', render: (row) => row.attempts },
      { key: 'started', title: text.common.started, render: (row) => <Time at={row.started_at} /> },
      { key: 'duration', title: text.common.duration, align: 'right', render: (row) => <Duration from={row.started_at} to={row.ended_at} /> },
    ],
    [text],
  );
  return (
    <Page title={text.nav.taskInstances} actions={<SavedFilters page="/task-instances" />}>
      <div className="filters">
        {TEXTS.map((name) => (
          <label key={name}>
            {text.common[name]}
            <input
              className="native"
              data-testid={`filter-${name}`}
              placeholder={name === 'from' || name === 'to' ? '2026-01-31T00:00:00Z' : undefined}
              defaultValue={first(search[name]) ?? ''}
              onBlur={(event) => change({ [name]: event.target.value || undefined })}
              onKeyDown={(event) => event.key === 'Enter' && change({ [name]: event.currentTarget.value || undefined })}
            />
          </label>
        ))}
        <label>
          {text.common.state}
          <StateSelect states={TASK_STATES} value={first(search.state) ?? ''} testId="filter-state" onChange={(value) => change({ state: value })} />
        </label>
      </div>
      <DataTable
        testId="task-instance-table"
        list={list}
        rowKey={(row) => `${row.instance}/${row.name}`}
        rowTestId={(row) => `task-instance-row-${row.instance}/${row.name}`}
        columns={columns}
        empty={<EmptyPanel text={text.instances.noneMatches} />}
      />
    </Page>
  );
}
