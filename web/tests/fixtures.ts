// A node with its pages for each worker, and a page that is signed in and asks no other host.
import { expect, test as base, type Page } from '@playwright/test';
import { goTo, signIn } from './browser';
import { TestNode } from './node';
import { PAGES, ReverseProxy } from './proxy';
import { seed } from './seed';

export interface Site {
  node: TestNode;
  /** Where the pages are, without a slash at the end. */
  url: string;
  ids: Awaited<ReturnType<typeof seed>>;
}

interface TestFixtures {
  app: Page;
  /** Goes to a page as a link does. */
  open: (path: string) => Promise<void>;
}

export interface WorkerFixtures {
  /** The path below which the node serves, without a slash at the end. */
  basePath: string;
  site: Site;
}

export const test = base.extend<TestFixtures, WorkerFixtures>({
  basePath: ['', { option: true, scope: 'worker' }],
  site: [
    async ({ basePath }, use) => {
      const node = await TestNode.start({ basePath });
      const proxy = PAGES === 'dist' ? await ReverseProxy.start(node.url) : undefined;
      const ids = await seed(node);
      await use({ node, url: proxy?.url ?? node.url, ids });
      await proxy?.goAway();
      await node.stop();
    },
    { scope: 'worker', timeout: 120_000 },
  ],
  app: async ({ page, site }, use) => {
    const strays: string[] = [];
    page.on('request', (request) => {
      if (!request.url().startsWith(`${site.url}/`) && !/^(data|blob):/.test(request.url())) strays.push(request.url());
    });
    page.on('pageerror', (error) => strays.push(error.message));
    await signIn(page, site.url);
    await use(page);
    expect(strays, 'requests to other places, and errors of the page').toEqual([]);
  },
  open: async ({ app, basePath }, use) => {
    await use((path) => goTo(app, `${basePath}${path}`));
  },
});

export { expect };
