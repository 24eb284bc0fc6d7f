import { Principal } from '@icp-sdk/core/principal';
import { describe, expect, it } from 'vitest';
import { CallFailed, Refused } from '@/api/agent';
import { VerificationError } from '@/verify/error';
import { accountText, defaultAccount, parseAccount } from './account';
import { formatAmount, formatNumber, parseAmount, plainNumber } from './amount';
import { explain } from './explain';
import { csv, percent, shorten, size } from './text';
import { duration, relative } from './time';

const DST = { symbol: 'DST', decimals: 8 };

describe('amounts', () => {
  it.each([
    [9_995_000_000n, '99.95'],
    [10_000n, '0.0001'],
    [1n, '0.00000001'],
    [100_000_000_000n, '1\u202f000.00'],
    [123_456_789_012_345_678n, '1\u202f234\u202f567\u202f890.12345678'],
    [-150_000_000n, '−1.50'],
    [0n, '0.00'],
  ])('should write %d as %s', (units, text) => {
    expect(formatNumber(units, 8)).toBe(text);
    expect(formatAmount(units, DST)).toBe(`${text}\u00a0DST`);
  });

  it('should write what a spreadsheet reads', () => {
    expect(plainNumber(9_995_000_000n, 8)).toBe('99.95000000');
    expect(plainNumber(7n, 0)).toBe('7');
  });

  it.each([
    ['12.5', 1_250_000_000n],
    ['1_000', 100_000_000_000n],
    ['.5', 50_000_000n],
    ['0.00000001', 1n],
    ['1.500000000', 150_000_000n],
  ])('should read %s exactly', (text, units) => {
    expect(parseAmount(text, DST)).toEqual({ units });
  });

  it.each(['', '0', '-1', '1.123456789', '1,5', '1e3', '.', 'DST'])('should refuse “%s”', (text) => {
    expect(parseAmount(text, DST)).toHaveProperty('fault');
  });
});

describe('accounts', () => {
  // The examples of ICRC-1, "Textual encoding of accounts".
  const owner = Principal.fromText('k2t6j-2nvnp-4zjm3-25dtz-6xhaa-c7boj-5gayf-oj3xs-i43lp-teztq-6ae');
  const subaccount = Uint8Array.from({ length: 32 }, (_, index) => index + 1);

  it('should write and read the standard’s examples', () => {
    const text =
      'k2t6j-2nvnp-4zjm3-25dtz-6xhaa-c7boj-5gayf-oj3xs-i43lp-teztq-6ae-dfxgiyy.102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20';
    expect(accountText({ owner, subaccount: [subaccount] })).toBe(text);
    expect(parseAccount(text)).toEqual({ account: { owner, subaccount: [subaccount] } });
    expect(accountText(defaultAccount(owner))).toBe(owner.toText());
    expect(accountText({ owner, subaccount: [new Uint8Array(32)] })).toBe(owner.toText());
  });

  it('should refuse a character that is wrong', () => {
    expect(parseAccount(`${owner.toText()}-dfxgiyy.1`)).toHaveProperty('fault');
    expect(parseAccount('k2t6j-2nvnp')).toHaveProperty('fault');
    expect(parseAccount(' ')).toHaveProperty('fault');
  });
});

describe('words', () => {
  it('should say times in relation to now', () => {
    const now = new Date('2026-11-21T08:00:00Z');
    const at = (seconds: number) => relative(new Date(now.getTime() + seconds * 1000), now, 'en');
    expect([at(0), at(-30), at(-180), at(-7200), at(30 * 86_400 - 1)]).toEqual([
      'now',
      '30 seconds ago',
      '3 minutes ago',
      '2 hours ago',
      'in 30 days',
    ]);
    expect(duration(30n * 86_400n * 1_000_000_000n)).toBe('30 days');
    expect(duration(60_000_000_000n)).toBe('1 minute');
  });

  it('should shorten ids, write sizes and parts, and quote cells', () => {
    expect(shorten('7uieb-cx777-77776-qaaaq-cai')).toBe('7uieb…qaaaq-cai');
    expect(shorten('aaaaa-aa')).toBe('aaaaa-aa');
    expect(size(1_536)).toBe('1.5 KiB');
    expect(percent(250)).toBe('2.5 %');
    expect(csv([['a', 'b,c', 'd"e']])).toBe('a,"b,c","d""e"\r\n');
  });

  it('should say what happened to the money', () => {
    const refused = explain(
      new Refused('buy', { InsufficientFunds: { balance: 5n, needed: 9_995_010_000n } }),
      DST,
    );
    expect(refused.detail).toBe(
      'It holds 0.00000005\u00a0DST, and 99.9501\u00a0DST are needed. Nothing was charged.',
    );
    expect(explain(new Refused('buy', { Pending: { intent: 7n } })).detail).toContain(
      'cannot be taken twice',
    );
    expect(explain(new CallFailed('buy', 'unknown', new Error('lost'))).next).toContain(
      'repeating it is safe',
    );
    expect(explain(new CallFailed('stream', 'nothing-done', new Error('x'))).detail).toContain(
      'Nothing was changed',
    );
    expect(explain(new VerificationError('root', 'chunks do not lead to the root')).title).toBe(
      'Not verified, so not shown',
    );
  });
});
