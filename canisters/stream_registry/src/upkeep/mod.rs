//! Who pays for what is stored.
//!
//! What stays for ever (a stream's record, its contributors, each leaf with its nodes) is paid once. Payloads are paid ahead: *all
//! payload bytes of a stream are paid until `paid_until`*, at every instant. A batch pays its own bytes until then; a timer takes
//! the next period [`crate::limits::UPKEEP_NOTICE_NS`] before; a licence that ends later is sold only if the provider's part of its
//! price pays all payloads until that end, and that is taken from it. So what a licence covers is paid from the day of its sale.
//!
//! Money comes from the provider's income that waits in the asset in which the stream pays, then from the owner's prepaid balance, and
//! goes to the treasury. A deposit is set aside, and becomes free when the stream is closed and its payloads are gone.

mod cover;
mod drop;
pub mod price;
pub mod timer;
mod view;

pub use cover::{cover_sale, is_covered, may_sell};
pub use drop::{begin_drop, drop_payloads, free, release_deposit};
pub use view::{describe, quote};

use candid::Principal;
use ddsx_prepaid::PrepaidError;
use ddsx_revenue::{Payee, Split};
use ddsx_types::stream_registry::{AppendError, ExtendStorageArgs, StreamError, StreamId, StreamPayment};
use ddsx_types::{BASIS_POINTS, TimestampNs};

use crate::amounts::shown;
use crate::guard;
use crate::limits::{
    GRACE_BYTES, LEAF_OVERHEAD, MAX_PAID_AHEAD_NS, MAX_STABLE_BYTES, RESERVE_FOR_SALES, UPKEEP_NOTICE_NS,
    UPKEEP_PERIOD_NS,
};
use crate::storage::Storage;
use crate::storage::records::{AssetRecord, Phase, StorageTariff, StreamState, Upkeep};
use crate::validate::{invalid, limit};

/// What is missing to take an amount.
struct Lacking {
    asset: u32,
    needed: u128,
    has: u128,
}

impl Lacking {
    fn reason(&self, storage: &Storage) -> String {
        let Some(asset) = storage.asset_numbered(self.asset) else {
            return "the asset is not listed any more".to_owned();
        };
        let text = |amount| shown(amount, asset.decimals, &asset.symbol);
        format!(
            "the prepaid balance lacks {}: {} is needed, {} is free; call top_up with ledger {}",
            text(self.needed.saturating_sub(self.has)),
            text(self.needed),
            text(self.has),
            asset.ledger
        )
    }

    fn of_stream(&self, storage: &Storage) -> StreamError {
        invalid("payment", self.reason(storage))
    }
}

/// Refuses new things when what sales and payouts need would be touched.
pub fn check_room(storage: &Storage, bytes: u64) -> Result<(), StreamError> {
    if storage.has_room(bytes, RESERVE_FOR_SALES) {
        Ok(())
    } else {
        Err(limit("bytes of stable memory", MAX_STABLE_BYTES - RESERVE_FOR_SALES))
    }
}

/// The asset in which a new stream of `owner` pays: the one named, or the first that is accepted and whose balance has enough.
fn choose_asset(
    storage: &Storage,
    owner: Principal,
    named: Option<Principal>,
    contributors: u32,
) -> Result<(AssetRecord, StorageTariff), StreamError> {
    let accepted = |asset: AssetRecord| {
        let tariff = asset.storage.filter(|tariff| tariff.accepted && asset.listed)?;
        Some((asset, tariff))
    };
    if let Some(ledger) = named {
        let asset = storage.asset(ledger).and_then(accepted);
        return asset.ok_or(StreamError::AssetNotListed { ledger });
    }
    let mut first = None;
    for (asset, tariff) in storage.assets().into_iter().filter_map(accepted) {
        if storage.prepaid().account(owner, asset.number).free >= creation(&tariff, contributors).total() {
            return Ok((asset, tariff));
        }
        first.get_or_insert((asset, tariff));
    }
    first.ok_or_else(|| invalid("payment", "no listed asset has a storage price; governance sets one"))
}

