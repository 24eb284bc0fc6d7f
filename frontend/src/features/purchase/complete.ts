// Carries a purchase through: approve, buy, and again while the outcome is not known.
import { Principal } from '@icp-sdk/core/principal';
import { CallFailed, NotAsAsked, Refused } from '@/api/agent';
import { buy, getCertifiedQuote, type BuyError, type Licence } from '@/api/registry';
import { tag } from '@/lib/text';
import { equalBytes, fromHex } from '@/verify/bytes';
import { ensureAllowance, untilKnown } from './allowance';
import { buyArgs, forgetNote, saveNote, type PurchaseNote } from './note';

export type PurchaseStep = 'checking' | 'approving' | 'buying' | 'asking-again' | 'done';

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
      if (note.ledger !== undefined) {
        await ensureAllowance({
          ledger: note.ledger,
          payer: Principal.fromText(note.buyer),
          needed: BigInt(note.allowance),
          note,
          save: () => saveNote(storage, note),
          onApproving: () => onStep('approving'),
          unshown: note.version === 1,
        });
      }
    } catch (error) {
      if (isFinal(error)) forgetNote(storage, note);
      throw error;
    }
    note.buying = true;
    saveNote(storage, note);
  }
  onStep('buying');
  try {
    const licence = await untilKnown(
      () => buy(buyArgs(note)),
      isUnknown,
      () => onStep('asking-again'),
      options.pauses,
    );
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

function isUnknown(error: unknown): boolean {
  if (error instanceof CallFailed) return error.outcome === 'unknown';
  return error instanceof Refused && 'Pending' in (error as Refused<BuyError>).error;
}
