// One node with its pages for a file of tests, and a page that is signed in and asks no other host.
import { expect, test as base, type Page } from '@playwright/test';
import { signIn } from './browser';
import { TestNode } from './node';
import { seed } from './seed';
import { WebServer } from './webServer';

export interface Site {
  node: TestNode;
  server: WebServer;
  url: string;
  ids: Awaited<ReturnType<typeof seed>>;
}

export const test = base.extend<{ app: Page; open: (path: string) => Promise<void> }, { site: Site }>({
  site: [
    async ({}, use) => {
      const node = await TestNode.start();
      const server = await WebServer.start(node.url);
      const ids = await seed(node);
      await use({ node, server, url: server.url, ids });
      server.stop();
      await node.stop();
    },
    { scope: 'worker' },
  ],
  app: async ({ page, site }, use) => {
    const strays: string[] = [];
    page.on('request', (request) => {
      if (!request.url().startsWith(site.url) && !/^(data|blob):/.test(request.url())) strays.push(request.url());
    });
    page.on('pageerror', (error) => strays.push(error.message));
    await signIn(page, site.url);
    await use(page);
    expect(strays, 'requests to other hosts, and errors of the page').toEqual([]);
  },
  /** Goes to a page as a link does. */
  open: async ({ app }, use) => {
    await use(async (path) => {
      await app.evaluate((to) => {
        history.pushState(null, '', to);
        dispatchEvent(new PopStateEvent('popstate'));
      }, path);
    });
  },
});

export { expect };
