//! What a provider offers, for how much, and the hash of the terms a buyer accepts.

use candid::Principal;
use ddsx_merkle_log::{Hash, sha256};
use ddsx_types::stream_registry::{
    AddPlanArgs, LicenceTerms, Plan, PlanId, PlanKind, Quote, QuoteArgs, QuoteError, RetirePlanArgs, StreamError,
    StreamId, StreamStatus, Terms, limits,
};

use crate::amounts::{nat, u128_of};
use crate::guard;
use crate::limits::{CHANGE_BYTES, MAX_DURATION_NS, MAX_PRICES, MIN_DURATION_NS};
use crate::storage::Storage;
use crate::storage::records::{AssetRecord, PlanRecord, StreamState};
use crate::upkeep;
use crate::validate::{invalid, limit, name};

/// Offers a plan. Its terms are fixed from then on.
pub fn add(storage: &mut Storage, caller: Principal, args: AddPlanArgs) -> Result<PlanId, StreamError> {
    let mut state = guard::owned_and_open(storage, caller, args.stream)?;
    name("name", &args.name)?;
    check_kind(args.kind)?;
    let prices = check_prices(storage, &args)?;
    if state.plans as usize >= limits::MAX_PLANS {
        return Err(limit("plans of a stream", limits::MAX_PLANS as u64));
    }
    if storage
        .plans_of(args.stream)
        .iter()
        .any(|(_, plan)| plan.offered && plan.name == args.name)
    {
        return Err(invalid("name", "unique among the plans offered"));
    }
    upkeep::check_room(storage, CHANGE_BYTES)?;
    state.plans += 1;
    state.free_plans += u32::from(args.kind == PlanKind::Free);
    storage.put_stream(args.stream, state);
    Ok(storage.add_plan(PlanRecord {
        stream: args.stream,
        name: args.name,
        kind: args.kind,
        prices,
        offered: true,
    }))
}

fn check_kind(kind: PlanKind) -> Result<(), StreamError> {
    match kind {
        PlanKind::Subscription { duration_ns } if !(MIN_DURATION_NS..=MAX_DURATION_NS).contains(&duration_ns) => Err(
            invalid("duration_ns", format!("{MIN_DURATION_NS} to {MAX_DURATION_NS}")),
        ),
        _ => Ok(()),
    }
}

fn check_prices(storage: &Storage, args: &AddPlanArgs) -> Result<Vec<(Principal, u128)>, StreamError> {
    let is_free = args.kind == PlanKind::Free;
    if is_free != args.prices.is_empty() {
        return Err(invalid(
            "prices",
            if is_free {
                "none for a free plan"
            } else {
                "one at least"
            },
        ));
    }
    if args.prices.len() > MAX_PRICES {
        return Err(invalid("prices", format!("at most {MAX_PRICES}")));
    }
    let mut prices: Vec<(Principal, u128)> = Vec::with_capacity(args.prices.len());
    for price in &args.prices {
        if storage.listed_asset(price.ledger).is_none() {
            return Err(StreamError::AssetNotListed { ledger: price.ledger });
        }
        if prices.iter().any(|(ledger, _)| *ledger == price.ledger) {
            return Err(invalid("prices", "one for each asset"));
        }
        let amount = u128_of(&price.amount).filter(|amount| (1..=MAX_PRICE).contains(amount));
        prices.push((
            price.ledger,
            amount.ok_or_else(|| invalid("prices", "more than zero, at most 2^120"))?,
        ));
    }
    Ok(prices)
}

/// Above any supply, and far enough below `u128::MAX` that price and fee together never overflow.
const MAX_PRICE: u128 = 1 << 120;

