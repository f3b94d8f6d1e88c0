import { expect, test } from './fixtures';

test('verbs follow the state, ask, and show what the server said', async ({ app, site, open }) => {
  const id = await site.node.startWorkflow('retail', 'training');
  await open(`/instances/${id}`);
  await expect(app.getByTestId('instance-state')).toHaveAttribute('data-state', 'running');
  await expect(app.getByTestId('task-node-train')).toHaveAttribute('data-state', 'running');
  await expect(app.getByTestId('verb-rerun')).toBeDisabled();
  await expect(app.getByTestId('verb-rerun')).toHaveAttribute('title', /Running/);
  await app.getByTestId('verb-stop').click();
  await app.getByTestId('confirm-no').click();
  await expect(app.getByTestId('instance-state')).toHaveAttribute('data-state', 'running');
  await app.getByTestId('verb-stop').click();
  await app.getByTestId('confirm-yes').click();
  await expect(app.getByTestId('notice')).toHaveAttribute('data-outcome', 'applied');
  await expect(app.getByTestId('instance-state')).toHaveAttribute('data-state', 'stopped');
  await expect(app.getByTestId('task-node-train')).toHaveAttribute('data-state', 'killed');
  await app.getByTestId('verb-rerun').click();
  await expect(app.getByTestId('preview')).toContainText('prepare');
  await app.getByTestId('confirm-yes').click();
  await expect(app.getByTestId('instance-state')).toHaveAttribute('data-state', 'running');
  await site.node.call('POST', `/instances/${id}/stop`, {});
});

test('a change by others is shown by the stream, before the page looks again', async ({ app, site, open }) => {
  const id = await site.node.startWorkflow('retail', 'training');
  await open(`/instances/${id}`);
  await expect(app.getByTestId('instance-state')).toHaveAttribute('data-state', 'running');
  await expect(app.getByTestId('live-indicator')).toHaveAttribute('data-state', 'live');
  await expect(app.getByTestId('task-node-train')).toHaveAttribute('data-state', 'running');
  await site.node.call('POST', `/instances/${id}/stop`, {});
  // The page looks every 10 s.
  await expect(app.getByTestId('instance-state')).toHaveAttribute('data-state', 'stopped', { timeout: 5000 });
});

test('a log opens at its end, follows, is searched, and links to lines', async ({ app, site, open }) => {
  const document = `version: 1
name: talkative
tasks:
  talk: { type: shell, run: "i=0; while [ $i -lt 20000 ]; do i=$((i+1)); echo line $i of many; done; sleep 2; echo the end" }
`;
  await site.node.putWorkflow('retail', 'talkative', document);
  const id = await site.node.startWorkflow('retail', 'talkative');
  await open(`/instances/${id}?tab=log`);
  await expect(app.getByTestId('log-view')).toContainText('line 20000 of many');
  await expect(app.getByTestId('log-view')).toContainText('the end');
  await app.getByTestId('log-search').fill('line 77 of');
  await app.getByTestId('log-search').press('Enter');
  await app.getByTestId('log-found').getByRole('button').first().click();
  await expect(app.locator('.log-line.marked')).toContainText('line 77 of many');
  const download = app.waitForEvent('download');
  await app.getByTestId('log-download').click();
  expect((await download).suggestedFilename()).toBe(`${id}-talk-1.log`);
});

test('a start fills in parameters, a part, and what an instance was started with', async ({ app, site, open }) => {
  await open('/start/retail/daily-sales');
  await app.getByTestId('field-top_n').fill('7');
  await app.getByTestId('start-scope').selectOption('only');
  await app.getByTestId('task-node-extract').click();
  await app.getByTestId('start-json-tab').click();
  await expect(app.getByTestId('start-json')).toHaveValue(/"top_n": "7"[\s\S]*"extract"/);
  await app.getByTestId('start-submit').click();
  await expect(app.getByTestId('instance-state')).toHaveAttribute('data-state', 'succeeded');
  await open(`/start/retail/daily-sales?like=${site.ids.succeeded}`);
  await expect(app.getByTestId('field-top_n')).toHaveValue('20');
  await app.getByTestId('field-top_n').fill('many');
  await app.getByTestId('start-submit').click();
  await expect(app.getByTestId('start-error')).toContainText('top_n');
});

test('what waits says why, and an approval is decided', async ({ app, site, open }) => {
  await open(`/instances/${site.ids.queued}`);
  await expect(app.getByTestId('explain')).toContainText('warehouse-sync');
  await open('/approvals');
  await app.getByTestId(`approval-row-${site.ids.approval}/gate`).getByTestId('approval-open').click();
  await app.getByTestId('field-comment').fill('looks right');
  await app.getByTestId('verb-approve').click();
  await expect(app.getByTestId('notice')).toHaveAttribute('data-outcome', 'applied');
  await expect(app.getByTestId(`approval-row-${site.ids.approval}/gate`)).toHaveCount(0);
});

test('many instances are changed at once, with progress', async ({ app, site, open }) => {
  const ids = await Promise.all([1, 2, 3].map(() => site.node.startWorkflow('retail', 'stock-levels', {}, '30s')));
  await open('/instances?workflow=stock-levels&state=failed');
  await app.getByTestId(`instance-row-${ids[0]}`).getByRole('checkbox').check();
  await app.getByTestId(`instance-row-${ids[1]}`).getByRole('checkbox').check();
  await app.getByTestId('bulk-delete').click();
  await app.getByTestId('confirm-yes').click();
  await expect(app.getByTestId('bulk-progress')).toContainText('2 applied, 0 refused of 2');
  await expect(app.getByTestId(`instance-row-${ids[0]}`)).toHaveCount(0);
  await expect(app.getByTestId(`instance-row-${ids[2]}`)).toBeVisible();
});
