// Every page, for tests and screenshots.

export interface PageCase {
  /** What its pictures are called. */
  name: string;
  path: string;
  /** The id of an element that shows that the page is there with what it is for. */
  shows: string;
}

export function pageCases(ids: Record<string, string>): PageCase[] {
  const workflow = '/projects/retail/workflows/daily-sales';
  const succeeded = `/instances/${ids.succeeded}`;
  const rows: [name: string, path: string, shows: string][] = [
    ['home', '/', 'home-timeline'],
    ['workflows', '/workflows', 'workflow-table'],
    ['workflow', workflow, 'tab-overview'],
    ['workflow-failing', '/projects/retail/workflows/stock-levels', 'tab-overview'],
    ['workflow-graph', `${workflow}?tab=graph`, 'graph-canvas'],
    ['workflow-grid', `${workflow}?tab=grid`, 'grid-matrix'],
    ['workflow-gantt', `${workflow}?tab=gantt`, 'gantt'],
    ['workflow-instances', `${workflow}?tab=instances`, 'instance-table'],
    ['workflow-schedules', `${workflow}?tab=schedules`, 'schedule-table'],
    ['workflow-backfills', `${workflow}?tab=backfills`, 'backfill-table'],
    ['workflow-versions', `${workflow}?tab=versions`, 'version-diff'],
    ['workflow-source', `${workflow}?tab=source`, 'source-view'],
    ['editor', `${workflow}/edit`, 'editor-canvas'],
    ['editor-new', '/projects/retail/new', 'editor-canvas'],
    ['start', '/start/retail/daily-sales', 'start-form'],
    ['instances', '/instances', 'instance-table'],
    ['instance', `/instances/${ids.running}`, 'task-node-train'],
    ['instance-failed', `/instances/${ids.failed}?task=check`, 'task-drawer'],
    ['instance-gantt', `${succeeded}?tab=gantt`, 'gantt'],
    ['instance-tasks', `${succeeded}?tab=tasks`, 'task-row-load eu'],
    ['instance-log', `${succeeded}?tab=log`, 'log-view'],
    ['instance-params', `${succeeded}?tab=params`, 'param-top_n'],
    ['instance-task-params', `${succeeded}?tab=params&of=report`, 'param-table'],
    ['instance-ownership', `${succeeded}?tab=ownership`, 'ownership-timeline'],
    ['instance-history', `${succeeded}?tab=history`, 'history-table'],
    ['instance-queued', `/instances/${ids.queued}`, 'explain'],
    ['task-instances', '/task-instances', 'task-instance-table'],
    ['schedules', '/schedules', 'schedule-table'],
    ['backfills', '/backfills', 'backfill-table'],
    ['backfill-wizard', '/backfills/new?project=retail&workflow=daily-sales', 'backfill-wizard'],
    ['backfill', `/backfills/${ids.backfill}`, 'backfill-progress'],
    ['approvals', '/approvals', 'approval-table'],
    ['lineage', '/lineage', 'lineage-canvas'],
    ['cluster', '/cluster', 'failover-table'],
    ['projects', '/projects', 'project-row-retail'],
    ['project-settings', '/projects/retail/settings', 'rule-table'],
    ['project-limits', '/projects/retail/limits', 'limit-row-warehouse'],
    ['project-calendars', '/projects/retail/calendars', 'calendar-row-workdays'],
    ['project-secrets', '/projects/retail/secrets', 'secret-row-erp_token'],
    ['project-connections', '/projects/retail/connections', 'connection-row-erp'],
    ['project-channels', '/projects/retail/channels', 'channel-row-oncall'],
    ['connections', '/admin/connections', 'connection-row-lake'],
    ['channels', '/admin/channels', 'channel-row-everybody'],
    ['alerts', '/alerts', 'alert-table'],
    ['silences', '/silences', 'silence-table'],
    ['rules', '/admin/rules', 'rule-table'],
    ['limits', '/admin/limits', 'limit-table'],
    ['calendars', '/admin/calendars', 'calendar-table'],
    ['users', '/admin/users', 'user-row-ada'],
    ['tokens', '/admin/tokens', 'token-table'],
    ['task-types', '/admin/task-types', 'task-type-row-shell'],
    ['me', '/me', 'me-form'],
    ['missing', '/nothing', 'not-found'],
  ];
  return rows.map(([name, path, shows]) => ({ name, path, shows }));
}
