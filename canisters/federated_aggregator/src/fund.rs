//! Money from a task's owner: storage and budget, by the payments journal or in cycles.

use candid::{Nat, Principal};
use ddsx_merkle_log::{Hash, sha256};
use ddsx_payments::{self as payments, Asset, BeginError, Host, Kind, NoMeans, Order, RequestKey, Status};
use ddsx_runtime::Runtime;
use ddsx_types::federated_aggregator::{FundArgs, PayStorageArgs, Stage, TaskError, TaskId};
use ddsx_types::{Account, Subaccount, TimestampNs};

use crate::amounts::{amount, nat};
use crate::create::{release_reserve, reserve};
use crate::host::Aggregator;
use crate::limits::{MAX_KEPT_NS, MONTH_NS};
use crate::price::{self, Price};
use crate::storage::record::{candid_bytes, encode};
use crate::storage::records::{AssetRecord, Payee, Purpose, TaskRecord};
use crate::storage::{self, Storage};
use crate::{balance, create, guard, upkeep};

/// A listed ledger as the journal wants it.
pub fn journal_asset(asset: &AssetRecord) -> Result<Asset, String> {
    if asset.absurd_fee {
        return Err(format!(
            "the ledger asks for an absurd fee; payments in {} wait until it does not, or governance lists it with that fee",
            asset.symbol
        ));
    }
    Asset::from_listing(&asset.listing()).map_err(|error| error.to_string())
}

/// What a request's first call came to, if it was made before.
fn known<R: Runtime>(
    host: &Aggregator<R>,
    caller: Principal,
    id: &[u8],
    arguments: Hash,
) -> Result<(RequestKey, Option<Status>), TaskError> {
    let request = RequestKey {
        id: id.to_vec(),
        arguments,
    };
    let status =
        payments::lookup_request(host, caller, &request).map_err(|error| TaskError::RequestId(format!("{error:?}")))?;
    Ok((request, status))
}

/// Why a payment was not made.
enum Refused {
    /// The journal took no order.
    NotBegun(TaskError),
    /// It did, and this came of it.
    Settled(TaskError),
}

impl From<Refused> for TaskError {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::NotBegun(error) | Refused::Settled(error) => error,
        }
    }
}

fn answer(status: &Status) -> Result<(), TaskError> {
    match status {
        Status::Paid { .. } => Ok(()),
        Status::Pending { id } | Status::Quarantined { id } => Err(TaskError::Pending { intent: *id }),
        Status::Failed { failure, .. } => Err(TaskError::PaymentRefused(failure.to_string())),
    }
}

fn begin_error(error: BeginError) -> TaskError {
    match error {
        BeginError::InvalidRequestId | BeginError::RequestIdReused => TaskError::RequestId(format!("{error:?}")),
        other => TaskError::PaymentRefused(format!("{other:?}")),
    }
}

/// Whether the caller can pay, by a look at the ledger: whoever cannot stores no payment.
async fn look<R: Runtime>(
    host: &Aggregator<R>,
    caller: Principal,
    subaccount: Option<Subaccount>,
    asset: &AssetRecord,
    amount: u128,
) -> Result<(), TaskError> {
    let from = Account {
        owner: caller,
        subaccount,
    };
    let looked = means(host, caller, from, asset, amount).await;
    looked.map_err(|error| match error {
        CannotPay::UnderWay => TaskError::Pending {
            intent: payments::NO_INTENT_YET,
        },
        CannotPay::Refused(reason) => TaskError::PaymentRefused(reason),
    })
}

/// Why a payment is not begun.
pub enum CannotPay {
    /// The ledger is being asked what the caller holds already, perhaps for this very request: it
    /// is pending, not refused.
    UnderWay,
    /// In words.
    Refused(String),
}

/// Whether an account can pay. Nothing can be paid from a minting account.
pub async fn means<R: Runtime>(
    host: &Aggregator<R>,
    caller: Principal,
    from: Account,
    asset: &AssetRecord,
    amount: u128,
) -> Result<(), CannotPay> {
    if asset.is_minting(&from) {
        let reason = "nothing can be paid from the ledger's minting account".to_owned();
        return Err(CannotPay::Refused(reason));
    }
    let asset = journal_asset(asset).map_err(CannotPay::Refused)?;
    let looked = payments::look(host, caller, from, &asset, amount).await;
    looked.map_err(|error| match error {
        NoMeans::UnderWay => CannotPay::UnderWay,
        error => CannotPay::Refused(error.to_string()),
    })
}

