// What is measured of the pages, each on its own page of a browser that does nothing else.
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Page } from 'playwright-core';
import type { TestNode } from '../tests/node';
import { largeWorkflow } from '../tests/seed';

/** A node, and where its pages are. */
export interface Site {
  node: TestNode;
  url: string;
}

export interface Figure {
  what: string;
  /** Medians of several runs where a run is a navigation. */
  value: number;
  unit: string;
  target: number;
}

const FILL = fileURLToPath(new URL('../../scripts/fill-instances.py', import.meta.url));
const TASKS = 10_000;
const LOG_BYTES = 100 * 1024 * 1024;
const INSTANCES = 1_000_000;
const RUNS = 5;
const WAIT_MS = 300_000;

function median(values: number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN;
}

/** Milliseconds from a navigation to the frame in which the page shows what `script` looks for. */
async function measureOpening(page: Page, url: string, script: string): Promise<number> {
  await page.goto('about:blank');
  await page.goto(url, { waitUntil: 'commit' });
  await page.waitForFunction(script, undefined, { polling: 'raf', timeout: WAIT_MS });
  return page.evaluate(() => performance.now());
}

async function measureOpenings(page: Page, url: string, script: string): Promise<number> {
  const times = [];
  for (let run = 0; run < RUNS; run++) times.push(await measureOpening(page, url, script));
  return median(times);
}

export async function measureFirstLoad(page: Page, { url: root }: Site): Promise<Figure[]> {
  const session = await page.context().newCDPSession(page);
  await session.send('Network.setCacheDisabled', { cacheDisabled: true });
  const shown = await measureOpenings(page, `${root}/`, `document.querySelector('[data-testid=home-timeline]') !== null`);
  const bytes = await page.evaluate(() => {
    const files = performance.getEntries().filter((entry) => entry instanceof PerformanceResourceTiming && !entry.name.includes('/api/'));
    return (files as PerformanceResourceTiming[]).reduce((sum, file) => sum + file.encodedBodySize, 0);
  });
  await session.detach();
  return [
    { what: 'first load, nothing cached: home page shown', value: shown, unit: 'ms', target: 1000 },
    { what: 'first load: size of its files, compressed', value: bytes / 1024, unit: 'KiB', target: 350 },
  ];
}

export async function measureGraph(page: Page, { node, url: root }: Site): Promise<Figure[]> {
  await node.putWorkflow('retail', 'large', largeWorkflow('large', TASKS));
  const url = `${root}/projects/retail/workflows/large?tab=graph`;
  const painted = `document.querySelector('[data-testid=graph-canvas][data-nodes="${TASKS}"] canvas')?.dataset.pictures > 0`;
  const first = await measureOpening(page, url, painted);
  const again = await measureOpenings(page, url, painted);
  return [
    { what: `graph of ${TASKS} tasks, laid out for the first time: first frame with nodes`, value: first, unit: 'ms', target: 1000 },
    { what: `graph of ${TASKS} tasks, later: first frame with nodes`, value: again, unit: 'ms', target: 1000 },
    { what: 'the same graph: 95 of 100 frames of 3 s of panning', value: await measurePanning(page), unit: 'ms', target: 50 },
  ];
}

/** Collects the times of the frames of three seconds. It is text, because what compiles this file changes functions. */
const COLLECT_FRAMES = `new Promise((resolve) => {
  const times = [];
  const begin = performance.now();
  let last = begin;
  requestAnimationFrame(function step(now) {
    times.push(now - last);
    last = now;
    if (now - begin < 3000) requestAnimationFrame(step);
    else resolve(times);
  });
})`;

async function measurePanning(page: Page): Promise<number> {
  const box = await page.getByTestId('graph-canvas').boundingBox();
  if (!box) throw new Error('the graph has no place');
  const middle = { x: box.x + box.width / 2, y: box.y + box.height / 2 };
  await page.mouse.move(middle.x, middle.y);
  await page.mouse.down();
  const frames = page.evaluate<number[]>(COLLECT_FRAMES);
  let isOver = false;
  void frames.then(() => (isOver = true));
  // In circles: the graph leaves its picture and comes back.
  for (let step = 0; !isOver; step++) {
    await page.mouse.move(middle.x + 250 * Math.sin(step / 20), middle.y + 120 * Math.cos(step / 20));
  }
  await page.mouse.up();
  const times = (await frames).sort((a, b) => a - b);
  return times[Math.floor(times.length * 0.95)] ?? NaN;
}

export async function measureLog(page: Page, { node, url: root }: Site): Promise<Figure[]> {
  const run = `yes 'a line of a log that is about as long as most lines of logs are' | head -c ${LOG_BYTES}; echo; echo the end`;
  await node.putWorkflow('retail', 'verbose', `version: 1\nname: verbose\ntasks:\n  talk: { type: shell, run: "${run}" }\n`);
  const id = await node.startWorkflow('retail', 'verbose', {}, '60s');
  const shown = await measureOpenings(page, `${root}/instances/${id}?tab=log`, `document.querySelector('[data-testid=log-view]')?.textContent.includes('the end')`);
  return [{ what: 'log of 100 MiB: opened at its end', value: shown, unit: 'ms', target: 1000 }];
}

export async function measureLists(page: Page, { node, url: root }: Site): Promise<Figure[]> {
  const id = await node.startWorkflow('retail', 'daily-sales', {}, '60s');
  execFileSync('python3', [FILL, node.database, id, String(INSTANCES)], { stdio: 'ignore' });
  const rows = (more: string) => `document.querySelectorAll('[data-testid^=instance-row-]').length ${more}`;
  const figures: Figure[] = [];
  for (const [what, query] of [['all', ''], ['failed ones', '?state=failed'], ['those of a workflow', '?workflow=daily-sales']] as const) {
    const shown = await measureOpenings(page, `${root}/instances${query}`, rows('> 0'));
    figures.push({ what: `list of ${INSTANCES} instances, ${what}: first page, with the load of the page`, value: shown, unit: 'ms', target: 500 });
  }
  const times = [];
  for (let turn = 0; turn < RUNS; turn++) {
    const before = await page.locator('[data-testid^=instance-row-]').count();
    const more = page.getByTestId('list-more');
    const begin = Date.now();
    await more.click();
    await page.waitForFunction(rows(`> ${before}`), undefined, { polling: 'raf', timeout: WAIT_MS });
    times.push(Date.now() - begin);
  }
  figures.push({ what: 'the same list: each further page', value: median(times), unit: 'ms', target: 500 });
  return figures;
}
