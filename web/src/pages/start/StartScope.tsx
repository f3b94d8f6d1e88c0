import { useState } from 'react';
import { api, type Schemas } from '@/api/client';
import { GraphView } from '@/components/graph/GraphView';
import { Loaded } from '@/components/Loaded';
import { useText } from '@/i18n/i18n';
import type { StartForm } from './startForm';

const SCOPES = ['downstream', 'upstream', 'only'] as const;

interface StartScopeProps {
  workflow: Schemas['WorkflowView'];
  form: StartForm;
  onChange: (form: StartForm) => void;
}

/** All of the workflow, or a part of it by clicking tasks. */
export function StartScope({ workflow, form, onChange }: StartScopeProps) {
  const text = useText();
  const { project, name } = workflow;
  const [open, setOpen] = useState(form.tasks.length > 0);
  const query = api.useQuery('get', '/api/v1/projects/{project}/workflows/{workflow}/graph', { params: { path: { project, workflow: name } } }, { enabled: open });
  const toggle = (task: string) => onChange({ ...form, tasks: form.tasks.includes(task) ? form.tasks.filter((other) => other !== task) : [...form.tasks, task] });
  return (
    <section className="card stack tight">
      <div className="row">
        <h2>{text.start.part}</h2>
        <label className="row tight">
          {text.start.scope}
          <select
            className="native"
            data-testid="start-scope"
            value={form.tasks.length > 0 || open ? (form.scope ?? 'downstream') : 'all'}
            onChange={(event) => {
              const scope = event.target.value;
              setOpen(scope !== 'all');
              onChange(scope === 'all' ? { ...form, tasks: [], scope: undefined } : { ...form, scope });
            }}
          >
            <option value="all">{text.start.scopes.all}</option>
            {SCOPES.map((scope) => (
              <option key={scope} value={scope}>
                {text.start.scopes[scope]}
              </option>
            ))}
          </select>
        </label>
        {open && <span className="muted small">{form.tasks.length === 0 ? text.start.clickTasks : form.tasks.join(', ')}</span>}
      </div>
      {open && (
        <Loaded query={query}>{(graph) => <GraphView graph={graph} name={name} marked={new Set(form.tasks)} onOpen={toggle} height="360px" />}</Loaded>
      )}
    </section>
  );
}
