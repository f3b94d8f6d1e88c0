import { useMemo } from 'react';
import type { Schemas } from '@/api/client';
import { useList } from '@/api/useList';
import { DataTable, type Column } from '@/components/DataTable';
import { EmptyPanel } from '@/components/EmptyPanel';
import { InstanceLink } from '@/components/links';
import { StateBadge } from '@/components/StateBadge';
import { Time } from '@/components/Time';
import { useText } from '@/i18n/i18n';
import { formatDuration } from '@/preferences/time';

type Fire = Schemas['ScheduleFire'];

/** What became of the fires of a schedule. */
export function FireTable({ schedule, onClose }: { schedule: Schemas['Schedule']; onClose: () => void }) {
  const text = useText();
  const list = useList<Fire>('/api/v1/projects/{project}/workflows/{workflow}/schedules/{schedule}/fires', {
    path: { project: schedule.project, workflow: schedule.workflow, schedule: schedule.name },
    query: { limit: 20 },
  });
  const columns = useMemo<Column<Fire>[]>(
    () => [
      { key: 'at', title: text.schedules.fireAt, render: (row) => <Time at={row.fire_at} /> },
      { key: 'outcome', title: text.schedules.outcome, render: (row) => <StateBadge state={row.outcome} /> },
      { key: 'count', title: text.schedules.count, align: 'right', render: (row) => row.count },
      { key: 'late', title: text.schedules.late, align: 'right', render: (row) => formatDuration(row.late_ms ?? 0) },
      { key: 'instance', title: text.common.instance, render: (row) => (row.instance ? <InstanceLink id={row.instance} /> : '–') },
      { key: 'why', title: text.common.reason, render: (row) => row.why },
    ],
    [text],
  );
  return (
    <section className="card stack tight">
      <div className="row between">
        <h2>{text.schedules.firesOf(schedule.name)}</h2>
        <button className="plain" aria-label={text.common.close} onClick={onClose}>
          ✕
        </button>
      </div>
      <DataTable testId="fire-table" list={list} rowKey={(row) => row.fire_at} rowTestId={(row) => `fire-row-${row.fire_at}`} columns={columns} empty={<EmptyPanel text={text.schedules.noFires} />} />
    </section>
  );
}
