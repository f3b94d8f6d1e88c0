import { Marked } from './Marked';
import { linesOf } from './schemaForm';

export interface FieldSpec {
  name: string;
  label: string;
  /** `checks` holds the chosen values as lines; `check` is `true` or empty. */
  kind?: 'text' | 'number' | 'password' | 'area' | 'choice' | 'checks' | 'check' | 'secret' | 'secret-area';
  /** What is chosen from; of a text, what is suggested. */
  choices?: { value: string; label: string }[];
  hint?: string;
  placeholder?: string;
  required?: boolean;
  /** The value cannot be changed, as the name of what exists. */
  fixed?: boolean;
  mono?: boolean;
  /** What it belongs to; fields of one group stand together. */
  group?: string;
}

/** Whether a field takes a whole line of a form. */
export function isWide({ kind }: FieldSpec): boolean {
  return kind === 'area' || kind === 'secret-area' || kind === 'checks';
}

interface FormFieldProps {
  spec: FieldSpec;
  value: string;
  /** What the server said of it. */
  problem?: string;
  onChange: (value: string) => void;
}

export function FormField({ spec, value, problem, onChange }: FormFieldProps) {
  const id = `field-${spec.name}`;
  const { kind } = spec;
  return (
    <div className={isWide(spec) ? 'field wide' : 'field'}>
      {kind === 'check' ? (
        <label className="row tight">
          <input type="checkbox" data-testid={id} checked={value === 'true'} disabled={spec.fixed} onChange={(event) => onChange(event.target.checked ? 'true' : '')} />
          {spec.label}
        </label>
      ) : kind === 'checks' ? (
        <Checks spec={spec} value={value} onChange={onChange} />
      ) : (
        <>
          <label htmlFor={id}>
            {spec.label} {spec.required && <span aria-hidden="true">*</span>}
          </label>
          <Input spec={spec} value={value} isWrong={problem !== undefined} onChange={onChange} />
        </>
      )}
      {problem && (
        <span className="field-problem small" role="alert" data-testid={`${id}-problem`}>
          {problem}
        </span>
      )}
      {spec.hint && (
        <span className="muted small" id={`${id}-hint`}>
          <Marked text={spec.hint} />
        </span>
      )}
    </div>
  );
}

interface InputProps {
  spec: FieldSpec;
  value: string;
  isWrong: boolean;
  onChange: (value: string) => void;
}

function Input({ spec, value, isWrong, onChange }: InputProps) {
  const { kind, choices } = spec;
  const id = `field-${spec.name}`;
  const shared = {
    id,
    className: spec.mono ? 'native mono' : 'native',
    'data-testid': id,
    value,
    required: spec.required,
    disabled: spec.fixed,
    'aria-invalid': isWrong || undefined,
    'aria-describedby': spec.hint ? `${id}-hint` : undefined,
  };
  if (kind === 'choice') {
    return (
      <select {...shared} onChange={(event) => onChange(event.target.value)}>
        {choices?.map((choice) => (
          <option key={choice.value} value={choice.value}>
            {choice.label}
          </option>
        ))}
      </select>
    );
  }
  if (kind === 'area' || kind === 'secret-area') {
    const secret = kind === 'secret-area' ? { className: 'native mono secret', autoComplete: 'off', spellCheck: false } : {};
    return <textarea {...shared} {...secret} rows={4} onChange={(event) => onChange(event.target.value)} />;
  }
  const isHidden = kind === 'password' || (kind === 'secret' && !value.startsWith('${'));
  return (
    <>
      <input
        {...shared}
        type={isHidden ? 'password' : kind === 'number' ? 'number' : 'text'}
        placeholder={spec.placeholder}
        list={choices ? `${id}-choices` : undefined}
        autoComplete={isHidden ? 'new-password' : 'off'}
        onChange={(event) => onChange(event.target.value)}
      />
      {choices && (
        <datalist id={`${id}-choices`}>
          {choices.map((choice) => (
            <option key={choice.value} value={choice.value} />
          ))}
        </datalist>
      )}
    </>
  );
}

/** Several of a few: each chosen value is a line. One that is no longer offered stays, so that it can be taken out. */
function Checks({ spec, value, onChange }: Omit<FormFieldProps, 'problem'>) {
  const chosen = linesOf(value);
  const offered = spec.choices ?? [];
  const unknown = chosen.filter((one) => !offered.some((choice) => choice.value === one));
  const toggle = (one: string) => onChange((chosen.includes(one) ? chosen.filter((other) => other !== one) : [...chosen, one]).join('\n'));
  return (
    <fieldset className="field-set checks" data-testid={`field-${spec.name}`}>
      <legend>
        {spec.label} {spec.required && <span aria-hidden="true">*</span>}
      </legend>
      {[...offered, ...unknown.map((one) => ({ value: one, label: one }))].map((choice) => (
        <label key={choice.value} className="row tight">
          <input type="checkbox" data-testid={`field-${spec.name}-${choice.value}`} checked={chosen.includes(choice.value)} onChange={() => toggle(choice.value)} />
          {choice.label}
        </label>
      ))}
    </fieldset>
  );
}
