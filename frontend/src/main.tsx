import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { RouterProvider } from '@tanstack/react-router';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { readEnvironment } from './api/environment';
import { NoNetwork } from './pages/no-network';
import { router } from './router';
import { SessionProvider } from './session/session';

const queries = new QueryClient({
  defaultOptions: { queries: { staleTime: 5_000, retry: 1, refetchOnWindowFocus: false } },
});

const place = document.getElementById('root');

function render(place: HTMLElement): void {
  createRoot(place).render(
    <StrictMode>
      {readEnvironment() ? (
        <QueryClientProvider client={queries}>
          <SessionProvider>
            <RouterProvider router={router} />
          </SessionProvider>
        </QueryClientProvider>
      ) : (
        <NoNetwork />
      )}
    </StrictMode>,
  );
}

if (place) {
  // What index.html shows stays until the page at this address is there to take its place.
  const loaded = readEnvironment() ? router.load() : Promise.resolve();
  void loaded.finally(() => render(place));
}
