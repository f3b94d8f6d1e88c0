import { useNavigate } from '@tanstack/react-router';
import { Button } from 'antd';
import { useMemo, useState } from 'react';
import { api, path, sendJson, type Schemas } from '@/api/client';
import { useWorkflow } from '@/api/useWorkflow';
import { usePageSearch, useParam } from '@/app/routing';
import { all, first } from '@/app/search';
import { WorkflowLink } from '@/components/links';
import { Loaded } from '@/components/Loaded';
import { useNotices } from '@/components/notices';
import { Page } from '@/components/Page';
import { ParamField } from '@/components/ParamField';
import { problemText } from '@/api/problem';
import { useText } from '@/i18n/i18n';
import { declaredParams, likeBody, startBody, type StartForm } from './startForm';
import { StartOptions } from './StartOptions';
import { StartScope } from './StartScope';

export default function StartPage() {
  const project = useParam('project');
  const workflow = useParam('workflow');
  const search = usePageSearch();
  const like = first(search.like);
  const query = useWorkflow(project, workflow);
  const model = api.useQuery('get', '/api/v1/instances/{id}', { params: { path: { id: like ?? '' } } }, { enabled: Boolean(like) });
  const preset = { tasks: all(search.task), scope: first(search.scope) };
  return (
    <Loaded query={query} missing="page">
      {(found) =>
        like ? (
          <Loaded query={model} missing="page">
            {(instance) => <StartView workflow={found} initial={{ ...likeBody(instance), ...(preset.tasks.length > 0 ? preset : {}) }} />}
          </Loaded>
        ) : (
          <StartView workflow={found} initial={preset} />
        )
      }
    </Loaded>
  );
}

function StartView({ workflow, initial }: { workflow: Schemas['WorkflowView']; initial: Partial<StartForm> }) {
  const text = useText();
  const navigate = useNavigate();
  const notices = useNotices();
  const params = useMemo(() => declaredParams(workflow.document), [workflow.document]);
  const [form, setForm] = useState<StartForm>({ params: {}, tasks: [], ...initial });
  const [json, setJson] = useState<string | null>(null);
  const [error, setError] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  // One key for this form: pressing twice, or again after an answer was lost, starts once.
  const [key] = useState(() => crypto.randomUUID());
  const body = startBody(form, params);

  const start = async () => {
    setBusy(true);
    setError(null);
    try {
      const content: unknown = json === null ? body : JSON.parse(json);
      const at = path`/api/v1/projects/${workflow.project}/workflows/${workflow.name}/instances`;
      const instance = await sendJson<Schemas['Instance']>('POST', at, content, { 'Idempotency-Key': `${key}-${hash(JSON.stringify(content))}` });
      notices.show('applied', text.start.started(instance.id));
      await navigate({ to: '/instances/$id', params: { id: instance.id } });
    } catch (problem) {
      setError(problemText(problem));
    } finally {
      setBusy(false);
    }
  };
  return (
    <Page title={text.start.title(workflow.name)} crumbs={<WorkflowLink project={workflow.project} workflow={workflow.name} />}>
      <form
        className="stack"
        data-testid="start-form"
        onSubmit={(event) => {
          event.preventDefault();
          void start();
        }}
      >
        <div className="row tight" role="group" aria-label={text.start.views}>
          <button type="button" className="plain toggle" aria-pressed={json === null} onClick={() => setJson(null)}>
            {text.start.form}
          </button>
          <button type="button" className="plain toggle" aria-pressed={json !== null} data-testid="start-json-tab" onClick={() => setJson(JSON.stringify(body, null, 2))}>
            {text.start.json}
          </button>
        </div>
        {json === null ? (
          <>
            <section className="card stack">
              <h2>{text.instance.params}</h2>
              {params.length === 0 && <p className="muted">{text.start.noParams}</p>}
              <div className="columns">
                {params.map((param) => (
                  <ParamField
                    key={param.name}
                    {...param}
                    value={form.params[param.name] ?? param.value}
                    onChange={(value) => setForm({ ...form, params: { ...form.params, [param.name]: value } })}
                  />
                ))}
              </div>
            </section>
            <StartScope workflow={workflow} form={form} onChange={setForm} />
            <StartOptions form={form} onChange={setForm} />
          </>
        ) : (
          <textarea className="native mono" rows={16} data-testid="start-json" aria-label={text.start.json} value={json} onChange={(event) => setJson(event.target.value)} />
        )}
        {error && (
          <p role="alert" className="attempt-error" data-testid="start-error">
            {error}
          </p>
        )}
        <div>
          <Button type="primary" htmlType="submit" data-testid="start-submit" loading={busy} disabled={!workflow.enabled} title={workflow.enabled ? undefined : text.workflows.disabledHint}>
            {text.workflows.run}
          </Button>
        </div>
      </form>
    </Page>
  );
}

/** A short text that differs where the content does: another content is another start. */
function hash(content: string): string {
  let value = 0;
  for (const letter of content) value = (Math.imul(value, 31) + (letter.codePointAt(0) ?? 0)) | 0;
  return (value >>> 0).toString(36);
}
