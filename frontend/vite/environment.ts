// What the web canister delivers in production, for `vite` and `vite preview`: where the canisters are (the ecosystem's `ic_env`
// cookie), and `/api` on the page's own origin.
import { readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Plugin, ProxyOptions } from 'vite';

interface Network {
  network: string;
  root_key: string;
  ledger: string;
  registry: string;
  /** Where federated tasks run, if they do here. */
  aggregator?: string;
}

/** What `scripts/demo` and `npm run network` write, and the `ddsx` command reads. */
const configFile = resolve(
  process.env['DDSX_CONFIG'] ?? join(import.meta.dirname, '../../target/local/ddsx.json'),
);

function read(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return undefined;
  }
}

/** The cookie's value; nothing while no network is up. */
function environment(): string | undefined {
  const network = read(configFile) as Network | undefined;
  if (!network) return undefined;
  const faucet = read(join(dirname(configFile), 'faucet.json')) as { seed: string } | undefined;
  const provider = process.env['DDSX_IDENTITY_PROVIDER'];
  const entries = [
    `ic_root_key=${network.root_key}`,
    `PUBLIC_CANISTER_ID:stream_registry=${network.registry}`,
    `PUBLIC_CANISTER_ID:dst_ledger=${network.ledger}`,
    ...(network.aggregator ? [`PUBLIC_CANISTER_ID:federated_aggregator=${network.aggregator}`] : []),
    ...(faucet ? [`PUBLIC_FAUCET_SEED=${faucet.seed}`] : []),
    ...(provider ? [`PUBLIC_IDENTITY_PROVIDER=${provider}`] : []),
  ];
  return encodeURIComponent(entries.join('&'));
}

function deliver(request: IncomingMessage, response: ServerResponse, next: () => void): void {
  if (!request.url?.startsWith('/api/')) {
    const value = environment();
    response.setHeader(
      'set-cookie',
      value ? `ic_env=${value}; Path=/; SameSite=Lax` : 'ic_env=; Path=/; Max-Age=0',
    );
  }
  next();
}

export function canisterEnvironment(): Plugin {
  return {
    name: 'ddsx-canister-environment',
    configureServer: (server) => void server.middlewares.use(deliver),
    configurePreviewServer: (server) => void server.middlewares.use(deliver),
  };
}

/** The network's interface under the page's own origin, wherever the network is just now. */
export function networkProxy(): Record<string, ProxyOptions> {
  const fallback = 'http://127.0.0.1:4943';
  return {
    '/api': {
      target: fallback,
      changeOrigin: true,
      configure: (_, options) => {
        // Read at each request: a network that was started anew listens elsewhere.
        Object.defineProperty(options, 'target', {
          get: () =>
            process.env['DDSX_PROXY_TARGET'] ??
            (read(configFile) as Network | undefined)?.network ??
            fallback,
        });
      },
    },
  };
}
