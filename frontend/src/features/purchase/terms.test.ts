import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Principal } from '@icp-sdk/core/principal';
import { describe, expect, it } from 'vitest';
import { NotAsAsked } from '@/api/agent';
import type { LicenceTerms, Plan, PlanKind, Quote } from '@/api/registry';
import { explain } from '@/lib/explain';
import { toHex } from '@/verify/bytes';
import { checkedQuote, termsHash, type Question } from './terms';

interface Case {
  name: string;
  stream: string;
  owner: string;
  plan: string;
  kind: 'Perpetual' | 'Free' | { Subscription: string };
  terms: LicenceTerms;
  ledger: string | null;
  price: string | null;
  hash: string;
}

/** Shared with the registry's own tests. */
const { cases } = JSON.parse(
  readFileSync(join(import.meta.dirname, '../../../../crates/types/tests/vectors/terms.json'), 'utf8'),
) as { cases: Case[] };

const kindOf = (kind: Case['kind']): PlanKind => {
  if (typeof kind === 'object') return { Subscription: { duration_ns: BigInt(kind.Subscription) } };
  return kind === 'Free' ? { Free: null } : { Perpetual: null };
};

describe('the hash of the terms', () => {
  it('should be held to all of the shared vectors', () => {
    expect(cases).toHaveLength(4);
  });

  it.each(cases)('should be as the registry computes it: $name', (one) => {
    const hash = termsHash({
      stream: BigInt(one.stream),
      owner: Principal.fromText(one.owner),
      plan: BigInt(one.plan),
      kind: kindOf(one.kind),
      terms: one.terms,
      payment:
        one.ledger === null
          ? undefined
          : { ledger: Principal.fromText(one.ledger), price: BigInt(one.price ?? 0) },
    });
    expect(toHex(hash)).toBe(one.hash);
  });
});

const LEDGER = Principal.fromText('qjdve-lqaaa-aaaaa-aaaeq-cai');
const OTHER = Principal.fromText('7tjcv-pp777-77776-qaaaa-cai');
const info = { id: 1n, owner: Principal.fromText('f7crg-kabae'), licence_terms: { Spdx: 'MIT' } };
const plan: Plan = {
  id: 3n,
  stream: 1n,
  kind: { Perpetual: null },
  name: 'all of it',
  prices: [
    { ledger: OTHER, amount: 7n },
    { ledger: LEDGER, amount: 5n },
  ],
  offered: true,
};
const question: Question = { info, plan, ledger: LEDGER };
const honest: Quote = {
  plan: 3n,
  stream: 1n,
  kind: plan.kind,
  ledger: [LEDGER],
  price: 5n,
  ledger_fee: 10n,
  allowance: 15n,
  terms_hash: termsHash({
    stream: 1n,
    owner: info.owner,
    plan: 3n,
    kind: plan.kind,
    terms: info.licence_terms,
    payment: { ledger: LEDGER, price: 5n },
  }),
};

describe('a quote', () => {
  it('should be taken where it is about the question and about what is shown', () => {
    expect(checkedQuote(question, honest)).toBe(honest);
    const free: Plan = { ...plan, kind: { Free: null }, prices: [] };
    const gift: Quote = {
      ...honest,
      ledger: [],
      price: 0n,
      ledger_fee: 0n,
      allowance: 0n,
      terms_hash: termsHash({
        stream: 1n,
        owner: info.owner,
        plan: 3n,
        kind: free.kind,
        terms: info.licence_terms,
        payment: undefined,
      }),
    };
    expect(checkedQuote({ info, plan: free, ledger: undefined }, gift)).toBe(gift);
    expect(() =>
      checkedQuote({ info, plan: free, ledger: undefined }, { ...gift, ledger_fee: 1n, allowance: 1n }),
    ).toThrow(NotAsAsked);
  });

  it.each<[string, Partial<Quote>]>([
    ['another plan', { plan: 4n }],
    ['another stream', { stream: 2n }],
    ['another asset', { ledger: [OTHER] }],
    ['no asset', { ledger: [] }],
    ['a higher price', { price: 6n, allowance: 16n }],
    ['a lower price', { price: 4n, allowance: 14n }],
    ['an allowance of more than price and fee', { allowance: 16n }],
    ['another hash', { terms_hash: new Uint8Array(32) }],
    ['a hash that is none', { terms_hash: new Uint8Array() }],
  ])('should be refused where it has %s', (_, forged) => {
    expect(() => checkedQuote(question, { ...honest, ...forged })).toThrow(NotAsAsked);
  });

  it.each<[string, Question]>([
    ['terms of use', { ...question, info: { ...info, licence_terms: { Spdx: 'CC0-1.0' } } }],
    ['terms of use of another kind', { ...question, info: { ...info, licence_terms: { Text: 'MIT' } } }],
    ['provider', { ...question, info: { ...info, owner: OTHER } }],
    [
      'duration',
      { ...question, plan: { ...plan, kind: { Subscription: { duration_ns: 60_000_000_000n } } } },
    ],
    ['price in the list', { ...question, plan: { ...plan, prices: [{ ledger: LEDGER, amount: 4n }] } }],
    ['stream of the plan', { ...question, plan: { ...plan, stream: 2n } }],
  ])('should be refused where the %s shown is another', (_, shown) => {
    expect(() => checkedQuote(shown, honest)).toThrow(NotAsAsked);
  });

  it('should be refused in words for people', () => {
    const refusal = explain(new NotAsAsked('The offer in the answer has another price than the plan.'));
    expect(refusal.detail).toBe(
      'The offer in the answer has another price than the plan. Nothing was sent, and nothing was charged.',
    );
  });
});
