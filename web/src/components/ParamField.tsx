import { useText } from '@/i18n/i18n';

interface ParamFieldProps {
  name: string;
  /** A type of parameters: `string`, `integer`, `number`, `boolean` or `json`. */
  type: string;
  required: boolean;
  description?: string;
  value: string;
  onChange: (value: string) => void;
}

/** A field for the text of a parameter. */
export function ParamField({ name, type, required, description, value, onChange }: ParamFieldProps) {
  const text = useText();
  const id = `field-${name}`;
  return (
    <div className="field">
      <label htmlFor={id}>
        {name} {required && <span title={text.common.required}>*</span>} <span className="muted small">{type}</span>
      </label>
      {type === 'boolean' ? (
        <select id={id} className="native" data-testid={id} value={value} onChange={(event) => onChange(event.target.value)}>
          {value !== 'true' && value !== 'false' && <option value={value}>{value}</option>}
          <option value="true">{text.common.yes}</option>
          <option value="false">{text.common.no}</option>
        </select>
      ) : type === 'json' ? (
        <textarea id={id} className="native mono" data-testid={id} rows={3} value={value} onChange={(event) => onChange(event.target.value)} />
      ) : (
        <input id={id} className="native" data-testid={id} inputMode={type === 'integer' || type === 'number' ? 'decimal' : undefined} required={required} value={value} onChange={(event) => onChange(event.target.value)} />
      )}
      {description && <span className="muted small">{description}</span>}
    </div>
  );
}
