import { useQueryClient } from '@tanstack/react-query';
import { Button } from 'antd';
import { useMemo, useState } from 'react';
import { path, send, sendJson, type Schemas } from '@/api/client';
import { useList } from '@/api/useList';
import { useConfirm } from '@/components/confirm';
import { DataTable, type Column } from '@/components/DataTable';
import { EmptyPanel } from '@/components/EmptyPanel';
import { InstanceLink, WorkflowLink } from '@/components/links';
import { useNotices } from '@/components/notices';
import { StateBadge } from '@/components/StateBadge';
import { Time } from '@/components/Time';
import { useText } from '@/i18n/i18n';
import { FireTable } from './FireTable';
import { ScheduleForm } from './ScheduleForm';

type Schedule = Schemas['Schedule'];

const LIST = '/api/v1/schedules';

interface ScheduleTableProps {
  /** Of one workflow only. */
  of?: { project: string; workflow: string };
  query?: Record<string, string | undefined>;
}

export function schedulePath({ project, workflow, name }: Pick<Schedule, 'project' | 'workflow' | 'name'>): string {
  return path`/api/v1/projects/${project}/workflows/${workflow}/schedules/${name}`;
}

export function ScheduleTable({ of, query = {} }: ScheduleTableProps) {
  const text = useText();
  const queries = useQueryClient();
  const confirm = useConfirm();
  const notices = useNotices();
  const list = useList<Schedule>(LIST, { query: { ...query, ...of, limit: 100 }, refreshMs: 15_000 });
  const [edited, setEdited] = useState<Schedule | 'new' | null>(null);
  const [fires, setFires] = useState<Schedule | null>(null);
  const refresh = () => queries.invalidateQueries({ predicate: ({ queryKey }) => String(queryKey[1]).includes('schedules') });

  const columns = useMemo(() => {
    const act = async (action: () => Promise<unknown>, done: string) => {
      try {
        await action();
        notices.show('applied', done);
      } catch (error) {
        notices.showError(error);
      }
      void refresh();
    };
    const remove = async (row: Schedule) => {
      if (!(await confirm({ title: text.common.deleteTitle(row.name), yes: text.common.delete, danger: true }))) return;
      await act(() => send('DELETE', schedulePath(row)), text.common.deleted(row.name));
    };
    const flip = (row: Schedule) => {
      const verb = row.enabled ? 'pause' : 'resume';
      return act(() => sendJson('POST', `${schedulePath(row)}/${verb}`, {}), text.schedules.flipped[verb](row.name));
    };
    const all: Column<Schedule>[] = [
      { key: 'name', title: text.common.name, sortBy: (row) => row.name, render: (row) => <strong>{row.name}</strong> },
      { key: 'workflow', title: text.common.workflow, sortBy: (row) => row.workflow, render: (row) => <WorkflowLink project={row.project} workflow={row.workflow} /> },
      {
        key: 'when',
        title: text.schedules.when,
        render: (row) => (
          <div>
            {row.description}
            <div className="muted small mono nowrap">{row.cron ?? text.schedules.every(row.every ?? '')}</div>
            <div className="muted small">{row.timezone}</div>
          </div>
        ),
      },
      { key: 'calendar', title: text.schedules.calendar, render: (row) => row.calendar ?? '–' },
      { key: 'state', title: text.common.state, width: 110, render: (row) => <StateBadge state={row.enabled ? 'enabled' : 'disabled'} /> },
      {
        key: 'next',
        title: text.workflows.nextFire,
        sortBy: (row) => row.next_fire_at ?? '9',
        render: (row) => (
          <div>
            <Time at={row.next_fire_at} />
            {row.attention && <StateBadge state="attention" title={row.attention.detail} />}
          </div>
        ),
      },
      { key: 'last', title: text.schedules.last, render: (row) => (row.last_instance ? <InstanceLink id={row.last_instance} /> : '–') },
      {
        key: 'actions',
        title: text.common.actions,
        width: 290,
        render: (row) => {
          const fixed = row.managed_by === 'document' ? text.schedules.managed : undefined;
          return (
            <span className="row tight">
              <Button size="small" data-testid="schedule-flip" onClick={() => void flip(row)}>
                {row.enabled ? text.schedules.pause : text.schedules.resume}
              </Button>
              <Button size="small" onClick={() => setFires(row)}>
                {text.schedules.fires}
              </Button>
              <Button size="small" disabled={Boolean(fixed)} title={fixed} onClick={() => setEdited(row)}>
                {text.common.edit}
              </Button>
              <Button size="small" danger data-testid="schedule-delete" disabled={Boolean(fixed)} title={fixed} onClick={() => void remove(row)}>
                {text.common.delete}
              </Button>
            </span>
          );
        },
      },
    ];
    return all.filter((column) => !of || column.key !== 'workflow');
  }, [text, of?.workflow]); // eslint-disable-line react-hooks/exhaustive-deps -- What the actions use does not change.
  return (
    <div className="stack tight">
      <div>
        <Button data-testid="schedule-new" onClick={() => setEdited('new')}>
          {text.schedules.new}
        </Button>
      </div>
      <DataTable
        testId="schedule-table"
        list={list}
        rowKey={(row) => `${row.project}/${row.workflow}/${row.name}`}
        rowTestId={(row) => `schedule-row-${row.name}`}
        columns={columns}
        empty={<EmptyPanel text={text.schedules.empty} />}
      />
      {fires && <FireTable key={schedulePath(fires)} schedule={fires} onClose={() => setFires(null)} />}
      {edited && <ScheduleForm schedule={edited === 'new' ? null : edited} of={of} onClose={() => setEdited(null)} onSaved={() => void refresh()} />}
    </div>
  );
}
