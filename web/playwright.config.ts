import { cpus } from 'node:os';
import { defineConfig } from '@playwright/test';
import type { WorkerFixtures } from './tests/fixtures';

/** Each worker runs a node and a Chromium. */
const MOST_WORKERS = 4;

export default defineConfig<object, WorkerFixtures>({
  testDir: 'tests',
  testMatch: '**/*.spec.ts',
  fullyParallel: true,
  workers: Math.min(Math.max(cpus().length, 2), MOST_WORKERS),
  // Deadlines, not durations: a busy machine may take many times as long as a quiet one.
  timeout: 90_000,
  expect: { timeout: 30_000 },
  reporter: [['line']],
  projects: [
    { name: 'at the root' },
    { name: 'below a path', testMatch: '**/shell.spec.ts', use: { basePath: '/tools/porpoise' } },
  ].slice(0, process.env.PAGES === 'dist' ? 1 : 2),
  use: {
    viewport: { width: 1280, height: 800 },
    locale: 'en-US',
    timezoneId: 'UTC',
    launchOptions: {
      executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
      args: ['--no-sandbox', '--disable-background-networking', '--disable-component-update', '--disable-gpu'],
    },
  },
});
