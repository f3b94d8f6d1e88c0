import { useChangeSearch, usePageSearch } from '@/app/routing';
import { first } from '@/app/search';
import { Page } from '@/components/Page';
import { ProjectSelect } from '@/components/ProjectSelect';
import { useText } from '@/i18n/i18n';
import { ScheduleTable } from './ScheduleTable';

export default function SchedulesPage() {
  const text = useText();
  const search = usePageSearch();
  const change = useChangeSearch();
  const project = first(search.project);
  const enabled = first(search.enabled);
  return (
    <Page title={text.nav.schedules}>
      <div className="filters">
        <label>
          {text.common.project}
          <ProjectSelect value={project ?? ''} onChange={(value) => change({ project: value })} />
        </label>
        <label>
          {text.common.state}
          <select className="native" data-testid="filter-enabled" value={enabled ?? ''} onChange={(event) => change({ enabled: event.target.value || undefined })}>
            <option value="">{text.common.all}</option>
            <option value="true">{text.states.enabled}</option>
            <option value="false">{text.states.disabled}</option>
          </select>
        </label>
      </div>
      <ScheduleTable query={{ project, enabled }} />
    </Page>
  );
}
