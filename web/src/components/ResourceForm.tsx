import { Button, Modal } from 'antd';
import { useState, type ReactNode } from 'react';
import { ProblemError, problemText } from '@/api/problem';
import { useText } from '@/i18n/i18n';
import { FormField, type FieldSpec } from './FormField';
import { useNotices } from './notices';
import type { FormValues } from './schemaForm';

/** What a trial found: whether it worked, and the words of the other side. */
export interface Trial {
  ok: boolean;
  detail: string;
}

export interface FormProps<T> {
  /** The noun of its test ids. */
  noun: string;
  title: string;
  nameOf: (row: T) => string;
  /** The fields of a new thing, or of one that is changed; they may follow what is filled in. */
  fields?: (row: T | null, values: FormValues) => FieldSpec[];
  valuesOf?: (row: T | null) => FormValues;
  save?: (values: FormValues, row: T | null) => Promise<unknown>;
  /** Tries what is filled in, without storing it. */
  tryValues?: (values: FormValues, row: T | null) => Promise<Trial>;
  /** What a save shows, for example a secret that is shown once. */
  saved?: (answer: unknown) => ReactNode;
}

interface ResourceFormProps<T> extends FormProps<T> {
  row: T | null;
  onClose: () => void;
  onSaved: () => void;
}

/** A form in a dialog, with what the server said at the fields that it named. */
export function ResourceForm<T extends object>(props: ResourceFormProps<T>) {
  const { noun, title, row, nameOf, fields, valuesOf, save, tryValues, saved, onClose, onSaved } = props;
  const text = useText();
  const notices = useNotices();
  const [values, setValues] = useState<FormValues>(() => valuesOf?.(row) ?? {});
  const [error, setError] = useState<unknown>(null);
  const [trial, setTrial] = useState<Trial | null>(null);
  const [busy, setBusy] = useState(false);
  const [shown, setShown] = useState<ReactNode>(null);
  const specs = fields?.(row, values) ?? [];
  const problems = problemsOf(error, specs);
  const run = async (action: () => Promise<void>) => {
    setError(null);
    setTrial(null);
    setBusy(true);
    await action().catch(setError);
    setBusy(false);
  };
  const submit = () =>
    run(async () => {
      const answer = await save?.(values, row);
      notices.show('applied', text.common.saved(row ? nameOf(row) : values.name || title));
      onSaved();
      const after = saved?.(answer);
      if (after) setShown(after);
      else onClose();
    });
  return (
    <Modal open title={row ? nameOf(row) : text.common.create} footer={null} onCancel={onClose} width={specs.length > 8 ? 760 : 560}>
      {shown ?? (
        <form
          className="stack"
          data-testid={`${noun}-form`}
          onSubmit={(event) => {
            event.preventDefault();
            void submit();
          }}
        >
          <div className={specs.length > 8 ? 'form-grid' : 'stack'}>
            {groupsOf(specs).map((group) => (
              <Group key={group[0]?.name} specs={group} values={values} problems={problems.fields} onChange={setValues} />
            ))}
          </div>
          {problems.rest && (
            <p role="alert" className="attempt-error" data-testid={`${noun}-error`}>
              {problems.rest}
            </p>
          )}
          {trial && <TrialResult noun={noun} trial={trial} />}
          <div className="row" style={{ justifyContent: 'flex-end' }}>
            {tryValues && (
              <Button data-testid={`${noun}-try`} disabled={busy} style={{ marginRight: 'auto' }} onClick={() => void run(async () => setTrial(await tryValues(values, row)))}>
                {text.common.test}
              </Button>
            )}
            <Button onClick={onClose}>{text.common.cancel}</Button>
            <Button type="primary" htmlType="submit" data-testid={`${noun}-save`} loading={busy}>
              {text.common.save}
            </Button>
          </div>
        </form>
      )}
    </Modal>
  );
}

function TrialResult({ noun, trial }: { noun: string; trial: Trial }) {
  const text = useText();
  return (
    <p role="status" className={trial.ok ? 'trial' : 'attempt-error'} data-testid={`${noun}-trial`} data-outcome={trial.ok ? 'applied' : 'failed'}>
      <strong>{text.outcomes[trial.ok ? 'applied' : 'failed']}</strong> {trial.detail}
    </p>
  );
}

interface GroupProps {
  specs: FieldSpec[];
  values: FormValues;
  problems: Record<string, string>;
  onChange: (values: FormValues) => void;
}

function Group({ specs, values, problems, onChange }: GroupProps) {
  const fields = specs.map((spec) => (
    <FormField key={spec.name} spec={spec} value={values[spec.name] ?? ''} problem={problems[spec.name]} onChange={(value) => onChange({ ...values, [spec.name]: value })} />
  ));
  const name = specs[0]?.group;
  if (!name) return fields;
  return (
    <fieldset className="field-set wide">
      <legend>{name}</legend>
      <div className="form-grid">{fields}</div>
    </fieldset>
  );
}

/** The fields one by one, but those of a group together. */
function groupsOf(specs: FieldSpec[]): FieldSpec[][] {
  const groups: FieldSpec[][] = [];
  for (const spec of specs) {
    const last = groups.at(-1);
    if (spec.group && last?.[0]?.group === spec.group) last.push(spec);
    else groups.push([spec]);
  }
  return groups;
}

/** What the server said of each field, and the rest of it. */
function problemsOf(error: unknown, specs: FieldSpec[]): { fields: Record<string, string>; rest: string | null } {
  if (!error) return { fields: {}, rest: null };
  if (!(error instanceof ProblemError)) return { fields: {}, rest: problemText(error) };
  const fields: Record<string, string> = {};
  for (const { pointer, message } of error.details) {
    const name = (pointer ?? '').slice(1).replaceAll('/', '.');
    // A fault inside of a field, as of one of its lines, stands at the field.
    const spec = specs.find((one) => name === one.name || name.startsWith(`${one.name}.`));
    if (!spec) return { fields: {}, rest: error.text };
    fields[spec.name] = [fields[spec.name], message].filter(Boolean).join('\n');
  }
  return { fields, rest: error.details.length === 0 ? error.text : null };
}
