// A stream is created once and paid once, whatever is lost on the way.
import { Principal } from '@icp-sdk/core/principal';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { CallFailed, NotAsAsked, Refused, SessionEnded } from '@/api/agent';
import type { ApproveArgs } from '@/api/ledger';
import type { CreateStreamArgs } from '@/api/registry';
import type { StorageQuote } from '@/api/storage';
import type { Cost } from '@/features/storage/quote';
import { toHex } from '@/verify/bytes';
import { create, isOver, type CreationStep } from './create';
import { newCreation, openCreations, saveCreation } from './creation-note';

const api = vi.hoisted(() => ({
  createStream: vi.fn(),
  quote: vi.fn(),
  approve: vi.fn(),
  getAllowance: vi.fn(),
}));
vi.mock('@/api/registry', () => ({
  createStream: api.createStream,
  registryAccount: () => ({ owner: Principal.fromText('aaaaa-aa'), subaccount: [] }),
}));
vi.mock('@/api/storage', async (original) => ({
  ...(await original<object>()),
  getCertifiedStorageQuote: api.quote,
}));
vi.mock('@/api/ledger', () => ({ approve: api.approve, getAllowance: api.getAllowance }));

const REGISTRY = '7uieb-cx777-77776-qaaaq-cai';
const LEDGER = '7tjcv-pp777-77776-qaaaa-cai';
const OWNER = 'k2t6j-2nvnp-4zjm3-25dtz-6xhaa-c7boj-5gayf-oj3xs-i43lp-teztq-6ae';
const args: CreateStreamArgs = {
  name: 'North station',
  description: 'Every minute',
  tags: ['weather'],
  content_type: 'application/x-ndjson',
  licence_terms: { Spdx: 'CC0-1.0' },
  contact: [],
  schema: ['{"type":"object"}'],
  provider_account: { owner: Principal.fromText(OWNER), subaccount: [] },
  contributors_share_bps: 7_000,
  contributors: [{ label: 'north', account: [] }],
  payment: [],
};
const cost: Cost = {
  ledger: LEDGER,
  price: 120n,
  deposit: 100n,
  once: 20n,
  fromBalance: 5n,
  prepay: 50n,
  pull: 165n,
  allowance: 175n,
  transferFee: 10n,
  approvalFee: 10n,
  total: 185n,
  comesBack: 100n,
};
const quote: StorageQuote = {
  ledger: Principal.fromText(LEDGER),
  deposit: 100n,
  once: 20n,
  storage: 0n,
  paid_until: 1n,
  per_month: 0n,
  total: 120n,
  comes_back: 100n,
  free: 5n,
  missing: 115n,
  ledger_fee: 10n,
};
const lost = (method: string) => new CallFailed(method, 'unknown', new Error('lost'));
const refused = (error: object) => new Refused('create_stream', error);
const price = (units: bigint) => refused({ Payment: { PriceAboveMax: { price: units } } });
const pending = refused({ Payment: { Pending: { intent: 1n } } });

let steps: CreationStep[];
const open = () => openCreations(localStorage, REGISTRY, OWNER);
const run = (pauses: number[] = [0, 0]) => {
  // As after a reload: the note comes from the storage.
  const [note] = open();
  if (!note) throw new Error('no note');
  return create(note, { storage: localStorage, onStep: (step) => steps.push(step), pauses });
};
const begin = (paid = cost) => saveCreation(localStorage, newCreation(REGISTRY, OWNER, args, paid));
const sent = () => api.createStream.mock.calls.map(([one]) => one as CreateStreamArgs);
/** The calls that pay. */
const paying = () => sent().filter(({ payment: [payment] }) => (payment?.max ?? 0n) > 0n);
const ids = () =>
  new Set(paying().map(({ payment: [one] }) => toHex(Uint8Array.from(one?.request_id ?? []))));

beforeEach(() => {
  vi.resetAllMocks();
  localStorage.clear();
  steps = [];
  api.getAllowance.mockResolvedValue({ allowance: 0n, expires_at: [] });
  api.approve.mockResolvedValue(1n);
  api.quote.mockResolvedValue(quote);
  api.createStream.mockRejectedValueOnce(price(165n)).mockResolvedValue(7n);
});

