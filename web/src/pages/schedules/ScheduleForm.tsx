import { Button, Modal } from 'antd';
import { useState } from 'react';
import { path, sendJson, type Schemas } from '@/api/client';
import { problemText } from '@/api/problem';
import { useNotices } from '@/components/notices';
import { useText } from '@/i18n/i18n';
import { CronInput } from './CronInput';

interface ScheduleFormProps {
  /** The schedule that is changed; null for a new one. */
  schedule: Schemas['Schedule'] | null;
  of?: { project: string; workflow: string };
  onClose: () => void;
  onSaved: () => void;
}

const TEXT_FIELDS = ['timezone', 'calendar', 'start', 'end', 'jitter'] as const;
const MISSED = ['latest', 'skip', 'all'] as const;

export function ScheduleForm({ schedule, of, onClose, onSaved }: ScheduleFormProps) {
  const text = useText();
  const notices = useNotices();
  const [place, setPlace] = useState({ project: of?.project ?? schedule?.project ?? 'default', workflow: of?.workflow ?? schedule?.workflow ?? '', name: schedule?.name ?? '' });
  const [values, setValues] = useState<Record<string, string>>(() => ({
    cron: schedule?.cron ?? '0 0 2 * * ?',
    every: schedule?.every ?? '',
    missed: schedule?.missed ?? 'latest',
    ...Object.fromEntries(TEXT_FIELDS.map((name) => [name, schedule?.[name] ?? ''])),
  }));
  const [error, setError] = useState<string | null>(null);
  const set = (name: string) => (value: string) => setValues({ ...values, [name]: value });
  const given = () => {
    const body = Object.fromEntries(Object.entries(values).filter(([, value]) => value));
    if (body.every) delete body.cron;
    return body;
  };
  const save = async () => {
    setError(null);
    try {
      const kept = schedule ? { params: schedule.params, missed_limit: schedule.missed_limit, enabled: schedule.enabled } : {};
      const at = path`/api/v1/projects/${place.project}/workflows/${place.workflow}/schedules/${place.name}`;
      await sendJson('PUT', at, { ...kept, ...given() });
      notices.show('applied', text.common.saved(place.name));
      onSaved();
      onClose();
    } catch (problem) {
      setError(problemText(problem));
    }
  };
  return (
    <Modal open title={schedule ? schedule.name : text.schedules.new} footer={null} onCancel={onClose} width={640}>
      <div className="stack" data-testid="schedule-form">
        {!schedule && (
          <div className="columns">
            {(['project', 'workflow', 'name'] as const)
              .filter((name) => name === 'name' || !of)
              .map((name) => (
                <div className="field" key={name}>
                  <label htmlFor={`field-${name}`}>{text.common[name]}</label>
                  <input id={`field-${name}`} className="native" data-testid={`field-${name}`} value={place[name]} onChange={(event) => setPlace({ ...place, [name]: event.target.value })} />
                </div>
              ))}
          </div>
        )}
        <CronInput cron={values.cron ?? ''} every={values.every ?? ''} others={given()} project={place.project} onCron={set('cron')} onEvery={set('every')} />
        <div className="columns">
          {TEXT_FIELDS.map((name) => (
            <div className="field" key={name}>
              <label htmlFor={`field-${name}`}>{text.schedules.fields[name]}</label>
              <input id={`field-${name}`} className="native" data-testid={`field-${name}`} value={values[name] ?? ''} onChange={(event) => set(name)(event.target.value)} />
            </div>
          ))}
          <div className="field">
            <label htmlFor="field-missed">{text.schedules.missed}</label>
            <select id="field-missed" className="native" data-testid="field-missed" value={values.missed} onChange={(event) => set('missed')(event.target.value)}>
              {MISSED.map((choice) => (
                <option key={choice} value={choice}>
                  {text.schedules.missedChoices[choice]}
                </option>
              ))}
            </select>
          </div>
        </div>
        {error && (
          <p role="alert" className="attempt-error">
            {error}
          </p>
        )}
        <div className="row" style={{ justifyContent: 'flex-end' }}>
          <Button onClick={onClose}>{text.common.cancel}</Button>
          <Button type="primary" data-testid="schedule-save" disabled={!place.workflow || !place.name} onClick={() => void save()}>
            {text.common.save}
          </Button>
        </div>
      </div>
    </Modal>
  );
}
