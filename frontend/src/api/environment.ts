// Where the canisters are. Delivered at run time in the ecosystem's `ic_env` cookie, by whoever serves the page.
import { IC_ROOT_KEY } from '@icp-sdk/core/agent';
import { safeGetCanisterEnv } from '@icp-sdk/core/agent/canister-env';
import { toHex } from '@/verify/bytes';

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

interface Delivered {
  readonly 'PUBLIC_CANISTER_ID:stream_registry'?: string;
  readonly 'PUBLIC_CANISTER_ID:dst_ledger'?: string;
  readonly 'PUBLIC_CANISTER_ID:federated_aggregator'?: string;
  readonly PUBLIC_FAUCET_SEED?: string;
  readonly PUBLIC_IDENTITY_PROVIDER?: string;
}

/** What the page was given; nothing where no network is up. */
export function readEnvironment(): Environment | undefined {
  const delivered = safeGetCanisterEnv<Delivered>();
  const registry = delivered?.['PUBLIC_CANISTER_ID:stream_registry'];
  const ledger = delivered?.['PUBLIC_CANISTER_ID:dst_ledger'];
  if (!delivered || !registry || !ledger) return undefined;
  const local = toHex(delivered.IC_ROOT_KEY) !== IC_ROOT_KEY;
  return {
    rootKey: delivered.IC_ROOT_KEY,
    registry,
    ledger,
    aggregator: delivered['PUBLIC_CANISTER_ID:federated_aggregator'],
    local,
    faucetSeed: local ? delivered.PUBLIC_FAUCET_SEED : undefined,
    identityProvider: local ? delivered.PUBLIC_IDENTITY_PROVIDER : undefined,
  };
}

let current: Environment | undefined;

/** The environment of this page; `App` shows its own page where there is none, so that nothing below it runs without. */
export function environment(): Environment {
  current ??= readEnvironment();
  if (!current) throw new Error('the page was not told where the canisters are');
  return current;
}
