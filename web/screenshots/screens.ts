import type { Page } from 'playwright-core';

interface Screen {
  name: string;
  path: string;
  prepare?: (page: Page) => Promise<unknown>;
  after?: (page: Page) => Promise<unknown>;
}

export function screens(ids: Record<string, string>): Screen[] {
  const escape = (page: Page) => page.keyboard.press('Escape');
  return [
    { name: 'home', path: '/' },
    { name: 'workflows', path: '/workflows' },
    { name: 'palette', path: '/', prepare: (page) => page.keyboard.press('Control+k'), after: escape },
    { name: 'workflow', path: '/projects/retail/workflows/daily-sales' },
    ...['graph', 'grid', 'gantt', 'instances', 'schedules', 'backfills', 'versions', 'source'].map((tab) => ({
      name: `workflow-${tab}`,
      path: `/projects/retail/workflows/daily-sales?tab=${tab}`,
    })),
    { name: 'start', path: '/start/retail/daily-sales' },
    { name: 'instances', path: '/instances' },
    { name: 'instance', path: `/instances/${ids.running}` },
    { name: 'instance-failed', path: `/instances/${ids.failed}` },
    ...['gantt', 'tasks', 'log', 'params', 'ownership', 'history'].map((tab) => ({ name: `instance-${tab}`, path: `/instances/${ids.succeeded}?tab=${tab}` })),
    { name: 'queued', path: `/instances/${ids.queued}` },
    { name: 'task-instances', path: '/task-instances' },
    { name: 'schedules', path: '/schedules' },
    { name: 'backfills', path: '/backfills' },
    { name: 'backfill', path: `/backfills/${ids.backfill}` },
    { name: 'wizard', path: '/backfills/new?project=retail&workflow=daily-sales' },
    { name: 'approvals', path: '/approvals' },
    { name: 'lineage', path: '/lineage' },
    { name: 'cluster', path: '/cluster' },
    { name: 'projects', path: '/projects' },
    { name: 'project', path: '/projects/retail/settings' },
    { name: 'limits', path: '/projects/retail/limits' },
    { name: 'calendars', path: '/projects/retail/calendars' },
    { name: 'connections', path: '/projects/retail/connections' },
    { name: 'connection-form', path: '/projects/retail/connections', prepare: (page) => page.getByTestId('connection-row-erp').getByTestId('connection-edit').click(), after: escape },
    { name: 'connection-details', path: '/projects/retail/connections', prepare: (page) => page.getByTestId('connection-row-warehouse').getByTestId('connection-details').click() },
    { name: 'secrets', path: '/projects/retail/secrets' },
    { name: 'secret-form', path: '/projects/retail/secrets', prepare: (page) => page.getByTestId('secret-new').click(), after: escape },
    { name: 'channels', path: '/projects/retail/channels' },
    { name: 'channel-form', path: '/projects/retail/channels', prepare: (page) => page.getByTestId('channel-row-oncall').getByTestId('channel-edit').click(), after: escape },
    { name: 'shared-connections', path: '/admin/connections', prepare: (page) => page.getByTestId('connection-row-lake').getByTestId('connection-details').click() },
    { name: 'shared-channels', path: '/admin/channels' },
    { name: 'alerts', path: '/alerts' },
    { name: 'alert', path: '/alerts', prepare: (page) => page.getByTestId('alert-open').first().click() },
    { name: 'server-rules', path: '/admin/rules' },
    { name: 'rule-form', path: '/admin/rules', prepare: (page) => page.getByTestId('rule-row-nodes').getByTestId('rule-edit').click(), after: escape },
    { name: 'users', path: '/admin/users' },
    { name: 'tokens', path: '/admin/tokens' },
    { name: 'task-types', path: '/admin/task-types' },
    { name: 'worker-groups', path: '/admin/worker-groups' },
    { name: 'me', path: '/me' },
    { name: 'editor', path: '/projects/retail/workflows/daily-sales/edit' },
    { name: 'blueprints', path: '/projects/retail/new' },
    { name: 'missing', path: '/nothing' },
  ];
}
