import { Principal } from '@icp-sdk/core/principal';
import { describe, expect, it } from 'vitest';
import type { AssetListing, Plan, StreamInfo } from '@/api/registry';
import type { Transaction } from '@/api/ledger';
import { defaultAccount } from '@/lib/account';
import { tell } from '@/features/wallet/tell';
import { grown } from './arrivals';
import { EVERYTHING, find, tagsOf } from './search';
import { fromPrice, kindText } from './words';

const HOUR = 3_600_000_000_000n;
const NOW = 100n * HOUR;
const ledger = Principal.fromText('aaaaa-aa');

const stream = (id: bigint, part: Partial<StreamInfo>) =>
  ({
    id,
    name: `stream ${id}`,
    description: '',
    tags: [],
    records: id,
    last_append_at: [],
    open_to_everyone: false,
    ...part,
  }) as unknown as StreamInfo;
const plan = (kind: Plan['kind'], amount?: bigint) =>
  ({
    id: 0n,
    kind,
    prices: amount === undefined ? [] : [{ ledger, amount }],
    offered: true,
  }) as unknown as Plan;

const quakes = stream(1n, { name: 'Earthquakes', tags: ['live', 'geo'], last_append_at: [NOW - HOUR / 2n] });
const tides = stream(2n, {
  name: 'Tides',
  description: 'Heights of the sea',
  tags: ['geo'],
  last_append_at: [NOW - 10n * HOUR],
  open_to_everyone: true,
});
const empty = stream(3n, { name: 'Nothing yet' });
const plans = new Map([
  [1n, [plan({ Perpetual: null }, 900n)]],
  [2n, [plan({ Free: null })]],
]);

describe('searching', () => {
  const names = (part: Partial<typeof EVERYTHING>) =>
    find([quakes, tides, empty], plans, { ...EVERYTHING, ...part }, NOW).map(({ name }) => name);

  it.each([
    [{}, ['Earthquakes', 'Tides', 'Nothing yet']],
    [{ text: 'SEA heights' }, ['Tides']],
    [{ text: 'sea quakes' }, []],
    [{ tag: 'live' }, ['Earthquakes']],
    [{ price: 'free' as const }, ['Tides']],
    [{ price: 'paid' as const }, ['Earthquakes']],
    [{ fresh: 'hour' as const }, ['Earthquakes']],
    [{ fresh: 'day' as const }, ['Earthquakes', 'Tides']],
    [{ order: 'most-records' as const }, ['Nothing yet', 'Tides', 'Earthquakes']],
    [{ order: 'name' as const }, ['Earthquakes', 'Nothing yet', 'Tides']],
  ])('should find by %j', (part, expected) => {
    expect(names(part)).toEqual(expected);
  });

  it('should count tags, and arrivals between two looks', () => {
    expect(tagsOf([quakes, tides, empty])).toEqual([
      ['geo', 2],
      ['live', 1],
    ]);
    const first = grown(new Map(), [quakes]);
    const second = grown(first, [stream(1n, { records: 5n })]);
    expect(second.get(1n)).toEqual({ records: 5n, rates: [4] });
  });
});

describe('prices in words', () => {
  const asset = { ledger, symbol: 'DST', decimals: 8 } as unknown as AssetListing;
  const assets = new Map([[ledger.toText(), asset]]);

  it('should name the cheapest way in', () => {
    expect(fromPrice([], assets)).toBe('Not sold now');
    expect(fromPrice([plan({ Free: null })], assets)).toBe('Free');
    expect(fromPrice([plan({ Perpetual: null }, 100_000_000n)], assets)).toBe('1.00\u00a0DST');
    const two = [plan({ Perpetual: null }, 900_000_000n), plan({ Perpetual: null }, 150_000_000n)];
    expect(fromPrice(two, assets)).toBe('from 1.50\u00a0DST');
    expect(kindText({ Subscription: { duration_ns: 24n * HOUR } })).toBe('Everything, for 1 day');
  });
});

describe('history', () => {
  const me = defaultAccount(Principal.fromText('7uieb-cx777-77776-qaaaq-cai'));
  const other = defaultAccount(ledger);
  const told = (part: Partial<Transaction>) =>
    tell({ kind: 'x', timestamp: 5n, mint: [], burn: [], transfer: [], approve: [], ...part }, me);
  const transfer = {
    amount: 100n,
    fee: [10n] as [bigint],
    memo: [] as [],
    created_at_time: [] as [],
    spender: [] as [],
  };

  it('should tell each transaction from the account’s side, with what it did to the balance', () => {
    expect(told({ transfer: [{ ...transfer, from: me, to: other }] })).toEqual({
      what: 'Sent',
      other: 'aaaaa-aa',
      change: -110n,
      at: 5n,
    });
    expect(told({ transfer: [{ ...transfer, from: other, to: me }] })).toMatchObject({
      what: 'Received',
      change: 100n,
    });
    expect(told({ transfer: [{ ...transfer, from: me, to: me }] })).toMatchObject({ change: -10n });
    expect(told({ transfer: [{ ...transfer, from: me, to: other, spender: [other] }] }).what).toBe(
      'Taken by an allowance',
    );
    expect(told({ mint: [{ to: me, amount: 7n, memo: [], created_at_time: [] }] })).toMatchObject({
      what: 'Minted to you',
      change: 7n,
    });
    const approve = {
      from: me,
      spender: other,
      fee: [10n] as [bigint],
      memo: [] as [],
      created_at_time: [] as [],
      expected_allowance: [] as [],
      expires_at: [] as [],
    };
    expect(told({ approve: [{ ...approve, amount: 5n }] })).toMatchObject({
      what: 'Allowance given',
      change: -10n,
    });
    expect(told({ approve: [{ ...approve, amount: 0n }] }).what).toBe('Allowance revoked');
  });
});
