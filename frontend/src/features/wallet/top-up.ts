// Tops a prepaid balance up. What is begun is written down before anything is sent: a closed tab, a lost connection or a reload repeats the
// very same call, which the registry takes for the same, and is paid once.
import { Principal } from '@icp-sdk/core/principal';
import { CallFailed, NotAsAsked, Refused } from '@/api/agent';
import { topUp, type PrepaidBalance, type TopUpArgs, type TopUpError } from '@/api/storage';
import { ensureAllowance, untilKnown, type Approving } from '@/features/purchase/allowance';
import { tag } from '@/lib/text';
import { fromHex, toHex } from '@/verify/bytes';

const PREFIX = 'ddsx:top-up:';
const VERSION = 1;

export interface TopUpNote extends Approving {
  version: number;
  registry: string;
  owner: string;
  ledger: string;
  amount: string;
  /** What the registry must be allowed to take: the amount and the transfer's fee. */
  allowance: string;
  requestId: string;
}

/** `approvalFee`: what is shown as the fee of the approval; nothing if none is needed. */
export function newTopUp(
  about: Pick<TopUpNote, 'registry' | 'owner' | 'ledger'>,
  amount: bigint,
  transferFee: bigint,
  approvalFee: bigint | undefined,
): TopUpNote {
  return {
    version: VERSION,
    ...about,
    amount: String(amount),
    allowance: String(amount + transferFee),
    ...(approvalFee === undefined ? {} : { approvalFee: String(approvalFee) }),
    requestId: toHex(crypto.getRandomValues(new Uint8Array(32))),
  };
}

const key = ({ registry, owner, ledger }: Pick<TopUpNote, 'registry' | 'owner' | 'ledger'>) =>
  `${PREFIX}${registry}:${owner}:${ledger}`;

export const saveTopUp = (storage: Storage, note: TopUpNote): void =>
  storage.setItem(key(note), JSON.stringify(note));
export const forgetTopUp = (storage: Storage, note: TopUpNote): void => storage.removeItem(key(note));

/** The top-up in an asset that has not ended. */
export function openTopUp(
  storage: Storage,
  about: Pick<TopUpNote, 'registry' | 'owner' | 'ledger'>,
): TopUpNote | undefined {
  try {
    const note = JSON.parse(storage.getItem(key(about)) ?? 'null') as TopUpNote | null;
    return note?.version === VERSION ? note : undefined;
  } catch {
    return undefined;
  }
}

const topUpArgs = (note: TopUpNote): TopUpArgs => ({
  ledger: Principal.fromText(note.ledger),
  amount: BigInt(note.amount),
  request_id: fromHex(note.requestId),
  from_subaccount: [],
});

export type TopUpStep = 'paying' | 'approving' | 'asking-again' | 'done';

const NOT_FINAL = ['Pending', 'Quarantined', 'Paused', 'TooManyPending', 'AnonymousCaller'];

const refusal = (error: unknown): string | undefined =>
  error instanceof Refused && error.method === 'top_up'
    ? tag((error as Refused<TopUpError>).error)
    : undefined;

/** Whether it is over: nothing was taken, and a repetition would be answered the same. */
export function isTopUpOver(error: unknown): boolean {
  if (error instanceof NotAsAsked) return true;
  if (error instanceof Refused && error.method === 'icrc2_approve') return 'BadFee' in error.error;
  const name = refusal(error);
  return name !== undefined && !NOT_FINAL.includes(name);
}

function isUnknown(error: unknown): boolean {
  if (error instanceof CallFailed) return error.outcome === 'unknown';
  // The registry looks at what a caller holds once at a time: an attempt whose answer was lost may be under way.
  return ['Pending', 'TooManyPending'].includes(refusal(error) ?? '');
}

export interface TopUpOptions {
  storage: Storage;
  onStep: (step: TopUpStep) => void;
  /** Pauses, in milliseconds, before asking again where the outcome is not known. */
  pauses?: readonly number[];
}

/**
 * Completes a top-up that is written down. It asks for it first, as if it were approved: what was paid already is answered, what is refused
 * anyway costs no approval, and the registry says where only the approval is missing. Whatever it throws, calling it again with the same
 * note is safe.
 */
export async function completeTopUp(note: TopUpNote, options: TopUpOptions): Promise<PrepaidBalance> {
  const { storage, onStep, pauses } = options;
  const pay = () => {
    onStep('paying');
    return untilKnown(
      () => topUp(topUpArgs(note)),
      isUnknown,
      () => onStep('asking-again'),
      pauses,
    );
  };
  try {
    const balance = await pay().catch(async (error: unknown) => {
      if (refusal(error) !== 'InsufficientAllowance') throw error;
      await ensureAllowance({
        ledger: note.ledger,
        payer: Principal.fromText(note.owner),
        needed: BigInt(note.allowance),
        note,
        save: () => saveTopUp(storage, note),
        onApproving: () => onStep('approving'),
      });
      return pay();
    });
    forgetTopUp(storage, note);
    onStep('done');
    return balance;
  } catch (error) {
    if (isTopUpOver(error)) forgetTopUp(storage, note);
    throw error;
  }
}
