import { useState } from 'react';
import { parse, stringify } from 'yaml';
import type { JsonSchema } from '@/api/jsonSchema';
import { CodeEditor } from '@/components/code/CodeEditor';
import type { Language } from '@/components/code/setup';
import { useText } from '@/i18n/i18n';

interface SchemaFieldProps {
  path: string[];
  schema: JsonSchema;
  /** The task type, by which scripts are highlighted. */
  type: string;
  value: unknown;
  onChange: (path: string[], value: unknown) => void;
}

/** Fields that hold a script, with its language by the task type. */
const SCRIPTS: Record<string, Record<string, Language>> = { run: { shell: 'shell', python: 'python', remote_shell: 'shell' }, sql: { sql: 'sql' } };

/** A field for one key of a document, by its schema. Objects with known keys are fields of their own. */
export function SchemaField({ path, schema, type, value, onChange }: SchemaFieldProps) {
  const text = useText();
  const key = path.join('.');
  const id = `field-${key}`;
  const kind = [schema.type].flat().find((one) => one !== 'null');
  if (kind === 'object' && schema.properties) {
    const object = (value ?? {}) as Record<string, unknown>;
    return (
      <fieldset className="field-set">
        <legend>{key}</legend>
        {Object.entries(schema.properties).map(([name, inner]) => (
          <SchemaField key={name} path={[...path, name]} schema={inner} type={type} value={object[name]} onChange={onChange} />
        ))}
      </fieldset>
    );
  }
  const language = SCRIPTS[path[0] ?? '']?.[type];
  const choices = schema.enum ?? (kind === 'boolean' && !Array.isArray(schema.type) ? [true, false] : undefined);
  const hint = schema.description && <span className="muted small">{schema.description}</span>;
  if (language) {
    return (
      <div className="field wide">
        <span>{key}</span>
        <CodeEditor language={language} value={String(value ?? '')} label={key} testId={id} height="220px" onChange={(next) => onChange(path, next)} />
        {hint}
      </div>
    );
  }
  return (
    <div className="field">
      <label htmlFor={id}>{key}</label>
      {choices ? (
        <select id={id} className="native" data-testid={id} value={value === undefined ? '' : String(value)} onChange={(event) => onChange(path, choices.find((choice) => String(choice) === event.target.value))}>
          <option value="">{schema.default === undefined ? text.common.none : text.editor.byDefault(String(schema.default))}</option>
          {choices.map((choice) => (
            <option key={String(choice)}>{String(choice)}</option>
          ))}
        </select>
      ) : kind === 'string' ? (
        <DraftInput id={id} value={typeof value === 'string' ? value : ''} onCommit={(next) => onChange(path, next || undefined)} />
      ) : kind === 'integer' || kind === 'number' ? (
        <DraftInput id={id} value={value === undefined ? '' : String(value)} onCommit={(next) => onChange(path, next === '' ? undefined : Number.isNaN(Number(next)) ? next : Number(next))} />
      ) : (
        <DraftInput id={id} area value={value === undefined ? '' : stringify(value).trimEnd()} onCommit={(next) => onChange(path, readYaml(next))} />
      )}
      {hint}
    </div>
  );
}

/** What is no YAML stays a text, which the server refuses with its reason. */
function readYaml(text: string): unknown {
  if (!text.trim()) return undefined;
  try {
    return parse(text) as unknown;
  } catch {
    return text;
  }
}

interface DraftInputProps {
  id: string;
  value: string;
  area?: boolean;
  onCommit: (value: string) => void;
}

/** A field whose text is a change of the document when it is left, so that typing is one step. */
function DraftInput({ id, value, area, onCommit }: DraftInputProps) {
  const [draft, setDraft] = useState(value);
  const [shown, setShown] = useState(value);
  if (shown !== value) {
    setShown(value);
    setDraft(value);
  }
  const commit = () => {
    if (draft !== value) onCommit(draft);
  };
  const shared = { id, className: area ? 'native mono' : 'native', 'data-testid': id, value: draft, onBlur: commit };
  return area ? (
    <textarea {...shared} rows={3} onChange={(event) => setDraft(event.target.value)} />
  ) : (
    <input {...shared} onChange={(event) => setDraft(event.target.value)} onKeyDown={(event) => event.key === 'Enter' && commit()} />
  );
}
