import type { Page } from '@playwright/test';
import { expect, test } from './fixtures';
import { PASSWORD, USER } from './node';
import { findBarriers, findMisplaced } from './pageFaults';
import { pageCases } from './pages';

/** Parts that the pages are tried in, for workers beside each other. */
const PARTS = 3;

async function chooseTheme(app: Page, theme: string) {
  await app.getByTestId('user-menu').click();
  await app.getByTestId('theme-switch').selectOption(theme);
  await expect(app.locator('html')).toHaveAttribute('data-theme', theme);
  await app.keyboard.press('Escape');
}

for (const theme of ['light', 'dark']) {
  for (let part = 0; part < PARTS; part++) {
    test(`every page shows what it is for, misplaces nothing and has no barrier: ${theme}, part ${part + 1} of ${PARTS}`, async ({ app, site, open }) => {
      test.setTimeout(300_000);
      await chooseTheme(app, theme);
      const faults: string[] = [];
      for (const { path, shows } of pageCases(site.ids).filter((_, index) => index % PARTS === part)) {
        await open(path);
        await expect(app.getByTestId(shows).first(), path).toBeVisible();
        await expect(app.getByTestId('error'), path).toHaveCount(0);
        const found = [...(await findMisplaced(app)), ...(await findBarriers(app))];
        faults.push(...found.map((fault) => `${path}: ${fault}`));
      }
      expect(faults).toEqual([]);
    });
  }
}

test('the first load is small', async ({ page, site }) => {
  await page.goto(`${site.url}/`);
  await page.getByTestId('login-user').fill(USER);
  await page.getByTestId('login-password').fill(PASSWORD);
  await page.getByTestId('login-submit').click();
  await page.getByTestId('home-timeline').waitFor();
  const files = await page.evaluate(() => {
    const entries = performance.getEntries().filter((entry) => entry instanceof PerformanceResourceTiming);
    return entries.filter(({ name }) => !name.includes('/api/')).map(({ name, encodedBodySize }) => ({ name, encodedBodySize }));
  });
  expect(files.map(({ name }) => name)).toContainEqual(expect.stringMatching(/\.js$/));
  const bytes = files.reduce((sum, { encodedBodySize }) => sum + encodedBodySize, 0);
  expect(bytes, JSON.stringify(files)).toBeGreaterThan(50_000);
  expect(bytes, JSON.stringify(files)).toBeLessThan(350 * 1024);
});
