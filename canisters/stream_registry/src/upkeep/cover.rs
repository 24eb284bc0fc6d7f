//! What a licence covers is paid until it ends, from its own price.

use ddsx_revenue::Split;
use ddsx_types::stream_registry::PlanKind;
use ddsx_types::{BASIS_POINTS, TimestampNs};

use candid::Principal;
use ddsx_types::stream_registry::PlanId;

use super::{adopt, charge_balance, price, take_income};
use crate::limits::PERPETUAL_COVER_NS;
use crate::storage::Storage;
use crate::storage::records::{AssetRecord, Phase, Purchase, StreamState};

/// Until when a licence sold now covers the stream's payloads; free ones cover nothing.
fn covers_until(kind: PlanKind, now: TimestampNs) -> Option<TimestampNs> {
    match kind {
        PlanKind::Subscription { duration_ns } => Some(now.saturating_add(duration_ns)),
        PlanKind::Perpetual => Some(now.saturating_add(PERPETUAL_COVER_NS)),
        PlanKind::Free => None,
    }
}

/// Whether what a licence would cover is paid, or the provider's part of its price pays it.
pub fn is_covered(
    storage: &Storage,
    now: TimestampNs,
    state: &StreamState,
    kind: PlanKind,
    payment: Option<(&AssetRecord, u128)>,
) -> bool {
    let (Some(upkeep), Some(end), Some((asset, amount))) = (&state.upkeep, covers_until(kind, now), payment) else {
        return true;
    };
    if matches!(upkeep.phase, Phase::Dropping { .. } | Phase::Dropped) {
        return false;
    }
    let time = end.saturating_sub(upkeep.paid_until);
    if time == 0 || upkeep.bytes == 0 {
        return true;
    }
    let Some(tariff) = asset.storage else {
        // Its income pays for no storage, and a balance may be gone when the payment settles: only what costs nothing.
        return price::by_time(&super::tariff(storage, upkeep.asset), upkeep.bytes, time) == 0;
    };
    let provider_bps = BASIS_POINTS.saturating_sub(state.contributors_share_bps);
    Split::new(storage.settings().protocol_fee_bps, provider_bps)
        .is_ok_and(|split| split.parts(amount).provider >= price::by_time(&tariff, upkeep.bytes, time))
}

/// Whether a plan can be sold now as far as storage goes: what `quote` looks at.
pub fn may_sell(storage: &Storage, now: TimestampNs, plan: PlanId, ledger: Option<Principal>) -> bool {
    let Some(record) = storage.plan(plan) else { return true };
    let Some(state) = storage.stream(record.stream) else {
        return true;
    };
    let asset = ledger.and_then(|ledger| Some((storage.asset(ledger)?, record.price_in(ledger)?)));
    let payment = asset.as_ref().map(|(asset, price)| (asset, *price));
    is_covered(storage, now, &state, record.kind, payment)
}

/// Takes from a sale that was just booked what keeps the payloads readable until the licence ends.
///
/// What the sale was accepted with suffices unless the stream has grown or its price has risen in the seconds between; then the
/// owner's balance makes up for it. Where that does not suffice either, as much time is paid as the money pays: storage is given
/// to nobody, and the stream asks its owner for the rest like any other.
pub fn cover_sale(storage: &mut Storage, now: TimestampNs, purchase: &Purchase) {
    let (Some(end), Some((_, asset, _))) = (covers_until(purchase.kind, now), purchase.payment) else {
        return;
    };
    let Some(mut state) = storage.stream(purchase.stream) else {
        return;
    };
    adopt(storage, now, purchase.stream, &mut state);
    let Some(upkeep) = &mut state.upkeep else { return };
    upkeep.covered_until = upkeep.covered_until.max(end);
    if end > upkeep.paid_until && !matches!(upkeep.phase, Phase::Dropping { .. } | Phase::Dropped) {
        // An asset without a price of storage pays for none: then the balance in the stream's own asset does.
        let sold_for = storage.asset_numbered(asset).and_then(|asset| asset.storage);
        let (own, paid_until, bytes) = (upkeep.asset, upkeep.paid_until, upkeep.bytes);
        let paying = if sold_for.is_some() { asset } else { own };
        let cost = price::by_time(&super::tariff(storage, paying), bytes, end - paid_until);
        let due = storage.books().stream(purchase.stream, paying).pool.provider().due();
        let income = if paying == asset { due.min(cost) } else { 0 };
        take_income(storage, purchase.stream, paying, income);
        let charged = storage.prepaid().account(state.owner, paying).free.min(cost - income);
        // So much is free.
        let charged = charge_balance(storage, state.owner, paying, charged).map_or(0, |()| charged);
        if let Some(upkeep) = &mut state.upkeep {
            if paying == own {
                upkeep.from_income = upkeep.from_income.saturating_add(income);
            }
            upkeep.paid_until = paid_until.saturating_add(price::time_for(end - paid_until, income + charged, cost));
            upkeep.phase = Phase::Paid;
        }
    }
    storage.put_stream(purchase.stream, state);
}
