import { useQueryClient } from '@tanstack/react-query';
import { useMemo } from 'react';
import { api, path, sendJson, type Schemas } from '@/api/client';
import { useList } from '@/api/useList';
import { useParam } from '@/app/routing';
import { useConfirm } from '@/components/confirm';
import { DataTable, type Column } from '@/components/DataTable';
import { EmptyPanel } from '@/components/EmptyPanel';
import { InstanceLink, WorkflowLink } from '@/components/links';
import { Loaded } from '@/components/Loaded';
import { useNotices } from '@/components/notices';
import { Page } from '@/components/Page';
import { StateBadge } from '@/components/StateBadge';
import { StateProgress } from '@/components/StateProgress';
import { Time } from '@/components/Time';
import { VerbButton } from '@/components/VerbButton';
import { useText } from '@/i18n/i18n';
import { useTopics } from '@/live/useLive';
import { WorkflowZone } from '@/preferences/time';

const VERBS = ['pause', 'resume', 'cancel', 'retry'] as const;
type Verb = (typeof VERBS)[number];

const APPLIES: Record<Verb, string[]> = { pause: ['running'], resume: ['paused'], cancel: ['running', 'paused'], retry: ['failed', 'cancelled'] };

export default function BackfillPage() {
  const id = useParam('id');
  const query = api.useQuery('get', '/api/v1/backfills/{id}', { params: { path: { id } } }, { refetchInterval: 10_000 });
  useTopics(...(query.data ? [`backfill:${query.data.id}`] : []));
  return (
    <Loaded query={query} missing="page">
      {(backfill) => (
        <WorkflowZone value={backfill.timezone}>
          <BackfillView backfill={backfill} />
        </WorkflowZone>
      )}
    </Loaded>
  );
}

function BackfillView({ backfill }: { backfill: Schemas['Backfill'] }) {
  const text = useText();
  const words: Record<string, string> = text.states;
  const facts: [string, string | number][] = [
    [text.common.version, backfill.version],
    [text.backfills.fields.parallelism, backfill.parallelism],
    [text.backfills.fields.order, text.backfills.choices[backfill.order as 'ascending']],
    [text.backfills.fields.on_failure, text.backfills.choices[backfill.on_failure as 'continue']],
    [text.backfills.fields.existing, text.backfills.choices[backfill.existing as 'run']],
    [text.common.timezone, backfill.timezone],
  ];
  return (
    <Page
      title={`${text.backfills.title} ${backfill.id}`}
      crumbs={<WorkflowLink project={backfill.project} workflow={backfill.workflow} />}
      aside={<StateBadge state={backfill.state} testId="backfill-state" title={backfill.reason} />}
      actions={<BackfillVerbs backfill={backfill} />}
    >
      <section className="card stack tight" data-testid="backfill-progress" data-state={backfill.state}>
        {backfill.reason && <p>{backfill.reason}</p>}
        <StateProgress total={backfill.dates.total} byState={backfill.dates.by_state} />
        <p className="small">
          {Object.entries(backfill.dates.by_state)
            .map(([state, count]) => `${count} ${words[state] ?? state}`)
            .join(' · ')}
        </p>
        <div className="fact-grid">
          {facts.map(([name, value]) => (
            <div key={name}>
              <div className="muted small">{name}</div>
              {value}
            </div>
          ))}
        </div>
      </section>
      <DateTable backfill={backfill} />
    </Page>
  );
}

function BackfillVerbs({ backfill }: { backfill: Schemas['Backfill'] }) {
  const text = useText();
  const words: Record<string, string> = text.states;
  const queries = useQueryClient();
  const confirm = useConfirm();
  const notices = useNotices();
  const run = async (verb: Verb) => {
    if (verb === 'cancel' || verb === 'retry') {
      const question = { title: text.backfills.ask[verb], yes: text.backfills.verbs[verb], danger: verb === 'cancel' };
      if (!(await confirm(question))) return;
    }
    try {
      await sendJson('POST', `${path`/api/v1/backfills/${backfill.id}`}/${verb}`, {});
      notices.show('applied', text.backfills.verbs[verb]);
    } catch (error) {
      notices.showError(error);
    }
    await queries.invalidateQueries({ predicate: ({ queryKey }) => String(queryKey[1]).startsWith('/api/v1/backfills') });
  };
  return (
    <>
      {VERBS.map((verb) => (
        <VerbButton
          key={verb}
          testId={`backfill-${verb}`}
          name={text.backfills.verbs[verb]}
          obstacle={APPLIES[verb].includes(backfill.state) ? null : text.verbs.notInState(words[backfill.state] ?? backfill.state)}
          danger={verb === 'cancel'}
          onRun={() => run(verb)}
        />
      ))}
    </>
  );
}

type BackfillDate = Schemas['BackfillDate'];

function DateTable({ backfill }: { backfill: Schemas['Backfill'] }) {
  const text = useText();
  const list = useList<BackfillDate>('/api/v1/backfills/{id}/dates', { path: { id: backfill.id }, query: { limit: 200 } });
  const columns = useMemo<Column<BackfillDate>[]>(
    () => [
      { key: 'at', title: text.backfills.date, render: (row) => <Time at={row.scheduled_at} /> },
      { key: 'workflow', title: text.common.workflow, render: (row) => <WorkflowLink project={row.project} workflow={row.workflow} /> },
      { key: 'state', title: text.common.state, render: (row) => <StateBadge state={row.state} /> },
      { key: 'instance', title: text.common.instance, render: (row) => (row.instance ? <InstanceLink id={row.instance} /> : '–') },
      { key: 'reason', title: text.common.reason, render: (row) => row.reason },
    ],
    [text],
  );
  return (
    <DataTable
      testId="backfill-dates"
      list={list}
      rowKey={(row) => `${row.project}/${row.workflow}/${row.scheduled_at}`}
      rowTestId={(row) => `backfill-date-${row.scheduled_at}`}
      columns={columns}
      empty={<EmptyPanel text={text.backfills.noDates} />}
    />
  );
}
