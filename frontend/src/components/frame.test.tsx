import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import {
  createMemoryHistory,
  createRootRoute,
  createRoute,
  createRouter,
  RouterProvider,
} from '@tanstack/react-router';
import { render, screen, waitFor, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { SessionProvider } from '@/session/session';
import { Frame } from './frame';

const known = vi.hoisted(() => ({ aggregator: undefined as string | undefined }));
vi.mock('@/api/environment', () => ({
  environment: () => ({ rootKey: new Uint8Array(133), registry: 'r', ledger: 'l', local: true, ...known }),
}));

beforeEach(() => {
  known.aggregator = undefined;
  localStorage.clear();
});

/** The frame around two pages. */
async function shown() {
  const root = createRootRoute({ component: Frame });
  const page = (path: string, words: string) =>
    createRoute({ getParentRoute: () => root, path, component: () => <h1>{words}</h1> });
  const router = createRouter({
    routeTree: root.addChildren([page('/', 'All streams'), page('/wallet', 'Your money')]),
    history: createMemoryHistory(),
  });
  await router.load();
  render(
    <QueryClientProvider client={new QueryClient()}>
      <SessionProvider>
        {/* Another router than the page's own. */}
        <RouterProvider router={router as never} />
      </SessionProvider>
    </QueryClientProvider>,
  );
  await screen.findByRole('heading', { name: 'All streams' });
}

const menuButton = () => screen.getByRole('button', { name: 'Menu', hidden: true });

describe('the menu on narrow screens', () => {
  it('should be loaded when it is opened, and give the focus back when it is closed', async () => {
    const user = userEvent.setup();
    await shown();
    expect(menuButton().getAttribute('aria-expanded')).toBe('false');
    expect(screen.queryByRole('dialog')).toBeNull();
    await user.click(menuButton());
    const menu = await screen.findByRole('dialog', { name: 'Menu' });
    expect(menuButton().getAttribute('aria-expanded')).toBe('true');
    expect(within(menu).getByRole('button', { name: 'Use a development identity' })).not.toBeNull();
    await user.keyboard('{Escape}');
    await waitFor(() => expect(screen.queryByRole('dialog')).toBeNull());
    await waitFor(() => expect(document.activeElement).toBe(menuButton()));
  });

  it('should go where it is told to, and be gone there', async () => {
    const user = userEvent.setup();
    await shown();
    await user.click(menuButton());
    const menu = await screen.findByRole('dialog', { name: 'Menu' });
    await user.click(within(menu).getByRole('link', { name: 'Wallet' }));
    await screen.findByRole('heading', { name: 'Your money' });
    expect(screen.queryByRole('dialog')).toBeNull();
  });

  it('should speak of federated tasks only where they run', async () => {
    await shown();
    expect(screen.queryByRole('link', { name: 'Federated tasks' })).toBeNull();
    expect(screen.getAllByRole('link', { name: 'Explore' }).length).toBe(1);
  });

  it('should speak of federated tasks where they run', async () => {
    known.aggregator = 'a';
    await shown();
    expect(screen.getByRole('link', { name: 'Federated tasks' }).getAttribute('href')).toBe('/tasks');
  });
});
