import type { Page } from 'playwright-core';
import { pageCases, type PageCase } from '../tests/pages';

export interface Screen extends PageCase {
  prepare?: (page: Page) => Promise<unknown>;
  after?: (page: Page) => Promise<unknown>;
}

export function screens(ids: Record<string, string>): Screen[] {
  const press = (key: string) => (page: Page) => page.keyboard.press(key);
  const click = (...testIds: string[]) => (page: Page) =>
    testIds.slice(1).reduce((at, testId) => at.getByTestId(testId), page.getByTestId(testIds[0] ?? '')).click();
  return [
    ...pageCases(ids),
    { name: 'palette', path: '/', shows: 'home-timeline', prepare: press('Control+k'), after: press('Escape') },
    { name: 'connection-form', path: '/projects/retail/connections', shows: 'connection-table', prepare: click('connection-row-erp', 'connection-edit'), after: press('Escape') },
    { name: 'secret-form', path: '/projects/retail/secrets', shows: 'secret-table', prepare: click('secret-new'), after: press('Escape') },
    { name: 'alert', path: '/alerts', shows: 'alert-table', prepare: (page) => page.getByTestId('alert-open').first().click() },
    { name: 'rule-form', path: '/projects/retail/settings', shows: 'rule-row-broken', prepare: click('rule-row-broken', 'rule-edit'), after: press('Escape') },
    { name: 'channel-form', path: '/projects/retail/channels', shows: 'channel-table', prepare: click('channel-row-oncall', 'channel-edit'), after: press('Escape') },
  ];
}
