// Takes screenshots of pages into this folder, by PORPOISE_BIN with its pages: `npm run screenshots [NAME…]`.
// VARIANTS: light-en-1280,dark-zh-1920; SETS: normal, empty (nothing made yet), huge, failing (the API is away).
import { execFileSync } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { goTo, openBrowser, signIn } from '../tests/browser';
import { PASSWORD, TestNode, USER } from '../tests/node';
import { PAGES, ReverseProxy } from '../tests/proxy';
import { largeWorkflow, seed } from '../tests/seed';
import { screens, type Screen } from './screens';

const folder = process.env.SCREENSHOTS ?? fileURLToPath(new URL('.', import.meta.url));
const variants = (process.env.VARIANTS ?? 'light-en-1280,dark-zh-1920').split(',');
const sets = (process.env.SETS ?? 'normal').split(',');
const wanted = process.argv.slice(2);
const FILL = fileURLToPath(new URL('../../scripts/fill-instances.py', import.meta.url));
const HUGE_INSTANCES = 20_000;
const HUGE_TASKS = 3000;
/** Time in which a page gets everything that it shows. */
const SETTLE_MS = 600;

/** Fills a node for a set, and answers with its pages. */
async function prepareSet(set: string, node: TestNode): Promise<Screen[]> {
  if (set === 'empty') {
    await node.call('POST', '/users', { name: USER, password: PASSWORD, role: 'admin' });
    await node.call('POST', '/projects', { name: 'retail' });
    return screens({}).filter(({ path }) => !/undefined|daily-sales|stock-levels/.test(path));
  }
  const ids = await seed(node);
  if (set !== 'huge') return screens(ids);
  await node.putWorkflow('retail', 'large', largeWorkflow('large', HUGE_TASKS));
  const large = await node.startWorkflow('retail', 'large', {}, '60s');
  execFileSync('python3', [FILL, node.database, ids.succeeded, String(HUGE_INSTANCES)], { stdio: 'ignore' });
  const graph = { name: 'large-graph', path: '/projects/retail/workflows/large?tab=graph', shows: 'graph-canvas' };
  const instance = { name: 'large-instance', path: `/instances/${large}`, shows: 'graph-canvas' };
  const grid = { name: 'large-grid', path: '/projects/retail/workflows/large?tab=grid', shows: 'grid-matrix' };
  const tasks = { name: 'large-tasks', path: `/instances/${large}?tab=tasks`, shows: 'task-row-t0' };
  return [...screens(ids).filter(({ name }) => ['home', 'workflows', 'workflow', 'workflow-grid', 'instances', 'task-instances'].includes(name)), graph, instance, grid, tasks];
}

async function takeVariant(browser: Browser, url: string, set: string, pages: Screen[], variant: string) {
  const [theme = 'light', language = 'en', width] = variant.split('-');
  const context = await browser.newContext({ viewport: { width: Number(width), height: 900 } });
  const page = await context.newPage();
  page.on('pageerror', (error) => console.error(`${variant}: ${error.message}`));
  await signIn(page, url);
  await page.getByTestId('user-menu').click();
  await page.getByTestId('theme-switch').selectOption(theme);
  await page.getByTestId('lang-switch').selectOption(language);
  await page.keyboard.press('Escape');
  await page.evaluate(() => (document.activeElement as HTMLElement | null)?.blur());
  if (set === 'failing') await context.route(/\/api\/v1\/(?!users\/me)/, (route) => route.fulfill({ status: 503, json: { code: 'UNAVAILABLE', detail: 'The database does not answer.' } }));
  for (const screen of pages) {
    if (wanted.length > 0 && !wanted.includes(screen.name)) continue;
    await takeScreen(page, url, screen, `${folder}/${screen.name}-${variant}${set === 'normal' ? '' : `-${set}`}.png`, set);
  }
  await context.close();
}

async function takeScreen(page: Page, url: string, screen: Screen, file: string, set: string) {
  await goTo(page, `${new URL(url).pathname.replace(/\/$/, '')}${screen.path}`);
  if (set === 'normal' || set === 'huge') {
    await page.getByTestId(screen.shows).first().waitFor();
    await screen.prepare?.(page);
  }
  await page.waitForTimeout(SETTLE_MS);
  await page.locator('.skeleton').first().waitFor({ state: 'detached' });
  await page.screenshot({ path: file });
  if (set === 'normal' && screen.after) await screen.after(page);
}

await mkdir(folder, { recursive: true });
const browser = await openBrowser();
try {
  for (const set of sets) {
    const node = await TestNode.start();
    const proxy = PAGES === 'dist' ? await ReverseProxy.start(node.url) : undefined;
    try {
      const pages = await prepareSet(set, node);
      for (const variant of variants) await takeVariant(browser, proxy?.url ?? node.url, set, pages, variant);
    } finally {
      await proxy?.goAway();
      await node.stop();
    }
  }
} finally {
  await browser.close();
}
