import { Principal } from '@icp-sdk/core/principal';
import { describe, expect, it } from 'vitest';
import { NotAsAsked } from '@/api/agent';
import type { StorageQuote, StreamStorage } from '@/api/storage';
import { checkedStorageQuote, costOf, DAY_NS, extensionPrice } from './quote';

const LEDGER = '7tjcv-pp777-77776-qaaaa-cai';
const quote: StorageQuote = {
  ledger: Principal.fromText(LEDGER),
  deposit: 100n,
  once: 20n,
  storage: 3n,
  paid_until: 1n,
  per_month: 3n,
  total: 123n,
  comes_back: 100n,
  free: 23n,
  missing: 100n,
  ledger_fee: 10n,
};

describe('a quote of storage', () => {
  it('should be taken where it is about the question', () => {
    expect(checkedStorageQuote(quote, LEDGER)).toBe(quote);
  });

  it.each<[string, Partial<StorageQuote>]>([
    ['in another asset', { ledger: Principal.fromText('aaaaa-aa') }],
    ['whose parts do not sum up', { total: 124n }],
    ['that gives back more than is held', { comes_back: 101n }],
    ['that lacks more than it is', { missing: 124n }],
    ['that lacks less than the balance does', { missing: 99n }],
  ])('should be refused where it is one %s', (_, forged) => {
    expect(() => checkedStorageQuote({ ...quote, ...forged }, LEDGER)).toThrow(NotAsAsked);
  });
});

describe('the cost of a new stream', () => {
  it('should be one total with every fee, and say what comes back', () => {
    const cost = costOf(quote, 50n, 10n, () => false);
    expect(cost).toMatchObject({
      fromBalance: 23n,
      pull: 150n,
      allowance: 160n,
      total: 170n,
      comesBack: 100n,
    });
    expect(costOf(quote, 50n, 10n, () => true)).toMatchObject({ approvalFee: undefined, total: 160n });
  });

  it('should be nothing where the balance has it', () => {
    const cost = costOf({ ...quote, free: 200n, missing: 0n }, 0n, 10n, () => false);
    expect(cost).toMatchObject({
      fromBalance: 123n,
      pull: 0n,
      allowance: 0n,
      total: 0n,
      approvalFee: undefined,
    });
  });
});

it('should foresee what an extension costs at most', () => {
  const storage = { paid_until: 10n * DAY_NS, per_month: 100n } as StreamStorage;
  for (const [day, price] of [
    [0n, 0n],
    [10n, 0n],
    [11n, 4n],
    [40n, 100n],
    [370n, 1_200n],
  ] as const) {
    expect(extensionPrice(storage, day * DAY_NS)).toBe(price);
  }
});
