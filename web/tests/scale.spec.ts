import { expect, test } from './fixtures';
import { largeWorkflow } from './seed';

const TASKS = 10_000;

// How long it takes is measured by `make bench-web`, on a machine that does nothing else.
test('a graph of 10,000 tasks is moved as one picture', async ({ app, site, open }) => {
  test.setTimeout(180_000);
  await site.node.putWorkflow('retail', 'large', largeWorkflow('large', TASKS));
  await open('/projects/retail/workflows/large?tab=graph');
  const graph = app.getByTestId('graph-canvas');
  await expect(graph).toHaveAttribute('data-nodes', String(TASKS), { timeout: 60_000 });
  const canvas = graph.locator('canvas');
  const readState = () => canvas.evaluate((element) => ({ pictures: Number(element.dataset.pictures), transform: element.style.transform }));
  await expect.poll(async () => (await readState()).transform).toBe('translate(0px, 0px) scale(1)');
  const before = await readState();
  const box = await graph.boundingBox();
  if (!box) throw new Error('the canvas has no place');
  const middle = { x: box.x + box.width / 2, y: box.y + box.height / 2 };
  await app.mouse.move(middle.x, middle.y);
  await app.mouse.down();
  // Paused, the clock never says that the view rests.
  await app.clock.install();
  await app.clock.pauseAt(Date.now() + 1000);
  for (let step = 1; step <= 60; step++) await app.mouse.move(middle.x + 2 * step, middle.y + step);
  await expect.poll(async () => (await readState()).transform).toBe('translate(120px, 60px) scale(1)');
  expect((await readState()).pictures).toBe(before.pictures);
  await app.clock.resume();
  await app.mouse.up();
  await expect.poll(async () => (await readState()).pictures).toBeGreaterThan(before.pictures);
  expect((await readState()).transform).toBe('translate(0px, 0px) scale(1)');
});