/// What creating a stream costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Creation {
    /// Set aside.
    pub deposit: u128,
    /// Paid for what stays for ever.
    pub once: u128,
}

impl Creation {
    /// Both.
    pub fn total(self) -> u128 {
        self.deposit.saturating_add(self.once)
    }
}

/// What creating a stream with so many contributors costs.
pub fn creation(tariff: &StorageTariff, contributors: u32) -> Creation {
    Creation {
        deposit: tariff.deposit,
        once: price::once(tariff, price::record_bytes(contributors)),
    }
}

/// What a payment named by `create_stream` has to bring: what the balance lacks, and what is prepaid besides.
pub fn to_pull(
    storage: &Storage,
    owner: Principal,
    payment: &StreamPayment,
    contributors: u32,
) -> Result<(AssetRecord, u128), StreamError> {
    let (asset, tariff) = choose_asset(storage, owner, Some(payment.ledger), contributors)?;
    let free = storage.prepaid().account(owner, asset.number).free;
    let missing = creation(&tariff, contributors).total().saturating_sub(free);
    let prepay = match &payment.prepay {
        None => 0,
        Some(amount) => crate::amounts::u128_of(amount).ok_or_else(|| invalid("payment", "prepay is too large"))?,
    };
    Ok((asset, missing.saturating_add(prepay)))
}

/// Takes deposit and price of a new stream. On an error nothing has changed.
pub fn open(
    storage: &mut Storage,
    owner: Principal,
    now: TimestampNs,
    payment: Option<&StreamPayment>,
    contributors: u32,
) -> Result<Upkeep, StreamError> {
    check_room(storage, price::record_bytes(contributors))?;
    let (asset, tariff) = choose_asset(storage, owner, payment.map(|payment| payment.ledger), contributors)?;
    let cost = creation(&tariff, contributors);
    let has = storage.prepaid().account(owner, asset.number).free;
    if has < cost.total() {
        let lacking = Lacking {
            asset: asset.number,
            needed: cost.total(),
            has,
        };
        return Err(lacking.of_stream(storage));
    }
    let moved = if cost.deposit > 0 {
        storage.prepaid_mut().set_aside(owner, asset.number, cost.deposit)
    } else {
        Ok(())
    };
    moved.map_err(|error| invalid("payment", error.to_string()))?;
    charge_balance(storage, owner, asset.number, cost.once).map_err(|lacking| lacking.of_stream(storage))?;
    Ok(Upkeep {
        asset: asset.number,
        deposit: cost.deposit,
        bytes: 0,
        paid_until: now.saturating_add(UPKEEP_PERIOD_NS),
        covered_until: 0,
        phase: Phase::Paid,
        kept_from: 0,
        suspended: false,
        free_licences: 0,
        from_income: 0,
    })
}

/// When the timer takes the next period.
pub fn next_look(upkeep: &Upkeep) -> TimestampNs {
    upkeep.paid_until.saturating_sub(UPKEEP_NOTICE_NS)
}

/// Takes a stream of the first release over, if it can pay in some asset. The caller writes the state back.
pub fn adopt(storage: &mut Storage, now: TimestampNs, stream: StreamId, state: &mut StreamState) {
    let grace = storage.settings().legacy_paid_until;
    if state.upkeep.is_some() || grace == 0 {
        return;
    }
    let accepts = |asset: &AssetRecord| asset.listed && asset.storage.is_some_and(|tariff| tariff.accepted);
    let Some(asset) = storage.assets().into_iter().find(accepts) else {
        return;
    };
    let paid_until = grace.max(now.saturating_add(UPKEEP_NOTICE_NS));
    let upkeep = Upkeep {
        asset: asset.number,
        deposit: 0,
        bytes: state.bytes,
        paid_until,
        // Nobody knows until when its licences last: the owner may not drop what they cover before that.
        covered_until: paid_until,
        phase: Phase::Paid,
        kept_from: 0,
        suspended: false,
        free_licences: 0,
        from_income: 0,
    };
    storage.look_at(next_look(&upkeep), stream);
    state.upkeep = Some(upkeep);
}

