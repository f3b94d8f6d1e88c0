import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Page } from '@playwright/test';
import { expect, test } from './fixtures';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** Every page by its path, with what it shows. */
function pages(ids: Record<string, string>): [string, string][] {
  const workflow = '/projects/retail/workflows/daily-sales';
  return [
    ['/', 'home-timeline'],
    ['/workflows', 'workflow-table'],
    [workflow, 'tab-overview'],
    [`${workflow}?tab=graph`, 'graph-canvas'],
    [`${workflow}?tab=grid`, 'grid-matrix'],
    [`${workflow}?tab=gantt`, 'gantt'],
    [`${workflow}?tab=instances`, 'instance-table'],
    [`${workflow}?tab=schedules`, 'schedule-table'],
    [`${workflow}?tab=backfills`, 'backfill-table'],
    [`${workflow}?tab=versions`, 'version-diff'],
    [`${workflow}?tab=source`, 'source-view'],
    [`${workflow}/edit`, 'editor-canvas'],
    ['/start/retail/daily-sales', 'start-form'],
    ['/instances', 'instance-table'],
    [`/instances/${ids.failed}?task=check`, 'task-drawer'],
    [`/instances/${ids.succeeded}?tab=gantt`, 'gantt'],
    [`/instances/${ids.succeeded}?tab=tasks`, 'task-row-load eu'],
    [`/instances/${ids.succeeded}?tab=log`, 'log-view'],
    [`/instances/${ids.succeeded}?tab=params`, 'param-top_n'],
    [`/instances/${ids.succeeded}?tab=ownership`, 'ownership-timeline'],
    [`/instances/${ids.succeeded}?tab=history`, 'history-table'],
    [`/instances/${ids.queued}`, 'explain'],
    ['/task-instances', 'task-instance-table'],
    ['/schedules', 'schedule-table'],
    ['/backfills', 'backfill-table'],
    ['/backfills/new', 'backfill-wizard'],
    [`/backfills/${ids.backfill}`, 'backfill-progress'],
    ['/approvals', 'approval-table'],
    ['/lineage', 'lineage-canvas'],
    ['/cluster', 'failover-table'],
    ['/projects', 'project-row-retail'],
    ['/projects/retail/settings', 'grant-table'],
    ['/projects/retail/limits', 'limit-row-warehouse'],
    ['/projects/retail/calendars', 'calendar-row-workdays'],
    ['/projects/retail/secrets', 'secret-row-erp_token'],
    ['/projects/retail/connections', 'connection-row-erp'],
    ['/projects/retail/channels', 'channel-row-oncall'],
    ['/admin/connections', 'connection-row-lake'],
    ['/admin/channels', 'channel-row-everybody'],
    ['/alerts', 'alert-table'],
    ['/silences', 'silence-table'],
    ['/admin/rules', 'rule-table'],
    ['/admin/limits', 'limit-table'],
    ['/admin/calendars', 'calendar-table'],
    ['/admin/users', 'user-row-ada'],
    ['/admin/tokens', 'token-table'],
    [`/instances/${ids.succeeded}?tab=params&of=report`, 'param-table'],
    ['/admin/task-types', 'task-type-row-shell'],
    ['/me', 'me-form'],
  ];
}

async function findFaults(page: Page): Promise<string[]> {
  await page.evaluate(axe);
  return page.evaluate(async () => {
    const { axe: checker } = window as unknown as { axe: { run: (options: object) => Promise<{ violations: { id: string; impact: string; nodes: { html: string }[] }[] }> } };
    const { violations } = await checker.run({ resultTypes: ['violations'] });
    return violations
      .filter(({ impact }) => impact === 'serious' || impact === 'critical')
      .map(({ id, nodes }) => `${id}: ${nodes.slice(0, 2).map((node) => node.html.slice(0, 160)).join(' | ')}`);
  });
}

for (const theme of ['light', 'dark'] as const) {
  test(`every page shows what it is for, fits 1280 pixels and is accessible, ${theme}`, async ({ app, site, open }) => {
    test.setTimeout(240_000);
    await app.getByTestId('user-menu').click();
    await app.getByTestId('theme-switch').selectOption(theme);
    await expect(app.locator('html')).toHaveAttribute('data-theme', theme);
    await app.keyboard.press('Escape');
    const faults: string[] = [];
    for (const [path, testId] of pages(site.ids)) {
      await open(path);
      await expect(app.getByTestId(testId).first(), path).toBeVisible();
      await expect(app.getByTestId('error'), path).toHaveCount(0);
      const wide = await app.evaluate(() => {
        const main = document.querySelector('main');
        return Math.max(document.documentElement.scrollWidth - window.innerWidth, (main?.scrollWidth ?? 0) - (main?.clientWidth ?? 0));
      });
      if (wide > 1) faults.push(`${path}: ${wide} pixels too wide`);
      faults.push(...(await findFaults(app)).map((fault) => `${path}: ${fault}`));
    }
    expect(faults).toEqual([]);
  });
}

test('first load is small', async ({ page, site }) => {
  let bytes = 0;
  page.on('response', (response) => {
    if (/\.(js|css|svg|html)$/.test(new URL(response.url()).pathname) || response.url() === `${site.url}/`) {
      void response.body().then(async (body) => {
        const { gzipSync } = await import('node:zlib');
        bytes += gzipSync(body).length;
      });
    }
  });
  await page.goto(`${site.url}/`);
  await page.getByTestId('login-submit').waitFor();
  await page.getByTestId('login-user').fill('ada');
  await page.getByTestId('login-password').fill('correct horse battery');
  await page.getByTestId('login-submit').click();
  await page.getByTestId('home-timeline').waitFor();
  await page.waitForLoadState('networkidle');
  expect(bytes).toBeGreaterThan(50_000);
  expect(bytes).toBeLessThan(350 * 1024);
});
