// Where the canisters are. Delivered at run time in the ecosystem's `ic_env` cookie, by whoever serves the page.
//
// Away from this machine only mainnet is believed, whose root key is built in, and only a cookie of the prefix `__Host-`: browsers take such
// a cookie from the page's own host alone. A cookie without it could be set by any host of the same domain (RFC 6265bis, 8.6).
import { Principal } from '@icp-sdk/core/principal';
import { fromHex } from '@/verify/bytes';

/** Mainnet's root key, in DER; as the SDK has it, without the rest of the SDK. */
export const MAINNET_ROOT_KEY =
  '308182301d060d2b0601040182dc7c0503010201060c2b0601040182dc7c05030201036100814c0e6ec71fab583b' +
  '08bd81373c255c3c371b2e84863c98a4f1e08b74235d14fb5d9c0cd546d9685f913a0c0b2cc5341583bf4b4392e4' +
  '67db96d65b9bb4cb717112f8472e0d5a4d14505ffd7484b01291091c5f87b98883463f98091a0baaae';

export interface Environment {
  rootKey: Uint8Array;
  registry: string;
  /** The DST ledger. */
  ledger: string;
  /** The referee of federated tasks, where there is one. */
  aggregator: string | undefined;
  /** Whether this is a network on somebody's machine, and not the Internet Computer. */
  local: boolean;
  /** The seed of the key that holds a local network's test tokens: public, and on local networks only. */
  faucetSeed: string | undefined;
  /** Another page than Internet Identity's own to sign in at: on local networks only. */
  identityProvider: string | undefined;
}

/** Why the page does not know where the canisters are. */
export interface Untold {
  fault: 'nothing' | 'twice' | 'unreadable' | 'other-network';
}

const COOKIE = 'ic_env';
const OWN_HOST_ONLY = `__Host-${COOKIE}`;
/** The bytes of a BLS12-381 key in DER. */
const KEY_BYTES = 133;

/** Whether the page comes from this very machine. */
export const isLoopback = (host: string): boolean =>
  host === 'localhost' ||
  host.endsWith('.localhost') ||
  host === '[::1]' ||
  /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(host);

/** The values of all cookies of these names. Names are compared as they are: with other spaces around it a name is another. */
function valuesOf(cookies: string, names: readonly string[]): string[] {
  return cookies.split('; ').flatMap((cookie) => {
    const at = cookie.indexOf('=');
    return at > 0 && names.includes(cookie.slice(0, at)) ? [cookie.slice(at + 1)] : [];
  });
}

/** The cookie's variables: `name=value` joined by `&`, the whole percent-encoded. Nothing where one is named twice. */
function variablesOf(value: string): Map<string, string> | undefined {
  try {
    const entries = decodeURIComponent(value)
      .split('&')
      .map((entry) => {
        const at = entry.indexOf('=');
        return [entry.slice(0, at), entry.slice(at + 1)] as const;
      });
    const told = new Map(entries);
    return told.size === entries.length ? told : undefined;
  } catch {
    return undefined;
  }
}

function isCanister(id: string | undefined): id is string {
  try {
    return id !== undefined && Principal.fromText(id).toText() === id;
  } catch {
    return false;
  }
}

/** What the page was given, or why it was given nothing. */
export function readEnvironment(cookies = document.cookie, host = location.hostname): Environment | Untold {
  const here = isLoopback(host);
  // Local networks are served over plain HTTP, where not every browser keeps a `__Host-` cookie.
  const values = valuesOf(cookies, here ? [COOKIE, OWN_HOST_ONLY] : [OWN_HOST_ONLY]).filter(Boolean);
  const [value] = values;
  if (value === undefined) return { fault: 'nothing' };
  if (values.length > 1) return { fault: 'twice' };
  const told = variablesOf(value);
  const rootKey = told?.get('ic_root_key')?.toLowerCase() ?? '';
  const registry = told?.get('PUBLIC_CANISTER_ID:stream_registry');
  const ledger = told?.get('PUBLIC_CANISTER_ID:dst_ledger');
  const aggregator = told?.get('PUBLIC_CANISTER_ID:federated_aggregator');
  if (
    !isCanister(registry) ||
    !isCanister(ledger) ||
    (aggregator !== undefined && !isCanister(aggregator)) ||
    !/^[0-9a-f]+$/.test(rootKey) ||
    rootKey.length !== 2 * KEY_BYTES
  ) {
    return { fault: 'unreadable' };
  }
  const local = rootKey !== MAINNET_ROOT_KEY;
  if (local && !here) return { fault: 'other-network' };
  return {
    rootKey: fromHex(local ? rootKey : MAINNET_ROOT_KEY),
    registry,
    ledger,
    aggregator,
    local,
    faucetSeed: local ? told?.get('PUBLIC_FAUCET_SEED') : undefined,
    identityProvider: local ? told?.get('PUBLIC_IDENTITY_PROVIDER') : undefined,
  };
}

let current: Environment | undefined;

/** The environment of this page; `main` shows its own page where there is none, so that nothing below it runs without. */
export function environment(): Environment {
  if (!current) {
    const told = readEnvironment();
    if ('fault' in told) throw new Error('the page was not told where the canisters are');
    current = told;
  }
  return current;
}