/// Takes a plan out of the offer. Licences bought stay. Again is no error.
pub fn retire(storage: &mut Storage, caller: Principal, args: RetirePlanArgs) -> Result<(), StreamError> {
    let mut state = guard::owned(storage, caller, args.stream)?;
    let plan = storage.plan(args.plan).filter(|plan| plan.stream == args.stream);
    let mut plan = plan.ok_or(StreamError::PlanNotFound)?;
    if !plan.offered {
        return Ok(());
    }
    plan.offered = false;
    if plan.kind == PlanKind::Free {
        state.free_plans = state.free_plans.saturating_sub(1);
        storage.put_stream(args.stream, state);
    }
    storage.put_plan(args.plan, plan);
    Ok(())
}

/// A stream's plans, retired ones included; there are at most 50.
pub fn list(storage: &Storage, stream: StreamId) -> Vec<Plan> {
    storage
        .plans_of(stream)
        .into_iter()
        .map(|(id, plan)| plan.plan(id))
        .collect()
}

/// What a purchase would pay and get now.
#[derive(Clone, Debug)]
pub struct Offer {
    /// The plan.
    pub plan: PlanRecord,
    /// Its stream.
    pub state: StreamState,
    /// Asset and price; absent for a free plan.
    pub payment: Option<(AssetRecord, u128)>,
    /// Hash of the terms.
    pub terms_hash: Hash,
}

/// Looks an offer up: the plan is offered, its stream open, the asset listed and priced.
pub fn offer(storage: &Storage, plan_id: PlanId, ledger: Option<Principal>) -> Result<Offer, QuoteError> {
    let plan = storage.plan(plan_id).ok_or(QuoteError::PlanNotFound)?;
    let state = storage.stream(plan.stream).ok_or(QuoteError::PlanNotFound)?;
    let meta = storage.meta(plan.stream).ok_or(QuoteError::PlanNotFound)?;
    if !plan.offered || state.status == StreamStatus::Closed || state.suspended() {
        return Err(QuoteError::PlanNotOffered);
    }
    let payment = match (plan.kind, ledger) {
        (PlanKind::Free, None) => None,
        (PlanKind::Free, Some(_)) | (_, None) => return Err(QuoteError::AssetNotAccepted),
        (_, Some(ledger)) => {
            let asset = storage.listed_asset(ledger).ok_or(QuoteError::AssetNotAccepted)?;
            let price = plan.price_in(ledger).ok_or(QuoteError::AssetNotAccepted)?;
            Some((asset, price))
        }
    };
    let price = payment.as_ref().map(|(asset, price)| (asset.ledger, *price));
    let terms_hash = terms_hash(&state.owner, plan_id, &plan, &meta.licence_terms, price);
    Ok(Offer {
        plan,
        state,
        payment,
        terms_hash,
    })
}

/// What `buy` needs to know.
pub fn quote(storage: &Storage, args: QuoteArgs) -> Result<Quote, QuoteError> {
    let offer = offer(storage, args.plan, args.ledger)?;
    let (price, fee) = offer
        .payment
        .as_ref()
        .map_or((0, 0), |(asset, price)| (*price, asset.fee));
    Ok(Quote {
        plan: args.plan,
        stream: offer.plan.stream,
        kind: offer.plan.kind,
        ledger: args.ledger,
        price: nat(price),
        ledger_fee: nat(fee),
        allowance: nat(price) + nat(fee),
        terms_hash: offer.terms_hash,
    })
}

/// SHA-256 over the terms that a buyer accepts ([`Terms`], `docs/registry.md`): the stream and who provides it, the plan and
/// what it sells, the terms of use, the asset and the price.
fn terms_hash(
    owner: &Principal,
    plan_id: PlanId,
    plan: &PlanRecord,
    terms: &LicenceTerms,
    price: Option<(Principal, u128)>,
) -> Hash {
    let terms = Terms {
        stream: plan.stream,
        owner: *owner,
        plan: plan_id,
        kind: plan.kind,
        terms_of_use: terms,
        price,
    };
    sha256(&terms.encode())
}

#[cfg(test)]
mod tests;
