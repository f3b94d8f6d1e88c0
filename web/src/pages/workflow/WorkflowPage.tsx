import { Link, useNavigate } from '@tanstack/react-router';
import { Button } from 'antd';
import { lazy, Suspense } from 'react';
import type { Schemas } from '@/api/client';
import { useWorkflow } from '@/api/useWorkflow';
import { useKey } from '@/app/useKeys';
import { useChangeSearch, usePageSearch, useParam } from '@/app/routing';
import { first } from '@/app/search';
import { FavouriteButton } from '@/components/FavouriteButton';
import { Loaded } from '@/components/Loaded';
import { Loading } from '@/components/Loading';
import { Page } from '@/components/Page';
import { Tabs } from '@/components/Tabs';
import { useText } from '@/i18n/i18n';
import { WorkflowZone } from '@/preferences/time';
import { EnabledSwitch } from '@/pages/workflows/EnabledSwitch';
import { BackfillsTab } from './BackfillsTab';
import { GraphTab } from './GraphTab';
import { GridTab } from './GridTab';
import { InstancesTab } from './InstancesTab';
import { LastGanttTab } from './LastGanttTab';
import { OverviewTab } from './OverviewTab';
import { SchedulesTab } from './SchedulesTab';

// The tabs with an editor of code come when they are opened.
const VersionsTab = lazy(() => import('./VersionsTab'));
const SourceTab = lazy(() => import('./SourceTab'));

const TABS = ['overview', 'graph', 'grid', 'gantt', 'instances', 'schedules', 'backfills', 'versions', 'source'] as const;
type Tab = (typeof TABS)[number];

export interface TabProps {
  workflow: Schemas['WorkflowView'];
}

export default function WorkflowPage() {
  const project = useParam('project');
  const workflow = useParam('workflow');
  const query = useWorkflow(project, workflow);
  return (
    <Loaded query={query} missing="page">
      {(found) => (
        <WorkflowZone value={zoneOf(found)}>
          <WorkflowContent workflow={found} onChanged={() => void query.refetch()} />
        </WorkflowZone>
      )}
    </Loaded>
  );
}

function zoneOf(workflow: Schemas['WorkflowView']): string | null {
  const zone = (workflow.document as { timezone?: unknown }).timezone;
  return typeof zone === 'string' ? zone : null;
}

function WorkflowContent({ workflow, onChanged }: TabProps & { onChanged: () => void }) {
  const text = useText();
  const navigate = useNavigate();
  const change = useChangeSearch();
  const { project, name } = workflow;
  const search = usePageSearch();
  const tab = TABS.find((one) => one === first(search.tab)) ?? 'overview';
  useKey('v', () => change({ tab: tab === 'grid' ? 'graph' : 'grid' }));
  const params = { project, workflow: name };
  return (
    <Page
      title={name}
      crumbs={
        <Link to="/workflows" search={{ project }}>
          {project}
        </Link>
      }
      aside={
        <>
          <FavouriteButton name={`${project}/${name}`} />
          <span className="chip">
            {text.common.version} {workflow.version}
          </span>
          <EnabledSwitch project={project} workflow={name} enabled={workflow.enabled} testId="workflow-enabled" onChanged={onChanged} />
        </>
      }
      actions={
        <>
          <Button onClick={() => void navigate({ to: '/projects/$project/workflows/$workflow/edit', params })}>{text.common.edit}</Button>
          <Button onClick={() => void navigate({ to: '/backfills/new', search: params })}>{text.workflow.backfill}</Button>
          <Button
            type="primary"
            data-testid="run-button"
            disabled={!workflow.enabled}
            title={workflow.enabled ? undefined : text.workflows.disabledHint}
            onClick={() => void navigate({ to: '/start/$project/$workflow', params })}
          >
            {text.workflows.run}
          </Button>
        </>
      }
    >
      <Tabs tabs={TABS.map((one) => ({ name: one, title: text.workflow.tabs[one] }))} current={tab} label={text.workflow.views} />
      <Suspense fallback={<Loading />}>
        <TabContent tab={tab} workflow={workflow} />
      </Suspense>
    </Page>
  );
}

function TabContent({ tab, workflow }: TabProps & { tab: Tab }) {
  switch (tab) {
    case 'overview':
      return <OverviewTab workflow={workflow} />;
    case 'graph':
      return <GraphTab workflow={workflow} />;
    case 'grid':
      return <GridTab workflow={workflow} />;
    case 'gantt':
      return <LastGanttTab workflow={workflow} />;
    case 'instances':
      return <InstancesTab workflow={workflow} />;
    case 'schedules':
      return <SchedulesTab workflow={workflow} />;
    case 'backfills':
      return <BackfillsTab workflow={workflow} />;
    case 'versions':
      return <VersionsTab workflow={workflow} />;
    case 'source':
      return <SourceTab workflow={workflow} />;
  }
}
