// Carries a purchase through: approve, buy, and again while the outcome is not known.
import { Principal } from '@icp-sdk/core/principal';
import { CallFailed, NotAsAsked, Refused } from '@/api/agent';
import { approve, getAllowance } from '@/api/ledger';
import { buy, getCertifiedQuote, registryAccount, type BuyError, type Licence } from '@/api/registry';
import { defaultAccount } from '@/lib/account';
import { nowNs } from '@/lib/time';
import { tag } from '@/lib/text';
import { equalBytes, fromHex } from '@/verify/bytes';
import { buyArgs, forgetNote, saveNote, type PurchaseNote } from './note';

export type PurchaseStep = 'checking' | 'approving' | 'buying' | 'asking-again' | 'done';

/** An allowance that ends within 5 minutes is not relied on. */
const SOON_NS = 300_000_000_000n;
const NOT_FINAL = ['Pending', 'Quarantined', 'Paused', 'TooManyPending', 'AnonymousCaller'];

/** Whether the purchase is over: nothing was charged, and a repetition would be answered the same. */
export function isFinal(error: unknown): boolean {
  // What is sold is another thing by now: `buy` was not called, nor will it be.
  if (error instanceof NotAsAsked) return true;
  if (!(error instanceof Refused)) return false;
  const name = tag(error.error as object);
  // Another fee than the one shown: the approval was not made, and is not to be.
  if (error.method === 'icrc2_approve') return name === 'BadFee';
  return error.method === 'quote' || (error.method === 'buy' && !NOT_FINAL.includes(name));
}

export interface PurchaseOptions {
  storage: Storage;
  onStep: (step: PurchaseStep) => void;
  /** Pauses, in milliseconds, before asking again where the outcome is not known. */
  pauses?: readonly number[];
}

/**
 * Completes a purchase that is written down. Whatever it throws, calling it again with the same note is safe: the note is kept
 * unless nothing was charged and a repetition would be answered the same.
 */
export async function complete(note: PurchaseNote, options: PurchaseOptions): Promise<Licence> {
  const { storage, onStep } = options;
  if (!note.buying) {
    try {
      onStep('checking');
      await checkOffer(note);
      if (note.ledger !== undefined) await ensureAllowance(note, note.ledger, options);
    } catch (error) {
      if (isFinal(error)) forgetNote(storage, note);
      throw error;
    }
    note.buying = true;
    saveNote(storage, note);
  }
  onStep('buying');
  try {
    const licence = await buyUntilKnown(note, options);
    forgetNote(storage, note);
    onStep('done');
    return licence;
  } catch (error) {
    if (isFinal(error)) forgetNote(storage, note);
    throw error;
  }
}

/** Before anything is paid: what the whole subnet says is sold, against what the buyer was shown. */
async function checkOffer(note: PurchaseNote): Promise<void> {
  const asked = buyArgs(note);
  const ledger = asked.ledger[0];
  const quote = await getCertifiedQuote(asked.plan, ledger);
  if (
    quote.plan !== asked.plan ||
    String(quote.stream) !== note.stream ||
    quote.ledger[0]?.toText() !== note.ledger ||
    !equalBytes(Uint8Array.from(quote.terms_hash), fromHex(note.termsHash))
  ) {
    throw new NotAsAsked('The terms are not those that you were shown.');
  }
  if (String(quote.price) !== note.price)
    throw new NotAsAsked('The price is not the one that you were shown.');
  if (String(quote.allowance) !== note.allowance) {
    throw new NotAsAsked('The ledger’s fee is not the one that you were shown.');
  }
}

async function ensureAllowance(
  note: PurchaseNote,
  ledger: string,
  { storage, onStep }: PurchaseOptions,
): Promise<void> {
  const needed = BigInt(note.allowance);
  const buyer = defaultAccount(Principal.fromText(note.buyer));
  const now = await getAllowance(ledger, buyer, registryAccount());
  const ends = now.expires_at[0];
  if (now.allowance >= needed && (ends === undefined || ends > nowNs() + SOON_NS)) return;
  if (note.version > 1 && note.approvalFee === undefined) {
    throw new NotAsAsked('The approval that was there is gone, and a new one costs the ledger’s fee.');
  }
  // The same approval again, if one is under way: the ledger answers that it is a duplicate.
  note.approval ??= { createdAt: String(nowNs()), expected: String(now.allowance) };
  saveNote(storage, note);
  onStep('approving');
  try {
    await approve(ledger, {
      from_subaccount: [],
      spender: registryAccount(),
      amount: needed,
      expected_allowance: [BigInt(note.approval.expected)],
      expires_at: [],
      fee: note.approvalFee === undefined ? [] : [BigInt(note.approvalFee)],
      memo: [],
      created_at_time: [BigInt(note.approval.createdAt)],
    });
  } catch (error) {
    if (error instanceof Refused && tag(error.error as object) === 'Duplicate') return;
    if (error instanceof Refused) {
      delete note.approval;
      saveNote(storage, note);
    }
    throw error;
  }
}

const PAUSES = [1_000, 2_000, 4_000, 8_000, 15_000];

async function buyUntilKnown(
  note: PurchaseNote,
  { onStep, pauses = PAUSES }: PurchaseOptions,
): Promise<Licence> {
  for (let tries = 0; ; tries += 1) {
    try {
      return await buy(buyArgs(note));
    } catch (error) {
      const pause = pauses[tries];
      if (!isUnknown(error) || pause === undefined) throw error;
      onStep('asking-again');
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
  }
}

function isUnknown(error: unknown): boolean {
  if (error instanceof CallFailed) return error.outcome === 'unknown';
  return error instanceof Refused && 'Pending' in (error as Refused<BuyError>).error;
}
