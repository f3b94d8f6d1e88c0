import { expect, test } from './fixtures';
import { largeWorkflow } from './seed';

const TASKS = 10_000;

test('a graph of 10,000 tasks opens at once and moves smoothly', async ({ app, site, open }) => {
  test.setTimeout(90_000);
  await site.node.putWorkflow('retail', 'large', largeWorkflow('large', TASKS));
  // A debug build takes seconds to lay the graph out, so the page is measured from the server's answer on.
  const answered = app.waitForResponse((response) => response.url().endsWith('/graph')).then((response) => response.finished());
  await open('/projects/retail/workflows/large?tab=graph');
  await answered;
  const started = Date.now();
  await expect(app.getByTestId('graph-canvas')).toHaveAttribute('data-nodes', String(TASKS));
  await app.evaluate(() => new Promise((resolve) => requestAnimationFrame(resolve)));
  const shown = Date.now() - started;
  const box = await app.getByTestId('graph-canvas').boundingBox();
  if (!box) throw new Error('the canvas has no place');
  await app.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
  await app.mouse.down();
  const frames = app.evaluate(
    () =>
      new Promise<number[]>((resolve) => {
        const times: number[] = [];
        let last = performance.now();
        const begin = last;
        const step = (now: number) => {
          times.push(now - last);
          last = now;
          if (now - begin < 3000) requestAnimationFrame(step);
          else resolve(times);
        };
        requestAnimationFrame(step);
      }),
  );
  for (let step = 0; step < 90; step++) await app.mouse.move(box.x + box.width / 2 + 2 * step, box.y + box.height / 2 + step);
  await app.mouse.up();
  const times = (await frames).sort((a, b) => a - b);
  const p95 = times[Math.floor(times.length * 0.95)] ?? Infinity;
  console.log(`graph of ${TASKS} tasks: shown ${shown} ms after the answer, frames p95 ${p95.toFixed(0)} ms`);
  // The targets (1 s with a release build, 50 ms) are those of a machine with four cores that does nothing else.
  expect(shown).toBeLessThan(2000);
  expect(p95).toBeLessThan(250);
});
