import { createRootRoute, createRoute, createRouter, lazyRouteComponent } from '@tanstack/react-router';
import { readEnvironment } from './api/environment';
import { Failure } from './components/basics';
import { Frame } from './components/frame';
import { Explore } from './pages/explore';
import { NotFound } from './pages/not-found';

const root = createRootRoute({ component: Frame, notFoundComponent: NotFound });

/** A number in a path. Anything else is a stream or plan that does not exist. */
const number = (text: string): bigint => (/^\d{1,20}$/.test(text) ? BigInt(text) : 2n ** 64n - 1n);

const explore = createRoute({ getParentRoute: () => root, path: '/', component: Explore });
const stream = createRoute({
  getParentRoute: () => root,
  path: '/streams/$stream',
  params: {
    parse: ({ stream }) => ({ stream: number(stream) }),
    stringify: ({ stream }) => ({ stream: String(stream) }),
  },
  component: lazyRouteComponent(() => import('./pages/stream'), 'StreamPage'),
});
const buy = createRoute({
  getParentRoute: () => root,
  path: '/streams/$stream/buy/$plan',
  params: {
    parse: ({ stream, plan }) => ({ stream: number(stream), plan: number(plan) }),
    stringify: ({ stream, plan }) => ({ stream: String(stream), plan: String(plan) }),
  },
  component: lazyRouteComponent(() => import('./pages/buy'), 'BuyPage'),
});
const licences = createRoute({
  getParentRoute: () => root,
  path: '/licences',
  component: lazyRouteComponent(() => import('./pages/licences'), 'LicencesPage'),
});
const mine = createRoute({
  getParentRoute: () => root,
  path: '/publish',
  component: lazyRouteComponent(() => import('./pages/my-streams'), 'MyStreamsPage'),
});
const create = createRoute({
  getParentRoute: () => root,
  path: '/publish/new',
  component: lazyRouteComponent(() => import('./pages/create-stream'), 'CreateStreamPage'),
});
const manage = createRoute({
  getParentRoute: () => root,
  path: '/publish/$stream',
  params: {
    parse: ({ stream }) => ({ stream: number(stream) }),
    stringify: ({ stream }) => ({ stream: String(stream) }),
  },
  component: lazyRouteComponent(() => import('./pages/manage-stream'), 'ManageStreamPage'),
});
const earnings = createRoute({
  getParentRoute: () => root,
  path: '/earnings',
  component: lazyRouteComponent(() => import('./pages/earnings'), 'EarningsPage'),
});
const wallet = createRoute({
  getParentRoute: () => root,
  path: '/wallet',
  component: lazyRouteComponent(() => import('./pages/wallet'), 'WalletPage'),
});
const tasks = createRoute({
  getParentRoute: () => root,
  path: '/tasks',
  component: lazyRouteComponent(() => import('./pages/tasks'), 'TasksPage'),
});
const task = createRoute({
  getParentRoute: () => root,
  path: '/tasks/$task',
  params: {
    parse: ({ task }) => ({ task: number(task) }),
    stringify: ({ task }) => ({ task: String(task) }),
  },
  component: lazyRouteComponent(() => import('./pages/task'), 'TaskPage'),
});
const round = createRoute({
  getParentRoute: () => root,
  path: '/tasks/$task/rounds/$round',
  params: {
    parse: ({ task, round }) => ({ task: number(task), round: /^\d{1,9}$/.test(round) ? Number(round) : 0 }),
    stringify: ({ task, round }) => ({ task: String(task), round: String(round) }),
  },
  component: lazyRouteComponent(() => import('./pages/round'), 'RoundPage'),
});
const governance = createRoute({
  getParentRoute: () => root,
  path: '/governance',
  component: lazyRouteComponent(() => import('./pages/governance'), 'GovernancePage'),
});

const told = readEnvironment();

export const router = createRouter({
  routeTree: root.addChildren([
    explore,
    stream,
    buy,
    licences,
    mine,
    create,
    manage,
    earnings,
    wallet,
    governance,
    // Where no federated tasks run there is no page about them.
    ...('aggregator' in told && told.aggregator ? [tasks, task, round] : []),
  ]),
  defaultPreload: 'intent',
  scrollRestoration: true,
  defaultErrorComponent: ({ error }) => (
    <Failure error={error} retry={() => location.reload()} retryLabel="Reload" />
  ),
});

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router;
  }
}
