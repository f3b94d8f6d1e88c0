export interface FieldSpec {
  name: string;
  label: string;
  kind?: 'text' | 'number' | 'password' | 'area' | 'choice';
  choices?: { value: string; label: string }[];
  hint?: string;
  required?: boolean;
  /** The value cannot be changed, as the name of what exists. */
  fixed?: boolean;
}

interface FormFieldProps {
  spec: FieldSpec;
  value: string;
  onChange: (value: string) => void;
}

export function FormField({ spec, value, onChange }: FormFieldProps) {
  const id = `field-${spec.name}`;
  const shared = { id, className: 'native', 'data-testid': id, value, required: spec.required, disabled: spec.fixed };
  return (
    <div className="field">
      <label htmlFor={id}>{spec.label}</label>
      {spec.kind === 'choice' ? (
        <select {...shared} onChange={(event) => onChange(event.target.value)}>
          {spec.choices?.map((choice) => (
            <option key={choice.value} value={choice.value}>
              {choice.label}
            </option>
          ))}
        </select>
      ) : spec.kind === 'area' ? (
        <textarea {...shared} rows={4} onChange={(event) => onChange(event.target.value)} />
      ) : (
        <input
          {...shared}
          type={spec.kind === 'number' || spec.kind === 'password' ? spec.kind : 'text'}
          autoComplete={spec.kind === 'password' ? 'new-password' : 'off'}
          onChange={(event) => onChange(event.target.value)}
        />
      )}
      {spec.hint && <span className="muted small">{spec.hint}</span>}
    </div>
  );
}
