// A purchase is written down, with its request id, before anything is sent. A closed tab, a lost connection or a reload repeats the very
// same call, which the registry answers with the same licence: it is paid once. (docs/payments.md; crates/client does the same.)
import { Principal } from '@icp-sdk/core/principal';
import type { BuyArgs, Quote } from '@/api/registry';
import { fromHex, toHex } from '@/verify/bytes';
import type { Approving } from './allowance';

const PREFIX = 'ddsx:purchase:';

export interface PurchaseNote extends Approving {
  version: number;
  registry: string;
  buyer: string;
  stream: string;
  plan: string;
  /** The asset; absent for a free plan. */
  ledger?: string;
  price: string;
  /** What the registry must be allowed to take: price and transfer fee. */
  allowance: string;
  termsHash: string;
  requestId: string;
  /** Whether `buy` may have been sent: from then on it is asked first, since the allowance may be used already. */
  buying: boolean;
}

/** Since version 2, it says what was shown as the approval's fee. */
const VERSION = 2;

/** `approvalFee`: what is shown as the fee of the approval; nothing if none is needed. */
export function newNote(
  registry: string,
  buyer: string,
  quote: Quote,
  approvalFee: bigint | undefined,
): PurchaseNote {
  const ledger = quote.ledger[0]?.toText();
  return {
    version: VERSION,
    registry,
    buyer,
    stream: String(quote.stream),
    plan: String(quote.plan),
    ...(ledger === undefined ? {} : { ledger }),
    price: String(quote.price),
    allowance: String(quote.allowance),
    ...(approvalFee === undefined ? {} : { approvalFee: String(approvalFee) }),
    termsHash: toHex(Uint8Array.from(quote.terms_hash)),
    requestId: toHex(crypto.getRandomValues(new Uint8Array(32))),
    buying: false,
  };
}

export function buyArgs(note: PurchaseNote): BuyArgs {
  return {
    plan: BigInt(note.plan),
    ledger: note.ledger === undefined ? [] : [Principal.fromText(note.ledger)],
    from_subaccount: [],
    recipient: [],
    max_price: BigInt(note.price),
    terms_hash: fromHex(note.termsHash),
    request_id: fromHex(note.requestId),
  };
}

const key = ({ registry, buyer, plan }: Pick<PurchaseNote, 'registry' | 'buyer' | 'plan'>) =>
  `${PREFIX}${registry}:${buyer}:${plan}`;

export function saveNote(storage: Storage, note: PurchaseNote): void {
  storage.setItem(key(note), JSON.stringify(note));
}

export function forgetNote(storage: Storage, note: PurchaseNote): void {
  storage.removeItem(key(note));
}

/** The purchases of a buyer that have not ended. */
export function openNotes(storage: Storage, registry: string, buyer: string): PurchaseNote[] {
  const prefix = `${PREFIX}${registry}:${buyer}:`;
  return Object.keys(storage)
    .filter((name) => name.startsWith(prefix))
    .flatMap((name) => {
      try {
        const note = JSON.parse(storage.getItem(name) ?? '') as PurchaseNote;
        return note.version >= 1 && note.version <= VERSION ? [note] : [];
      } catch {
        return [];
      }
    });
}

export function openNote(
  storage: Storage,
  registry: string,
  buyer: string,
  plan: bigint,
): PurchaseNote | undefined {
  return openNotes(storage, registry, buyer).find((note) => note.plan === String(plan));
}