async fn pull<R: Runtime>(
    host: &Aggregator<R>,
    caller: Principal,
    subaccount: Option<Subaccount>,
    asset: &AssetRecord,
    amount: u128,
    purpose: &Purpose,
    request: RequestKey,
) -> Result<(), Refused> {
    let not_begun = |reason| Refused::NotBegun(TaskError::PaymentRefused(reason));
    let order = Order {
        kind: Kind::Pull {
            from: Account {
                owner: caller,
                subaccount,
            },
            to_subaccount: None,
        },
        asset: journal_asset(asset).map_err(not_begun)?,
        amount,
        purpose: encode(purpose),
        caller,
    };
    let begun = payments::pay(host, order, Some(request)).await;
    let status = begun.map_err(|error| Refused::NotBegun(begin_error(error)))?;
    answer(&status).map_err(Refused::Settled)
}

/// What a payment for storage is for.
enum Due {
    /// Nothing: it is paid.
    Paid,
    /// A draft's storage and computing.
    Start(u128, Purpose, AssetRecord),
    /// An ended task's files, for 30 days more.
    Keep(u128, Purpose, AssetRecord),
}

fn price(storage: &Storage, task: TaskId) -> Result<Price, TaskError> {
    let args = storage.arguments(task).ok_or(TaskError::NotFound)?;
    let plan = create::plan_of(&args)?;
    Ok(Price::of(&storage.settings().for_task(task), &args, &plan))
}

/// Whether an owner may pay for 30 days more: the files are there, and not paid for too far ahead.
fn may_keep(record: &TaskRecord, now: TimestampNs) -> Result<(), TaskError> {
    let ahead = record.expires_at.map_or(0, |end| end.saturating_sub(now));
    let held = matches!(record.stage, Stage::Ended(_)) && record.reserved && !record.cleared && !record.working;
    if held && ahead <= MAX_KEPT_NS {
        Ok(())
    } else {
        Err(TaskError::WrongStage)
    }
}

fn due(storage: &Storage, caller: Principal, task: TaskId, now: TimestampNs) -> Result<Due, TaskError> {
    let record = guard::owned(storage, caller, task)?;
    if record.storage_in_flight {
        return Err(TaskError::PaymentUnderWay);
    }
    let ledger = match record.stage {
        Stage::Draft => storage.settings().for_task(task).fee_ledger,
        _ => storage.settings().fee_ledger,
    };
    let asset = || {
        let asset = ledger.and_then(|ledger| storage.listed_asset(ledger));
        asset.ok_or(TaskError::AssetNotListed)
    };
    match record.stage {
        Stage::Draft if record.storage_paid => Ok(Due::Paid),
        Stage::Draft => {
            let price = price(storage, task)?;
            let amount = price.tokens().ok_or(TaskError::AssetNotListed)?;
            let (per_round, rounds) = price.by_round();
            let purpose = Purpose::Storage {
                task,
                amount,
                per_round,
                rounds,
            };
            Ok(Due::Start(amount, purpose, asset()?))
        }
        Stage::Ended(_) => {
            may_keep(&record, now)?;
            let amount = price::keeping(storage.settings(), record.storage_bytes).0;
            let amount = amount.ok_or(TaskError::AssetNotListed)?;
            Ok(Due::Keep(amount, Purpose::Keep { task, amount }, asset()?))
        }
        Stage::Preparing | Stage::Running => Err(TaskError::WrongStage),
    }
}

