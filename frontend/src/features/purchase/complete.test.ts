import { Principal } from '@icp-sdk/core/principal';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { CallFailed, NotAsAsked, Refused } from '@/api/agent';
import type { BuyArgs, Licence, Quote } from '@/api/registry';
import { complete, isFinal, type PurchaseStep } from './complete';
import { newNote, openNote, saveNote, type PurchaseNote } from './note';

const api = vi.hoisted(() => ({
  buy: vi.fn(),
  approve: vi.fn(),
  getAllowance: vi.fn(),
  getCertifiedQuote: vi.fn(),
}));
vi.mock('@/api/registry', () => ({
  buy: api.buy,
  getCertifiedQuote: api.getCertifiedQuote,
  registryAccount: () => ({ owner: Principal.fromText('aaaaa-aa'), subaccount: [] }),
}));
vi.mock('@/api/ledger', () => ({ approve: api.approve, getAllowance: api.getAllowance }));

const REGISTRY = '7uieb-cx777-77776-qaaaq-cai';
const BUYER = 'k2t6j-2nvnp-4zjm3-25dtz-6xhaa-c7boj-5gayf-oj3xs-i43lp-teztq-6ae';
const quote: Quote = {
  plan: 3n,
  stream: 1n,
  kind: { Perpetual: null },
  ledger: [Principal.fromText('7tjcv-pp777-77776-qaaaa-cai')],
  price: 1_000n,
  ledger_fee: 10n,
  allowance: 1_010n,
  terms_hash: new Uint8Array(32).fill(4),
};
const licence = { id: 9n } as Licence;
const lost = new CallFailed('buy', 'unknown', new Error('lost'));

let note: PurchaseNote;
let steps: PurchaseStep[];
const run = (pauses: number[] = [0, 0]) => {
  // As after a reload: the note comes from the storage.
  const open = openNote(localStorage, REGISTRY, BUYER, 3n);
  if (!open) throw new Error('no note');
  return complete(open, { storage: localStorage, onStep: (step) => steps.push(step), pauses });
};

beforeEach(() => {
  vi.resetAllMocks();
  localStorage.clear();
  steps = [];
  note = newNote(REGISTRY, BUYER, quote, 10n);
  saveNote(localStorage, note);
  api.getAllowance.mockResolvedValue({ allowance: 0n, expires_at: [] });
  api.getCertifiedQuote.mockResolvedValue(quote);
  api.approve.mockResolvedValue(1n);
  api.buy.mockResolvedValue(licence);
});

const requestIds = () => api.buy.mock.calls.map(([args]) => String((args as BuyArgs).request_id));

describe('a purchase', () => {
  it('should approve what is needed, buy, and forget its note', async () => {
    await expect(run()).resolves.toBe(licence);
    expect(steps).toEqual(['checking', 'approving', 'buying', 'done']);
    expect(api.approve.mock.calls[0]?.[1]).toMatchObject({
      amount: 1_010n,
      fee: [10n],
      expected_allowance: [0n],
    });
    expect(openNote(localStorage, REGISTRY, BUYER, 3n)).toBeUndefined();
  });

  it('should not approve where the allowance is enough', async () => {
    api.getAllowance.mockResolvedValue({ allowance: 1_010n, expires_at: [] });
    await run();
    expect(api.approve).not.toHaveBeenCalled();
  });

  it('should repeat the very same call where the answer is lost or pending', async () => {
    api.buy
      .mockRejectedValueOnce(lost)
      .mockRejectedValueOnce(new Refused('buy', { Pending: { intent: 1n } }))
      .mockResolvedValueOnce(licence);
    await expect(run()).resolves.toBe(licence);
    expect(new Set(requestIds()).size).toBe(1);
    expect(api.buy).toHaveBeenCalledTimes(3);
    expect(steps.filter((step) => step === 'asking-again')).toHaveLength(2);
  });

  it('should go on after a closed tab with the same request, without approving again', async () => {
    api.buy.mockRejectedValue(lost);
    await expect(run()).rejects.toBe(lost);
    api.buy.mockReset().mockResolvedValue(licence);
    await expect(run()).resolves.toBe(licence);
    expect(api.approve).toHaveBeenCalledTimes(1);
    expect(api.getCertifiedQuote).toHaveBeenCalledTimes(1);
    expect(requestIds()).toEqual([String(Uint8Array.from(Buffer.from(note.requestId, 'hex')))]);
  });

  it('should repeat a lost approval with the same time, and take a duplicate for done', async () => {
    api.approve.mockRejectedValueOnce(new CallFailed('icrc2_approve', 'unknown', new Error('lost')));
    await expect(run()).rejects.toBeInstanceOf(CallFailed);
    api.approve.mockRejectedValueOnce(new Refused('icrc2_approve', { Duplicate: { duplicate_of: 5n } }));
    await expect(run()).resolves.toBe(licence);
    const [first, second] = api.approve.mock.calls as [string, { created_at_time: bigint[] }][];
    expect(second?.[1].created_at_time).toEqual(first?.[1].created_at_time);
  });

  it.each(['Pending', 'Quarantined', 'Paused', 'TooManyPending', 'AnonymousCaller'])(
    'should keep the note on %s',
    async (name) => {
      api.buy.mockRejectedValue(new Refused('buy', { [name]: null }));
      await expect(run([])).rejects.toBeInstanceOf(Refused);
      expect(openNote(localStorage, REGISTRY, BUYER, 3n)?.requestId).toBe(note.requestId);
    },
  );

  it.each(['TermsChanged', 'PriceAboveMax', 'InsufficientFunds', 'PlanNotOffered', 'RequestIdReused'])(
    'should end on %s, since nothing was charged',
    async (name) => {
      const refusal = new Refused('buy', { [name]: null });
      api.buy.mockRejectedValue(refusal);
      await expect(run([])).rejects.toBe(refusal);
      expect(isFinal(refusal)).toBe(true);
      expect(openNote(localStorage, REGISTRY, BUYER, 3n)).toBeUndefined();
    },
  );
});

