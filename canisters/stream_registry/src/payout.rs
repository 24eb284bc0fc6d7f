//! Paying out what is due: by a timer above each asset's threshold, by `claim` at once.
//!
//! Income asks for the payees it concerns ([`ask_after_income`]); a timer works the queue off in slices, all of it without a
//! call: a payout is an intent in the payments journal, which sends it. While a payee's payout is under way no other begins.
//!
//! Contributors are gone through only when enough was distributed since the last time: a threshold's worth for each 1,000 of
//! them, so that what looking costs stays in proportion to what there is to pay. Whoever does not want to wait claims.

use candid::Principal;
use ddsx_payments::{self as payments, BeginError, Begun, Host, Kind, Order, Status};
use ddsx_revenue::{Payee as Part, RevenueError};
use ddsx_runtime::Runtime;
use ddsx_types::stream_registry::{ClaimArgs, ClaimError, Claimed, Payee, StreamId};
use ddsx_types::{Account, TimestampNs};

use crate::amounts::nat;
use crate::host::Registry;
use crate::limits::PAYOUT_RETRY_NS;
use crate::purchase::journal_asset;
use crate::storage::codec::Record;
use crate::storage::queue::Task;
use crate::storage::records::{AssetRecord, PayeeKey, Purpose};
use crate::storage::{self, Storage};

mod timer;

pub use timer::{rearm, start};

/// What is due at least before the timer pays in an asset.
fn least(storage: &Storage, asset: u32) -> u128 {
    storage
        .asset_numbered(asset)
        .map_or(u128::MAX, |asset| asset.least_payout())
}

/// Asks for the payees that a purchase may have brought above the threshold.
pub fn ask_after_income(storage: &mut Storage, stream: StreamId, asset: u32, contributors: u32) {
    for payee in [PayeeKey::Treasury { asset }, PayeeKey::Provider { stream, asset }] {
        ask_if_due(storage, payee);
    }
    ask_for_sweep(storage, stream, asset, contributors);
}

/// Asks for a stream's contributors if enough was distributed since they were last gone through.
pub fn ask_for_sweep(storage: &mut Storage, stream: StreamId, asset: u32, contributors: u32) {
    let unswept = storage.books().stream(stream, asset).unswept;
    let worth = least(storage, asset).saturating_mul(u128::from(contributors / 1_000).max(1));
    if unswept > 0 && unswept >= worth {
        storage.queue_mut().ask(0, Task::Sweep { stream, asset });
    }
}

/// Asks for the treasury, which what storage costs goes to.
pub fn ask_for_treasury(storage: &mut Storage, asset: u32) {
    ask_if_due(storage, PayeeKey::Treasury { asset });
}

/// Asks for a payee if the timer would pay it.
pub fn ask_if_due(storage: &mut Storage, payee: PayeeKey) {
    let due = due(storage, payee).unwrap_or(0);
    if due > 0 && due >= least(storage, payee.asset()) {
        storage.queue_mut().ask(0, Task::Pay(payee));
    }
}

/// A contributor has a new account: look at all its income when that may be paid.
pub fn ask_for_contributor(storage: &mut Storage, stream: StreamId, number: u32, payable_from: TimestampNs) {
    for asset in storage.stream(stream).map(|state| state.assets).unwrap_or_default() {
        storage
            .queue_mut()
            .ask(payable_from, Task::Pay(PayeeKey::Contributor { stream, asset, number }));
    }
}

/// What a payee is due now, what is not settled yet included.
fn due(storage: &Storage, payee: PayeeKey) -> Result<u128, RevenueError> {
    let books = storage.books();
    match payee {
        PayeeKey::Treasury { asset } => Ok(books.asset(asset).treasury.protocol().due()),
        PayeeKey::Provider { stream, asset } => Ok(books.stream(stream, asset).pool.provider().due()),
        PayeeKey::Contributor { stream, asset, number } => {
            let weight = storage
                .contributor(stream, number)
                .map_or(0, |contributor| contributor.weight);
            books
                .stream(stream, asset)
                .pool
                .due_now(&books.position(stream, asset, number), weight)
        }
    }
}

/// A payout that can begin.
struct Ready {
    asset: AssetRecord,
    account: Account,
    due: u128,
}

