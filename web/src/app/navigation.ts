import type { Texts } from '@/i18n/en';

export interface Page {
  /** The path, also the key of its text. */
  path: string;
  name: keyof Texts['nav'];
  /** Pressed after `g`. */
  key?: string;
  admin?: boolean;
}

/** The pages of the navigation in their groups. */
export const PAGES: { name: keyof Texts['nav'] | null; pages: Page[] }[] = [
  {
    name: null,
    pages: [
      { path: '/', name: 'home', key: 'h' },
      { path: '/workflows', name: 'workflows', key: 'w' },
      { path: '/instances', name: 'instances', key: 'i' },
      { path: '/task-instances', name: 'taskInstances', key: 't' },
      { path: '/approvals', name: 'approvals', key: 'a' },
    ],
  },
  {
    name: 'planning',
    pages: [
      { path: '/schedules', name: 'schedules', key: 's' },
      { path: '/backfills', name: 'backfills', key: 'b' },
      { path: '/lineage', name: 'lineage', key: 'l' },
    ],
  },
  {
    name: 'alerting',
    pages: [
      { path: '/alerts', name: 'alerts', key: 'n' },
      { path: '/silences', name: 'silences' },
      { path: '/admin/channels', name: 'sharedChannels', admin: true },
      { path: '/admin/rules', name: 'serverRules', admin: true },
    ],
  },
  {
    name: 'system',
    pages: [
      { path: '/cluster', name: 'cluster', key: 'c' },
      { path: '/projects', name: 'projects', key: 'p' },
      { path: '/admin/calendars', name: 'sharedCalendars' },
      { path: '/admin/limits', name: 'sharedLimits' },
      { path: '/admin/connections', name: 'sharedConnections', admin: true },
      { path: '/admin/task-types', name: 'taskTypes' },
      { path: '/admin/users', name: 'users', admin: true },
      { path: '/admin/tokens', name: 'tokens', admin: true },
    ],
  },
];

/** What a project has, by the last part of its path; also the key of its text. */
export const PROJECT_PARTS = ['connections', 'secrets', 'channels', 'calendars', 'limits'] as const;
