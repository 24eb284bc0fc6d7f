// A stream that is being created is written down, with all arguments of the call, before anything is sent. A closed tab, a lost connection or
// a reload repeats the very same call, which the registry takes for the same: it is paid once. (crates/client/src/new_stream.rs does the same.)
import { Principal } from '@icp-sdk/core/principal';
import { createArgsOf, createArgsText } from '@/api/storage';
import type { CreateStreamArgs } from '@/api/registry';
import type { Approving } from '@/features/purchase/allowance';
import type { Cost } from '@/features/storage/quote';

const PREFIX = 'ddsx:creation:';
const VERSION = 1;

export interface CreationNote extends Approving {
  version: number;
  registry: string;
  owner: string;
  name: string;
  /** The arguments of `create_stream`, its payment among them. */
  args: string;
  /** The asset in which the stream pays; absent where storing costs nothing. */
  ledger?: string;
  /** What the registry charges in all, as it was shown. */
  price: string;
  /** What the registry must be allowed to take; `0` if nothing is. */
  allowance: string;
  /** What leaves the account in all, as it was shown. */
  total: string;
  /** Whether the call may have been sent that asks what becomes of it without a payment. */
  asking: boolean;
  /** Whether the call that creates the stream may have been sent. */
  creating: boolean;
}

const newRequestId = () => crypto.getRandomValues(new Uint8Array(32));

/** `cost`: what is shown; absent where storing costs nothing. */
export function newCreation(
  registry: string,
  owner: string,
  args: CreateStreamArgs,
  cost: Cost | undefined,
): CreationNote {
  const payment: CreateStreamArgs['payment'] = cost
    ? [
        {
          ledger: Principal.fromText(cost.ledger),
          max: cost.pull,
          prepay: cost.prepay > 0n ? [cost.prepay] : [],
          request_id: newRequestId(),
          from_subaccount: [],
        },
      ]
    : [];
  return {
    version: VERSION,
    registry,
    owner,
    name: args.name,
    args: createArgsText({ ...args, payment }),
    ...(cost ? { ledger: cost.ledger } : {}),
    price: String(cost?.price ?? 0n),
    allowance: String(cost?.allowance ?? 0n),
    total: String(cost?.total ?? 0n),
    ...(cost?.approvalFee === undefined ? {} : { approvalFee: String(cost.approvalFee) }),
    asking: false,
    creating: false,
  };
}

export const creationArgs = (note: CreationNote): CreateStreamArgs => createArgsOf(note.args);

/** The same call with a payment of nothing, as a request of its own. */
export function withoutPayment(args: CreateStreamArgs): CreateStreamArgs {
  const [payment] = args.payment;
  return { ...args, payment: payment ? [{ ...payment, max: 0n, request_id: newRequestId() }] : [] };
}

const key = ({ registry, owner, name }: Pick<CreationNote, 'registry' | 'owner' | 'name'>) =>
  `${PREFIX}${registry}:${owner}:${name}`;

export const saveCreation = (storage: Storage, note: CreationNote): void =>
  storage.setItem(key(note), JSON.stringify(note));
export const forgetCreation = (storage: Storage, note: CreationNote): void => storage.removeItem(key(note));

/** The streams of an owner whose creation has not ended. */
export function openCreations(storage: Storage, registry: string, owner: string): CreationNote[] {
  const prefix = `${PREFIX}${registry}:${owner}:`;
  return Object.keys(storage)
    .filter((name) => name.startsWith(prefix))
    .flatMap((name) => {
      try {
        const note = JSON.parse(storage.getItem(name) ?? '') as CreationNote;
        if (note.version !== VERSION) return [];
        // What cannot be read back cannot be repeated.
        creationArgs(note);
        return [note];
      } catch {
        return [];
      }
    });
}