/// Whether a payee can be paid now, above a minimum or just above the ledger's fee.
fn ready(storage: &Storage, now: TimestampNs, payee: PayeeKey, at_threshold: bool) -> Result<Ready, ClaimError> {
    let asset = storage
        .asset_numbered(payee.asset())
        .ok_or(ClaimError::AssetNotListed)?;
    if let Some(intent) = storage.books().payout_to(payee) {
        return Err(ClaimError::Pending { intent });
    }
    let account = account(storage, now, payee)?;
    if asset.is_minting(&account) {
        // It would be burnt. It stays due; another account is asked for when it is bound.
        return Err(ClaimError::PaymentRefused {
            reason: "the payee's account is the ledger's minting account".to_owned(),
        });
    }
    let due = due(storage, payee).unwrap_or(0);
    let enough = due > asset.fee && (!at_threshold || due >= asset.least_payout());
    if !enough {
        return Err(ClaimError::NothingDue {
            due: nat(due),
            ledger_fee: nat(asset.fee),
        });
    }
    Ok(Ready { asset, account, due })
}

/// Where a payee is paid, if it may be paid.
fn account(storage: &Storage, now: TimestampNs, payee: PayeeKey) -> Result<Account, ClaimError> {
    match payee {
        PayeeKey::Treasury { .. } => Ok(storage.settings().treasury),
        PayeeKey::Provider { stream, .. } => storage
            .stream(stream)
            .map(|state| state.provider_account)
            .ok_or(ClaimError::StreamNotFound),
        PayeeKey::Contributor { stream, number, .. } => {
            let contributor = storage
                .contributor(stream, number)
                .ok_or(ClaimError::ContributorNotFound)?;
            let bound = contributor.account.ok_or(ClaimError::NoAccount)?;
            if now < bound.payable_from {
                return Err(ClaimError::NotPayableYet {
                    payable_from: bound.payable_from,
                });
            }
            Ok(bound.account)
        }
    }
}

/// Begins a payout: takes it from the payee's due and stores its intent. No call is made yet.
fn begin<R: Runtime>(host: &Registry<R>, payee: PayeeKey, ready: &Ready) -> Result<u64, ClaimError> {
    let refused = |reason: String| ClaimError::PaymentRefused { reason };
    let order = Order {
        kind: Kind::Push {
            from_subaccount: None,
            to: ready.account,
        },
        asset: journal_asset(&ready.asset).map_err(refused)?,
        amount: ready.due - ready.asset.fee,
        purpose: Purpose::Payout { payee, due: ready.due }.encode(),
        caller: host.runtime().canister_self(),
    };
    let intent = match payments::begin(host, order, None) {
        Ok(Begun::New(intent)) => intent,
        // Without a request id nothing is known before.
        Ok(Begun::Known(_)) => return Err(refused("the payment is known already".to_owned())),
        Err(BeginError::TooManyPending { max } | BeginError::TooManyPendingOfCaller { max }) => {
            return Err(refused(format!("{max} payments are under way; try again later")));
        }
        Err(BeginError::TooManyQuarantined { max }) => {
            return Err(refused(format!("{max} payments of this ledger wait for governance")));
        }
        Err(error) => return Err(refused(format!("{error:?}"))),
    };
    storage::with_mut(|storage| {
        change(storage, payee, ready.due, Change::Begin);
        storage.books_mut().payout_begun(payee, intent);
    });
    Ok(intent)
}

#[derive(Clone, Copy)]
enum Change {
    Begin,
    Finish { fee: u128 },
    Abort,
}

