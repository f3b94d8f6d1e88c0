import type { Page } from '@playwright/test';
import { expect, test } from './fixtures';
import { Receiver } from './receiver';

// Forms with many fields, on a machine that may be busy.
test.describe.configure({ timeout: 90_000 });

/** Answers of secrets and connections hold no value: neither does a page. */
async function expectNoSecret(app: Page, secret: string) {
  expect(await app.content()).not.toContain(secret);
}

function outcome(app: Page) {
  return app.getByTestId('notice').last();
}

test('a secret is written, replaced and deleted, and never shown', async ({ app, open }) => {
  await open('/projects/retail/secrets');
  await app.getByTestId('secret-new').click();
  await app.getByTestId('field-name').fill('hook_token');
  await app.getByTestId('field-value').fill('short');
  await app.getByTestId('secret-save').click();
  await expect(app.getByTestId('field-value-problem')).toContainText('at least 6 bytes');
  await app.getByTestId('field-value').fill('wh-4711-secret');
  await app.getByTestId('secret-save').click();
  await expect(app.getByTestId('secret-row-hook_token')).toContainText('${secret.hook_token}');
  await expectNoSecret(app, 'wh-4711-secret');
  await app.getByTestId('secret-row-hook_token').getByTestId('secret-edit').click();
  await expect(app.getByTestId('field-name')).toBeDisabled();
  await expect(app.getByTestId('field-value')).toHaveValue('');
  await app.getByTestId('field-value').fill('wh-4712-secret');
  await app.getByTestId('secret-save').click();
  await expect(app.getByTestId('secret-form')).toHaveCount(0);
  await app.getByTestId('secret-row-hook_token').getByTestId('secret-delete').click();
  await app.getByTestId('confirm-yes').click();
  await expect(app.getByTestId('secret-row-hook_token')).toHaveCount(0);
});

test('a secret that a document names is not deleted, and the page says why', async ({ app, site, open }) => {
  await site.node.call('PUT', '/projects/retail/secrets/db_password', { value: 'wh-4713-secret' });
  await site.node.putWorkflow('retail', 'with-secret', 'version: 1\nname: with-secret\ntasks:\n  a: { type: shell, run: "true", env: { P: "${secret.db_password}" } }\n');
  await open('/projects/retail/secrets');
  await app.getByTestId('secret-row-db_password').getByTestId('secret-delete').click();
  await app.getByTestId('confirm-yes').click();
  await expect(outcome(app)).toHaveAttribute('data-outcome', 'refused');
  await expect(outcome(app)).toContainText('with-secret');
  await expect(app.getByTestId('secret-row-db_password')).toBeVisible();
});

test('a connection is made from the schema of its type, tried, tested, changed and deleted', async ({ app, site, open }) => {
  const receiver = await Receiver.start();
  await open('/projects/retail/connections');
  await app.getByTestId('connection-new').click();
  await app.getByTestId('field-name').fill('crm');
  await app.getByTestId('field-type').selectOption('postgresql');
  await expect(app.getByTestId('field-options.search_path')).toBeVisible();
  await app.getByTestId('field-type').selectOption('http');
  await app.getByTestId('field-url').fill(receiver.url);
  await app.getByTestId('field-headers').fill('X-Team: bi');
  await app.getByTestId('field-auth.type').selectOption('bearer');
  await app.getByTestId('connection-save').click();
  await expect(app.getByTestId('field-auth.token-problem')).toBeVisible();
  await app.getByTestId('field-auth.token').fill('t0ken-of-crm');
  await app.getByTestId('connection-try').click();
  await expect(app.getByTestId('connection-trial')).toHaveAttribute('data-outcome', 'applied');
  expect(receiver.received[0]?.headers).toMatchObject({ authorization: 'Bearer t0ken-of-crm', 'x-team': 'bi' });
  await app.getByTestId('connection-save').click();
  const row = app.getByTestId('connection-row-crm');
  await expect(row).toContainText(receiver.url);
  await row.getByTestId('connection-test').click();
  await expect(outcome(app)).toContainText('crm:');
  await expect(outcome(app)).toHaveAttribute('data-outcome', 'applied');
  receiver.status = 401;
  await row.getByTestId('connection-test').click();
  await expect(app.getByTestId('notice').filter({ hasText: '401' })).toHaveAttribute('data-outcome', 'failed');
  await expectNoSecret(app, 't0ken-of-crm');

  await row.getByTestId('connection-edit').click();
  await expect(app.getByTestId('field-auth.token')).toHaveValue('');
  await app.getByTestId('field-description').fill('Orders and stock');
  await app.getByTestId('connection-save').click();
  await expect(row).toContainText('Orders and stock');
  await row.getByTestId('connection-edit').click();
  await app.getByTestId('field-url').fill(`${receiver.url}/other`);
  await app.getByTestId('connection-save').click();
  await expect(app.getByTestId('field-auth.token-problem')).toContainText('again');
  await app.keyboard.press('Escape');
  await row.getByTestId('connection-delete').click();
  await app.getByTestId('confirm-yes').click();
  await expect(row).toHaveCount(0);
  receiver.stop();
  expect(site.node.url).toBeTruthy();
});

