import { expect, test } from './fixtures';

test('a cell of the grid opens its task, and the gantt shows every task that started', async ({ app, site, open }) => {
  await open('/projects/retail/workflows/daily-sales?tab=grid');
  const cell = app.getByTestId(`grid-cell-${site.ids.succeeded}/load eu`);
  await expect(cell).toHaveAttribute('data-state', 'succeeded');
  await cell.click();
  await expect(app).toHaveURL(new RegExp(`/instances/${site.ids.succeeded}\\?task=load`));
  await expect(app.getByTestId('task-drawer')).toContainText('load eu');
  await open(`/instances/${site.ids.succeeded}?tab=gantt`);
  for (const task of ['extract', 'clean', 'load eu', 'load us', 'load asia', 'report', 'archive']) {
    await expect(app.getByTestId('gantt').getByText(task, { exact: true }).first()).toBeVisible();
  }
});

test('an attempt is chosen, with its own log and the reason of its end', async ({ app, site, open }) => {
  await open(`/instances/${site.ids.failed}?task=check`);
  const drawer = app.getByTestId('task-drawer');
  await expect(drawer).toContainText('exit code 3');
  await expect(drawer.getByTestId('attempt-select')).toHaveValue('2');
  await drawer.getByTestId('attempt-select').selectOption('1');
  await expect(app).toHaveURL(/attempt=1/);
  await expect(drawer.getByTestId('log-view')).toContainText('connection refused');
  await expect(app.getByTestId('instance-reason')).toContainText('check');
});

test('a task of a worker group without workers says so', async ({ app, site, open }) => {
  await site.node.putWorkflow('retail', 'elsewhere', 'version: 1\nname: elsewhere\nworker_group: gpu\ntasks:\n  a: { type: shell, run: "true" }\n');
  const id = await site.node.startWorkflow('retail', 'elsewhere');
  await open(`/instances/${id}`);
  await expect(app.getByTestId('explain')).toContainText('gpu');
  await site.node.call('POST', `/instances/${id}/stop`, {});
});

test('an overview shows the logs that failed last and the durations of runs', async ({ app, open }) => {
  await open('/projects/retail/workflows/stock-levels');
  await expect(app.getByTestId('failed-logs')).toContainText('warehouse 7: connection refused');
  await open('/projects/retail/workflows/daily-sales');
  await expect(app.getByText(/Median .* Longest/)).toBeVisible();
});

test('columns are hidden, and stay hidden', async ({ app, open }) => {
  await open('/workflows');
  const heading = app.getByRole('columnheader', { name: 'Labels' });
  await expect(heading).toBeVisible();
  const choice = app.locator('details.choice');
  await choice.locator('summary').click();
  await choice.getByLabel('Labels').uncheck();
  await expect(heading).toHaveCount(0);
  await app.waitForLoadState();
  await open('/instances');
  await expect(app.getByTestId('instance-table')).toBeVisible();
  await open('/workflows');
  await expect(app.getByRole('columnheader', { name: 'Tasks' })).toBeVisible();
  await expect(heading).toHaveCount(0);
  await choice.locator('summary').click();
  await choice.getByLabel('Labels').check();
  await expect(heading).toBeVisible();
});

test('workflows are found, sorted and marked, and run from their row', async ({ app, open }) => {
  await open('/workflows');
  const rows = app.locator('[data-testid^="workflow-row-"]');
  await expect(rows.first()).toContainText('publish-prices');
  const training = app.getByTestId('workflow-row-retail/training');
  await training.getByTestId('favourite').click();
  await expect(rows.first()).toContainText('training');
  await training.getByTestId('favourite').click();
  await expect(rows.first()).toContainText('publish-prices');
  await app.getByTestId('filter-find').fill('stock');
  await expect(rows).toHaveCount(1);
  await expect(app).toHaveURL(/find=stock/);
  await rows.first().getByTestId('run-button').click();
  await expect(app).toHaveURL(/\/start\/retail\/stock-levels/);
  await expect(app.getByTestId('start-form')).toBeVisible();
});

