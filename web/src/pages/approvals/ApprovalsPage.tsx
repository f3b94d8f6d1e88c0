import { useMemo, useState } from 'react';
import type { Schemas } from '@/api/client';
import { useList } from '@/api/useList';
import { useChangeSearch, usePageSearch } from '@/app/routing';
import { first } from '@/app/search';
import { DataTable, type Column } from '@/components/DataTable';
import { EmptyPanel } from '@/components/EmptyPanel';
import { InstanceLink, WorkflowLink } from '@/components/links';
import { Page } from '@/components/Page';
import { ProjectSelect } from '@/components/ProjectSelect';
import { Time } from '@/components/Time';
import { useText } from '@/i18n/i18n';
import { Decision } from './DecisionForm';

type Approval = Schemas['Approval'];

export default function ApprovalsPage() {
  const text = useText();
  const search = usePageSearch();
  const change = useChangeSearch();
  const project = first(search.project);
  const mine = first(search.mine);
  const list = useList<Approval>('/api/v1/approvals', { query: { project, mine, limit: 50 }, refreshMs: 10_000 });
  const [open, setOpen] = useState<string | null>(null);
  const columns = useMemo<Column<Approval>[]>(
    () => [
      {
        key: 'message',
        title: text.approvals.question,
        render: (row) =>
          open === keyOf(row) ? (
            <Decision instance={row.instance} task={row.task} message={row.message} inputs={row.inputs as Record<string, object>} />
          ) : (
            <button className="plain link" data-testid="approval-open" onClick={() => setOpen(keyOf(row))}>
              {row.message}
            </button>
          ),
      },
      { key: 'workflow', title: text.common.workflow, render: (row) => <WorkflowLink project={row.project} workflow={row.workflow} /> },
      { key: 'instance', title: text.common.instance, render: (row) => <InstanceLink id={row.instance} search={{ task: row.task }} /> },
      { key: 'task', title: text.common.task, render: (row) => row.task },
      { key: 'who', title: text.approvals.approvers, render: (row) => row.approvers.join(', ') || text.approvals.anyone },
      { key: 'since', title: text.common.since, render: (row) => <Time at={row.since} form="relative" /> },
      { key: 'until', title: text.approvals.expires, render: (row) => <Time at={row.expires_at} form="relative" /> },
    ],
    [text, open],
  );
  return (
    <Page title={text.nav.approvals}>
      <div className="filters">
        <label>
          {text.common.project}
          <ProjectSelect value={project ?? ''} onChange={(value) => change({ project: value })} />
        </label>
        <label>
          {text.approvals.whose}
          <select className="native" data-testid="filter-mine" value={mine ?? ''} onChange={(event) => change({ mine: event.target.value || undefined })}>
            <option value="">{text.common.all}</option>
            <option value="true">{text.approvals.mine}</option>
          </select>
        </label>
      </div>
      <DataTable testId="approval-table" list={list} rowKey={keyOf} rowTestId={(row) => `approval-row-${keyOf(row)}`} columns={columns} empty={<EmptyPanel text={text.approvals.empty} />} />
    </Page>
  );
}

function keyOf(row: Approval): string {
  return `${row.instance}/${row.task}`;
}
