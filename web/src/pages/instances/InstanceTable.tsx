import { useNavigate } from '@tanstack/react-router';
import { useMemo, type ReactNode } from 'react';
import type { Schemas } from '@/api/client';
import { DataTable, type Column, type Selection } from '@/components/DataTable';
import { Duration } from '@/components/Duration';
import { InstanceLink, WorkflowLink } from '@/components/links';
import { StateBadge } from '@/components/StateBadge';
import { StateProgress } from '@/components/StateProgress';
import type { ListSource } from '@/components/staticList';
import { Time } from '@/components/Time';
import type { Texts } from '@/i18n/en';
import { useText } from '@/i18n/i18n';
import { TriggerText } from '@/pages/instance/InstanceFacts';

type Instance = Schemas['Instance'];

interface InstanceTableProps {
  list: ListSource<Instance>;
  empty: ReactNode;
  selection?: Selection;
  /** Leaves out the column of the workflow on a page about one. */
  of?: 'any' | 'workflow';
}

export function InstanceTable({ list, empty, selection, of = 'any' }: InstanceTableProps) {
  const text = useText();
  const navigate = useNavigate();
  const columns = useMemo(() => columnsOf(text).filter((column) => of === 'any' || column.key !== 'workflow'), [text, of]);
  return (
    <DataTable
      testId="instance-table"
      list={list}
      rowKey={(row) => row.id}
      rowTestId={(row) => `instance-row-${row.id}`}
      columns={columns}
      selection={selection}
      onOpen={(row) => void navigate({ to: '/instances/$id', params: { id: row.id } })}
      empty={empty}
    />
  );
}

function columnsOf(text: Texts): Column<Instance>[] {
  return [
    { key: 'id', title: text.instances.id, width: 90, render: (row) => <InstanceLink id={row.id} /> },
    { key: 'state', title: text.common.state, width: 130, render: (row) => <StateBadge state={row.state} title={row.reason} /> },
    { key: 'workflow', title: text.common.workflow, render: (row) => <WorkflowLink project={row.project} workflow={row.workflow} /> },
    { key: 'reason', title: text.common.reason, render: (row) => <Reason row={row} /> },
    { key: 'tasks', title: text.instances.progress, width: 140, render: (row) => <StateProgress total={row.tasks.total} byState={row.tasks.by_state} /> },
    { key: 'trigger', title: text.instance.trigger, render: (row) => <Trigger row={row} /> },
    { key: 'started', title: text.common.started, render: (row) => <Time at={row.started_at} form="relative" /> },
    { key: 'duration', title: text.common.duration, align: 'right', render: (row) => <Duration from={row.started_at} to={row.ended_at} /> },
  ];
}

function Trigger({ row }: { row: Instance }) {
  return (
    <div>
      <TriggerText instance={row} />
      {row.scheduled_at && (
        <div className="muted small">
          <Time at={row.scheduled_at} />
        </div>
      )}
    </div>
  );
}

function Reason({ row }: { row: Instance }) {
  return (
    <span className="clamp small" title={row.reason ?? undefined}>
      {row.attention && <StateBadge state="attention" title={row.attention.detail} />} {row.reason}
    </span>
  );
}
