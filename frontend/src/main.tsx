import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { RouterProvider } from '@tanstack/react-router';
import { StrictMode, startTransition } from 'react';
import { createRoot } from 'react-dom/client';
import { readEnvironment } from './api/environment';
import { loadWords } from './lib/failure';
import { pause } from './lib/pause';
import { NoNetwork } from './pages/no-network';
import { router } from './router';
import { SessionProvider } from './session/session';

const queries = new QueryClient({
  defaultOptions: { queries: { staleTime: 5_000, retry: 1, refetchOnWindowFocus: false } },
});

/** The page is at rest by then. */
const WORDS_AFTER_MS = 5_000;

/** Puts the page in the place of what index.html shows, once the page at this address is there. */
export async function start(): Promise<void> {
  const place = document.getElementById('root');
  if (!place) return;
  const told = readEnvironment();
  const fault = 'fault' in told ? told.fault : undefined;
  if (!fault) await router.load().catch(() => undefined);
  await pause();
  const root = createRoot(place);
  // As a transition it is worked out in slices of a few milliseconds each.
  startTransition(() => {
    root.render(
      <StrictMode>
        {fault ? (
          <NoNetwork fault={fault} />
        ) : (
          <QueryClientProvider client={queries}>
            <SessionProvider>
              <RouterProvider router={router} />
            </SessionProvider>
          </QueryClientProvider>
        )}
      </StrictMode>,
    );
  });
  // Before they are needed: when they are, the network may be gone.
  setTimeout(() => void loadWords(), WORDS_AFTER_MS);
}
