import type { Page } from 'playwright-core';
import { pageCases, type PageCase } from '../tests/pages';

interface Screen extends PageCase {
  prepare?: (page: Page) => Promise<unknown>;
  after?: (page: Page) => Promise<unknown>;
}

export function screens(ids: Record<string, string>): Screen[] {
  const press = (key: string) => (page: Page) => page.keyboard.press(key);
  return [
    ...pageCases(ids),
    { name: 'palette', path: '/', shows: 'home-timeline', prepare: press('Control+k'), after: press('Escape') },
  ];
}
