import { Principal } from '@icp-sdk/core/principal';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { CallFailed, NotAsAsked, Refused } from '@/api/agent';
import type { ApproveArgs } from '@/api/ledger';
import type { TopUpArgs } from '@/api/storage';
import { toHex } from '@/verify/bytes';
import { completeTopUp, isTopUpOver, newTopUp, openTopUp, saveTopUp, type TopUpStep } from './top-up';

const api = vi.hoisted(() => ({ topUp: vi.fn(), approve: vi.fn(), getAllowance: vi.fn() }));
vi.mock('@/api/storage', () => ({ topUp: api.topUp }));
vi.mock('@/api/registry', () => ({
  registryAccount: () => ({ owner: Principal.fromText('aaaaa-aa'), subaccount: [] }),
}));
vi.mock('@/api/ledger', () => ({ approve: api.approve, getAllowance: api.getAllowance }));

const ABOUT = {
  registry: '7uieb-cx777-77776-qaaaq-cai',
  owner: 'k2t6j-2nvnp-4zjm3-25dtz-6xhaa-c7boj-5gayf-oj3xs-i43lp-teztq-6ae',
  ledger: '7tjcv-pp777-77776-qaaaa-cai',
};
const balance = { free: 1_000n };
const lost = (method: string) => new CallFailed(method, 'unknown', new Error('lost'));
const refused = (error: object) => new Refused('top_up', error);
const unapproved = refused({ InsufficientAllowance: { needed: 1_010n, allowance: 0n } });

let steps: TopUpStep[];
const open = () => openTopUp(localStorage, ABOUT);
const run = (pauses: number[] = [0, 0]) => {
  // As after a reload: the note comes from the storage.
  const note = open();
  if (!note) throw new Error('no note');
  return completeTopUp(note, { storage: localStorage, onStep: (step) => steps.push(step), pauses });
};
const ids = () =>
  new Set(api.topUp.mock.calls.map(([args]) => toHex(Uint8Array.from((args as TopUpArgs).request_id))));

beforeEach(() => {
  vi.resetAllMocks();
  localStorage.clear();
  steps = [];
  saveTopUp(localStorage, newTopUp(ABOUT, 1_000n, 10n, 10n));
  api.getAllowance.mockResolvedValue({ allowance: 0n, expires_at: [] });
  api.approve.mockResolvedValue(1n);
  api.topUp.mockRejectedValueOnce(unapproved).mockResolvedValue(balance);
});

describe('a top-up', () => {
  it('should approve exactly what was shown, pay, and forget its note', async () => {
    await expect(run()).resolves.toBe(balance);
    expect(steps).toEqual(['paying', 'approving', 'paying', 'done']);
    const [[to, approved]] = api.approve.mock.calls as [[string, ApproveArgs]];
    expect(to).toBe(ABOUT.ledger);
    expect(approved).toMatchObject({ amount: 1_010n, fee: [10n], expected_allowance: [0n] });
    expect(api.topUp.mock.calls[1]?.[0]).toMatchObject({ amount: 1_000n, from_subaccount: [] });
    expect(open()).toBeUndefined();
  });

  it.each(['AssetNotAccepted', 'InvalidAmount', 'Paused', 'InsufficientFunds'])(
    'should approve nothing where it is refused anyway: %s',
    async (name) => {
      api.topUp.mockReset().mockRejectedValue(refused({ [name]: {} }));
      await expect(run()).rejects.toBeInstanceOf(Refused);
      expect(api.approve).not.toHaveBeenCalled();
    },
  );

  it('should approve nothing where no approval was shown', async () => {
    saveTopUp(localStorage, newTopUp(ABOUT, 1_000n, 10n, undefined));
    await expect(run()).rejects.toBeInstanceOf(NotAsAsked);
    expect(api.approve).not.toHaveBeenCalled();
  });

  it('should repeat the very same call where the answer is lost or pending, and after a reload', async () => {
    api.topUp
      .mockReset()
      .mockRejectedValueOnce(unapproved)
      .mockRejectedValueOnce(lost('top_up'))
      .mockRejectedValueOnce(refused({ Pending: { intent: 1n } }))
      .mockRejectedValueOnce(lost('top_up'))
      .mockResolvedValueOnce(balance);
    await expect(run()).rejects.toBeInstanceOf(CallFailed);
    expect(open()).toBeDefined();
    await expect(run()).resolves.toBe(balance);
    expect(api.topUp).toHaveBeenCalledTimes(5);
    expect(ids().size).toBe(1);
    expect(api.approve).toHaveBeenCalledTimes(1);
  });

  it('should repeat a lost approval with the very same arguments', async () => {
    api.topUp
      .mockReset()
      .mockRejectedValueOnce(unapproved)
      .mockRejectedValueOnce(unapproved)
      .mockResolvedValue(balance);
    api.approve.mockRejectedValueOnce(lost('icrc2_approve'));
    await expect(run()).rejects.toBeInstanceOf(CallFailed);
    api.approve.mockRejectedValueOnce(new Refused('icrc2_approve', { Duplicate: { duplicate_of: 5n } }));
    await expect(run()).resolves.toBe(balance);
    const [first, second] = api.approve.mock.calls as [string, ApproveArgs][];
    expect(second?.[1]).toEqual(first?.[1]);
  });

  it('should keep its note only while it may have been paid', () => {
    for (const name of ['Pending', 'Quarantined', 'Paused'])
      expect(isTopUpOver(refused({ [name]: {} }))).toBe(false);
    expect(isTopUpOver(lost('top_up'))).toBe(false);
    for (const name of ['InsufficientFunds', 'PaymentRefused'])
      expect(isTopUpOver(refused({ [name]: {} }))).toBe(true);
  });
});
