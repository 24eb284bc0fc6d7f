import { Ed25519KeyIdentity } from '@icp-sdk/core/identity';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import {
  actAs,
  actingIdentity,
  asked,
  CallFailed,
  changed,
  certifiedActor,
  endSession,
  NotDone,
  Refused,
  SessionEnded,
} from './agent';

const signing = vi.hoisted(() => ({ callAs: vi.fn() }));
vi.mock('./signing', () => signing);
vi.mock('./environment', () => ({ environment: () => ({ rootKey: new Uint8Array(133) }) }));

describe('calls that change something', () => {
  const identity = Ed25519KeyIdentity.generate(new Uint8Array(32));
  beforeEach(() => actAs(identity));

  it('should tell an answer, a refusal and a lost connection apart', async () => {
    await expect(changed('buy', () => Promise.resolve({ Ok: 7 }))).resolves.toBe(7);
    await expect(changed('buy', () => Promise.resolve({ Err: { Paused: null } }))).rejects.toBeInstanceOf(
      Refused,
    );
    const lost = changed('buy', () => Promise.reject(new TypeError('Failed to fetch')));
    await expect(lost).rejects.toMatchObject({ outcome: 'unknown' });
    await expect(lost).rejects.toBeInstanceOf(CallFailed);
    const refused = changed('buy', () => Promise.reject(new NotDone('the canister is stopped')));
    await expect(refused).rejects.toMatchObject({ outcome: 'nothing-done' });
  });

  it('should not be sent once the session has ended, until somebody signs in again', async () => {
    const call = vi.fn(() => Promise.resolve({ Ok: 7 }));
    endSession();
    await expect(changed('buy', call)).rejects.toBeInstanceOf(SessionEnded);
    expect(call).not.toHaveBeenCalled();
    expect(actingIdentity()).toBeUndefined();
    actAs(identity);
    await expect(changed('buy', call)).resolves.toBe(7);
    expect(actingIdentity()).toBe(identity);
  });
});

describe('queries that money follows', () => {
  it('should be answered by the whole subnet, as whoever is signed in', async () => {
    const identity = Ed25519KeyIdentity.generate(new Uint8Array(32).fill(1));
    actAs(identity);
    signing.callAs.mockResolvedValue(8);
    const ledger = certifiedActor(
      ({ IDL }) => IDL.Service({ icrc1_decimals: IDL.Func([], [IDL.Nat8], ['query']) }),
      'aaaaa-aa',
    ) as { icrc1_decimals: () => Promise<number> };
    await expect(ledger.icrc1_decimals()).resolves.toBe(8);
    const [by, canister, method, type] = signing.callAs.mock.calls[0] as [
      unknown,
      string,
      string,
      { annotations: string[] },
    ];
    expect([by, canister, method]).toEqual([identity, 'aaaaa-aa', 'icrc1_decimals']);
    // Called as an update: what answers is certified, and not one node's word.
    expect(type.annotations).toEqual([]);
    endSession();
    await expect(asked('icrc1_decimals', ledger.icrc1_decimals())).rejects.toBeInstanceOf(SessionEnded);
    expect(signing.callAs).toHaveBeenCalledTimes(1);
  });
});
