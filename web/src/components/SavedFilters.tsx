import { useLocation, useNavigate } from '@tanstack/react-router';
import { Button } from 'antd';
import { useState } from 'react';
import { parseSearch } from '@/app/search';
import { useText } from '@/i18n/i18n';
import { useChangePreferences, usePreferences } from '@/preferences/preferences';

/** Searches of a page under names; kept in the preferences. */
export function SavedFilters({ page }: { page: string }) {
  const text = useText();
  const navigate = useNavigate();
  const { searchStr } = useLocation();
  const { filters = {} } = usePreferences();
  const change = useChangePreferences();
  const [name, setName] = useState<string | null>(null);
  const saved = filters[page] ?? [];
  const current = saved.find((filter) => filter.search === searchStr);
  const store = (next: typeof saved) => change({ filters: { ...filters, [page]: next } });
  const save = () => {
    if (name) store([...saved.filter((filter) => filter.name !== name), { name, search: searchStr }]);
    setName(null);
  };
  return (
    <div className="row" data-testid="saved-filters">
      {saved.length > 0 && (
        <select
          className="native"
          aria-label={text.instances.savedFilters}
          value={current?.name ?? ''}
          onChange={(event) => {
            const filter = saved.find((one) => one.name === event.target.value);
            void navigate({ to: page, search: parseSearch(filter?.search ?? '') });
          }}
        >
          <option value="">{text.instances.savedFilters}</option>
          {saved.map((filter) => (
            <option key={filter.name}>{filter.name}</option>
          ))}
        </select>
      )}
      {current && <Button onClick={() => store(saved.filter((filter) => filter !== current))}>{text.instances.forgetFilter}</Button>}
      {name !== null && (
        <input
          className="native"
          autoFocus
          aria-label={text.common.name}
          data-testid="filter-name"
          placeholder={text.common.name}
          value={name}
          onChange={(event) => setName(event.target.value)}
          onKeyDown={(event) => event.key === 'Enter' && save()}
        />
      )}
      {searchStr && !current && (
        <Button data-testid="filter-save" onClick={() => (name === null ? setName('') : save())}>
          {name === null ? text.instances.saveFilter : text.common.save}
        </Button>
      )}
    </div>
  );
}
