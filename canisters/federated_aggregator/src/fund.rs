//! Money from a task's owner: storage and budget, by the payments journal or in cycles.

use candid::{Nat, Principal};
use ddsx_merkle_log::{Hash, sha256};
use ddsx_payments::{self as payments, Asset, BeginError, Host, Kind, NoMeans, Order, RequestKey, Status};
use ddsx_runtime::Runtime;
use ddsx_types::federated_aggregator::{FundArgs, PayStorageArgs, Stage, TaskError, TaskId};
use ddsx_types::{Account, Subaccount};

use crate::amounts::{amount, nat};
use crate::create::{release_reserve, reserve, storage_fee};
use crate::guard;
use crate::host::Aggregator;
use crate::storage::record::{candid_bytes, encode};
use crate::storage::records::{AssetRecord, Purpose};
use crate::storage::{self, Storage};

/// A listed ledger as the journal wants it.
pub fn journal_asset(asset: &AssetRecord) -> Result<Asset, String> {
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

/// Pays a task's storage in the fee's asset.
pub async fn pay_storage<R: Runtime>(host: &Aggregator<R>, args: PayStorageArgs) -> Result<(), TaskError> {
    let caller = host.runtime().caller();
    let arguments = sha256(&candid_bytes(&args));
    let (request, status) = known(host, caller, &args.request_id, arguments)?;
    if let Some(status) = status {
        return answer(&status);
    }
    let due = storage::with(|storage| storage_due(storage, caller, args.task))?;
    let Some((fee, asset)) = due else { return Ok(()) };
    look(host, caller, args.from_subaccount, &asset, fee).await?;
    // While the ledger answered, the same request may have been made, and anything may have
    // changed.
    let (request, status) = known(host, caller, &request.id, arguments)?;
    if let Some(status) = status {
        return answer(&status);
    }
    let due = storage::with(|storage| storage_due(storage, caller, args.task))?;
    let Some((fee, asset)) = due else { return Ok(()) };
    let purpose = Purpose::Storage {
        task: args.task,
        amount: fee,
    };
    // In the message that stores the payment's intent: two requests at once must not both pay.
    storage::with_mut(|storage| {
        let mut record = storage.task(args.task).ok_or(TaskError::NotFound)?;
        reserve(storage, &mut record)?;
        record.storage_in_flight = true;
        storage.put_task(record);
        Ok::<_, TaskError>(())
    })?;
    let paid = pull(host, caller, args.from_subaccount, &asset, fee, &purpose, request).await;
    if matches!(paid, Err(Refused::NotBegun(_))) {
        storage::with_mut(|storage| storage_settled(storage, args.task, false));
    }
    paid.map_err(TaskError::from)
}

/// What a task's storage costs and in what, if it is not paid.
fn storage_due(storage: &Storage, caller: Principal, task: TaskId) -> Result<Option<(u128, AssetRecord)>, TaskError> {
    let record = guard::owned(storage, caller, task)?;
    if record.stage != Stage::Draft {
        return Err(TaskError::WrongStage);
    }
    if record.storage_paid {
        return Ok(None);
    }
    if record.storage_in_flight {
        return Err(TaskError::PaymentUnderWay);
    }
    let fee = storage_fee(storage, record.storage_bytes).0;
    let ledger = storage.settings().fee_ledger;
    let asset = ledger.and_then(|ledger| storage.listed_asset(ledger));
    match (fee, asset) {
        (Some(fee), Some(asset)) => Ok(Some((fee, asset))),
        _ => Err(TaskError::AssetNotListed),
    }
}

/// A payment for a task's storage has come to an end.
pub fn storage_settled(storage: &mut Storage, task: TaskId, paid: bool) {
    let Some(mut record) = storage.task(task) else { return };
    record.storage_in_flight = false;
    record.storage_paid |= paid;
    if !paid {
        release_reserve(storage, &mut record);
    }
    storage.put_task(record);
}

/// Pays a task's storage with cycles sent along; what is too much goes back.
pub fn pay_storage_with_cycles<R: Runtime>(host: &Aggregator<R>, task: TaskId) -> Result<(), TaskError> {
    let runtime = host.runtime();
    storage::with_mut(|storage| {
        let mut record = guard::owned(storage, runtime.caller(), task)?;
        if record.storage_paid {
            return Ok(());
        }
        if record.stage != Stage::Draft {
            return Err(TaskError::WrongStage);
        }
        if record.storage_in_flight {
            return Err(TaskError::PaymentUnderWay);
        }
        let fee = storage_fee(storage, record.storage_bytes).1;
        if fee == 0 || runtime.cycles_available() < fee {
            return Err(TaskError::PaymentRefused(format!(
                "{fee} cycles must come with the call"
            )));
        }
        reserve(storage, &mut record)?;
        let taken = runtime.cycles_accept(fee);
        storage.count(|counters| counters.cycles_received += taken);
        record.storage_paid = true;
        storage.put_task(record);
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
