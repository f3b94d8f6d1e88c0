import { useMemo } from 'react';
import { useList } from '@/api/useList';
import { useChangeSearch, usePageSearch } from '@/app/routing';
import { first } from '@/app/search';
import { DataTable, type Column } from '@/components/DataTable';
import { EmptyPanel } from '@/components/EmptyPanel';
import { WorkflowLink } from '@/components/links';
import { Marked } from '@/components/Marked';
import { Page } from '@/components/Page';
import { StateBadge } from '@/components/StateBadge';
import { Time } from '@/components/Time';
import { useText } from '@/i18n/i18n';
import { AlertFilters, ALERT_FILTERS } from './AlertFilters';
import { AlertPanel } from './AlertPanel';
import { AlertRetry } from './AlertRetry';
import type { Alert } from './alert';

/** What rules made of events, and what became of the messages. */
export default function AlertsPage() {
  const text = useText();
  const search = usePageSearch();
  const change = useChangeSearch();
  const filter = Object.fromEntries(ALERT_FILTERS.map((name) => [name, first(search[name])]));
  const list = useList<Alert>('/api/v1/alerts', { query: { ...filter, limit: 50 }, refreshMs: 15_000 });
  const opened = first(search.alert);
  const words: Record<string, string> = text.events;
  const columns = useMemo<Column<Alert>[]>(
    () => [
      { key: 'at', title: text.alerts.at, width: 170, render: (row) => <Time at={row.at} /> },
      { key: 'event', title: text.alerts.event, render: (row) => words[row.event] ?? row.event },
      {
        key: 'text',
        title: text.alerts.text,
        render: (row) => (
          <button className="plain link" data-testid="alert-open" aria-expanded={row.id === opened} onClick={() => change({ alert: row.id === opened ? undefined : row.id })}>
            <Marked text={row.text} />
          </button>
        ),
      },
      { key: 'workflow', title: text.common.workflow, render: (row) => (row.project && row.workflow ? <WorkflowLink project={row.project} workflow={row.workflow} /> : '–') },
      { key: 'rule', title: text.rules.rule, render: (row) => <code>{row.rule}</code> },
      { key: 'state', title: text.alerts.deliveries, render: (row) => <Deliveries alert={row} /> },
      { key: 'actions', title: text.common.actions, render: (row) => <AlertRetry alert={row} size="small" /> },
    ],
    [text, words, opened, change],
  );
  const isFiltered = Object.values(filter).some(Boolean);
  return (
    <Page title={text.nav.alerts}>
      <AlertFilters />
      {opened && <AlertPanel id={opened} onClose={() => change({ alert: undefined })} />}
      <DataTable
        testId="alert-table"
        list={list}
        rowKey={(row) => row.id}
        rowTestId={(row) => `alert-row-${row.id}`}
        columns={columns}
        onOpen={(row) => change({ alert: row.id })}
        empty={<EmptyPanel text={isFiltered ? text.instances.noneMatches : text.alerts.empty} />}
      />
    </Page>
  );
}

/** The channels with the state of each message. */
function Deliveries({ alert }: { alert: Alert }) {
  return (
    <span className="chips">
      {alert.deliveries.map((delivery) => (
        <span key={delivery.id} className="row tight nowrap">
          {delivery.channel} <StateBadge state={delivery.state} title={delivery.last_error} />
        </span>
      ))}
    </span>
  );
}