/// The price at which a stream pays; nothing if its asset has none any more.
fn tariff(storage: &Storage, asset: u32) -> StorageTariff {
    let price = storage.asset_numbered(asset).and_then(|asset| asset.storage);
    price.unwrap_or(StorageTariff {
        deposit: 0,
        gib_month: 0,
        accepted: false,
    })
}

/// Takes an amount for a stream's storage, from its provider's income first, then from the owner's balance. On an error nothing has
/// changed. The caller writes the state back.
fn take(storage: &mut Storage, stream: StreamId, state: &mut StreamState, amount: u128) -> Result<(), Lacking> {
    let Some(upkeep) = &mut state.upkeep else { return Ok(()) };
    if amount == 0 {
        return Ok(());
    }
    let asset = upkeep.asset;
    let income = if state.assets.contains(&asset) {
        storage.books().stream(stream, asset).pool.provider().due().min(amount)
    } else {
        0
    };
    charge_balance(storage, state.owner, asset, amount - income).map_err(|lacking| Lacking {
        needed: amount,
        has: lacking.has.saturating_add(income),
        ..lacking
    })?;
    take_income(storage, stream, asset, income);
    upkeep.from_income = upkeep.from_income.saturating_add(income);
    Ok(())
}

/// Charges a prepaid balance, for the treasury.
fn charge_balance(storage: &mut Storage, owner: Principal, asset: u32, amount: u128) -> Result<(), Lacking> {
    if amount == 0 {
        return Ok(());
    }
    match storage.prepaid_mut().charge(owner, asset, amount) {
        Ok(()) => {
            storage
                .books_mut()
                .change_asset(asset, |book| book.received += amount.into());
            give_treasury(storage, asset, amount);
            Ok(())
        }
        Err(error) => Err(Lacking {
            asset,
            needed: amount,
            has: match error {
                PrepaidError::NotFree { free } => free,
                _ => 0,
            },
        }),
    }
}

/// Moves a part of what the provider is due to the treasury.
///
/// Panics if so much is not due, which the callers have looked at in the same message: it is then undone.
fn take_income(storage: &mut Storage, stream: StreamId, asset: u32, amount: u128) {
    if amount == 0 {
        return;
    }
    let mut pool = storage.books().stream(stream, asset).pool;
    let taken = pool
        .begin_payout(Payee::Provider, amount)
        .and_then(|()| pool.finish_payout(Payee::Provider, amount, 0));
    if let Err(error) = taken {
        panic!("storage of stream {stream} from its income: {error}");
    }
    storage.books_mut().put(stream, asset, pool);
    give_treasury(storage, asset, amount);
}

fn give_treasury(storage: &mut Storage, asset: u32, amount: u128) {
    let mut treasury = storage.books().asset(asset).treasury;
    let given = Split::new(BASIS_POINTS, 0).and_then(|split| treasury.receive(&split, amount, 0));
    if let Err(error) = given {
        panic!("storage charged in asset {asset}: {error}");
    }
    storage.books_mut().put_treasury(asset, treasury);
}

/// Takes what stays for ever of a stream. On an error nothing has changed. The caller writes the state back.
pub fn charge_once(
    storage: &mut Storage,
    stream: StreamId,
    state: &mut StreamState,
    bytes: u64,
) -> Result<(), StreamError> {
    check_room(storage, bytes)?;
    let Some(upkeep) = &state.upkeep else { return Ok(()) };
    let cost = price::once(&tariff(storage, upkeep.asset), bytes);
    take(storage, stream, state, cost).map_err(|lacking| lacking.of_stream(storage))
}

/// Whether a stream of the first release may still grow without paying: its owner and its feed need time to learn of prices.
fn is_in_grace(storage: &Storage, now: TimestampNs, stream: StreamId) -> bool {
    let settings = storage.settings();
    stream < settings.legacy_end && now < settings.legacy_paid_until
}

