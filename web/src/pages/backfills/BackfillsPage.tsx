import { useChangeSearch, usePageSearch } from '@/app/routing';
import { first } from '@/app/search';
import { Page } from '@/components/Page';
import { ProjectSelect } from '@/components/ProjectSelect';
import { StateSelect } from '@/components/StateSelect';
import { useText } from '@/i18n/i18n';
import { BackfillTable } from './BackfillTable';

const STATES = ['running', 'paused', 'succeeded', 'failed', 'cancelled'];

export default function BackfillsPage() {
  const text = useText();
  const search = usePageSearch();
  const change = useChangeSearch();
  const project = first(search.project);
  const state = first(search.state);
  return (
    <Page title={text.nav.backfills}>
      <div className="filters">
        <label>
          {text.common.project}
          <ProjectSelect value={project ?? ''} onChange={(value) => change({ project: value })} />
        </label>
        <label>
          {text.common.state}
          <StateSelect states={STATES} value={state ?? ''} testId="filter-state" onChange={(value) => change({ state: value })} />
        </label>
      </div>
      <BackfillTable query={{ project, state }} />
    </Page>
  );
}
