// Measures the pages of PORPOISE_BIN, a release build, and writes the figures into docs/benchmarks.md: `make bench-web`.
import { cpus, loadavg } from 'node:os';
import { readFile, writeFile } from 'node:fs/promises';
import { openBrowser, signIn } from '../tests/browser';
import { TestNode } from '../tests/node';
import { PAGES, ReverseProxy } from '../tests/proxy';
import { seed } from '../tests/seed';
import { measureFirstLoad, measureGraph, measureLists, measureLog, type Figure } from './measures';

const PAGE = new URL('../../docs/benchmarks.md', import.meta.url);
const HEAD = '\n## The web UI\n';
/** What follows on the page, and stays. */
const NEXT = '\n## What is known about the misses\n';

function section(figures: Figure[]): string {
  const rows = figures.map(({ what, value, unit, target }) => {
    const verdict = value <= target ? 'met' : 'missed';
    return `| ${what} | ${value.toFixed(0)} ${unit} | ${target} ${unit} | ${verdict} |`;
  });
  const where = `${new Date().toISOString().slice(0, 16).replace('T', ' ')} UTC, ${cpus().length} cores, load average after it ${loadavg()[0]?.toFixed(1)}`;
  return [
    HEAD,
    'Measured by `make bench-web` in headless Chromium with software rendering, against a node on SQLite of the same',
    `machine: ${where}. Openings are medians of five, from the navigation to the frame.`,
    '',
    '| what | measured | target | |',
    '|---|---:|---:|---|',
    ...rows,
    '',
  ].join('\n');
}

const node = await TestNode.start({ env: { PORPOISE__WORKER__LOG_LIMIT: '128MiB' } });
const proxy = PAGES === 'dist' ? await ReverseProxy.start(node.url) : undefined;
const url = proxy?.url ?? node.url;
const browser = await openBrowser();
const figures: Figure[] = [];
try {
  await seed(node);
  const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
  await signIn(page, url);
  for (const measure of [measureFirstLoad, measureGraph, measureLog, measureLists]) {
    const measured = await measure(page, { node, url });
    for (const { what, value, unit, target } of measured) console.log(`${what}: ${value.toFixed(0)} ${unit} (target ${target})`);
    figures.push(...measured);
  }
} finally {
  await browser.close();
  await proxy?.goAway();
  await node.stop();
}

const old = await readFile(PAGE, 'utf8');
const next = old.indexOf(NEXT);
const start = old.includes(HEAD) ? old.indexOf(HEAD) : next;
if (next < 0) throw new Error(`docs/benchmarks.md has no section${NEXT.trimEnd()}`);
if (process.argv.includes('--write')) await writeFile(PAGE, old.slice(0, start) + section(figures) + old.slice(next));
