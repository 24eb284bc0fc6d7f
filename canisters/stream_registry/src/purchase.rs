//! Buying: checks, payment, licence. A licence exists if and only if its price is here.
//!
//! What was accepted is stored with the payment's intent, and the licence is granted in the message in which the payment
//! settles, whoever brings that about: the caller's message, the journal's timer, or governance. So it does not matter what
//! has changed meanwhile, nor whether the caller is still there.

use candid::{CandidType, Principal};
use ddsx_merkle_log::sha256;
use ddsx_payments::{
    self as payments, Asset, BeginError, Failure, Host, Intent, Kind, NoMeans, Order, RequestKey, Status,
};
use ddsx_runtime::Runtime;
use ddsx_types::stream_registry::{BuyArgs, BuyError, Licence, LicenceId, PlanKind, QuoteError, limits};
use ddsx_types::{Account, TimestampNs};

use crate::amounts::{nat, u128_of};
use crate::host::Registry;
use crate::limits::{
    CHANGE_BYTES, MAX_FREE_LICENCES_PER_CALLER, MAX_FREE_LICENCES_PER_STREAM, MAX_STABLE_BYTES, RESERVE_FOR_PAYOUTS,
};
use crate::plans::{self, Offer};
use crate::selling::Selling;
use crate::storage::codec::Record;
use crate::storage::records::{AssetRecord, FreeRequest, LicenceRecord, Purchase, Purpose};
use crate::storage::{self, Storage};
use crate::{certification, revenue_book, upkeep};

/// Buys a licence. The same call again gives the same licence, or goes on waiting; it never charges twice.
pub async fn buy<R: Runtime>(host: &Registry<R>, args: BuyArgs) -> Result<Licence, BuyError> {
    let caller = host.runtime().caller();
    if caller == Principal::anonymous() {
        return Err(BuyError::AnonymousCaller);
    }
    if !limits::REQUEST_ID_BYTES.contains(&args.request_id.len()) {
        return Err(BuyError::InvalidRequestId);
    }
    let request = RequestKey {
        id: args.request_id.to_vec(),
        arguments: sha256(&encoded(&args)),
    };
    if let Some(answer) = known(host, caller, &request)? {
        return answer;
    }
    let now = host.runtime().time();
    let (purchase, payment) = storage::with(|storage| accept(storage, caller, now, &args))?;
    let Some((asset, price)) = payment else {
        return storage::with_mut(|storage| {
            let licence = grant_free(storage, caller, now, &purchase, &request)?;
            certification::publish(storage, host.runtime());
            Ok(licence)
        });
    };
    let from = Account {
        owner: caller,
        subaccount: args.from_subaccount,
    };
    if asset.is_minting(&from) {
        let reason = "nothing can be paid from the ledger's minting account".to_owned();
        return Err(BuyError::PaymentRefused { reason });
    }
    let payable = journal_asset(&asset).map_err(|reason| BuyError::PaymentRefused { reason })?;
    let _selling = Selling::begin(purchase.stream);
    payments::look(host, caller, from, &payable, price)
        .await
        .map_err(no_means)?;
    // While the ledger answered, the same request may have been made, and anything may have
    // changed.
    if let Some(answer) = known(host, caller, &request)? {
        return answer;
    }
    let now = host.runtime().time();
    let (purchase, payment) = storage::with(|storage| accept(storage, caller, now, &args))?;
    let Some((asset, price)) = payment else {
        return Err(BuyError::PlanNotOffered);
    };
    let order = Order {
        kind: Kind::Pull {
            from,
            to_subaccount: None,
        },
        asset: journal_asset(&asset).map_err(|reason| BuyError::PaymentRefused { reason })?,
        amount: price,
        purpose: Purpose::Purchase(purchase).encode(),
        caller,
    };
    let status = payments::pay(host, order, Some(request)).await.map_err(begin_error)?;
    answer(host, &status)
}

/// A listed ledger as the journal wants it.
pub fn journal_asset(asset: &AssetRecord) -> Result<Asset, String> {
    Asset::from_listing(&asset.listing()).map_err(|error| error.to_string())
}

/// The bytes of all that a repeated call must have the same.
///
/// Panics if the arguments cannot be encoded, which these can: as no bytes, all such calls would count as the same.
pub fn encoded<T: CandidType>(args: &T) -> Vec<u8> {
    match candid::encode_one(args) {
        Ok(bytes) => bytes,
        Err(error) => panic!("the arguments cannot be encoded: {error}"),
    }
}

