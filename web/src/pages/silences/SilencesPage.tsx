import { path, send, sendJson } from '@/api/client';
import { useNames } from '@/components/connectors/connectors';
import { ResourcePage } from '@/components/ResourcePage';
import { StateBadge } from '@/components/StateBadge';
import { Time } from '@/components/Time';
import { useText } from '@/i18n/i18n';
import { EVENTS, NODE_EVENTS } from '@/pages/rules/rules';
import { useNow } from '@/preferences/time';

interface Silence {
  name: string;
  project: string | null;
  workflow: string | null;
  event: string | null;
  until: string;
  reason: string;
  updated_by: string;
}

/** Which alerts are stored and not sent, and until when. */
export default function SilencesPage() {
  const text = useText();
  const now = useNow(30_000);
  const projects = useNames('/api/v1/projects');
  const words: Record<string, string> = text.events;
  const optional = ['project', 'workflow', 'event'] as const;
  return (
    <ResourcePage<Silence>
      noun="silence"
      title={text.nav.silences}
      listPath="/api/v1/silences"
      nameOf={(row) => row.name}
      empty={text.silences.empty}
      columns={[
        { key: 'name', title: text.common.name, sortBy: (row) => row.name, render: (row) => <strong>{row.name}</strong> },
        { key: 'state', title: text.common.state, render: (row) => <StateBadge state={Date.parse(row.until) > now ? 'enabled' : 'disabled'} /> },
        { key: 'what', title: text.silences.what, render: (row) => [row.project, row.workflow, row.event && (words[row.event] ?? row.event)].filter(Boolean).join(' / ') || text.common.all },
        { key: 'until', title: text.silences.until, sortBy: (row) => row.until, render: (row) => <Time at={row.until} /> },
        { key: 'reason', title: text.common.reason, render: (row) => row.reason },
        { key: 'by', title: text.workflow.createdBy, render: (row) => row.updated_by },
      ]}
      fields={(row) => [
        { name: 'name', label: text.common.name, required: true, fixed: row !== null },
        { name: 'project', label: text.common.project, hint: text.silences.emptyForAll, choices: projects.map((value) => ({ value, label: value })) },
        { name: 'workflow', label: text.common.workflow, hint: text.silences.emptyForAll },
        {
          name: 'event',
          label: text.silences.event,
          kind: 'choice',
          choices: [{ value: '', label: text.common.all }, ...[...EVENTS, ...NODE_EVENTS].map((value) => ({ value, label: words[value] ?? value }))],
        },
        { name: 'until', label: text.silences.until, required: true, hint: '2026-12-31T18:00:00Z' },
        { name: 'reason', label: text.common.reason, required: true },
      ]}
      valuesOf={(row) => ({ name: row?.name ?? '', until: row?.until ?? '', reason: row?.reason ?? '', ...Object.fromEntries(optional.map((key) => [key, row?.[key] ?? ''])) })}
      save={({ name = '', until, reason, ...subject }) =>
        sendJson('PUT', path`/api/v1/silences/${name}`, { until, reason, ...Object.fromEntries(Object.entries(subject).filter(([, value]) => value)) })
      }
      remove={(row) => send('DELETE', path`/api/v1/silences/${row.name}`)}
    />
  );
}