/// Pays a draft's storage and computing in the fee's asset, or 30 days more for what a task that has ended still holds.
pub async fn pay_storage<R: Runtime>(host: &Aggregator<R>, args: PayStorageArgs) -> Result<(), TaskError> {
    let (caller, now) = (host.runtime().caller(), host.runtime().time());
    let arguments = sha256(&candid_bytes(&args));
    let (request, status) = known(host, caller, &args.request_id, arguments)?;
    if let Some(status) = status {
        return answer(&status);
    }
    if storage::with_mut(|storage| pay_from_balance(storage, caller, args.task, now))? {
        return Ok(());
    }
    let (amount, asset) = match storage::with(|storage| due(storage, caller, args.task, now))? {
        Due::Paid => return Ok(()),
        Due::Start(amount, _, asset) | Due::Keep(amount, _, asset) => (amount, asset),
    };
    look(host, caller, args.from_subaccount, &asset, amount).await?;
    // While the ledger answered, the same request may have been made, and anything may have changed.
    let (request, status) = known(host, caller, &request.id, arguments)?;
    if let Some(status) = status {
        return answer(&status);
    }
    let now = host.runtime().time();
    let (amount, purpose, asset, starts) = match storage::with(|storage| due(storage, caller, args.task, now))? {
        Due::Paid => return Ok(()),
        Due::Start(amount, purpose, asset) => (amount, purpose, asset, true),
        Due::Keep(amount, purpose, asset) => (amount, purpose, asset, false),
    };
    // In the message that stores the payment's intent: two requests at once must not both pay.
    storage::with_mut(|storage| {
        let mut record = storage.task(args.task).ok_or(TaskError::NotFound)?;
        if starts {
            reserve(storage, &mut record)?;
        }
        record.storage_in_flight = true;
        storage.put_task(record);
        Ok::<_, TaskError>(())
    })?;
    let paid = pull(host, caller, args.from_subaccount, &asset, amount, &purpose, request).await;
    if matches!(paid, Err(Refused::NotBegun(_))) {
        let now = host.runtime().time();
        storage::with_mut(|storage| {
            if starts {
                storage_settled(storage, args.task, false, now);
            } else {
                keep_failed(storage, args.task);
            }
        });
    }
    paid.map_err(TaskError::from)
}

/// Pays a draft from its owner's balance, if that has all that it costs. Says whether it is paid.
fn pay_from_balance(
    storage: &mut Storage,
    caller: Principal,
    task: TaskId,
    now: TimestampNs,
) -> Result<bool, TaskError> {
    let mut record = guard::owned(storage, caller, task)?;
    if record.stage != Stage::Draft || record.storage_paid || record.storage_in_flight {
        return Ok(false);
    }
    let price = price(storage, task)?;
    let ledger = storage.settings().for_task(task).fee_ledger;
    let asset = ledger.and_then(|ledger| storage.listed_asset(ledger));
    let (Some(total), Some(asset)) = (price.tokens(), asset) else {
        return Ok(false);
    };
    if balance::means(storage, &record, asset.ledger) < total {
        return Ok(false);
    }
    reserve(storage, &mut record)?;
    balance::pay_fee(storage, &mut record, &price, asset.ledger, now);
    wait_for_start(storage, &mut record, now);
    storage.put_task(record);
    Ok(true)
}

/// A draft that is paid has 30 days to be started. The record is the caller's to store.
fn wait_for_start(storage: &mut Storage, record: &mut TaskRecord, now: TimestampNs) {
    storage.draft_paid(&record.owner, record.id);
    if record.stage == Stage::Draft {
        record.expires_at = Some(now.saturating_add(MONTH_NS));
        let due = record.expires_at;
        storage.schedule(record, due);
    }
}

/// A payment for a task's storage has come to an end. A draft that is paid has 30 days to be started.
pub fn storage_settled(storage: &mut Storage, task: TaskId, paid: bool, now: TimestampNs) {
    let Some(mut record) = storage.task(task) else { return };
    record.storage_in_flight = false;
    if !paid {
        release_reserve(storage, &mut record);
    } else if !record.storage_paid {
        record.storage_paid = true;
        balance::return_deposit(storage, &mut record);
        if record.stage == Stage::Draft {
            record.paid_until = price(storage, task).ok().map(|price| price.paid_until(now));
        }
        wait_for_start(storage, &mut record, now);
    }
    storage.put_task(record);
}

/// Storage and computing were paid in tokens; of that, so much is held for rounds. What a task that has ended meanwhile does not
/// need is due back at once.
pub fn fee_received(
    storage: &mut Storage,
    task: TaskId,
    ledger: Principal,
    (per_round, held): (u128, u128),
    now: TimestampNs,
) {
    storage_settled(storage, task, true, now);
    let Some(mut record) = storage.task(task) else { return };
    record.fee.ledger = Some(ledger);
    record.fee.per_round = per_round;
    record.fee.held += held;
    record.keep = record.stage == Stage::Draft;
    if matches!(record.stage, Stage::Ended(_)) {
        record.fee.release();
        storage.ask_payout(now, Payee::Fee(task));
    }
    storage.put_task(record);
}

/// 30 days more are paid for what a task that has ended holds.
pub fn keep(storage: &mut Storage, task: TaskId, now: TimestampNs) {
    let Some(mut record) = storage.task(task) else { return };
    record.storage_in_flight = false;
    if !record.cleared {
        let end = record.expires_at.unwrap_or(now).max(now).saturating_add(MONTH_NS);
        record.expires_at = Some(end);
        record.short_since = None;
        if !record.working {
            let due = upkeep::next_look(storage, &record, now);
            storage.schedule(&mut record, due);
        }
    }
    storage.put_task(record);
}

