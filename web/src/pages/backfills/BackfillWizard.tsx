import { useMutation } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { Button } from 'antd';
import { useState } from 'react';
import { path, sendJson, type Schemas } from '@/api/client';
import { problemText } from '@/api/problem';
import { usePageSearch } from '@/app/routing';
import { first } from '@/app/search';
import { useNotices } from '@/components/notices';
import { Page } from '@/components/Page';
import { Time } from '@/components/Time';
import { useText } from '@/i18n/i18n';

const CHOICES = {
  order: ['ascending', 'descending'],
  on_failure: ['continue', 'stop'],
  existing: ['run', 'skip_succeeded', 'skip_all'],
  dependents: ['none', 'direct'],
} as const;
const TEXTS = ['from', 'to', 'schedule', 'timezone', 'parallelism', 'description'] as const;
/** Dates of a preview that are listed. */
const MOST = 50;

type Field = keyof typeof CHOICES | (typeof TEXTS)[number];

/** A backfill in two steps: choose, see its dates, and start. */
export default function BackfillWizard() {
  const text = useText();
  const navigate = useNavigate();
  const notices = useNotices();
  const search = usePageSearch();
  const [project, setProject] = useState(first(search.project) ?? 'default');
  const [workflow, setWorkflow] = useState(first(search.workflow) ?? '');
  const [values, setValues] = useState<Partial<Record<Field, string>>>({});
  const [dryRun, setDryRun] = useState(false);
  const at = path`/api/v1/projects/${project}/workflows/${workflow}/backfills`;
  const body = () => ({
    ...Object.fromEntries(Object.entries(values).filter(([, value]) => value)),
    parallelism: values.parallelism ? Number(values.parallelism) : undefined,
    dry_run: dryRun || undefined,
  });
  const preview = useMutation({ mutationFn: () => sendJson<Schemas['BackfillPlan']>('POST', `${at}?dry_run=true`, body()) });
  const create = useMutation({
    mutationFn: () => sendJson<Schemas['Backfill']>('POST', at, body()),
    onSuccess: async (backfill) => {
      notices.show('applied', text.backfills.created(backfill.id, backfill.dates.total));
      await navigate({ to: '/backfills/$id', params: { id: backfill.id } });
    },
    onError: notices.showError,
  });
  const set = (name: Field, value: string) => {
    setValues({ ...values, [name]: value });
    preview.reset();
  };
  const textField = (name: (typeof TEXTS)[number]) => (
    <div className="field" key={name}>
      <label htmlFor={`field-${name}`}>{text.backfills.fields[name]}</label>
      <input
        id={`field-${name}`}
        className="native"
        data-testid={`field-${name}`}
        placeholder={name === 'from' ? '2026-01-01' : name === 'to' ? '2026-01-31' : name === 'parallelism' ? '1' : undefined}
        value={values[name] ?? ''}
        onChange={(event) => set(name, event.target.value)}
      />
    </div>
  );
  return (
    <Page title={text.backfills.new}>
      <form
        className="stack"
        data-testid="backfill-wizard"
        onSubmit={(event) => {
          event.preventDefault();
          preview.mutate();
        }}
      >
        <section className="card columns">
          <div className="field">
            <label htmlFor="field-project">{text.common.project}</label>
            <input id="field-project" className="native" data-testid="field-project" value={project} onChange={(event) => setProject(event.target.value)} />
          </div>
          <div className="field">
            <label htmlFor="field-workflow">{text.common.workflow}</label>
            <input id="field-workflow" className="native" data-testid="field-workflow" value={workflow} onChange={(event) => setWorkflow(event.target.value)} />
          </div>
          {TEXTS.map(textField)}
          {(Object.keys(CHOICES) as (keyof typeof CHOICES)[]).map((name) => (
            <div className="field" key={name}>
              <label htmlFor={`field-${name}`}>{text.backfills.fields[name]}</label>
              <select id={`field-${name}`} className="native" data-testid={`field-${name}`} value={values[name] ?? CHOICES[name][0]} onChange={(event) => set(name, event.target.value)}>
                {CHOICES[name].map((choice) => (
                  <option key={choice} value={choice}>
                    {text.backfills.choices[choice]}
                  </option>
                ))}
              </select>
            </div>
          ))}
          <label className="row tight">
            <input type="checkbox" data-testid="field-dry_run" checked={dryRun} onChange={(event) => setDryRun(event.target.checked)} /> {text.start.dryRun}
          </label>
        </section>
        {preview.error && (
          <p role="alert" className="attempt-error">
            {problemText(preview.error)}
          </p>
        )}
        {preview.data && (
          <section className="card stack tight" data-testid="backfill-preview" data-total={preview.data.dates.total}>
            <h2>{text.backfills.willRun(preview.data.dates.total)}</h2>
            <ol className="preview-list">
              {preview.data.items.slice(0, MOST).map((date) => (
                <li key={date.scheduled_at}>
                  <Time at={date.scheduled_at} />
                </li>
              ))}
              {preview.data.dates.total > MOST && <li>{text.home.more(preview.data.dates.total - MOST)}</li>}
            </ol>
          </section>
        )}
        <div className="row">
          <Button htmlType="submit" data-testid="backfill-show" loading={preview.isPending} disabled={!workflow}>
            {text.backfills.preview}
          </Button>
          <Button type="primary" data-testid="backfill-submit" disabled={!preview.data} loading={create.isPending} onClick={() => create.mutate()}>
            {text.backfills.start}
          </Button>
        </div>
      </form>
    </Page>
  );
}
