// Carries the creation of a stream through: asks what would be refused anyway, approves, creates, and again while the outcome is not known.
import { Principal } from '@icp-sdk/core/principal';
import { CallFailed, NotAsAsked, Refused, SessionEnded } from '@/api/agent';
import { createStream, type CreateStreamArgs, type StreamError } from '@/api/registry';
import { getCertifiedStorageQuote } from '@/api/storage';
import { ensureAllowance, untilKnown } from '@/features/purchase/allowance';
import { checkedStorageQuote } from '@/features/storage/quote';
import { tag } from '@/lib/text';
import {
  creationArgs,
  forgetCreation,
  saveCreation,
  withoutPayment,
  type CreationNote,
} from './creation-note';

export type CreationStep = 'checking' | 'approving' | 'creating' | 'asking-again' | 'done';

const NOT_FINAL = ['Pending', 'Quarantined', 'Paused', 'TooManyPending', 'AnonymousCaller'];

/** The names of a refusal: of the payment's, where it is one of the payment. */
function refusal(error: unknown): string | undefined {
  if (!(error instanceof Refused) || error.method !== 'create_stream') return undefined;
  const refused = (error as Refused<StreamError>).error;
  return 'Payment' in refused ? tag(refused.Payment) : tag(refused);
}

/** Whether it is over: there is no stream, and a repetition would be answered the same. */
export function isOver(error: unknown): boolean {
  if (error instanceof NotAsAsked) return true;
  // Another fee than the one shown: the approval was not made, and is not to be.
  if (error instanceof Refused && error.method === 'icrc2_approve') return 'BadFee' in error.error;
  const name = refusal(error);
  return name !== undefined && !NOT_FINAL.includes(name);
}

function isUnknown(error: unknown): boolean {
  if (error instanceof CallFailed) return error.outcome === 'unknown';
  // The registry looks at what a caller holds once at a time: an attempt whose answer was lost may be under way.
  return ['Pending', 'TooManyPending'].includes(refusal(error) ?? '');
}

const isUnsent = (error: unknown): boolean =>
  error instanceof SessionEnded || (error instanceof CallFailed && error.outcome === 'nothing-done');

export interface CreationOptions {
  storage: Storage;
  onStep: (step: CreationStep) => void;
  /** Pauses, in milliseconds, before asking again where the outcome is not known. */
  pauses?: readonly number[];
}

/**
 * Creates the stream that is written down; its number. Whatever it throws, calling it again with the same note is safe: the note is kept
 * unless there is no stream and a repetition would be answered the same. What was taken and not used is in the prepaid balance.
 */
export async function create(note: CreationNote, options: CreationOptions): Promise<bigint> {
  const { storage, onStep } = options;
  try {
    const there = note.creating ? undefined : await beforeCreating(note, options);
    const stream = there ?? (await createOnce(note, options));
    forgetCreation(storage, note);
    onStep('done');
    return stream;
  } catch (error) {
    // What was never sent is not begun: the draft is still there.
    if (isOver(error) || !(note.asking || note.creating || note.approval)) forgetCreation(storage, note);
    throw error;
  }
}

/** Until everything that is paid is approved. A stream, where it is there without a payment. */
async function beforeCreating(note: CreationNote, options: CreationOptions): Promise<bigint | undefined> {
  const { storage, onStep } = options;
  const args = creationArgs(note);
  const needed = BigInt(note.allowance);
  if (note.ledger === undefined) return undefined;
  onStep('checking');
  await checkPrice(note, note.ledger, args);
  if (needed === 0n) return undefined;
  const max = args.payment[0]?.max ?? 0n;
  const asked = await sendAgain(note, 'asking', options, async () => {
    try {
      return await createStream(withoutPayment(args));
    } catch (error) {
      const price = priceIn(error);
      if (price === undefined) throw error;
      if (price > max) throw new NotAsAsked('The price is not the one that you were shown.');
      return undefined;
    }
  });
  if (asked !== undefined) return asked;
  note.asking = false;
  saveCreation(storage, note);
  await ensureAllowance({
    ledger: note.ledger,
    payer: Principal.fromText(note.owner),
    needed,
    note,
    save: () => saveCreation(storage, note),
    onApproving: () => onStep('approving'),
  });
  return undefined;
}

/** What the balance has is charged without a limit of its own: so the whole subnet is asked whether it is still what was shown. */
async function checkPrice(note: CreationNote, ledger: string, args: CreateStreamArgs): Promise<void> {
  const quote = await getCertifiedStorageQuote({
    ledger: Principal.fromText(ledger),
    stream: [],
    contributors: args.contributors.length,
    chunks: 0n,
    bytes: 0n,
  });
  if (checkedStorageQuote(quote, ledger).total > BigInt(note.price)) {
    throw new NotAsAsked('The price is not the one that you were shown.');
  }
}

async function createOnce(note: CreationNote, options: CreationOptions): Promise<bigint> {
  const args = creationArgs(note);
  options.onStep('creating');
  return sendAgain(note, 'creating', options, () => createStream(args));
}

/** What the registry would take, where only the payment is missing. */
function priceIn(error: unknown): bigint | undefined {
  if (!(error instanceof Refused) || error.method !== 'create_stream') return undefined;
  const refused = (error as Refused<StreamError>).error;
  return 'Payment' in refused && 'PriceAboveMax' in refused.Payment
    ? refused.Payment.PriceAboveMax.price
    : undefined;
}

/**
 * Sends a call that creates the stream, written down before, until its outcome is known. That the name is taken then says that an earlier
 * attempt, whose answer was lost, has made the stream.
 */
async function sendAgain<T>(
  note: CreationNote,
  sent: 'asking' | 'creating',
  { storage, onStep, pauses }: CreationOptions,
  call: () => Promise<T>,
): Promise<T | bigint> {
  let doubtful = note[sent];
  note[sent] = true;
  saveCreation(storage, note);
  const attempt = async () => {
    try {
      return await call();
    } catch (error) {
      const refused = error instanceof Refused && (error as Refused<StreamError>).error;
      if (doubtful && refused && 'NameTaken' in refused) return refused.NameTaken.stream;
      if (isUnknown(error)) doubtful = true;
      else if (!doubtful && isUnsent(error)) {
        note[sent] = false;
        saveCreation(storage, note);
      }
      throw error;
    }
  };
  return untilKnown(attempt, isUnknown, () => onStep('asking-again'), pauses);
}
