// What a buyer agrees to. A quote is one node's word: it must be about what was asked, fit what is shown, and its hash must be the hash of
// what is shown. `buy` names that hash, and the registry refuses any other terms.
import type { Principal } from '@icp-sdk/core/principal';
import { NotAsAsked } from '@/api/agent';
import type { LicenceTerms, Plan, PlanKind, Quote, StreamInfo } from '@/api/registry';
import { concatBytes, equalBytes, u128, u32, u64 } from '@/verify/bytes';
import { sha256, type Hash } from '@/verify/hash';

export interface Terms {
  stream: bigint;
  /** Who provides the stream. */
  owner: Principal;
  plan: bigint;
  kind: PlanKind;
  /** Terms of use. */
  terms: LicenceTerms;
  /** Asset and price; absent for a free plan. */
  payment: { ledger: Principal; price: bigint } | undefined;
}

const encoder = new TextEncoder();

function principal(id: Principal): Uint8Array {
  const bytes = id.toUint8Array();
  return concatBytes(Uint8Array.of(bytes.length), bytes);
}

function kindBytes(kind: PlanKind): Uint8Array {
  if ('Subscription' in kind) return concatBytes(Uint8Array.of(0), u64(kind.Subscription.duration_ns));
  return Uint8Array.of('Perpetual' in kind ? 1 : 2);
}

function termsBytes(terms: LicenceTerms): Uint8Array {
  const text = encoder.encode('Spdx' in terms ? terms.Spdx : terms.Text);
  return concatBytes(Uint8Array.of('Spdx' in terms ? 0 : 1), u32(text.length), text);
}

/** `terms_hash` of docs/registry.md, *Terms*. */
export function termsHash({ stream, owner, plan, kind, terms, payment }: Terms): Hash {
  return sha256(
    concatBytes(
      encoder.encode('ddsx-terms-v1'),
      u64(stream),
      principal(owner),
      u64(plan),
      kindBytes(kind),
      termsBytes(terms),
      payment
        ? concatBytes(Uint8Array.of(1), principal(payment.ledger), u128(payment.price))
        : Uint8Array.of(0),
    ),
  );
}

/** What is shown to the buyer, and what was asked about it. */
export interface Question {
  info: Pick<StreamInfo, 'id' | 'owner' | 'licence_terms'>;
  plan: Plan;
  /** The asset chosen; absent for a free plan. */
  ledger: Principal | undefined;
}

/** The quote, if it is about the question, and about what is shown. Throws `NotAsAsked` otherwise. */
export function checkedQuote({ info, plan, ledger }: Question, quote: Quote): Quote {
  const refuse = (what: string): never => {
    throw new NotAsAsked(`The offer in the answer ${what}.`);
  };
  if (plan.stream !== info.id) refuse('is a plan of another stream');
  if (quote.plan !== plan.id) refuse(`is of plan ${quote.plan}, not ${plan.id}`);
  if (quote.stream !== info.id) refuse(`is of stream ${quote.stream}, not ${info.id}`);
  if (quote.ledger[0]?.toText() !== ledger?.toText()) refuse('is in another asset');
  const listed = plan.prices.find((price) => price.ledger.toText() === ledger?.toText());
  if (quote.price !== (listed?.amount ?? 0n)) refuse('has another price than the plan');
  if (!ledger && quote.ledger_fee !== 0n) refuse('asks a fee for what is free');
  if (quote.allowance !== quote.price + quote.ledger_fee) {
    refuse('asks for an allowance that is not price and fee');
  }
  const shown = termsHash({
    stream: info.id,
    owner: info.owner,
    plan: plan.id,
    kind: plan.kind,
    terms: info.licence_terms,
    payment: ledger && { ledger, price: quote.price },
  });
  if (!equalBytes(shown, Uint8Array.from(quote.terms_hash))) refuse('has other terms than those shown here');
  return quote;
}
