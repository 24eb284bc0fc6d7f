// Where the canisters are. Delivered at run time in the ecosystem's `ic_env` cookie, by whoever serves the page.
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

const COOKIE = 'ic_env';
/** The bytes of a BLS12-381 key in DER. */
const KEY_BYTES = 133;

/** The cookie's variables: `name=value` joined by `&`, the whole percent-encoded. */
function delivered(cookies: string): Map<string, string> {
  const found = cookies
    .split(';')
    .map((cookie) => cookie.trim())
    .find((cookie) => cookie.startsWith(`${COOKIE}=`));
  try {
    return new Map(
      decodeURIComponent(found?.slice(COOKIE.length + 1) ?? '')
        .split('&')
        .map((entry) => {
          const at = entry.indexOf('=');
          return [entry.slice(0, at), entry.slice(at + 1)] as const;
        }),
    );
  } catch {
    return new Map();
  }
}

/** What the page was given; nothing where no network is up. */
export function readEnvironment(cookies = document.cookie): Environment | undefined {
  const told = delivered(cookies);
  const rootKey = told.get('ic_root_key') ?? '';
  const registry = told.get('PUBLIC_CANISTER_ID:stream_registry');
  const ledger = told.get('PUBLIC_CANISTER_ID:dst_ledger');
  if (!registry || !ledger || !/^[0-9a-f]+$/i.test(rootKey) || rootKey.length !== 2 * KEY_BYTES)
    return undefined;
  const local = rootKey.toLowerCase() !== MAINNET_ROOT_KEY;
  return {
    rootKey: fromHex(rootKey),
    registry,
    ledger,
    aggregator: told.get('PUBLIC_CANISTER_ID:federated_aggregator'),
    local,
    faucetSeed: local ? told.get('PUBLIC_FAUCET_SEED') : undefined,
    identityProvider: local ? told.get('PUBLIC_IDENTITY_PROVIDER') : undefined,
  };
}

let current: Environment | undefined;

/** The environment of this page; `App` shows its own page where there is none, so that nothing below it runs without. */
export function environment(): Environment {
  current ??= readEnvironment();
  if (!current) throw new Error('the page was not told where the canisters are');
  return current;
}
