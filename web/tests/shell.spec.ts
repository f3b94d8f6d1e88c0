import { signIn } from './browser';
import { expect, test } from './fixtures';
import { PASSWORD, USER } from './node';
import { ReverseProxy } from './proxy';

test('a page without a session leads to the login and back', async ({ page, site }) => {
  await page.goto(`${site.url}/workflows?find=daily`);
  await expect(page).toHaveURL(/\/login\?next=/);
  await page.getByTestId('login-user').fill(USER);
  await page.getByTestId('login-password').fill('wrong');
  await page.getByTestId('login-submit').click();
  await expect(page.getByTestId('login-error')).toBeVisible();
  await page.getByTestId('login-password').fill(PASSWORD);
  await page.getByTestId('login-submit').click();
  await expect(page).toHaveURL(/\/workflows\?find=daily/);
  await expect(page.getByTestId('workflow-row-retail/daily-sales')).toBeVisible();
});

test('next never leads to another host', async ({ page, site }) => {
  await page.goto(`${site.url}/login?next=//example.org/`);
  await page.getByTestId('login-user').fill(USER);
  await page.getByTestId('login-password').fill(PASSWORD);
  await page.getByTestId('login-submit').click();
  await expect(page.getByTestId('home-numbers')).toBeVisible();
  expect(new URL(page.url()).origin).toBe(new URL(site.url).origin);
});

test('a setup link sets a password once, and signs in', async ({ page, site }) => {
  await site.node.call('POST', '/users', { name: 'bob' });
  const { token } = await site.node.call<{ token: string }>('POST', '/auth/setup-links', { user: 'bob' });
  await page.goto(`${site.url}/setup#token=${token}`);
  await page.getByTestId('setup-password').fill('another horse battery');
  await page.getByTestId('setup-submit').click();
  await expect(page.getByTestId('user-menu')).toContainText('bob');
  await page.reload();
  await expect(page.getByTestId('user-menu')).toContainText('bob');
  await page.goto(`${site.url}/setup#token=${token}`);
  await page.reload();
  await page.getByTestId('setup-password').fill('another horse battery');
  await page.getByTestId('setup-submit').click();
  await expect(page.getByTestId('setup-error')).toBeVisible();
});

test('switches are effective at once, and kept', async ({ app, site }) => {
  await app.getByTestId('user-menu').click();
  await app.getByTestId('lang-switch').selectOption('zh');
  await expect(app.getByRole('heading', { name: '首页' })).toBeVisible();
  await app.getByTestId('theme-switch').selectOption('dark');
  await expect(app.locator('html')).toHaveAttribute('data-theme', 'dark');
  await expect.poll(async () => (await app.evaluate(() => document.documentElement.lang))).toBe('zh-CN');
  await app.getByTestId('logout').click();
  await app.getByTestId('login-user').fill(USER);
  await app.getByTestId('login-password').fill(PASSWORD);
  await app.getByTestId('login-submit').click();
  await expect(app.getByRole('heading', { name: '首页' })).toBeVisible();
  await expect(app.locator('html')).toHaveAttribute('data-theme', 'dark');
  await app.getByTestId('user-menu').click();
  await app.getByTestId('lang-switch').selectOption('en');
  await app.getByTestId('theme-switch').selectOption('light');
  await expect(app.getByRole('heading', { name: 'Home' })).toBeVisible();
  expect(site.ids.running).toBeTruthy();
});

test('keys lead to pages, and the palette to an instance', async ({ app, site }) => {
  await app.keyboard.press('g');
  await app.keyboard.press('w');
  await expect(app.getByTestId('workflow-table')).toBeVisible();
  await app.keyboard.press('?');
  await expect(app.getByTestId('shortcuts')).toBeVisible();
  await app.keyboard.press('Escape');
  await app.keyboard.press('Control+k');
  await app.getByTestId('command-input').fill(site.ids.running);
  await expect(app.getByTestId('command-palette').getByRole('option').first()).toContainText(`#${site.ids.running}`);
  await app.getByTestId('command-input').press('Enter');
  await expect(app).toHaveURL(new RegExp(`/instances/${site.ids.running}$`));
});

test('the page is live, and says so while the server is away', async ({ page, site, basePath }) => {
  const proxy = await ReverseProxy.start(site.node.url);
  await signIn(page, `${proxy.url}${basePath}`);
  const indicator = page.getByTestId('live-indicator');
  await expect(indicator).toHaveAttribute('data-state', 'live');
  await proxy.goAway();
  await expect(indicator).toHaveAttribute('data-state', 'reconnecting');
  await proxy.comeBack();
  await expect(indicator).toHaveAttribute('data-state', 'live');
  await proxy.goAway();
});

test('what does not exist is not found', async ({ app, open }) => {
  await open('/nothing/here');
  await expect(app.getByTestId('not-found')).toBeVisible();
});
