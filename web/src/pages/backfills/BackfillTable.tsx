import { Link } from '@tanstack/react-router';
import { useMemo } from 'react';
import type { Schemas } from '@/api/client';
import { useList } from '@/api/useList';
import { DataTable, type Column } from '@/components/DataTable';
import { EmptyPanel } from '@/components/EmptyPanel';
import { WorkflowLink } from '@/components/links';
import { StateBadge } from '@/components/StateBadge';
import { StateProgress } from '@/components/StateProgress';
import { Time } from '@/components/Time';
import { useText } from '@/i18n/i18n';

type Backfill = Schemas['Backfill'];

interface BackfillTableProps {
  of?: { project: string; workflow: string };
  query?: Record<string, string | undefined>;
}

export function BackfillTable({ of, query = {} }: BackfillTableProps) {
  const text = useText();
  const list = useList<Backfill>('/api/v1/backfills', { query: { ...query, ...of, limit: 50 }, refreshMs: 15_000 });
  const columns = useMemo<Column<Backfill>[]>(
    () => [
      {
        key: 'id',
        title: text.instances.id,
        width: 80,
        render: (row) => (
          <Link to="/backfills/$id" params={{ id: row.id }}>
            {row.id}
          </Link>
        ),
      },
      { key: 'state', title: text.common.state, width: 130, render: (row) => <StateBadge state={row.state} title={row.reason} /> },
      { key: 'workflow', title: text.common.workflow, render: (row) => <WorkflowLink project={row.project} workflow={row.workflow} /> },
      {
        key: 'range',
        title: text.backfills.range,
        render: (row) =>
          row.from ? (
            <span>
              <Time at={row.from} /> – <Time at={row.to} />
            </span>
          ) : (
            text.backfills.dateCount(row.dates.total)
          ),
      },
      { key: 'progress', title: text.instances.progress, width: 150, render: (row) => <StateProgress total={row.dates.total} byState={row.dates.by_state} /> },
      { key: 'dates', title: text.backfills.dates, align: 'right', render: (row) => row.dates.total },
      { key: 'by', title: text.workflow.createdBy, render: (row) => row.requested_by },
      { key: 'created', title: text.common.created, render: (row) => <Time at={row.created_at} form="relative" /> },
    ],
    [text],
  );
  const wizard = (
    <Link to="/backfills/new" search={of ?? {}} className="ant-btn" data-testid="backfill-new">
      {text.backfills.new}
    </Link>
  );
  return (
    <div className="stack tight">
      <div>{wizard}</div>
      <DataTable
        testId="backfill-table"
        list={list}
        rowKey={(row) => row.id}
        rowTestId={(row) => `backfill-row-${row.id}`}
        columns={columns}
        empty={<EmptyPanel text={text.backfills.empty}>{wizard}</EmptyPanel>}
      />
    </div>
  );
}
