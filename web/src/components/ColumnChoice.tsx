import { useText } from '@/i18n/i18n';
import { useChangePreferences, usePreferences } from '@/preferences/preferences';

interface ColumnChoiceProps {
  table: string;
  columns: { key: string; title: string }[];
}

/** Which columns of a table are shown; kept in the preferences. */
export function ColumnChoice({ table, columns }: ColumnChoiceProps) {
  const text = useText();
  const { hidden = {} } = usePreferences();
  const change = useChangePreferences();
  const off = hidden[table] ?? [];
  const toggle = (key: string) => {
    const next = off.includes(key) ? off.filter((other) => other !== key) : [...off, key];
    change({ hidden: { ...hidden, [table]: next } });
  };
  return (
    <details className="choice">
      <summary>{text.common.columns}</summary>
      <div className="choice-list">
        {columns
          .filter((column) => column.title)
          .map((column) => (
            <label key={column.key}>
              <input type="checkbox" checked={!off.includes(column.key)} onChange={() => toggle(column.key)} /> {column.title}
            </label>
          ))}
      </div>
    </details>
  );
}
