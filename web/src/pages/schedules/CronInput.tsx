import { useQuery, keepPreviousData } from '@tanstack/react-query';
import { sendJson, type Schemas } from '@/api/client';
import { problemText } from '@/api/problem';
import { useText } from '@/i18n/i18n';
import { useFormatTime } from '@/preferences/time';

interface CronInputProps {
  cron: string;
  every: string;
  /** The other members of the schedule, on which its fires depend. */
  others: Record<string, string>;
  project: string;
  onCron: (cron: string) => void;
  onEvery: (every: string) => void;
}

const FIRES = 5;

/** A cron expression, with what the server says of it: in words, with its next fires, or what is wrong. */
export function CronInput({ cron, every, others, project, onCron, onEvery }: CronInputProps) {
  const text = useText();
  const format = useFormatTime();
  const { timezone, calendar, start, end } = others;
  const body = { ...(every ? { every } : { cron }), timezone, calendar, start, end, project: calendar ? project : undefined, count: FIRES };
  const preview = useQuery({
    queryKey: ['schedule-preview', body],
    queryFn: () => sendJson<Schemas['SchedulePreview']>('POST', '/api/v1/schedules/preview', body),
    placeholderData: keepPreviousData,
    enabled: Boolean(cron || every),
    retry: false,
  });
  return (
    <div className="stack tight">
      <div className="columns">
        <div className="field">
          <label htmlFor="cron">{text.schedules.cron}</label>
          <input id="cron" className="native mono" data-testid="cron-input" disabled={Boolean(every)} value={cron} onChange={(event) => onCron(event.target.value)} />
        </div>
        <div className="field">
          <label htmlFor="every">{text.schedules.orEvery}</label>
          <input id="every" className="native" data-testid="field-every" placeholder="90m" value={every} onChange={(event) => onEvery(event.target.value)} />
        </div>
      </div>
      {preview.error ? (
        <p role="alert" className="attempt-error" data-testid="cron-error">
          {problemText(preview.error)}
        </p>
      ) : (
        <div className="preview-list" data-testid="cron-next">
          <strong>{preview.data?.description}</strong>
          <ol>
            {preview.data?.items.map((fire) => (
              <li key={fire.fire_at}>
                {format(fire.fire_at)} <span className="muted">({fire.local})</span>
              </li>
            ))}
          </ol>
        </div>
      )}
    </div>
  );
}
