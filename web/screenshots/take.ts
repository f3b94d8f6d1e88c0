// Takes screenshots of pages into this folder: `npm run screenshots [NAME…]`, needs PORPOISE_BIN and a built dist.
import { mkdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { goTo, openBrowser, signIn } from '../tests/browser';
import { TestNode } from '../tests/node';
import { seed } from '../tests/seed';
import { WebServer } from '../tests/webServer';
import { screens } from './screens';

const folder = process.env.SCREENSHOTS ?? fileURLToPath(new URL('.', import.meta.url));
const variants = (process.env.VARIANTS ?? 'light-en-1280,dark-zh-1920').split(',');
const wanted = process.argv.slice(2);

const node = await TestNode.start();
const server = await WebServer.start(node.url);
const browser = await openBrowser();
try {
  await mkdir(folder, { recursive: true });
  const ids = await seed(node);
  for (const variant of variants) {
    const [theme, language, width] = variant.split('-');
    const context = await browser.newContext({ viewport: { width: Number(width), height: 900 } });
    const page = await context.newPage();
    page.on('pageerror', (error) => console.error(`${variant}: ${error.message}`));
    page.on('console', (message) => message.type() === 'error' && console.error(`${variant}: ${message.text()}`));
    await signIn(page, server.url);
    await page.getByTestId('user-menu').click();
    await page.getByTestId('theme-switch').selectOption(theme ?? 'light');
    await page.getByTestId('lang-switch').selectOption(language ?? 'en');
    await page.keyboard.press('Escape');
    for (const screen of screens(ids)) {
      if (wanted.length > 0 && !wanted.includes(screen.name)) continue;
      await goTo(page, screen.path);
      await screen.prepare?.(page);
      await page.waitForLoadState('networkidle', { timeout: 1500 }).catch(() => undefined);
      await page.waitForTimeout(400);
      await page.screenshot({ path: `${folder}/${screen.name}-${variant}.png` });
      if (screen.after) await screen.after(page);
    }
    await context.close();
  }
} finally {
  await browser.close();
  server.stop();
  await node.stop();
}
