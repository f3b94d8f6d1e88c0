import { PRIORITIES } from '@/components/priorities';
import { useWorkerGroups } from '@/components/useWorkerGroups';
import { useText } from '@/i18n/i18n';
import type { StartForm } from './startForm';

type TextOption = 'worker_group' | 'timezone' | 'scheduled_at' | 'start_within';

interface StartOptionsProps {
  form: StartForm;
  onChange: (form: StartForm) => void;
}

export function StartOptions({ form, onChange }: StartOptionsProps) {
  const text = useText();
  const groups = useWorkerGroups();
  const field = (name: TextOption, placeholder: string) => (
    <div className="field">
      <label htmlFor={`field-${name}`}>{text.start.options[name]}</label>
      <input
        id={`field-${name}`}
        className="native"
        data-testid={`field-${name}`}
        placeholder={placeholder}
        list={name === 'worker_group' ? 'worker-groups' : name === 'timezone' ? 'zones' : undefined}
        value={form[name] ?? ''}
        onChange={(event) => onChange({ ...form, [name]: event.target.value || undefined })}
      />
    </div>
  );
  return (
    <details className="card">
      <summary>{text.start.moreOptions}</summary>
      <div className="columns" style={{ marginTop: 12 }}>
        <div className="field">
          <label htmlFor="field-priority">{text.common.priority}</label>
          <select id="field-priority" className="native" data-testid="field-priority" value={form.priority ?? ''} onChange={(event) => onChange({ ...form, priority: event.target.value || undefined })}>
            <option value="">{text.start.ofDocument}</option>
            {PRIORITIES.map((priority) => (
              <option key={priority} value={priority}>
                {text.priorities[priority]}
              </option>
            ))}
          </select>
        </div>
        <div className="field">
          <label htmlFor="field-failure_strategy">{text.instance.strategy}</label>
          <select
            id="field-failure_strategy"
            className="native"
            data-testid="field-failure_strategy"
            value={form.failure_strategy ?? ''}
            onChange={(event) => onChange({ ...form, failure_strategy: event.target.value || undefined })}
          >
            <option value="">{text.start.ofDocument}</option>
            <option value="continue">{text.start.strategies.continue}</option>
            <option value="end">{text.start.strategies.end}</option>
          </select>
        </div>
        {field('worker_group', '')}
        {field('timezone', 'Asia/Shanghai')}
        {field('scheduled_at', '2026-01-31T00:00:00Z')}
        {field('start_within', '1h')}
        <label className="row tight">
          <input type="checkbox" data-testid="field-dry_run" checked={form.dry_run ?? false} onChange={(event) => onChange({ ...form, dry_run: event.target.checked })} />
          {text.start.dryRun}
        </label>
      </div>
      <datalist id="worker-groups">
        {groups.map((group) => (
          <option key={group}>{group}</option>
        ))}
      </datalist>
      <datalist id="zones">
        {Intl.supportedValuesOf('timeZone').map((zone) => (
          <option key={zone}>{zone}</option>
        ))}
      </datalist>
    </details>
  );
}
