import { useState } from 'react';
import { useText } from '@/i18n/i18n';
import { setField, taskFields } from './document';
import { SchemaField } from './SchemaField';
import { useTaskTypes } from './taskTypes';

interface TaskFormProps {
  source: string;
  task: string;
  onChange: (source: string) => void;
  onRename: (name: string) => void;
}

/** The fields of a task, from the JSON Schema of its type. What it needs is drawn on the canvas. */
export function TaskForm({ source, task, onChange, onRename }: TaskFormProps) {
  const text = useText();
  const types = useTaskTypes();
  const fields = taskFields(source, task);
  const type = types.find(({ name }) => name === fields.type);
  const [name, setName] = useState(task);
  const required = type?.schema.required ?? [];
  const properties = Object.entries(type?.schema.properties ?? {}).filter(([key]) => key !== 'type' && key !== 'needs');
  const sorted = properties.sort(([a], [b]) => rank(a, required, fields) - rank(b, required, fields));
  const rename = () => {
    if (!name || name === task) return;
    onRename(name);
  };
  return (
    <section className="card stack" data-testid="task-form">
      <div className="columns">
        <div className="field">
          <label htmlFor="field-name">{text.common.name}</label>
          <input id="field-name" className="native" data-testid="field-name" value={name} onChange={(event) => setName(event.target.value)} onBlur={rename} onKeyDown={(event) => event.key === 'Enter' && rename()} />
        </div>
        <div className="field">
          <label htmlFor="field-type">{text.common.type}</label>
          <select id="field-type" className="native" data-testid="field-type" value={String(fields.type ?? '')} onChange={(event) => onChange(setField(source, task, ['type'], event.target.value))}>
            {types.map((one) => (
              <option key={one.name}>{one.name}</option>
            ))}
          </select>
        </div>
      </div>
      <div className="columns">
        {sorted.map(([key, schema]) => (
          <SchemaField key={key} path={[key]} schema={schema} type={String(fields.type)} value={fields[key]} onChange={(path, value) => onChange(setField(source, task, path, value))} />
        ))}
      </div>
    </section>
  );
}

/** What the type needs comes first, then what is set, then the rest. */
function rank(key: string, required: string[], fields: Record<string, unknown>): number {
  if (required.includes(key)) return 0;
  return fields[key] === undefined ? 2 : 1;
}