describe('what the whole subnet says is sold', () => {
  const gone = () => openNote(localStorage, REGISTRY, BUYER, 3n) === undefined;

  it.each<[string, Partial<Quote>]>([
    ['a higher price', { price: 1_001n, allowance: 1_011n }],
    ['a lower price', { price: 999n, allowance: 1_009n }],
    ['another fee of the ledger', { ledger_fee: 20n, allowance: 1_020n }],
    ['a larger allowance', { allowance: 5_000n }],
    ['another plan', { plan: 4n }],
    ['another stream', { stream: 2n }],
    ['another asset', { ledger: [Principal.fromText(REGISTRY)] }],
    ['no asset', { ledger: [] }],
    ['other terms', { terms_hash: new Uint8Array(32).fill(5) }],
  ])('should end a purchase before anything is paid: %s', async (_, other) => {
    api.getCertifiedQuote.mockResolvedValue({ ...quote, ...other });
    const failed = run();
    await expect(failed).rejects.toBeInstanceOf(NotAsAsked);
    await failed.catch((error: unknown) => expect(isFinal(error)).toBe(true));
    expect(api.approve).not.toHaveBeenCalled();
    expect(api.buy).not.toHaveBeenCalled();
    expect(gone()).toBe(true);
  });

  it('should end it where the plan is not offered any more', async () => {
    api.getCertifiedQuote.mockRejectedValue(new Refused('quote', { PlanNotOffered: null }));
    await expect(run()).rejects.toBeInstanceOf(Refused);
    expect(api.approve).not.toHaveBeenCalled();
    expect(gone()).toBe(true);
  });

  it('should be waited for where the connection is lost', async () => {
    api.getCertifiedQuote.mockRejectedValue(new CallFailed('quote', 'nothing-done', new Error('lost')));
    await expect(run()).rejects.toBeInstanceOf(CallFailed);
    expect(api.approve).not.toHaveBeenCalled();
    expect(gone()).toBe(false);
  });
});

describe('the fee of the approval', () => {
  const gone = () => openNote(localStorage, REGISTRY, BUYER, 3n) === undefined;

  it('should not be paid by who was told that there is none', async () => {
    saveNote(localStorage, newNote(REGISTRY, BUYER, quote, undefined));
    await expect(run()).rejects.toBeInstanceOf(NotAsAsked);
    expect(api.approve).not.toHaveBeenCalled();
    expect(gone()).toBe(true);
  });

  it('should be no other than was shown', async () => {
    api.approve.mockRejectedValue(new Refused('icrc2_approve', { BadFee: { expected_fee: 11n } }));
    await expect(run()).rejects.toBeInstanceOf(Refused);
    expect(api.buy).not.toHaveBeenCalled();
    expect(gone()).toBe(true);
  });

  it('should be whatever it is for a purchase that was begun before fees were noted', async () => {
    const old = { ...note, version: 1 };
    delete old.approvalFee;
    saveNote(localStorage, old);
    await expect(run()).resolves.toBe(licence);
    expect(api.approve.mock.calls[0]?.[1]).toMatchObject({ amount: 1_010n, fee: [] });
  });
});