/// Takes what a batch costs, before anything of it is stored: its leaves for ever, its payloads until the others are paid. On an error
/// nothing has changed. The caller writes the state back.
pub fn append(
    storage: &mut Storage,
    now: TimestampNs,
    stream: StreamId,
    state: &mut StreamState,
    leaf_bytes: u64,
    payload_bytes: u64,
) -> Result<(), AppendError> {
    let reached = |limit: &str, max: u64| AppendError::LimitReached {
        limit: limit.to_owned(),
        max,
    };
    adopt(storage, now, stream, state);
    let Some(upkeep) = &mut state.upkeep else { return Ok(()) };
    let anew = match upkeep.phase {
        Phase::Dropping { .. } => return Err(reached("the payloads are being dropped; wait some minutes", 0)),
        Phase::Dropped => true,
        Phase::Paid | Phase::Expiring => false,
    };
    if anew {
        upkeep.phase = Phase::Paid;
        upkeep.paid_until = upkeep.paid_until.max(now.saturating_add(UPKEEP_PERIOD_NS));
    }
    // What is kept for ever counts too, or tiny chunks would grow without bound.
    let grown = state.bytes + state.log.size() * LEAF_OVERHEAD + leaf_bytes + payload_bytes;
    if is_in_grace(storage, now, stream) && grown <= GRACE_BYTES {
        upkeep.bytes = upkeep.bytes.saturating_add(payload_bytes);
        return Ok(());
    }
    let tariff = tariff(storage, upkeep.asset);
    let time = upkeep.paid_until.saturating_sub(now);
    let cost = price::once(&tariff, leaf_bytes).saturating_add(price::by_time(&tariff, payload_bytes, time));
    upkeep.bytes = upkeep.bytes.saturating_add(payload_bytes);
    let look = next_look(upkeep);
    take(storage, stream, state, cost).map_err(|lacking| AppendError::LimitReached {
        limit: lacking.reason(storage),
        max: 0,
    })?;
    if anew {
        storage.look_at(look, stream);
    }
    Ok(())
}

/// Pays the payloads ahead, by the owner.
pub fn extend(
    storage: &mut Storage,
    caller: Principal,
    now: TimestampNs,
    args: ExtendStorageArgs,
) -> Result<(), StreamError> {
    let mut state = guard::owned(storage, caller, args.stream)?;
    if args.until > now.saturating_add(MAX_PAID_AHEAD_NS) {
        return Err(invalid("until", "at most ten years from now"));
    }
    adopt(storage, now, args.stream, &mut state);
    let Some(upkeep) = &state.upkeep else { return Ok(()) };
    if matches!(upkeep.phase, Phase::Dropping { .. } | Phase::Dropped) {
        return Err(invalid("stream", "its payloads are dropped already"));
    }
    pay_until(storage, args.stream, &mut state, args.until).map_err(|lacking| lacking.of_stream(storage))?;
    storage.put_stream(args.stream, state);
    Ok(())
}

/// Pays all payloads until a time, if they are not. On an error nothing has changed. The caller writes the state back.
fn pay_until(
    storage: &mut Storage,
    stream: StreamId,
    state: &mut StreamState,
    until: TimestampNs,
) -> Result<(), Lacking> {
    let Some(upkeep) = &state.upkeep else { return Ok(()) };
    let time = until.saturating_sub(upkeep.paid_until);
    if time == 0 {
        return Ok(());
    }
    let cost = price::by_time(&tariff(storage, upkeep.asset), upkeep.bytes, time);
    take(storage, stream, state, cost)?;
    if let Some(upkeep) = &mut state.upkeep {
        upkeep.paid_until = until;
        upkeep.phase = Phase::Paid;
    }
    Ok(())
}

/// Governance lets a stream sell nothing, or sell again.
pub fn suspend(storage: &mut Storage, now: TimestampNs, stream: StreamId, suspended: bool) -> Result<(), String> {
    let mut state = storage.stream(stream).ok_or("there is no such stream")?;
    adopt(storage, now, stream, &mut state);
    let upkeep = state.upkeep.as_mut().ok_or("no listed asset has a storage price yet")?;
    upkeep.suspended = suspended;
    storage.put_stream(stream, state);
    Ok(())
}

#[cfg(test)]
mod tests;
