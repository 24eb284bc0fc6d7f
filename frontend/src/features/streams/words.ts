// Plans, kinds and terms in words.
import type { AssetListing, LicenceTerms, Plan, PlanKind } from '@/api/registry';
import { formatAmount } from '@/lib/amount';
import { duration } from '@/lib/time';

export function kindText(kind: PlanKind): string {
  if ('Free' in kind) return 'Free for everyone';
  if ('Perpetual' in kind) return 'Everything, for ever';
  return `Everything, for ${duration(kind.Subscription.duration_ns)}`;
}

export function termsText(terms: LicenceTerms): string {
  return 'Spdx' in terms ? terms.Spdx : 'Terms of its own';
}

export function priceTexts(plan: Plan, assets: ReadonlyMap<string, AssetListing>): string[] {
  return plan.prices.map(({ ledger, amount }) => {
    const asset = assets.get(ledger.toText());
    return asset ? formatAmount(amount, asset) : '…';
  });
}

/** The cheapest way in, for a list: by the first asset of each plan. */
export function fromPrice(plans: readonly Plan[], assets: ReadonlyMap<string, AssetListing>): string {
  if (plans.length === 0) return 'Not sold now';
  if (plans.some((plan) => 'Free' in plan.kind)) return 'Free';
  const priced = plans.filter((plan) => plan.prices[0]);
  const cheapest = priced.reduce<Plan | undefined>((least, plan) => {
    const [price, best] = [plan.prices[0], least?.prices[0]];
    return !best || (price && price.amount < best.amount) ? plan : least;
  }, undefined);
  const text = cheapest && priceTexts(cheapest, assets)[0];
  if (!text) return 'Not sold now';
  return plans.length > 1 ? `from ${text}` : text;
}