/// What a look at the buyer's means came to. Nothing was charged, unless a call that is being
/// looked at goes on to be.
fn no_means(error: NoMeans) -> BuyError {
    match error {
        NoMeans::Allowance { allowance, needed } => BuyError::InsufficientAllowance {
            allowance: nat(allowance),
            needed: nat(needed),
        },
        NoMeans::Funds { balance, needed } => BuyError::InsufficientFunds {
            balance: nat(balance),
            needed: nat(needed),
        },
        NoMeans::UnderWay => BuyError::Pending {
            intent: payments::NO_INTENT_YET,
        },
        error @ (NoMeans::Busy | NoMeans::Silent(_)) => BuyError::PaymentRefused {
            reason: error.to_string(),
        },
    }
}

/// What an earlier call with this request id came to, before anything else is looked at: a plan that is gone or a canister
/// that is paused does not keep a buyer from its licence.
#[allow(
    clippy::type_complexity,
    reason = "an answer, an error of the request itself, or neither"
)]
fn known<R: Runtime>(
    host: &Registry<R>,
    caller: Principal,
    request: &RequestKey,
) -> Result<Option<Result<Licence, BuyError>>, BuyError> {
    let free = storage::with(|storage| {
        let granted = storage.free_request(caller, &sha256(&request.id))?;
        Some(if granted.arguments == request.arguments {
            Ok(readable(storage, granted.licence))
        } else {
            Err(BuyError::RequestIdReused)
        })
    });
    if free.is_some() {
        return Ok(free);
    }
    let status = payments::lookup_request(host, caller, request).map_err(begin_error)?;
    Ok(status.map(|status| answer(host, &status)))
}

/// All checks of a purchase, and what is then accepted.
fn accept(
    storage: &Storage,
    caller: Principal,
    now: TimestampNs,
    args: &BuyArgs,
) -> Result<(Purchase, Option<(AssetRecord, u128)>), BuyError> {
    if storage.settings().paused {
        return Err(BuyError::Paused);
    }
    // What is left belongs to the payments under way: a licence that is paid can always be granted.
    if !storage.has_room(CHANGE_BYTES, RESERVE_FOR_PAYOUTS) {
        return Err(BuyError::LimitReached {
            limit: "bytes of stable memory".to_owned(),
            max: MAX_STABLE_BYTES - RESERVE_FOR_PAYOUTS,
        });
    }
    let recipient = args.recipient.unwrap_or_else(|| caller.into());
    if recipient.owner == Principal::anonymous() || recipient.owner == Principal::management_canister() {
        return Err(BuyError::InvalidRecipient);
    }
    let Offer {
        plan,
        state,
        payment,
        terms_hash,
    } = plans::offer(storage, args.plan, args.ledger).map_err(|error| match error {
        QuoteError::PlanNotFound => BuyError::PlanNotFound,
        QuoteError::PlanNotOffered => BuyError::PlanNotOffered,
        QuoteError::AssetNotAccepted => BuyError::AssetNotAccepted,
    })?;
    if let Some((_, price)) = &payment {
        // A maximum above u128::MAX allows any price.
        if u128_of(&args.max_price).is_some_and(|max| *price > max) {
            return Err(BuyError::PriceAboveMax { price: nat(*price) });
        }
    }
    if terms_hash != args.terms_hash {
        return Err(BuyError::TermsChanged { terms_hash });
    }
    let priced = payment.as_ref().map(|(asset, price)| (asset, *price));
    if !upkeep::is_covered(storage, now, &state, plan.kind, priced) {
        // Nothing is sold that would be dropped before it ends, unless its price keeps it.
        return Err(BuyError::PlanNotOffered);
    }
    let purchase = Purchase {
        recipient,
        stream: plan.stream,
        plan: args.plan,
        kind: plan.kind,
        terms_hash,
        payment: payment
            .as_ref()
            .map(|(asset, price)| (asset.ledger, asset.number, *price)),
        protocol_fee_bps: storage.settings().protocol_fee_bps,
    };
    Ok((purchase, payment))
}

fn grant_free(
    storage: &mut Storage,
    caller: Principal,
    now: TimestampNs,
    purchase: &Purchase,
    request: &RequestKey,
) -> Result<Licence, BuyError> {
    let max = MAX_FREE_LICENCES_PER_CALLER;
    if storage.free_requests_of(caller, max) >= max {
        return Err(BuyError::LimitReached {
            limit: "free licences of a caller".to_owned(),
            max,
        });
    }
    if let Some(mut state) = storage.stream(purchase.stream)
        && let Some(upkeep) = &mut state.upkeep
    {
        let max = MAX_FREE_LICENCES_PER_STREAM;
        if upkeep.free_licences >= max {
            return Err(BuyError::LimitReached {
                limit: "free licences of a stream; it is open to everyone, pull it without one".to_owned(),
                max: max.into(),
            });
        }
        upkeep.free_licences += 1;
        storage.put_stream(purchase.stream, state);
    }
    let licence = grant(storage, now, purchase);
    let granted = FreeRequest {
        arguments: request.arguments,
        licence,
    };
    storage.put_free_request(caller, &sha256(&request.id), granted);
    Ok(readable(storage, licence))
}

