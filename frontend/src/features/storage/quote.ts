// What storing costs, checked, and in sums that are shown before anything is paid.
import { NotAsAsked } from '@/api/agent';
import type { StorageQuote, StreamStorage } from '@/api/storage';

export const DAY_NS = 86_400_000_000_000n;
/** A month of storage: 30 days. */
export const MONTH_NS = 30n * DAY_NS;
/** No stream is paid further ahead than ten years. */
export const MOST_AHEAD_NS = 3_650n * DAY_NS;

/** The quote, if it is in the asset asked about and sums up. Throws `NotAsAsked` otherwise. */
export function checkedStorageQuote(quote: StorageQuote, ledger: string): StorageQuote {
  const refuse = (what: string): never => {
    throw new NotAsAsked(`The price of storage in the answer ${what}.`);
  };
  if (quote.ledger.toText() !== ledger) refuse('is in another asset');
  if (quote.total !== quote.deposit + quote.once + quote.storage) refuse('has parts that do not sum to it');
  if (quote.comes_back > quote.deposit) refuse('gives back more than is held');
  if (quote.missing > quote.total) refuse('lacks more than it is');
  if (quote.missing + quote.free < quote.total) refuse('lacks less than the balance does');
  return quote;
}

/** What a new stream costs, in one total. */
export interface Cost {
  ledger: string;
  /** What the registry charges in all, from the balance and by the transfer. */
  price: bigint;
  /** Held, and given back. */
  deposit: bigint;
  /** Paid once, for what is kept for ever. */
  once: bigint;
  /** What the prepaid balance gives of it. */
  fromBalance: bigint;
  /** Put into the balance besides. */
  prepay: bigint;
  /** What the registry takes at most, the ledger's fee not counted. */
  pull: bigint;
  /** What the registry must be allowed to take; 0 if nothing is. */
  allowance: bigint;
  /** The ledger's fee of the transfer; 0 if there is none. */
  transferFee: bigint;
  /** The ledger's fee of the approval; absent if none is needed. */
  approvalFee: bigint | undefined;
  /** What leaves the account in all. */
  total: bigint;
  /** What comes back. */
  comesBack: bigint;
}

/** Sums a checked quote up. `isAllowed` says whether an allowance is there already. */
export function costOf(
  quote: StorageQuote,
  prepay: bigint,
  ledgerFee: bigint,
  isAllowed: (needed: bigint) => boolean,
): Cost {
  const pull = quote.missing + prepay;
  const pays = pull > 0n;
  const allowance = pays ? pull + ledgerFee : 0n;
  const approvalFee = pays && !isAllowed(allowance) ? ledgerFee : undefined;
  return {
    ledger: quote.ledger.toText(),
    price: quote.total,
    deposit: quote.deposit,
    once: quote.once + quote.storage,
    fromBalance: quote.total - quote.missing,
    prepay,
    pull,
    allowance,
    transferFee: pays ? ledgerFee : 0n,
    approvalFee,
    total: allowance + (approvalFee ?? 0n),
    comesBack: quote.comes_back,
  };
}

/** What paying a stream's payloads until then costs at most, at the prices of now; nothing if they are paid until then. */
export function extensionPrice({ paid_until, per_month }: StreamStorage, until: bigint): bigint {
  const time = until > paid_until ? until - paid_until : 0n;
  return (per_month * time + MONTH_NS - 1n) / MONTH_NS;
}
