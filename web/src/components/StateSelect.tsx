import { useText } from '@/i18n/i18n';

interface StateSelectProps {
  states: readonly string[];
  /** Empty for all. */
  value: string;
  testId: string;
  onChange: (state: string | undefined) => void;
}

export function StateSelect({ states, value, testId, onChange }: StateSelectProps) {
  const text = useText();
  const words: Record<string, string> = text.states;
  return (
    <select className="native" data-testid={testId} value={value} onChange={(event) => onChange(event.target.value || undefined)}>
      <option value="">{text.common.all}</option>
      {states.map((state) => (
        <option key={state} value={state}>
          {words[state] ?? state}
        </option>
      ))}
    </select>
  );
}
