import { useMemo } from 'react';
import type { Schemas } from '@/api/client';
import { useChangeSearch, usePageSearch } from '@/app/routing';
import { first } from '@/app/search';
import { DataTable, type Column } from '@/components/DataTable';
import { Duration } from '@/components/Duration';
import { EmptyPanel } from '@/components/EmptyPanel';
import { InstanceLink } from '@/components/links';
import { Loaded } from '@/components/Loaded';
import { StateBadge } from '@/components/StateBadge';
import { StateSelect } from '@/components/StateSelect';
import { TASK_STATES } from '@/components/states';
import { staticList } from '@/components/staticList';
import { Time } from '@/components/Time';
import { useText } from '@/i18n/i18n';
import type { Texts } from '@/i18n/en';
import { useTasks } from './useTasks';

interface TasksTabProps {
  instance: Schemas['Instance'];
  onTask: (name: string) => void;
}

/** Rows that are shown at most; more need a filter. */
const MOST = 500;

export function TasksTab({ instance, onTask }: TasksTabProps) {
  return <Loaded query={useTasks(instance.id)}>{(tasks) => <TaskTable tasks={tasks} onTask={onTask} />}</Loaded>;
}

function TaskTable({ tasks, onTask }: { tasks: Schemas['Task'][]; onTask: (name: string) => void }) {
  const text = useText();
  const search = usePageSearch();
  const change = useChangeSearch();
  const state = first(search.state) ?? '';
  const find = (first(search.find) ?? '').toLowerCase();
  const rows = useMemo(
    () => tasks.filter((task) => (!state || task.state === state) && task.name.toLowerCase().includes(find)),
    [tasks, state, find],
  );
  const columns = useMemo(() => columnsOf(text, onTask), [text, onTask]);
  return (
    <div className="stack tight">
      <div className="filters">
        <label>
          {text.workflows.find}
          <input className="native" type="search" value={first(search.find) ?? ''} onChange={(event) => change({ find: event.target.value || undefined })} />
        </label>
        <label>
          {text.common.state}
          <StateSelect states={TASK_STATES} value={state} testId="filter-state" onChange={(value) => change({ state: value })} />
        </label>
      </div>
      <DataTable
        testId="task-table"
        list={staticList(rows.slice(0, MOST))}
        rowKey={(task) => task.name}
        rowTestId={(task) => `task-row-${task.name}`}
        columns={columns}
        onOpen={(task) => onTask(task.name)}
        empty={<EmptyPanel text={text.instance.noTaskMatches} />}
      />
      {rows.length > MOST && <p className="muted small">{text.instance.moreTasks(rows.length - MOST)}</p>}
    </div>
  );
}

function columnsOf(text: Texts, onTask: (name: string) => void): Column<Schemas['Task']>[] {
  return [
    {
      key: 'name',
      title: text.common.task,
      sortBy: (task) => task.name,
      render: (task) => (
        <button className="plain link" onClick={() => onTask(task.name)}>
          {task.name}
        </button>
      ),
    },
    { key: 'type', title: text.common.type, sortBy: (task) => task.type, render: (task) => task.type },
    { key: 'state', title: text.common.state, sortBy: (task) => task.state, render: (task) => <StateBadge state={task.state} /> },
    {
      key: 'reason',
      title: text.common.reason,
      render: (task) => (
        <span className="small">
          {task.reason} {task.child && <InstanceLink id={task.child} />} {task.reused && <InstanceLink id={task.reused} />}
        </span>
      ),
    },
    { key: 'attempts', title: text.common.attempts, align: 'right', sortBy: (task) => task.attempts, render: (task) => task.attempts },
    { key: 'worker', title: text.common.worker, sortBy: (task) => task.worker ?? '', render: (task) => task.worker ?? '–' },
    { key: 'started', title: text.common.started, sortBy: (task) => task.started_at ?? '', render: (task) => <Time at={task.started_at} /> },
    {
      key: 'duration',
      title: text.common.duration,
      align: 'right',
      sortBy: (task) => (task.started_at ? Date.parse(task.ended_at ?? '9999-01-01') - Date.parse(task.started_at) : 0),
      render: (task) => <Duration from={task.started_at} to={task.ended_at} />,
    },
  ];
}
