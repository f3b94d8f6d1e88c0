import { expect, test } from './fixtures';
import { Receiver } from './receiver';

test.describe.configure({ timeout: 120_000 });

const FAILING = 'version: 1\nname: failing\ntasks:\n  a: { type: shell, run: "exit 3" }\n';

test('a rule of a project is made, ordered, changed and deleted; its alert is sent, fails, and is sent again', async ({ app, site, open }) => {
  const receiver = await Receiver.start();
  receiver.status = 404;
  await site.node.call('POST', '/projects', { name: 'billing' });
  await site.node.call('PUT', '/projects/billing/channels/pager', { type: 'webhook', url: `${receiver.url}/pager` });
  await site.node.putWorkflow('billing', 'failing', FAILING);
  await open('/projects/billing/settings');
  await app.getByTestId('rule-new').click();
  await app.getByTestId('field-name').fill('broken');
  await expect(app.getByTestId('field-by')).toHaveCount(0);
  await app.getByTestId('field-on-late').check();
  await expect(app.getByTestId('field-by')).toBeVisible();
  await app.getByTestId('field-channels-pager').check();
  await app.getByTestId('rule-save').click();
  await expect(app.getByTestId('rule-form').getByRole('alert').first()).toContainText('late');
  await app.getByTestId('field-on-late').uncheck();
  await app.getByTestId('rule-save').click();
  await expect(app.getByTestId('rule-row-broken')).toContainText('pager');
  await app.getByTestId('rule-new').click();
  await app.getByTestId('field-on-failed').uncheck();
  await app.getByTestId('field-on-succeeded').check();
  await app.getByTestId('field-channels-pager').check();
  await app.getByTestId('field-when').fill("instance.trigger == 'schedule'");
  await app.getByTestId('rule-save').click();
  await expect(app.getByTestId('rule-row-1')).toContainText('instance.trigger');
  await app.getByTestId('rule-row-1').getByTestId('rule-up').click();
  await expect(app.getByTestId('rule-row-0')).toContainText('instance.trigger');
  await app.getByTestId('rule-row-0').getByTestId('rule-delete').click();
  await app.getByTestId('confirm-yes').click();
  await expect(app.getByTestId('rule-row-0')).toHaveCount(0);

  await site.node.startWorkflow('billing', 'failing', {}, '20s');
  await open('/alerts?workflow=failing&event=failed');
  const row = app.getByTestId(/^alert-row-/).filter({ hasText: 'project/broken' });
  await expect(row.locator('[data-state="failed"]')).toBeVisible({ timeout: 30_000 });
  await row.getByTestId('alert-open').click();
  await expect(app.getByTestId('delivery-row-pager')).toContainText('404');
  await expect(app.getByTestId('alert-panel')).toContainText('project/broken');
  receiver.status = 200;
  await app.getByTestId('alert-panel').getByTestId('alert-retry').click();
  await expect(app.getByTestId('delivery-row-pager').locator('[data-state="delivered"]')).toBeVisible({ timeout: 30_000 });
  await expect(app.getByTestId('alert-panel').getByTestId('alert-retry')).toBeDisabled();
  await app.getByTestId('filter-state').selectOption('failed');
  await expect(app.getByTestId('empty')).toBeVisible();
  receiver.stop();
  await open('/projects/billing/settings');
  await app.getByTestId('rule-row-broken').getByTestId('rule-delete').click();
  await app.getByTestId('confirm-yes').click();
  await expect(app.getByTestId('rule-row-broken')).toHaveCount(0);
});

test('rules of the server know nodes; what another user changed meanwhile is not overwritten', async ({ app, site, open }) => {
  await site.node.call('PUT', '/notify', { rules: [] });
  await open('/admin/rules');
  await app.getByTestId('rule-new').click();
  await app.getByTestId('field-name').fill('nodes');
  await app.getByTestId('field-on-failed').uncheck();
  await app.getByTestId('field-on-node_dead').check();
  await app.getByTestId('field-channels-everybody').check();
  await site.node.call('PUT', '/notify', { rules: [{ name: 'theirs', on: ['failover'], channels: ['everybody'] }] });
  await app.getByTestId('rule-save').click();
  await expect(app.getByTestId('rule-error')).toContainText('Somebody else');
  await expect(app.getByTestId('rule-row-theirs')).toBeVisible();
  await app.getByTestId('rule-save').click();
  await expect(app.getByTestId('rule-row-nodes')).toContainText('Node dead');
  await site.node.call('PUT', '/notify', { rules: [] });
});

test('a silence is made, changed and deleted', async ({ app, open }) => {
  await open('/silences');
  await app.getByTestId('silence-new').click();
  await app.getByTestId('field-name').fill('upgrade');
  await app.getByTestId('field-project').fill('retail');
  await app.getByTestId('field-until').fill('tomorrow');
  await app.getByTestId('field-reason').fill('The database is upgraded');
  await app.getByTestId('silence-save').click();
  await expect(app.getByTestId('field-until-problem')).toBeVisible();
  const until = new Date(Date.now() + 3_600_000).toISOString();
  await app.getByTestId('field-until').fill(until);
  await app.getByTestId('silence-save').click();
  await expect(app.getByTestId('silence-row-upgrade')).toContainText('retail');
  await app.getByTestId('silence-row-upgrade').getByTestId('silence-edit').click();
  await app.getByTestId('field-event').selectOption('failed');
  await app.getByTestId('silence-save').click();
  await expect(app.getByTestId('silence-row-upgrade')).toContainText('Failed');
  await app.getByTestId('silence-row-upgrade').getByTestId('silence-delete').click();
  await app.getByTestId('confirm-yes').click();
  await expect(app.getByTestId('silence-row-upgrade')).toHaveCount(0);
});
