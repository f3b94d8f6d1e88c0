import { useChangeSearch, usePageSearch } from '@/app/routing';
import { first } from '@/app/search';
import { ProjectSelect } from '@/components/ProjectSelect';
import { StateSelect } from '@/components/StateSelect';
import { useText } from '@/i18n/i18n';
import { EVENTS, NODE_EVENTS } from '@/pages/rules/rules';

export const ALERT_FILTERS = ['project', 'workflow', 'event', 'state', 'from', 'to'] as const;

const STATES = ['waiting', 'delivered', 'failed', 'silenced'];

export function AlertFilters() {
  const text = useText();
  const search = usePageSearch();
  const change = useChangeSearch();
  const value = (name: string) => first(search[name]) ?? '';
  const words: Record<string, string> = text.events;
  return (
    <div className="filters">
      <label>
        {text.common.project}
        <ProjectSelect value={value('project')} onChange={(project) => change({ project })} />
      </label>
      <label>
        {text.alerts.event}
        <select className="native" data-testid="filter-event" value={value('event')} onChange={(event) => change({ event: event.target.value || undefined })}>
          <option value="">{text.common.all}</option>
          {[...EVENTS, ...NODE_EVENTS, 'sql_result'].map((event) => (
            <option key={event} value={event}>
              {words[event] ?? event}
            </option>
          ))}
        </select>
      </label>
      <label>
        {text.alerts.deliveryState}
        <StateSelect states={STATES} value={value('state')} testId="filter-state" onChange={(state) => change({ state })} />
      </label>
      {(['workflow', 'from', 'to'] as const).map((name) => (
        <label key={name}>
          {text.common[name]}
          <input
            key={value(name)}
            className="native"
            data-testid={`filter-${name}`}
            placeholder={name === 'workflow' ? undefined : '2026-01-31T00:00:00Z'}
            defaultValue={value(name)}
            onBlur={(event) => change({ [name]: event.target.value.trim() || undefined })}
            onKeyDown={(event) => event.key === 'Enter' && change({ [name]: event.currentTarget.value.trim() || undefined })}
          />
        </label>
      ))}
    </div>
  );
}
