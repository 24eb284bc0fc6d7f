//! What a stream's storage costs, told before it is taken, and how it stands.

use candid::Principal;
use ddsx_types::TimestampNs;
use ddsx_types::stream_registry::{StorageQuote, StorageQuoteArgs, StorageState, StreamError, StreamStorage};

use super::{choose_asset, creation, price, tariff};
use crate::amounts::nat;
use crate::limits::{MONTH_NS, UPKEEP_PERIOD_NS};
use crate::storage::Storage;
use crate::storage::records::{Phase, StreamState};

/// Bytes of a leaf and its credits, for a quote: a chunk credited to one contributor.
const TYPICAL_LEAF_BYTES: u64 = 117 + 49;

/// How a stream's storage stands.
pub fn describe(storage: &Storage, state: &StreamState) -> Option<StreamStorage> {
    let upkeep = state.upkeep.as_ref()?;
    let asset = storage.asset_numbered(upkeep.asset)?;
    Some(StreamStorage {
        ledger: asset.ledger,
        deposit: nat(upkeep.deposit),
        bytes: upkeep.bytes,
        state: match upkeep.phase {
            Phase::Paid => StorageState::Paid,
            Phase::Expiring => StorageState::Expiring,
            Phase::Dropping { .. } => StorageState::Dropping,
            Phase::Dropped => StorageState::Dropped,
        },
        paid_until: upkeep.paid_until,
        covered_until: (upkeep.covered_until > 0).then_some(upkeep.covered_until),
        kept_from: upkeep.kept_from,
        from_income: nat(upkeep.from_income),
        suspended: upkeep.suspended,
        per_month: nat(price::by_time(&tariff(storage, upkeep.asset), upkeep.bytes, MONTH_NS)),
    })
}

/// What a new stream, or what a stream of the caller is to hold more, costs.
pub fn quote(
    storage: &Storage,
    caller: Principal,
    now: TimestampNs,
    args: StorageQuoteArgs,
) -> Result<StorageQuote, StreamError> {
    let (asset, tariff, deposit, records, paid_until) = match args.stream {
        None => {
            let (asset, tariff) = choose_asset(storage, caller, Some(args.ledger), args.contributors)?;
            let deposit = creation(&tariff, args.contributors).deposit;
            let records = price::record_bytes(args.contributors);
            (asset, tariff, deposit, records, now.saturating_add(UPKEEP_PERIOD_NS))
        }
        Some(stream) => {
            let state = storage.stream(stream).ok_or(StreamError::StreamNotFound)?;
            if state.owner != caller {
                return Err(StreamError::NotOwner);
            }
            let records = price::contributor_bytes(args.contributors);
            let Some(upkeep) = &state.upkeep else {
                let ledger = args.ledger;
                return Err(StreamError::AssetNotListed { ledger });
            };
            let asset = storage
                .asset_numbered(upkeep.asset)
                .ok_or(StreamError::AssetNotListed { ledger: args.ledger })?;
            let until = match upkeep.phase {
                Phase::Dropped => upkeep.paid_until.max(now.saturating_add(UPKEEP_PERIOD_NS)),
                _ => upkeep.paid_until.max(now),
            };
            (asset, tariff(storage, upkeep.asset), 0, records, until)
        }
    };
    let leaves = price::leaf_bytes(args.chunks, args.chunks.saturating_mul(TYPICAL_LEAF_BYTES));
    // Each is rounded up by itself when it is taken.
    let once = price::once(&tariff, records).saturating_add(price::once(&tariff, leaves));
    let by_time = price::by_time(&tariff, args.bytes, paid_until - now);
    let total = deposit.saturating_add(once).saturating_add(by_time);
    let free = storage.prepaid().account(caller, asset.number).free;
    let missing = total.saturating_sub(free);
    Ok(StorageQuote {
        ledger: asset.ledger,
        deposit: nat(deposit),
        once: nat(once),
        storage: nat(by_time),
        paid_until,
        per_month: nat(price::by_time(&tariff, args.bytes, MONTH_NS)),
        total: nat(total),
        comes_back: nat(deposit),
        free: nat(free),
        missing: nat(missing),
        ledger_fee: nat(if missing > 0 { asset.fee } else { 0 }),
    })
}
