import { QueryClient } from '@tanstack/react-query';
import {
  createRootRoute, createRoute, createRouter, lazyRouteComponent, Outlet, redirect, type RouteComponent,
} from '@tanstack/react-router';
import { ProblemError } from '@/api/problem';
import { basePath, onSessionEnd } from '@/api/session';
import { ErrorPanel } from '@/components/ErrorPanel';
import { NotFound } from '@/components/NotFound';
import { liveStream } from '@/live/liveStream';
import { preferencesQuery } from '@/preferences/preferences';
import { parseSearch, stringifySearch } from './search';
import { Shell } from './Shell';
import { userQuery } from './user';

export const queries = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 1000,
      // What a request means does not change by itself; what the network or the server lacks may come back.
      retry: (count, error) => count < 2 && !(error instanceof ProblemError && error.status < 500),
    },
  },
});

const root = createRootRoute({ component: Outlet, notFoundComponent: NotFound, errorComponent: PageError });

function PageError({ error, reset }: { error: unknown; reset: () => void }) {
  return <ErrorPanel error={error} onRetry={reset} />;
}

/** Pages behind it have a user; others lead to the login and back. */
const signedIn = createRoute({
  getParentRoute: () => root,
  id: 'signed-in',
  component: Shell,
  notFoundComponent: NotFound,
  beforeLoad: async ({ location }) => {
    try {
      await Promise.all([queries.ensureQueryData(userQuery), queries.ensureQueryData(preferencesQuery)]);
    } catch (error) {
      if (!(error instanceof ProblemError) || error.status !== 401) throw error;
      throw redirect({ to: '/login', search: { next: location.href } });
    }
    if (liveStream.state === 'off') liveStream.start();
  },
});

type Loader = () => Promise<{ default: RouteComponent }>;

function page(path: string, load: Loader, parent: typeof root | typeof signedIn = signedIn) {
  return createRoute({ getParentRoute: () => parent as typeof signedIn, path, component: lazyRouteComponent(load) });
}

const open = [
  page('/login', () => import('@/pages/auth/LoginPage'), root),
  page('/setup', () => import('@/pages/auth/SetupPage'), root),
];

const PATHS: [string, Loader][] = [
  ['/', () => import('@/pages/home/HomePage')],
  ['/workflows', () => import('@/pages/workflows/WorkflowsPage')],
  ['/projects/$project/workflows/$workflow', () => import('@/pages/workflow/WorkflowPage')],
  ['/projects/$project/workflows/$workflow/edit', () => import('@/pages/editor/EditorPage')],
  ['/projects/$project/new', () => import('@/pages/editor/EditorPage')],
  ['/start/$project/$workflow', () => import('@/pages/start/StartPage')],
  ['/instances', () => import('@/pages/instances/InstancesPage')],
  ['/instances/$id', () => import('@/pages/instance/InstancePage')],
  ['/task-instances', () => import('@/pages/taskInstances/TaskInstancesPage')],
  ['/schedules', () => import('@/pages/schedules/SchedulesPage')],
  ['/backfills', () => import('@/pages/backfills/BackfillsPage')],
  ['/backfills/new', () => import('@/pages/backfills/BackfillWizard')],
  ['/backfills/$id', () => import('@/pages/backfills/BackfillPage')],
  ['/approvals', () => import('@/pages/approvals/ApprovalsPage')],
  ['/lineage', () => import('@/pages/lineage/LineagePage')],
  ['/cluster', () => import('@/pages/cluster/ClusterPage')],
  ['/projects', () => import('@/pages/projects/ProjectsPage')],
  ['/projects/$project/settings', () => import('@/pages/projects/ProjectSettingsPage')],
  ['/projects/$project/calendars', () => import('@/pages/projects/CalendarsPage')],
  ['/projects/$project/limits', () => import('@/pages/projects/LimitsPage')],
  ['/projects/$project/connections', () => import('@/pages/connections/ConnectionsPage')],
  ['/projects/$project/secrets', () => import('@/pages/secrets/SecretsPage')],
  ['/projects/$project/channels', () => import('@/pages/channels/ChannelsPage')],
  ['/admin/connections', () => import('@/pages/connections/ConnectionsPage')],
  ['/admin/channels', () => import('@/pages/channels/ChannelsPage')],
  ['/admin/calendars', () => import('@/pages/projects/CalendarsPage')],
  ['/admin/limits', () => import('@/pages/projects/LimitsPage')],
  ['/admin/users', () => import('@/pages/admin/UsersPage')],
  ['/admin/tokens', () => import('@/pages/admin/TokensPage')],
  ['/admin/task-types', () => import('@/pages/admin/TaskTypesPage')],
  ['/admin/rules', () => import('@/pages/rules/ServerRulesPage')],
  ['/alerts', () => import('@/pages/alerts/AlertsPage')],
  ['/silences', () => import('@/pages/silences/SilencesPage')],
  ['/me', () => import('@/pages/me/MePage')],
];

const pages = PATHS.map(([path, load]) => page(path, load));

export const router = createRouter({
  routeTree: root.addChildren([...open, signedIn.addChildren([...pages, page('/$', () => import('@/pages/MissingPage'))])]),
  basepath: basePath || '/',
  parseSearch,
  stringifySearch,
  defaultPreload: 'intent',
  scrollRestoration: false,
});

onSessionEnd(() => {
  const { pathname, href } = router.state.location;
  if (pathname === '/login' || pathname === '/setup') return;
  liveStream.stop();
  queries.removeQueries({ queryKey: userQuery.queryKey });
  void router.navigate({ to: '/login', search: { next: href } as never });
});