describe('creating a stream that costs something', () => {
  it('should ask with a payment of nothing, approve exactly what was shown, and name it in the call', async () => {
    begin();
    await expect(run()).resolves.toBe(7n);
    expect(steps).toEqual(['checking', 'approving', 'creating', 'done']);
    const [asked, paid] = sent();
    expect(asked?.payment[0]?.max).toBe(0n);
    expect(asked?.payment[0]?.request_id).not.toEqual(paid?.payment[0]?.request_id);
    expect(paid).toMatchObject({ name: 'North station', contributors: args.contributors });
    expect(paid?.payment[0]).toMatchObject({ max: 165n, prepay: [50n], from_subaccount: [] });
    expect(paid?.payment[0]?.ledger.toText()).toBe(LEDGER);
    expect(api.approve).toHaveBeenCalledTimes(1);
    const [to, approved] = api.approve.mock.calls[0] as [string, ApproveArgs];
    expect(to).toBe(LEDGER);
    expect(approved).toMatchObject({ amount: 175n, fee: [10n], expected_allowance: [0n] });
    expect(open()).toEqual([]);
  });

  it('should approve nothing for what is refused anyway', async () => {
    api.createStream.mockReset().mockRejectedValue(refused({ NameTaken: { stream: 3n } }));
    begin();
    await expect(run()).rejects.toBeInstanceOf(Refused);
    expect(api.approve).not.toHaveBeenCalled();
    expect(open()).toEqual([]);
  });

  it('should approve nothing where the price is above what was shown', async () => {
    api.createStream.mockReset().mockRejectedValue(price(166n));
    begin();
    await expect(run()).rejects.toBeInstanceOf(NotAsAsked);
    expect(api.approve).not.toHaveBeenCalled();
    expect(paying()).toEqual([]);
    expect(open()).toEqual([]);
  });

  it('should take nothing from the balance beyond what was shown', async () => {
    api.quote.mockResolvedValue({ ...quote, once: 21n, total: 121n, free: 500n, missing: 0n });
    begin({
      ...cost,
      fromBalance: 120n,
      prepay: 0n,
      pull: 0n,
      allowance: 0n,
      approvalFee: undefined,
      total: 0n,
    });
    await expect(run()).rejects.toBeInstanceOf(NotAsAsked);
    expect(sent()).toEqual([]);
    expect(open()).toEqual([]);
    begin();
    await expect(run()).rejects.toBeInstanceOf(NotAsAsked);
    expect(sent()).toEqual([]);
    expect(api.approve).not.toHaveBeenCalled();
  });

  it('should approve nothing where no approval was shown', async () => {
    begin({ ...cost, approvalFee: undefined, total: 175n });
    await expect(run()).rejects.toBeInstanceOf(NotAsAsked);
    expect(api.approve).not.toHaveBeenCalled();
    expect(paying()).toEqual([]);
  });

  it('should pay nothing where the balance has it by now', async () => {
    api.createStream.mockReset().mockResolvedValue(9n);
    begin();
    await expect(run()).resolves.toBe(9n);
    expect(api.approve).not.toHaveBeenCalled();
    expect(paying()).toEqual([]);
  });

  it('should repeat the very same call where its answer is lost or pending', async () => {
    api.createStream
      .mockReset()
      .mockRejectedValueOnce(price(165n))
      .mockRejectedValueOnce(lost('create_stream'))
      .mockRejectedValueOnce(pending)
      .mockResolvedValueOnce(7n);
    begin();
    await expect(run()).resolves.toBe(7n);
    expect(paying()).toHaveLength(3);
    expect(ids().size).toBe(1);
    expect(
      new Set(paying().map((one) => JSON.stringify(one, (_, value: unknown) => String(value)))).size,
    ).toBe(1);
    expect(api.approve).toHaveBeenCalledTimes(1);
  });

  it('should find the stream of an attempt whose answer was lost by its name', async () => {
    api.createStream
      .mockReset()
      .mockRejectedValueOnce(price(165n))
      .mockRejectedValueOnce(lost('create_stream'))
      .mockRejectedValueOnce(refused({ NameTaken: { stream: 7n } }));
    begin();
    await expect(run()).resolves.toBe(7n);
  });

  it('should go on after a closed tab with the same request, without asking or approving again', async () => {
    api.createStream.mockReset().mockRejectedValueOnce(price(165n)).mockRejectedValue(lost('create_stream'));
    begin();
    await expect(run()).rejects.toBeInstanceOf(CallFailed);
    expect(open()).toHaveLength(1);
    api.createStream.mockReset().mockResolvedValue(7n);
    const before = ids();
    await expect(run()).resolves.toBe(7n);
    expect(before.size).toBe(0);
    expect(sent()).toHaveLength(1);
    expect(api.approve).toHaveBeenCalledTimes(1);
  });

  it('should keep one request id over lost answers and reloads', async () => {
    api.createStream.mockReset().mockRejectedValueOnce(price(165n)).mockRejectedValue(lost('create_stream'));
    begin();
    await expect(run()).rejects.toBeInstanceOf(CallFailed);
    await expect(run()).rejects.toBeInstanceOf(CallFailed);
    expect(paying().length).toBe(6);
    expect(ids().size).toBe(1);
  });

  it('should ask again where the first answer is lost, and know its stream', async () => {
    api.createStream
      .mockReset()
      .mockRejectedValueOnce(lost('create_stream'))
      .mockRejectedValueOnce(refused({ NameTaken: { stream: 4n } }));
    begin();
    await expect(run()).resolves.toBe(4n);
    expect(api.approve).not.toHaveBeenCalled();
  });

  it('should repeat a lost approval with the same time, and take a duplicate for done', async () => {
    api.createStream.mockReset().mockRejectedValueOnce(price(165n)).mockRejectedValueOnce(price(165n));
    api.approve.mockRejectedValueOnce(lost('icrc2_approve'));
    begin();
    await expect(run()).rejects.toBeInstanceOf(CallFailed);
    api.createStream.mockResolvedValue(7n);
    api.approve.mockRejectedValueOnce(new Refused('icrc2_approve', { Duplicate: { duplicate_of: 5n } }));
    await expect(run()).resolves.toBe(7n);
    const [first, second] = api.approve.mock.calls as [string, ApproveArgs][];
    expect(second?.[1]).toEqual(first?.[1]);
  });

  it('should leave nothing begun where nothing was sent', async () => {
    api.createStream.mockReset().mockRejectedValue(new SessionEnded('create_stream'));
    begin();
    await expect(run()).rejects.toBeInstanceOf(SessionEnded);
    expect(open()).toEqual([]);
    // After a lost answer it may have been: then it stays.
    api.createStream.mockReset().mockRejectedValueOnce(price(165n)).mockRejectedValue(lost('create_stream'));
    begin();
    await expect(run()).rejects.toBeInstanceOf(CallFailed);
    api.createStream.mockReset().mockRejectedValue(new SessionEnded('create_stream'));
    await expect(run()).rejects.toBeInstanceOf(SessionEnded);
    expect(open()).toHaveLength(1);
  });

  it('should not pay where the ledger’s fee is another than the one shown', async () => {
    api.approve.mockRejectedValue(new Refused('icrc2_approve', { BadFee: { expected_fee: 20n } }));
    begin();
    await expect(run()).rejects.toBeInstanceOf(Refused);
    expect(paying()).toEqual([]);
    expect(open()).toEqual([]);
  });

  it.each(['Pending', 'Quarantined', 'Paused', 'TooManyPending', 'AnonymousCaller'])(
    'should keep its note where it ends with %s, since the payment may have been taken',
    (name) => {
      expect(isOver(refused({ Payment: { [name]: null } }))).toBe(false);
    },
  );

  it.each(['InsufficientFunds', 'InsufficientAllowance', 'PaymentRefused'])(
    'should be over where it ends with %s, since nothing was taken',
    (name) => {
      expect(isOver(refused({ Payment: { [name]: {} } }))).toBe(true);
    },
  );
});

describe('creating a stream that costs nothing', () => {
  it('should name no payment, approve nothing, and call once', async () => {
    api.createStream.mockReset().mockResolvedValue(2n);
    saveCreation(localStorage, newCreation(REGISTRY, OWNER, args, undefined));
    await expect(run()).resolves.toBe(2n);
    expect(sent()).toHaveLength(1);
    expect(sent()[0]?.payment).toEqual([]);
    expect(api.approve).not.toHaveBeenCalled();
  });
});
