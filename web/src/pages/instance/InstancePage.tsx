import { api, type Schemas } from '@/api/client';
import { useKey } from '@/app/useKeys';
import { useChangeSearch, usePageSearch, useParam } from '@/app/routing';
import { first } from '@/app/search';
import { InstanceLink, WorkflowLink } from '@/components/links';
import { Loaded } from '@/components/Loaded';
import { Page } from '@/components/Page';
import { StateBadge } from '@/components/StateBadge';
import { isFinal } from '@/components/states';
import { Tabs } from '@/components/Tabs';
import { useText } from '@/i18n/i18n';
import { useTopics } from '@/live/useLive';
import { WorkflowZone } from '@/preferences/time';
import { ChildrenTab } from './ChildrenTab';
import { Explain } from './Explain';
import { GanttTab } from './GanttTab';
import { GraphTab } from './GraphTab';
import { HistoryTab } from './HistoryTab';
import { InstanceFacts } from './InstanceFacts';
import { InstanceVerbs } from './InstanceVerbs';
import { LogTab } from './LogTab';
import { OwnershipTab } from './OwnershipTab';
import { ParamsTab } from './ParamsTab';
import { TaskDrawer } from './TaskDrawer';
import { TasksTab } from './TasksTab';

const TABS = ['graph', 'gantt', 'tasks', 'log', 'params', 'children', 'ownership', 'history'] as const;
type Tab = (typeof TABS)[number];

/** Time between looks at an open instance, behind the event stream. */
const LOOK_MS = 10_000;

export default function InstancePage() {
  const id = useParam('id');
  const query = api.useQuery(
    'get',
    '/api/v1/instances/{id}',
    { params: { path: { id } } },
    { refetchInterval: ({ state }) => (state.data && !isFinal(state.data.state) ? LOOK_MS : false) },
  );
  // An instance that may not be seen would end the whole stream.
  useTopics(...(query.data ? [`instance:${query.data.id}`] : []));
  return (
    <Loaded query={query} missing="page">
      {(instance) => (
        <WorkflowZone value={instance.timezone}>
          <InstanceView instance={instance} />
        </WorkflowZone>
      )}
    </Loaded>
  );
}

function InstanceView({ instance }: { instance: Schemas['Instance'] }) {
  const text = useText();
  const search = usePageSearch();
  const change = useChangeSearch();
  const tab = TABS.find((name) => name === first(search.tab)) ?? 'graph';
  const task = first(search.task);
  useKey('v', () => change({ tab: tab === 'graph' ? 'tasks' : 'graph' }));
  return (
    <Page
      title={`${instance.workflow} #${instance.id}`}
      crumbs={<Crumbs instance={instance} />}
      aside={<StateBadge state={instance.state} testId="instance-state" title={instance.reason} />}
      actions={<InstanceVerbs instance={instance} />}
    >
      <InstanceFacts instance={instance} />
      {!isFinal(instance.state) && <Explain id={instance.id} />}
      <Tabs tabs={TABS.map((name) => ({ name, title: text.instance.tabs[name] }))} current={tab} label={text.instance.views} />
      <div className={task ? 'with-drawer' : undefined}>
        <div style={{ minWidth: 0 }}>
          <TabContent tab={tab} instance={instance} task={task} onTask={(name) => change({ task: name, attempt: undefined })} />
        </div>
        {task && <TaskDrawer key={task} instance={instance} task={task} onClose={() => change({ task: undefined, attempt: undefined })} />}
      </div>
    </Page>
  );
}

function Crumbs({ instance: { project, workflow, parent } }: { instance: Schemas['Instance'] }) {
  const text = useText();
  return (
    <>
      <WorkflowLink project={project} workflow={workflow} />
      {parent && (
        <span>
          · {text.instance.startedBy} <InstanceLink id={parent.instance} search={{ task: parent.task }} /> / {parent.task}
        </span>
      )}
    </>
  );
}

interface TabContentProps {
  tab: Tab;
  instance: Schemas['Instance'];
  task: string | undefined;
  onTask: (name: string) => void;
}

function TabContent({ tab, instance, task, onTask }: TabContentProps) {
  switch (tab) {
    case 'graph':
      return <GraphTab instance={instance} selected={task} onTask={onTask} />;
    case 'gantt':
      return <GanttTab instance={instance} onTask={onTask} />;
    case 'tasks':
      return <TasksTab instance={instance} onTask={onTask} />;
    case 'log':
      return <LogTab instance={instance} />;
    case 'params':
      return <ParamsTab instance={instance} />;
    case 'children':
      return <ChildrenTab instance={instance} />;
    case 'ownership':
      return <OwnershipTab instance={instance} />;
    case 'history':
      return <HistoryTab instance={instance} />;
  }
}
