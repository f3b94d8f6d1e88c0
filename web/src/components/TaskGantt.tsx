import { useMemo } from 'react';
import type { Schemas } from '@/api/client';
import { useText } from '@/i18n/i18n';
import { useNow } from '@/preferences/time';
import { TimeAxisChart, type AxisRow } from './TimeAxisChart';

interface TaskGanttProps {
  tasks: Schemas['Task'][];
  /** The beginning of the instance. */
  begin: string;
  live: boolean;
  onTask: (name: string) => void;
}

/** The tasks of an instance on its axis of time. */
export function TaskGantt({ tasks, begin, live, onTask }: TaskGanttProps) {
  const text = useText();
  const now = useNow(live ? 1000 : null);
  const rows = useMemo(() => rowsOf(tasks, now), [tasks, now]);
  const from = Date.parse(begin);
  const to = Math.max(from + 1, ...rows.flatMap((row) => row.bars.map((bar) => bar.to)));
  if (rows.length === 0) return <p className="muted">{text.instance.nothingStarted}</p>;
  return <TimeAxisChart rows={rows} from={from} to={to} label={text.instance.tabs.gantt} onOpen={onTask} />;
}

function rowsOf(tasks: Schemas['Task'][], now: number): AxisRow[] {
  const started = tasks.filter((task) => task.started_at);
  return started
    .sort((a, b) => (a.started_at ?? '').localeCompare(b.started_at ?? ''))
    .map(({ name, state, started_at: from, ended_at: to }) => ({
      key: name,
      name,
      path: name,
      bars: [{ key: name, from: Date.parse(from ?? ''), to: to ? Date.parse(to) : now, state, title: name, path: name }],
    }));
}
