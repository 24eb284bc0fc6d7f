// What the registry may take: approved exactly, at the fee that was shown, and the very same approval again where its answer was lost.
import type { Principal } from '@icp-sdk/core/principal';
import { NotAsAsked, Refused } from '@/api/agent';
import { approve, getAllowance } from '@/api/ledger';
import { registryAccount } from '@/api/registry';
import { defaultAccount } from '@/lib/account';
import { tag } from '@/lib/text';
import { nowNs } from '@/lib/time';

/** What a note of a payment keeps of its approval. */
export interface Approving {
  /** What was shown as the ledger's fee for the approval; absent where it was shown that no approval is needed. */
  approvalFee?: string;
  /** The approval under way, to be repeated with the very same arguments. */
  approval?: { createdAt: string; expected: string };
}

/** An allowance that ends within 5 minutes is not relied on. */
const SOON_NS = 300_000_000_000n;

export const isEnough = (
  { allowance, expires_at: [ends] }: { allowance: bigint; expires_at: [] | [bigint] },
  needed: bigint,
): boolean => allowance >= needed && (ends === undefined || ends > nowNs() + SOON_NS);

export interface Allowing {
  ledger: string;
  /** Who pays, from the default account. */
  payer: Principal;
  /** What the registry must be allowed to take, the transfer's fee within it. */
  needed: bigint;
  /** Where the approval is written down, before it is sent. */
  note: Approving;
  save: () => void;
  onApproving: () => void;
  /** Whether an approval is made although none was shown: for notes that do not say what was. */
  unshown?: boolean;
}

/** Approves what is needed, unless it is. Throws `NotAsAsked` where an approval would cost a fee that was not shown. */
export async function ensureAllowance(allowing: Allowing): Promise<void> {
  const { ledger, payer, needed, note, save, onApproving, unshown = false } = allowing;
  const now = await getAllowance(ledger, defaultAccount(payer), registryAccount());
  if (isEnough(now, needed)) return;
  if (!unshown && note.approvalFee === undefined) {
    throw new NotAsAsked('The approval that was there is gone, and a new one costs the ledger’s fee.');
  }
  // The same approval again, if one is under way: the ledger answers that it is a duplicate.
  note.approval ??= { createdAt: String(nowNs()), expected: String(now.allowance) };
  save();
  onApproving();
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
      save();
    }
    throw error;
  }
}

const PAUSES = [1_000, 2_000, 4_000, 8_000, 15_000];

/** Calls again, with pauses, while the outcome is not known. The call must be one that can be repeated. */
export async function untilKnown<T>(
  call: () => Promise<T>,
  isUnknown: (error: unknown) => boolean,
  onAgain: () => void,
  pauses: readonly number[] = PAUSES,
): Promise<T> {
  for (let tries = 0; ; tries += 1) {
    try {
      return await call();
    } catch (error) {
      const pause = pauses[tries];
      if (!isUnknown(error) || pause === undefined) throw error;
      onAgain();
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
  }
}
