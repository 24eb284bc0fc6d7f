// A ledger's transactions, told from the account's side.
import type { Transaction } from '@/api/ledger';
import { accountText, type Account } from '@/lib/account';

export interface Told {
  what: string;
  /** With whom; nobody for mints and burns. */
  other: string | undefined;
  /** What it did to the account's balance, the fee included. */
  change: bigint;
  at: bigint;
}

export function tell(transaction: Transaction, me: Account): Told {
  const mine = accountText(me);
  const at = transaction.timestamp;
  const [mint] = transaction.mint;
  const [burn] = transaction.burn;
  const [transfer] = transaction.transfer;
  const [approve] = transaction.approve;
  if (transfer) {
    const [from, to] = [accountText(transfer.from), accountText(transfer.to)];
    const fee = transfer.fee[0] ?? 0n;
    if (from === mine && to === mine) return { what: 'Sent to yourself', other: undefined, change: -fee, at };
    return from === mine
      ? {
          what: transfer.spender[0] ? 'Taken by an allowance' : 'Sent',
          other: to,
          change: -(transfer.amount + fee),
          at,
        }
      : { what: 'Received', other: from, change: transfer.amount, at };
  }
  if (mint) return { what: 'Minted to you', other: undefined, change: mint.amount, at };
  if (burn) return { what: 'Burnt', other: undefined, change: -burn.amount, at };
  if (approve) {
    return {
      what: approve.amount === 0n ? 'Allowance revoked' : 'Allowance given',
      other: accountText(approve.spender),
      change: accountText(approve.from) === mine ? -(approve.fee[0] ?? 0n) : 0n,
      at,
    };
  }
  return { what: 'A change at the ledger', other: undefined, change: 0n, at };
}
