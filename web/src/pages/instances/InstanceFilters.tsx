import { Button } from 'antd';
import { useEffect, useState } from 'react';
import { useChangeSearch, usePageSearch } from '@/app/routing';
import { all, first } from '@/app/search';
import { INSTANCE_STATES } from '@/components/states';
import { useText } from '@/i18n/i18n';
import { FILTERS, FIRST_FILTERS } from './filters';

/** Time after the last key before the list is read again. */
const TYPING_MS = 300;

export function InstanceFilters() {
  const text = useText();
  const words: Record<string, string> = text.states;
  const search = usePageSearch();
  const change = useChangeSearch();
  const states = all(search.state);
  const used = FILTERS.filter((name) => search[name]);
  const [more, setMore] = useState(false);
  const shown = FILTERS.filter((name) => more || FIRST_FILTERS.includes(name) || used.includes(name));
  const toggle = (state: string) => change({ state: states.includes(state) ? states.filter((other) => other !== state) : [...states, state] });
  return (
    <div className="stack tight">
      <div className="row tight" role="group" aria-label={text.common.state} data-testid="filter-state">
        {INSTANCE_STATES.map((state) => (
          <button key={state} className="plain toggle" data-state={state} data-testid={`filter-state-${state}`} aria-pressed={states.includes(state)} onClick={() => toggle(state)}>
            {words[state]}
          </button>
        ))}
      </div>
      <div className="filters">
        {shown.map((name) => (
          <FilterField key={name} name={name} value={first(search[name]) ?? ''} onChange={(value) => change({ [name]: value || undefined })} />
        ))}
        <Button onClick={() => setMore(!more)}>{more ? text.instances.fewerFilters : text.instances.moreFilters}</Button>
      </div>
    </div>
  );
}

interface FilterFieldProps {
  name: (typeof FILTERS)[number];
  value: string;
  onChange: (value: string) => void;
}

function FilterField({ name, value, onChange }: FilterFieldProps) {
  const text = useText();
  const [draft, setDraft] = useState(value);
  const [shown, setShown] = useState(value);
  if (shown !== value) {
    // The search changed by other means than this field.
    setShown(value);
    setDraft(value);
  }
  useEffect(() => {
    if (draft === value) return undefined;
    const timer = setTimeout(() => onChange(draft), TYPING_MS);
    return () => clearTimeout(timer);
  });
  const isTime = name.endsWith('_from') || name.endsWith('_to');
  return (
    <label>
      {text.instances.filters[name]}
      <input className="native" data-testid={`filter-${name}`} value={draft} placeholder={isTime ? '2026-01-31T00:00:00Z' : undefined} onChange={(event) => setDraft(event.target.value.trim())} />
    </label>
  );
}
