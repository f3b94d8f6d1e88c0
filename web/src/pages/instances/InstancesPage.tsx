import { Link } from '@tanstack/react-router';
import { useMemo, useState } from 'react';
import type { Schemas } from '@/api/client';
import { useList } from '@/api/useList';
import { usePageSearch } from '@/app/routing';
import { EmptyPanel } from '@/components/EmptyPanel';
import { Page } from '@/components/Page';
import { SavedFilters } from '@/components/SavedFilters';
import { useText } from '@/i18n/i18n';
import { InstanceBulkBar } from './InstanceBulkBar';
import { InstanceFilters } from './InstanceFilters';
import { InstanceTable } from './InstanceTable';
import { filterOf } from './filters';

const PAGE = 50;

export default function InstancesPage() {
  const text = useText();
  const search = usePageSearch();
  const filter = useMemo(() => filterOf(search), [search]);
  const list = useList<Schemas['Instance']>('/api/v1/instances', { query: { ...filter, limit: PAGE }, refreshMs: 30_000 });
  const [selected, setSelected] = useState<string[]>([]);
  const filtered = Object.keys(filter).length > 0;
  return (
    <Page title={text.nav.instances} actions={<SavedFilters page="/instances" />}>
      <InstanceFilters />
      <InstanceBulkBar selected={selected} filter={filter} onDone={() => setSelected([])} />
      <InstanceTable
        list={list}
        selection={{ keys: selected, onChange: setSelected }}
        empty={
          <EmptyPanel text={filtered ? text.instances.noneMatches : text.instances.empty}>
            {filtered ? <Link to="/instances">{text.instances.clearFilters}</Link> : <Link to="/workflows">{text.nav.workflows}</Link>}
          </EmptyPanel>
        }
      />
    </Page>
  );
}
