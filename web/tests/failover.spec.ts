import { expect, test } from '@playwright/test';
import { signIn } from './browser';
import { findServers, TestCluster } from './cluster';
import { PASSWORD, USER } from './node';
import { ReverseProxy } from './proxy';
import { SLOW } from './seed';

interface Owned {
  state: string;
  host: string;
}

test('an instance whose owner dies stays on the screen, and its new owner appears without a reload', async ({ page }) => {
  const programs = findServers();
  test.skip(!programs, 'PostgreSQL or Consul is not installed');
  test.setTimeout(240_000);
  const cluster = await TestCluster.start(programs ?? '');
  try {
    const [first, second] = cluster.masters;
    await first.call('POST', '/users', { name: USER, password: PASSWORD, role: 'admin' });
    await first.putWorkflow('default', 'training', SLOW);
    const id = await first.startWorkflow('default', 'training');
    await expect.poll(async () => (await first.call<Owned>('GET', `/instances/${id}`)).state, { timeout: 60_000 }).toBe('running');
    const { host } = await first.call<Owned>('GET', `/instances/${id}`);
    const [dying, surviving] = host === cluster.hosts[0] ? [first, second] : [second, first];

    const proxy = await ReverseProxy.start(dying.url);
    await signIn(page, proxy.url, `/instances/${id}`);
    await expect(page.getByTestId('task-node-train')).toHaveAttribute('data-state', 'running');
    await expect(page.getByTestId('instance-host')).toContainText(host);
    await expect(page.getByTestId('live-indicator')).toHaveAttribute('data-state', 'live');
    await page.evaluate(() => Object.assign(window, { sameDocument: true }));

    await dying.stop();
    await expect(page.getByTestId('live-indicator')).toHaveAttribute('data-state', 'reconnecting');
    await expect(page.getByTestId('error')).toHaveCount(0);
    await expect(page.getByTestId('instance-state')).toHaveAttribute('data-state', 'running');
    proxy.target = surviving.url;
    await expect(page.getByTestId('live-indicator')).toHaveAttribute('data-state', 'live');
    await expect(page.getByTestId('instance-host')).not.toContainText(host, { timeout: 90_000 });
    await expect(page.getByTestId('instance-state')).toHaveAttribute('data-state', 'running');
    await expect(page.getByTestId('task-node-train')).toHaveAttribute('data-state', 'running');
    await expect(page.getByTestId('error')).toHaveCount(0);
    await expect(page.getByTestId('notice')).toHaveCount(0);
    expect(await page.evaluate(() => 'sameDocument' in window), 'the page was not loaded again').toBe(true);
    await proxy.goAway();
  } finally {
    await cluster.stop();
  }
});