test('a shared connection is granted to projects, which see its name', async ({ app, site, open }) => {
  await site.node.call('PUT', '/connections/dwh', { type: 'postgresql', host: 'db.example.org', database: 'dwh', user: 'etl', password: 'pw-of-the-dwh' });
  await open('/admin/connections');
  const row = app.getByTestId('connection-row-dwh');
  await expect(row).toContainText('db.example.org:5432/dwh');
  await row.getByTestId('connection-details').click();
  await expect(app.getByTestId('connector-facts')).toContainText('Stored, not shown');
  await app.getByTestId('connection-grant-new').click();
  await app.getByTestId('field-name').selectOption('retail');
  await app.getByTestId('connection-grant-save').click();
  await expect(app.getByTestId('connection-grant-row-retail')).toBeVisible();
  await open('/projects/retail/connections');
  await expect(row).toContainText('Shared');
  await expect(row.getByTestId('connection-edit')).toHaveCount(0);
  await open('/admin/connections');
  await row.getByTestId('connection-details').click();
  await app.getByTestId('connection-grant-row-retail').getByTestId('connection-grant-delete').click();
  await app.getByTestId('confirm-yes').click();
  await expect(app.getByTestId('connection-grant-row-retail')).toHaveCount(0);
  await row.getByTestId('connection-delete').click();
  await app.getByTestId('confirm-yes').click();
  await expect(row).toHaveCount(0);
});

test('a channel sends a test message, and a group is made of channels', async ({ app, open }) => {
  const receiver = await Receiver.start();
  await open('/projects/retail/channels');
  await app.getByTestId('channel-new').click();
  await app.getByTestId('field-name').fill('tickets');
  await app.getByTestId('field-type').selectOption('webhook');
  await app.getByTestId('field-url').fill(`${receiver.url}/hook`);
  await app.getByTestId('field-body').fill('{"text": {{ alert.text|tojsn }}}');
  await app.getByTestId('channel-save').click();
  await expect(app.getByTestId('field-body-problem')).toContainText('tojsn');
  await app.getByTestId('field-body').fill('');
  await app.getByTestId('field-sign').selectOption('bearer');
  await app.getByTestId('field-secret').fill('key-of-the-hook');
  await app.getByTestId('channel-save').click();
  const row = app.getByTestId('channel-row-tickets');
  await expect(row).toContainText('Webhook');
  await row.getByTestId('channel-test').click();
  await expect(outcome(app)).toHaveAttribute('data-outcome', 'applied');
  expect(receiver.received.at(-1)).toMatchObject({ path: '/hook', headers: { authorization: 'Bearer key-of-the-hook' } });
  expect(receiver.received.at(-1)?.body).toContain('"event":"test"');
  receiver.status = 404;
  await row.getByTestId('channel-test').click();
  await expect(app.getByTestId('notice').filter({ hasText: '404' })).toHaveAttribute('data-outcome', 'failed');

  await app.getByTestId('channel-new').click();
  await app.getByTestId('field-name').fill('both');
  await app.getByTestId('field-type').selectOption('group');
  await app.getByTestId('field-members-tickets').check();
  await app.getByTestId('channel-save').click();
  await expect(app.getByTestId('channel-row-both')).toBeVisible();
  await row.getByTestId('channel-delete').click();
  await app.getByTestId('confirm-yes').click();
  await expect(app.getByTestId('notice').filter({ hasText: '`both`' })).toHaveAttribute('data-outcome', 'refused');
  for (const name of ['both', 'tickets']) {
    await app.getByTestId(`channel-row-${name}`).getByTestId('channel-delete').click();
    await app.getByTestId('confirm-yes').click();
    await expect(app.getByTestId(`channel-row-${name}`)).toHaveCount(0);
  }
  await expectNoSecret(app, 'key-of-the-hook');
  receiver.stop();
});

test('who may only read changes nothing, and sees why; shared things are not there for them', async ({ browser, site }) => {
  await site.node.call('POST', '/users', { name: 'reader', password: 'reading horse battery' });
  await site.node.call('PUT', '/projects/retail/grants/reader', { permission: 'read' });
  const page = await browser.newPage();
  await page.goto(`${site.url}/login?next=/projects/retail/channels`);
  await page.getByTestId('login-user').fill('reader');
  await page.getByTestId('login-password').fill('reading horse battery');
  await page.getByTestId('login-submit').click();
  await expect(page.getByTestId('channel-row-oncall')).toBeVisible();
  for (const verb of ['new', 'test', 'edit', 'delete']) {
    const button = verb === 'new' ? page.getByTestId('channel-new') : page.getByTestId('channel-row-oncall').getByTestId(`channel-${verb}`);
    await expect(button).toBeDisabled();
    await expect(button).toHaveAttribute('title', /write/);
  }
  await page.goto(`${site.url}/admin/connections`);
  await expect(page.getByTestId('not-found')).toBeVisible();
  await page.goto(`${site.url}/projects/nothing/secrets`);
  await expect(page.getByTestId('not-found')).toBeVisible();
  await page.close();
});

test('a list that cannot be loaded says so, and can be tried again', async ({ app, open, context }) => {
  await context.route('**/api/v1/projects/retail/channels*', (route) => route.fulfill({ status: 503, json: { code: 'UNAVAILABLE', detail: 'The database does not answer.' } }));
  await open('/projects/retail/channels');
  await expect(app.getByTestId('error')).toContainText('The database does not answer.');
  await context.unroute('**/api/v1/projects/retail/channels*');
  await app.getByTestId('error-retry').click();
  await expect(app.getByTestId('channel-table')).toBeVisible();
  await expect(app.getByTestId('error')).toHaveCount(0);
});
