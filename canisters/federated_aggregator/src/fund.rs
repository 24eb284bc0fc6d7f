//! Money from a task's owner: storage and budget, by the payments journal or in cycles.

use candid::{Nat, Principal};
use ddsx_merkle_log::{Hash, sha256};
use ddsx_payments::{self as payments, Asset, BeginError, Host, Kind, Order, RequestKey, Status};
use ddsx_runtime::Runtime;
use ddsx_types::federated_aggregator::{FundArgs, PayStorageArgs, Stage, TaskError, TaskId};
use ddsx_types::{Account, Subaccount};

use crate::amounts::{amount, nat};
use crate::create::storage_fee;
use crate::guard;
use crate::host::Aggregator;
use crate::storage::record::encode;
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

async fn pull<R: Runtime>(
    host: &Aggregator<R>,
    subaccount: Option<Subaccount>,
    asset: &AssetRecord,
    amount: u128,
    purpose: &Purpose,
    request: RequestKey,
) -> Result<(), TaskError> {
    let caller = host.runtime().caller();
    let order = Order {
        kind: Kind::Pull {
            from: Account {
                owner: caller,
                subaccount,
            },
            to_subaccount: None,
        },
        asset: journal_asset(asset).map_err(TaskError::PaymentRefused)?,
        amount,
        purpose: encode(purpose),
        caller,
    };
    let status = payments::pay(host, order, Some(request)).await.map_err(begin_error)?;
    answer(&status)
}

/// Pays a task's storage in the fee's asset.
pub async fn pay_storage<R: Runtime>(host: &Aggregator<R>, args: PayStorageArgs) -> Result<(), TaskError> {
    let caller = host.runtime().caller();
    let arguments = sha256(&candid::encode_one(&args).unwrap_or_default());
    let (request, status) = known(host, caller, &args.request_id, arguments)?;
    if let Some(status) = status {
        return answer(&status);
    }
    let due = storage::with(|storage| {
        let record = guard::owned(storage, caller, args.task)?;
        if record.stage != Stage::Draft {
            return Err(TaskError::WrongStage);
        }
        if record.storage_paid {
            return Ok(None);
        }
        let fee = storage_fee(storage, record.storage_bytes).0;
        let ledger = storage.settings().fee_ledger;
        let asset = ledger.and_then(|ledger| storage.listed_asset(ledger));
        match (fee, asset) {
            (Some(fee), Some(asset)) => Ok(Some((fee, asset))),
            _ => Err(TaskError::AssetNotListed),
        }
    })?;
    let Some((fee, asset)) = due else { return Ok(()) };
    let purpose = Purpose::Storage {
        task: args.task,
        amount: fee,
    };
    pull(host, args.from_subaccount, &asset, fee, &purpose, request).await
}

/// Pays a task's storage with cycles sent along; what is too much goes back.
pub fn pay_storage_with_cycles<R: Runtime>(host: &Aggregator<R>, task: TaskId) -> Result<(), TaskError> {
    let runtime = host.runtime();
    storage::with_mut(|storage| {
        let mut record = guard::owned(storage, runtime.caller(), task)?;
        if record.storage_paid {
            return Ok(());
        }
        let fee = storage_fee(storage, record.storage_bytes).1;
        if fee == 0 || runtime.cycles_available() < fee {
            return Err(TaskError::PaymentRefused(format!(
                "{fee} cycles must come with the call"
            )));
        }
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
    let arguments = sha256(&candid::encode_one(&args).unwrap_or_default());
    let (request, status) = known(host, caller, &args.request_id, arguments)?;
    if let Some(status) = status {
        answer(&status)?;
    } else {
        let (asset, amount) = storage::with(|storage| accept(storage, caller, &args))?;
        let purpose = Purpose::Budget {
            task: args.task,
            amount,
        };
        pull(host, args.from_subaccount, &asset, amount, &purpose, request).await?;
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
    let amount = amount(&args.amount).filter(|amount| *amount > 0 && record.books.budget < 1 << 110);
    let amount = amount.ok_or_else(|| TaskError::Invalid {
        field: "amount".to_owned(),
        reason: "1 to 2^96".to_owned(),
    })?;
    Ok((asset, amount))
}
