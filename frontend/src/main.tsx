import '@fontsource-variable/instrument-sans';
import '@fontsource/ibm-plex-mono/400.css';
import '@fontsource/ibm-plex-mono/500.css';
import './styles/tokens.css';
import './styles/base.css';
import './styles/layout.css';
import './styles/components.css';
import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { RouterProvider } from '@tanstack/react-router';
import { Tooltip } from 'radix-ui';
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
if (place) {
  createRoot(place).render(
    <StrictMode>
      {readEnvironment() ? (
        <QueryClientProvider client={queries}>
          <SessionProvider>
            <Tooltip.Provider>
              <RouterProvider router={router} />
            </Tooltip.Provider>
          </SessionProvider>
        </QueryClientProvider>
      ) : (
        <NoNetwork />
      )}
    </StrictMode>,
  );
}