/// Moves an amount in a payee's account.
///
/// Panics if the books do not allow it, which the checks before exclude: the message is then undone.
fn change(storage: &mut Storage, payee: PayeeKey, amount: u128, change: Change) {
    let books = storage.books();
    let apply = |pool: &mut ddsx_revenue::Pool, part: Part<'_>| match change {
        Change::Begin => pool.begin_payout(part, amount),
        Change::Finish { fee } => pool.finish_payout(part, amount, fee),
        Change::Abort => pool.abort_payout(part, amount),
    };
    let changed = match payee {
        PayeeKey::Treasury { asset } => {
            let mut pool = books.asset(asset).treasury;
            let changed = apply(&mut pool, Part::Protocol);
            changed.map(|()| storage.books_mut().put_treasury(asset, pool))
        }
        PayeeKey::Provider { stream, asset } => {
            let mut pool = books.stream(stream, asset).pool;
            let changed = apply(&mut pool, Part::Provider);
            changed.map(|()| storage.books_mut().put(stream, asset, pool))
        }
        PayeeKey::Contributor { stream, asset, number } => {
            let mut pool = books.stream(stream, asset).pool;
            let mut position = books.position(stream, asset, number);
            let weight = storage
                .contributor(stream, number)
                .map_or(0, |contributor| contributor.weight);
            let settled = pool.settle(&mut position, weight);
            settled
                .and_then(|_| apply(&mut pool, Part::Contributor(&mut position)))
                .map(|()| {
                    storage.books_mut().put_position(stream, asset, number, position);
                    storage.books_mut().put(stream, asset, pool);
                })
        }
    };
    if let Err(error) = changed {
        panic!("{payee:?}: {error}");
    }
}

/// The ledger has executed a payout.
pub fn finish(storage: &mut Storage, payee: PayeeKey, due: u128, fee: u128) {
    change(storage, payee, due, Change::Finish { fee });
    storage.books_mut().change_asset(payee.asset(), |book| {
        book.paid_out += (due - fee).into();
        book.ledger_fees += fee.into();
    });
    storage.books_mut().payout_ended(payee);
    ask_if_due(storage, payee);
}

/// The ledger will not execute a payout: the amount is due again, and the timer tries once more later.
pub fn abort(storage: &mut Storage, now: TimestampNs, payee: PayeeKey, due: u128) {
    change(storage, payee, due, Change::Abort);
    storage.books_mut().payout_ended(payee);
    storage
        .queue_mut()
        .ask(now.saturating_add(PAYOUT_RETRY_NS), Task::Pay(payee));
}

/// Pays at once what is due to a payee, if it is more than the ledger's fee.
pub async fn claim<R: Runtime>(host: &Registry<R>, args: ClaimArgs) -> Result<Claimed, ClaimError> {
    let caller = host.runtime().caller();
    let now = host.runtime().time();
    let (payee, ready) = storage::with(|storage| {
        let payee = may_claim(storage, caller, args)?;
        Ok((payee, ready(storage, now, payee, false)?))
    })?;
    let intent = begin(host, payee, &ready)?;
    match payments::attempt(host, intent).await {
        Some(Status::Paid { block, .. }) => Ok(Claimed {
            block: nat(block),
            amount: nat(ready.due - ready.asset.fee),
            ledger_fee: nat(ready.asset.fee),
        }),
        Some(Status::Failed { failure, .. }) => Err(ClaimError::PaymentRefused {
            reason: failure.to_string(),
        }),
        Some(Status::Pending { .. } | Status::Quarantined { .. }) | None => Err(ClaimError::Pending { intent }),
    }
}

/// The payee, if the caller is it: the owner of its account; for the provider, the stream's owner
/// too. Nobody spends another's income on ledger fees by claiming it bit by bit.
fn may_claim(storage: &Storage, caller: Principal, args: ClaimArgs) -> Result<PayeeKey, ClaimError> {
    if caller == Principal::anonymous() {
        return Err(ClaimError::AnonymousCaller);
    }
    if storage.settings().paused {
        return Err(ClaimError::Paused);
    }
    let state = storage.stream(args.stream).ok_or(ClaimError::StreamNotFound)?;
    let asset = storage.asset(args.ledger).ok_or(ClaimError::AssetNotListed)?.number;
    let stream = args.stream;
    let (payee, is_payee) = match args.payee {
        Payee::Provider => (
            PayeeKey::Provider { stream, asset },
            state.provider_account.owner == caller || state.owner == caller,
        ),
        Payee::Contributor(number) => {
            let contributor = storage
                .contributor(stream, number)
                .ok_or(ClaimError::ContributorNotFound)?;
            let bound = contributor.account.ok_or(ClaimError::NoAccount)?;
            (
                PayeeKey::Contributor { stream, asset, number },
                bound.account.owner == caller,
            )
        }
    };
    if is_payee { Ok(payee) } else { Err(ClaimError::NotPayee) }
}

#[cfg(test)]
mod tests;
