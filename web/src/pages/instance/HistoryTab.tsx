import { useMemo } from 'react';
import type { Schemas } from '@/api/client';
import { useList } from '@/api/useList';
import { DataTable, type Column } from '@/components/DataTable';
import { EmptyPanel } from '@/components/EmptyPanel';
import { StateBadge } from '@/components/StateBadge';
import { Time } from '@/components/Time';
import { useText } from '@/i18n/i18n';

type Entry = Schemas['HistoryEntry'];

export function HistoryTab({ instance }: { instance: Schemas['Instance'] }) {
  const text = useText();
  const list = useList<Entry>('/api/v1/instances/{id}/history', { path: { id: instance.id }, query: { limit: 200 } });
  const columns = useMemo<Column<Entry>[]>(
    () => [
      { key: 'at', title: text.instance.at, width: 210, render: (entry) => <Time at={entry.at} digits={3} /> },
      { key: 'task', title: text.common.task, render: (entry) => subjectOf(entry) ?? <span className="muted">{text.common.instance}</span> },
      { key: 'to', title: text.common.state, width: 150, render: (entry) => <StateBadge state={entry.to} /> },
      { key: 'why', title: text.instance.why, render: (entry) => entry.why },
      { key: 'host', title: text.instance.owner, render: (entry) => <span className="mono small">{entry.host}</span> },
      { key: 'epoch', title: text.instance.epoch, align: 'right', width: 64, render: (entry) => entry.epoch },
    ],
    [text],
  );
  return (
    <DataTable
      testId="history-table"
      list={list}
      rowKey={(entry) => [entry.at, entry.task, entry.attempt, entry.from, entry.to].join('/')}
      rowTestId={(entry) => `history-row-${entry.task ?? ''}`}
      columns={columns}
      empty={<EmptyPanel text={text.instance.noHistory} />}
    />
  );
}

function subjectOf({ task, attempt }: Entry): string | undefined {
  return task && attempt ? `${task} / ${attempt}` : task;
}
