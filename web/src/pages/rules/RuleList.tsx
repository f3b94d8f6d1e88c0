import { useQuery, useQueryClient } from '@tanstack/react-query';
import { Button } from 'antd';
import { useMemo } from 'react';
import { path, sendJson } from '@/api/client';
import { useWriteObstacle } from '@/app/usePermission';
import { useNames } from '@/components/connectors/connectors';
import type { FieldSpec } from '@/components/FormField';
import { useNotices } from '@/components/notices';
import { ResourceList } from '@/components/ResourcePage';
import { linesOf, type FormValues } from '@/components/schemaForm';
import { staticList } from '@/components/staticList';
import { useText } from '@/i18n/i18n';
import { EVENTS, movedUp, NODE_EVENTS, ruleOf, ruleValues, withRule, type PlacedRule, type Rule } from './rules';

/** The rules of a project, or with an empty name those of the server. They are one list, which a save replaces. */
export function RuleList({ project }: { project: string }) {
  const text = useText();
  const queries = useQueryClient();
  const notices = useNotices();
  const obstacle = useWriteObstacle(project);
  const listPath = project ? path`/api/v1/projects/${project}/notify` : '/api/v1/notify';
  const channels = useNames(project ? '/api/v1/projects/{project}/channels' : '/api/v1/channels', project ? { project } : undefined);
  const read = async () => (await sendJson<{ rules: Rule[] }>('GET', listPath)).rules;
  const query = useQuery({ queryKey: ['get', listPath], queryFn: read });
  const rows = useMemo(() => query.data?.map((rule, place) => ({ place, rule })), [query.data]);
  /** Changes the list as it is shown; what another user changed since then is not overwritten. */
  const change = async (edit: (rules: Rule[]) => Rule[]) => {
    const shown = query.data ?? [];
    if (JSON.stringify(await read()) !== JSON.stringify(shown)) {
      void queries.invalidateQueries({ queryKey: ['get', listPath] });
      throw new Error(text.rules.changed);
    }
    const { rules } = await sendJson<{ rules: Rule[] }>('PUT', listPath, { rules: edit(shown) });
    queries.setQueryData(['get', listPath], rules);
  };
  const words: Record<string, string> = text.events;
  const events = project ? EVENTS : [...EVENTS, ...NODE_EVENTS];
  return (
    <ResourceList<PlacedRule>
      noun="rule"
      title={text.rules.rule}
      listPath={listPath}
      source={{ ...staticList(rows ?? []), rows, error: query.error, refetch: query.refetch }}
      nameOf={nameOf}
      empty={text.rules.empty}
      obstacle={obstacle}
      columns={[
        { key: 'name', title: text.common.name, render: (row) => <strong>{nameOf(row)}</strong> },
        { key: 'on', title: text.rules.on, render: ({ rule }) => rule.on.map((event) => words[event] ?? event).join(', ') },
        { key: 'channels', title: text.projects.channels, render: ({ rule }) => <span className="chips">{rule.channels.map((name) => <span className="chip" key={name}>{name}</span>)}</span> },
        { key: 'more', title: text.rules.more, render: ({ rule }) => <span className="small">{text.rules.details(rule).join(' · ') || '–'}</span> },
      ]}
      fields={(_, values) => ruleFields(values)}
      valuesOf={(row) => ruleValues(row?.rule ?? null)}
      save={(values, row) => change((rules) => withRule(rules, ruleOf(values), row?.place ?? null))}
      remove={(row) => change((rules) => rules.filter((_, place) => place !== row.place))}
      actions={(row) => (
        <Button
          size="small"
          data-testid="rule-up"
          disabled={obstacle !== null || row.place === 0}
          title={obstacle ?? text.rules.up}
          aria-label={text.rules.up}
          onClick={() => void change((rules) => movedUp(rules, row.place)).catch(notices.showError)}
        >
          ↑
        </Button>
      )}
    />
  );

  function ruleFields(values: FormValues): FieldSpec[] {
    const on = linesOf(values.on ?? '');
    const times: FieldSpec[] = [
      { name: 'by', label: text.rules.by, placeholder: '06:30', hint: text.rules.byHint },
      { name: 'after', label: text.rules.after, placeholder: '2h', hint: text.rules.afterHint },
    ];
    return [
      { name: 'name', label: text.common.name, hint: text.rules.nameHint },
      { name: 'on', label: text.rules.on, kind: 'checks', required: true, choices: events.map((value) => ({ value, label: words[value] ?? value })) },
      { name: 'channels', label: text.projects.channels, kind: 'checks', required: true, choices: [...new Set(channels)].map((value) => ({ value, label: value })), hint: channels.length === 0 ? text.rules.noChannels : undefined },
      ...(on.includes('late') ? times : []),
      ...(on.includes('not_started') ? [{ name: 'within', label: text.rules.within, placeholder: '15m', hint: text.rules.withinHint }] : []),
      { name: 'group', label: text.rules.group, placeholder: '5m', hint: text.rules.groupHint },
      { name: 'when', label: text.rules.when, mono: true, placeholder: "instance.trigger == 'schedule'", hint: text.rules.whenHint },
      { name: 'children', label: text.rules.children, kind: 'check' },
    ];
  }
}

/** The name of a rule in alerts. */
function nameOf({ place, rule }: PlacedRule): string {
  return rule.name ?? String(place);
}