test('times are shown in the chosen zone', async ({ app, site, open }) => {
  await open(`/instances/${site.ids.succeeded}?tab=history`);
  const time = app.getByTestId('history-table').locator('time').first();
  const inUtc = await time.textContent();
  const choose = async (zone: string) => {
    await app.getByTestId('user-menu').click();
    await app.getByTestId('zone-switch').selectOption(zone);
    await app.keyboard.press('Escape');
  };
  await choose('workflow');
  // The browser's zone is UTC, the workflow's is Asia/Shanghai.
  await expect(time).not.toHaveText(inUtc ?? '');
  await choose('utc');
  await expect(time).toHaveText(inUtc ?? '');
  await choose('browser');
});

test('a task is found in a graph', async ({ app, open }) => {
  await open('/projects/retail/workflows/daily-sales?tab=graph');
  await expect(app.getByTestId('task-node-report')).toHaveAttribute('data-mark', 'none');
  await app.getByTestId('graph-find').fill('load e');
  await expect(app.getByTestId('task-node-load eu')).toHaveAttribute('data-mark', 'found');
  await expect(app.getByTestId('task-node-report')).toHaveAttribute('data-mark', 'dim');
});

test('a backfill shows its dates before it starts, and its progress', async ({ app, open }) => {
  await open('/backfills/new?project=retail&workflow=daily-sales');
  await app.getByTestId('field-from').fill('2026-10-01');
  await app.getByTestId('field-to').fill('2026-10-03');
  await app.getByTestId('field-schedule').fill('nightly');
  await app.getByTestId('field-dry_run').check();
  await expect(app.getByTestId('backfill-submit')).toBeDisabled();
  await app.getByTestId('backfill-show').click();
  await expect(app.getByTestId('backfill-preview')).toHaveAttribute('data-total', '3');
  await app.getByTestId('backfill-submit').click();
  await expect(app).toHaveURL(/\/backfills\/\d+$/);
  await expect(app.getByTestId('backfill-progress')).toContainText('3 succeeded', { ignoreCase: true });
});

test('a schedule says when it fires while it is typed', async ({ app, open }) => {
  await open('/projects/retail/workflows/daily-sales?tab=schedules');
  await app.getByTestId('schedule-new').click();
  await app.getByTestId('cron-input').fill('0 15 6 * * ?');
  await expect(app.getByTestId('cron-next')).toContainText('06:15');
  await expect(app.getByTestId('cron-next').getByRole('listitem')).toHaveCount(5);
  await app.getByTestId('cron-input').fill('0 15 6 *');
  await expect(app.getByTestId('cron-error')).toBeVisible();
});

test('the home page has past and coming runs, the cluster page what runs where', async ({ app, open }) => {
  await open('/');
  await expect(app.getByTestId('home-timeline')).toContainText('retail/training');
  await open('/cluster');
  const card = app.getByTestId('node-card-standalone');
  await expect(card).toContainText('default');
  await expect(card).toContainText(/of 8 slots/);
});

test('an earlier version is compared and restored', async ({ app, site, open }) => {
  const version = (text: string) => `version: 1\nname: restored\ntasks:\n  a: { type: shell, run: "echo ${text}" }\n`;
  await site.node.putWorkflow('retail', 'restored', version('old'));
  await site.node.putWorkflow('retail', 'restored', version('new'));
  await open('/projects/retail/workflows/restored?tab=versions');
  await expect(app.getByTestId('version-diff')).toContainText('echo old');
  await expect(app.getByTestId('version-diff')).toContainText('echo new');
  await app.getByTestId('version-restore').last().click();
  await app.getByTestId('confirm-yes').click();
  await expect(app.getByTestId('notice')).toHaveAttribute('data-outcome', 'applied');
  const { document } = await site.node.call<{ document: unknown }>('GET', '/projects/retail/workflows/restored');
  expect(JSON.stringify(document)).toContain('echo old');
});
