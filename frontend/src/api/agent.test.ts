import { Ed25519KeyIdentity } from '@icp-sdk/core/identity';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import {
  actAs,
  actingIdentity,
  CallFailed,
  changed,
  endSession,
  NotDone,
  Refused,
  SessionEnded,
} from './agent';

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