/// They are not.
pub fn keep_failed(storage: &mut Storage, task: TaskId) {
    let Some(mut record) = storage.task(task) else { return };
    record.storage_in_flight = false;
    storage.put_task(record);
}

/// As [`pay_storage`], with cycles sent along; what is too much goes back.
pub fn pay_storage_with_cycles<R: Runtime>(host: &Aggregator<R>, task: TaskId) -> Result<(), TaskError> {
    let runtime = host.runtime();
    let now = runtime.time();
    storage::with_mut(|storage| {
        let mut record = guard::owned(storage, runtime.caller(), task)?;
        let draft = record.stage == Stage::Draft;
        if record.storage_paid && !matches!(record.stage, Stage::Ended(_)) {
            return Ok(());
        }
        if record.storage_in_flight {
            return Err(TaskError::PaymentUnderWay);
        }
        let (amount, (per_round, rounds)) = if draft {
            let price = price(storage, task)?;
            (price.cycles(), price.cycles_by_round())
        } else {
            may_keep(&record, now)?;
            (price::keeping(storage.settings(), record.storage_bytes).1, (0, 0))
        };
        if amount == 0 || runtime.cycles_available() < amount {
            return Err(TaskError::PaymentRefused(format!(
                "{amount} cycles must come with the call"
            )));
        }
        if draft {
            reserve(storage, &mut record)?;
            record.fee.cycles_per_round = per_round;
            record.fee.cycles_held = per_round.saturating_mul(rounds.into());
        }
        storage.put_task(record);
        let taken = runtime.cycles_accept(amount);
        storage.count(|counters| counters.cycles_received += taken);
        if draft {
            storage_settled(storage, task, true, now);
        } else {
            keep(storage, task, now);
        }
        Ok(())
    })
}

/// Pays into a task's budget, and says what the budget is then.
pub async fn fund<R: Runtime>(host: &Aggregator<R>, args: FundArgs) -> Result<Nat, TaskError> {
    let caller = host.runtime().caller();
    let arguments = sha256(&candid_bytes(&args));
    let (_, mut status) = known(host, caller, &args.request_id, arguments)?;
    if status.is_none() {
        let (asset, amount) = storage::with(|storage| accept(storage, caller, &args))?;
        look(host, caller, args.from_subaccount, &asset, amount).await?;
        // While the ledger answered, the same request may have been made, and anything may have
        // changed.
        let (request, known) = known(host, caller, &args.request_id, arguments)?;
        status = known;
        if status.is_none() {
            let (asset, amount) = storage::with(|storage| accept(storage, caller, &args))?;
            let purpose = Purpose::Budget {
                task: args.task,
                amount,
            };
            pull(host, caller, args.from_subaccount, &asset, amount, &purpose, request).await?;
        }
    }
    if let Some(status) = status {
        answer(&status)?;
    }
    let record = storage::with(|storage| storage.task(args.task)).ok_or(TaskError::NotFound)?;
    Ok(nat(record.books.budget))
}

fn accept(storage: &Storage, caller: Principal, args: &FundArgs) -> Result<(AssetRecord, u128), TaskError> {
    let record = guard::owned(storage, caller, args.task)?;
    if matches!(record.stage, Stage::Ended(_)) {
        return Err(TaskError::WrongStage);
    }
    // A draft that nobody has paid for is soon forgotten.
    if !record.storage_paid {
        return Err(TaskError::StorageNotPaid);
    }
    let asset = record.ledger.and_then(|ledger| storage.listed_asset(ledger));
    let asset = asset.ok_or(TaskError::AssetNotListed)?;
    if asset.is_minting(&record.owner.into()) {
        // What is left of the budget goes back there, and would be burnt.
        let reason = "the owner's account is the ledger's minting account".to_owned();
        return Err(TaskError::PaymentRefused(reason));
    }
    let amount = amount(&args.amount).filter(|amount| *amount > 0 && record.books.budget < 1 << 110);
    let amount = amount.ok_or_else(|| TaskError::Invalid {
        field: "amount".to_owned(),
        reason: "1 to 2^96".to_owned(),
    })?;
    Ok((asset, amount))
}

#[cfg(test)]
mod tests;
