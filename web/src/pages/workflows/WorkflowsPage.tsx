import { Link } from '@tanstack/react-router';
import { Button } from 'antd';
import { useMemo, useState } from 'react';
import { useChangeSearch, usePageSearch } from '@/app/routing';
import { all, first } from '@/app/search';
import { ErrorPanel } from '@/components/ErrorPanel';
import { Loading } from '@/components/Loading';
import { Page } from '@/components/Page';
import { useText } from '@/i18n/i18n';
import { useFavourites } from '@/preferences/preferences';
import { ImportDialog } from './ImportDialog';
import { arrangeWorkflows, sortings, type Sorting } from './arrange';
import { useWorkflows } from './useWorkflows';
import { WorkflowBulkBar } from './WorkflowBulkBar';
import { WorkflowTable } from './WorkflowTable';

export default function WorkflowsPage() {
  const text = useText();
  const search = usePageSearch();
  const change = useChangeSearch();
  const project = first(search.project);
  const workflows = useWorkflows(project);
  const favourites = useFavourites();
  const [selected, setSelected] = useState<string[]>([]);
  const [importing, setImporting] = useState(false);
  const sort = (first(search.sort) ?? 'name') as Sorting;
  const rows = useMemo(
    () => workflows.rows && arrangeWorkflows(workflows.rows, { find: first(search.find) ?? '', states: all(search.state), sort, isFavourite: favourites.has }),
    [workflows.rows, search, sort, favourites],
  );
  const projects = project ? [project] : workflows.projects;
  return (
    <Page
      title={text.nav.workflows}
      actions={
        <>
          <Button data-testid="import-button" onClick={() => setImporting(true)}>
            {text.workflows.import}
          </Button>
          <Link to="/projects/$project/new" params={{ project: project ?? 'default' }} className="ant-btn" data-testid="workflow-new">
            {text.workflows.new}
          </Link>
        </>
      }
    >
      <div className="filters">
        <label>
          {text.workflows.find}
          <input className="native" type="search" data-testid="filter-find" value={first(search.find) ?? ''} onChange={(event) => change({ find: event.target.value || undefined })} />
        </label>
        <label>
          {text.common.project}
          <select className="native" data-testid="filter-project" value={project ?? ''} onChange={(event) => change({ project: event.target.value || undefined })}>
            <option value="">{text.common.all}</option>
            {projects.map((name) => (
              <option key={name}>{name}</option>
            ))}
          </select>
        </label>
        <label>
          {text.workflows.lastState}
          <select className="native" data-testid="filter-state" value={first(search.state) ?? ''} onChange={(event) => change({ state: event.target.value || undefined })}>
            <option value="">{text.common.all}</option>
            {(['failed', 'succeeded', 'running', 'stopped'] as const).map((state) => (
              <option key={state} value={state}>
                {text.states[state]}
              </option>
            ))}
          </select>
        </label>
        <label>
          {text.workflows.sort}
          <select className="native" data-testid="sort" value={sort} onChange={(event) => change({ sort: event.target.value })}>
            {sortings.map((name) => (
              <option key={name} value={name}>
                {text.workflows.sortings[name]}
              </option>
            ))}
          </select>
        </label>
      </div>
      {selected.length > 0 && <WorkflowBulkBar names={selected} onDone={() => setSelected([])} onChanged={workflows.refetch} />}
      {workflows.error && <ErrorPanel error={workflows.error} onRetry={workflows.refetch} />}
      {rows ? (
        <WorkflowTable rows={rows} project={project} selected={selected} onSelect={setSelected} onChanged={workflows.refetch} />
      ) : (
        !workflows.error && <Loading lines={8} />
      )}
      {importing && <ImportDialog project={project ?? 'default'} projects={projects} onClose={() => setImporting(false)} onDone={workflows.refetch} />}
    </Page>
  );
}
