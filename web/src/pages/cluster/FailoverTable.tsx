import { useMemo } from 'react';
import type { Schemas } from '@/api/client';
import { useList } from '@/api/useList';
import { DataTable, type Column } from '@/components/DataTable';
import { EmptyPanel } from '@/components/EmptyPanel';
import { Time } from '@/components/Time';
import { useText } from '@/i18n/i18n';
import { formatDuration } from '@/preferences/time';

type Failover = Schemas['Failover'];

/** Who died, when it was noticed, declared and taken over, and what was kept and lost. */
export function FailoverTable() {
  const text = useText();
  const list = useList<Failover>('/api/v1/failovers', { query: { limit: 50 }, refreshMs: 5000 });
  const columns = useMemo<Column<Failover>[]>(
    () => [
      { key: 'dead', title: text.cluster.dead, render: ({ dead }) => <Side side={dead} /> },
      { key: 'survivor', title: text.cluster.survivor, render: ({ survivor }) => <Side side={survivor} /> },
      { key: 'suspected', title: text.cluster.suspected, render: (row) => <Time at={row.suspected_at} digits={3} /> },
      { key: 'declared', title: text.cluster.declared, render: (row) => <Time at={row.declared_at} digits={3} /> },
      {
        key: 'took',
        title: text.cluster.took,
        align: 'right',
        render: (row) => (row.suspected_at ? formatDuration(Date.parse(row.declared_at) - Date.parse(row.suspected_at)) : '–'),
      },
      { key: 'adopted', title: text.cluster.adopted, render: (row) => <Time at={row.acknowledged_at} digits={3} /> },
      { key: 'instances', title: text.nav.instances, align: 'right', render: (row) => row.instances },
      { key: 'kept', title: text.cluster.kept, align: 'right', render: (row) => row.attempts_reattached },
      { key: 'lost', title: text.cluster.lost, align: 'right', render: (row) => row.attempts_lost },
      { key: 'reason', title: text.common.reason, render: (row) => <span className="small">{row.reason}</span> },
    ],
    [text],
  );
  return <DataTable testId="failover-table" list={list} rowKey={(row) => row.id} rowTestId={(row) => `failover-row-${row.id}`} columns={columns} empty={<EmptyPanel text={text.cluster.noFailovers} />} />;
}

function Side({ side }: { side: Schemas['FailoverSide'] }) {
  return (
    <span className="mono small">
      {side.host} #{side.incarnation}
    </span>
  );
}