/// Grants what was accepted and books its price. The caller publishes the certified root.
///
/// Panics if stable memory is full or the licence cannot be read back, so that the message is
/// undone and the payment stays unsettled.
pub fn grant(storage: &mut Storage, now: TimestampNs, purchase: &Purchase) -> LicenceId {
    let id = storage.counters().licences;
    let licence = Licence {
        id,
        owner: purchase.recipient,
        stream: purchase.stream,
        plan: purchase.plan,
        kind: purchase.kind,
        terms_hash: purchase.terms_hash,
        ledger: purchase.payment.map(|(ledger, _, _)| ledger),
        price: nat(purchase.payment.map_or(0, |(_, _, price)| price)),
        bought_at: now,
        expires_at: match purchase.kind {
            PlanKind::Subscription { duration_ns } => Some(now.saturating_add(duration_ns)),
            PlanKind::Perpetual | PlanKind::Free => None,
        },
    };
    let granted = LicenceRecord::new(&licence).map_err(|error| error.to_string());
    let granted = granted.and_then(|record| storage.add_licence(&licence, record).map_err(|error| error.to_string()));
    if let Err(error) = granted {
        panic!("licence {id} cannot be granted: {error}");
    }
    let read = readable(storage, id);
    assert!(read == licence, "licence {id} is not read as it was granted");
    if let Some((_, asset, price)) = purchase.payment {
        revenue_book::receive(storage, now, purchase.stream, asset, price, purchase.protocol_fee_bps);
        upkeep::cover_sale(storage, now, purchase);
    }
    id
}

/// What a payment's status means to the buyer.
fn answer<R: Runtime>(host: &Registry<R>, status: &Status) -> Result<Licence, BuyError> {
    match status {
        Status::Paid { id, result, .. } => {
            let licence = result.as_slice().try_into().map(u64::from_be_bytes);
            let licence = licence.ok().and_then(|id| storage::with(|storage| storage.licence(id)));
            // It was read when it was granted. If it cannot be now, the store is damaged: the price
            // is here, and must not be told as not charged.
            licence.ok_or(BuyError::Pending { intent: *id })
        }
        Status::Pending { id } => Err(BuyError::Pending { intent: *id }),
        Status::Quarantined { id } => Err(BuyError::Quarantined { intent: *id }),
        Status::Failed { id, failure } => Err(failed(host.with_journal(|journal| journal.intent(*id)), failure)),
    }
}

fn failed(intent: Option<Intent>, failure: &Failure) -> BuyError {
    let needed = nat(intent.map_or(0, |intent| intent.amount.saturating_add(intent.fee)));
    match failure {
        Failure::InsufficientFunds { balance } => BuyError::InsufficientFunds {
            balance: nat(*balance),
            needed,
        },
        Failure::InsufficientAllowance { allowance } => BuyError::InsufficientAllowance {
            allowance: nat(*allowance),
            needed,
        },
        Failure::BadFee { expected_fee } => BuyError::PaymentRefused {
            reason: format!("the ledger wants a fee of {expected_fee}; ask for a quote again in a minute"),
        },
        other => BuyError::PaymentRefused {
            reason: other.to_string(),
        },
    }
}

fn begin_error(error: BeginError) -> BuyError {
    match error {
        BeginError::InvalidRequestId => BuyError::InvalidRequestId,
        BeginError::RequestIdReused => BuyError::RequestIdReused,
        BeginError::TooManyPendingOfCaller { max } | BeginError::TooManyPending { max } => {
            BuyError::TooManyPending { max }
        }
        BeginError::TooManyQuarantined { max } => BuyError::PaymentRefused {
            reason: format!("{max} payments of this ledger wait for governance; nothing was charged"),
        },
        other => BuyError::PaymentRefused {
            reason: format!("{other:?}"),
        },
    }
}

/// A licence that was granted.
///
/// Panics if it cannot be read: that is damage, and no answer of ours; the message is undone.
fn readable(storage: &Storage, licence: LicenceId) -> Licence {
    match storage.licence(licence) {
        Some(licence) => licence,
        None => panic!("licence {licence} was granted and cannot be read"),
    }
}

#[cfg(test)]
mod tests;
