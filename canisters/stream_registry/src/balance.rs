//! Prepaid balances: money in by a pull, out by a payout, both through the payments journal.

use candid::Principal;
use ddsx_merkle_log::{Hash, sha256};
use ddsx_payments::{
    self as payments, BeginError, Begun, Failure, Host, Intent, Kind, NoMeans, Order, RequestKey, Status,
};
use ddsx_runtime::Runtime;
use ddsx_types::stream_registry::{
    Claimed, PrepaidAudit, PrepaidBalance, TopUpArgs, TopUpError, WithdrawArgs, WithdrawError, limits,
};
use ddsx_types::{Account, Subaccount};

use crate::amounts::{nat, u128_of};
use crate::host::Registry;
use crate::limits::{CHANGE_BYTES, RESERVE_FOR_PAYOUTS};
use crate::purchase::{encoded, journal_asset};
use crate::storage::codec::Record;
use crate::storage::records::{AssetRecord, Purpose};
use crate::storage::{self, Storage};

/// The most that is taken at once: above any supply.
const MAX_TOP_UP: u128 = 1 << 120;

/// The caller's balance in an asset.
pub fn of(storage: &Storage, owner: Principal, ledger: Principal) -> PrepaidBalance {
    let Some(asset) = storage.asset(ledger) else {
        return PrepaidBalance::default();
    };
    let account = storage.prepaid().account(owner, asset.number);
    PrepaidBalance {
        topped_up: nat(account.topped_up),
        free: nat(account.free),
        set_aside: nat(account.set_aside),
        charged: nat(account.charged),
        withdrawing: nat(account.withdrawing),
        withdrawn: nat(account.withdrawn.saturating_add(account.fees)),
    }
}

/// All balances in an asset.
pub fn audit(storage: &Storage, asset: u32) -> PrepaidAudit {
    let totals = storage.prepaid().totals(asset).0;
    PrepaidAudit {
        topped_up: nat(totals.topped_up),
        free: nat(totals.free),
        set_aside: nat(totals.set_aside),
        charged: nat(totals.charged),
        withdrawing: nat(totals.withdrawing),
        withdrawn: nat(totals.withdrawn),
        ledger_fees: nat(totals.fees),
    }
}

/// Money to be pulled into a balance.
pub struct Pull {
    /// How much.
    pub amount: u128,
    /// From which of the owner's subaccounts.
    pub from_subaccount: Option<Subaccount>,
    /// What makes it safe to repeat.
    pub request: RequestKey,
}

/// A request by its id and all that a repeated call must have the same.
pub fn request(id: &[u8], arguments: &[u8]) -> Result<RequestKey, TopUpError> {
    if !limits::REQUEST_ID_BYTES.contains(&id.len()) {
        return Err(TopUpError::InvalidRequestId);
    }
    Ok(RequestKey {
        id: id.to_vec(),
        arguments: hash(arguments),
    })
}

fn hash(arguments: &[u8]) -> Hash {
    sha256(&[b"ddsx-top-up", arguments].concat())
}

/// Tops the caller's balance up. The same call again answers the same, or goes on waiting; it never takes twice.
pub async fn top_up<R: Runtime>(host: &Registry<R>, args: TopUpArgs) -> Result<PrepaidBalance, TopUpError> {
    let caller = host.runtime().caller();
    if caller == Principal::anonymous() {
        return Err(TopUpError::AnonymousCaller);
    }
    let request = request(&args.request_id, &encoded(&args))?;
    if !known(host, caller, &request)? {
        let asset = storage::with(|storage| accepted(storage, caller, args.ledger))?;
        let amount = u128_of(&args.amount).ok_or(TopUpError::InvalidAmount)?;
        let from_subaccount = args.from_subaccount;
        let pull = Pull {
            amount,
            from_subaccount,
            request,
        };
        take(host, caller, &asset, pull).await?;
    }
    Ok(storage::with(|storage| of(storage, caller, args.ledger)))
}

/// A ledger in which storage is paid, while the registry takes money. One that is not listed any more is taken from those who have
/// a balance in it: their streams pay in it for good.
fn accepted(storage: &Storage, owner: Principal, ledger: Principal) -> Result<AssetRecord, TopUpError> {
    if storage.settings().paused {
        return Err(TopUpError::Paused);
    }
    storage
        .asset(ledger)
        .filter(|asset| asset.storage.is_some())
        .filter(|asset| asset.listed || storage.prepaid().account(owner, asset.number).topped_up > 0)
        .ok_or(TopUpError::AssetNotAccepted)
}

/// Whether an earlier call with this request id was paid; an error if it is not settled or was refused.
pub fn known<R: Runtime>(host: &Registry<R>, caller: Principal, request: &RequestKey) -> Result<bool, TopUpError> {
    match payments::lookup_request(host, caller, request).map_err(begin_error)? {
        // One that failed took nothing: it is tried anew only under another request id, as its answer says.
        Some(status) => answer(host, &status).map(|()| true),
        None => Ok(false),
    }
}

/// Pulls money into a balance.
pub async fn take<R: Runtime>(
    host: &Registry<R>,
    owner: Principal,
    asset: &AssetRecord,
    pull: Pull,
) -> Result<(), TopUpError> {
    if !(1..=MAX_TOP_UP).contains(&pull.amount) {
        return Err(TopUpError::InvalidAmount);
    }
    if !storage::with(|storage| storage.has_room(CHANGE_BYTES, RESERVE_FOR_PAYOUTS)) {
        return Err(TopUpError::PaymentRefused {
            reason: "the registry's memory is used up".to_owned(),
        });
    }
    let from = Account {
        owner,
        subaccount: pull.from_subaccount,
    };
    if asset.is_minting(&from) {
        let reason = "nothing can be paid from the ledger's minting account".to_owned();
        return Err(TopUpError::PaymentRefused { reason });
    }
    let payable = journal_asset(asset).map_err(|reason| TopUpError::PaymentRefused { reason })?;
    payments::look(host, owner, from, &payable, pull.amount)
        .await
        .map_err(|error| no_means(host, error))?;
    // While the ledger answered, the same request may have been made, and the registry may have stopped to take money.
    if known(host, owner, &pull.request)? {
        return Ok(());
    }
    let asset = storage::with(|storage| accepted(storage, owner, asset.ledger))?;
    let order = Order {
        kind: Kind::Pull {
            from,
            to_subaccount: None,
        },
        asset: journal_asset(&asset).map_err(|reason| TopUpError::PaymentRefused { reason })?,
        amount: pull.amount,
        purpose: Purpose::TopUp {
            owner,
            asset: asset.number,
        }
        .encode(),
        caller: owner,
    };
    let status = payments::pay(host, order, Some(pull.request))
        .await
        .map_err(begin_error)?;
    answer(host, &status)
}

/// What a look at the payer's means came to. Nothing was taken.
fn no_means<R: Runtime>(host: &Registry<R>, error: NoMeans) -> TopUpError {
    match error {
        NoMeans::Allowance { allowance, needed } => TopUpError::InsufficientAllowance {
            allowance: nat(allowance),
            needed: nat(needed),
        },
        NoMeans::Funds { balance, needed } => TopUpError::InsufficientFunds {
            balance: nat(balance),
            needed: nat(needed),
        },
        NoMeans::UnderWay => TopUpError::TooManyPending {
            max: host.with_journal(|journal| journal.limits().pulls_per_caller),
        },
        error @ (NoMeans::Busy | NoMeans::Silent(_)) => TopUpError::PaymentRefused {
            reason: error.to_string(),
        },
    }
}

fn answer<R: Runtime>(host: &Registry<R>, status: &Status) -> Result<(), TopUpError> {
    match status {
        Status::Paid { .. } => Ok(()),
        Status::Pending { id } => Err(TopUpError::Pending { intent: *id }),
        Status::Quarantined { id } => Err(TopUpError::Quarantined { intent: *id }),
        Status::Failed { id, failure } => Err(failed(host.with_journal(|journal| journal.intent(*id)), failure)),
    }
}

fn failed(intent: Option<Intent>, failure: &Failure) -> TopUpError {
    let needed = nat(intent.map_or(0, |intent| intent.amount.saturating_add(intent.fee)));
    match failure {
        Failure::InsufficientFunds { balance } => TopUpError::InsufficientFunds {
            balance: nat(*balance),
            needed,
        },
        Failure::InsufficientAllowance { allowance } => TopUpError::InsufficientAllowance {
            allowance: nat(*allowance),
            needed,
        },
        other => TopUpError::PaymentRefused {
            reason: other.to_string(),
        },
    }
}

fn begin_error(error: BeginError) -> TopUpError {
    match error {
        BeginError::InvalidRequestId => TopUpError::InvalidRequestId,
        BeginError::RequestIdReused => TopUpError::RequestIdReused,
        BeginError::TooManyPendingOfCaller { max } | BeginError::TooManyPending { max } => {
            TopUpError::TooManyPending { max }
        }
        other => TopUpError::PaymentRefused {
            reason: format!("{other:?}"),
        },
    }
}

/// Pays what is free back to the caller's own account, at once.
pub async fn withdraw<R: Runtime>(host: &Registry<R>, args: WithdrawArgs) -> Result<Claimed, WithdrawError> {
    let caller = host.runtime().caller();
    let (asset, amount) = storage::with(|storage| may_withdraw(storage, caller, &args))?;
    let refused = |reason: String| WithdrawError::PaymentRefused { reason };
    let to = Account {
        owner: caller,
        subaccount: args.to_subaccount,
    };
    if asset.is_minting(&to) {
        return Err(refused("at the ledger's minting account it would be burnt".to_owned()));
    }
    let sent = amount - asset.fee;
    let order = Order {
        kind: Kind::Push {
            from_subaccount: None,
            to,
        },
        asset: journal_asset(&asset).map_err(refused)?,
        amount: sent,
        purpose: Purpose::Withdrawal {
            owner: caller,
            asset: asset.number,
            amount,
        }
        .encode(),
        caller: host.runtime().canister_self(),
    };
    let intent = match payments::begin(host, order, None) {
        Ok(Begun::New(intent)) => intent,
        // Without a request id nothing is known before.
        Ok(Begun::Known(_)) => return Err(refused("the payment is known already".to_owned())),
        Err(BeginError::TooManyPending { max } | BeginError::TooManyPendingOfCaller { max }) => {
            return Err(refused(format!("{max} payments are under way; try again later")));
        }
        Err(error) => return Err(refused(format!("{error:?}"))),
    };
    storage::with_mut(|storage| {
        let begun = storage.prepaid_mut().begin_withdrawal(caller, asset.number, amount);
        if let Err(error) = begun {
            panic!("{error}, though it was looked at in this message");
        }
    });
    match payments::attempt(host, intent).await {
        Some(Status::Paid { block, .. }) => Ok(Claimed {
            block: nat(block),
            amount: nat(sent),
            ledger_fee: nat(asset.fee),
        }),
        Some(Status::Failed { failure, .. }) => Err(WithdrawError::PaymentRefused {
            reason: failure.to_string(),
        }),
        Some(Status::Pending { .. } | Status::Quarantined { .. }) | None => Err(WithdrawError::Pending { intent }),
    }
}

fn may_withdraw(
    storage: &Storage,
    caller: Principal,
    args: &WithdrawArgs,
) -> Result<(AssetRecord, u128), WithdrawError> {
    if caller == Principal::anonymous() {
        return Err(WithdrawError::AnonymousCaller);
    }
    if storage.settings().paused {
        return Err(WithdrawError::Paused);
    }
    let asset = storage.asset(args.ledger).ok_or(WithdrawError::AssetNotListed)?;
    let account = storage.prepaid().account(caller, asset.number);
    if account.withdrawing > 0 {
        return Err(WithdrawError::Pending { intent: 0 });
    }
    let asked = match &args.amount {
        Some(amount) => u128_of(amount),
        None => Some(account.free),
    };
    let amount = asked.filter(|amount| *amount > asset.fee && *amount <= account.free);
    let amount = amount.ok_or(WithdrawError::NotFree {
        free: nat(account.free),
        ledger_fee: nat(asset.fee),
    })?;
    Ok((asset, amount))
}

/// A payment for a balance has arrived.
///
/// Panics if the balance would pass 2^128 - 1, more than any ledger can hold; the payment then stays unsettled.
pub fn topped_up(storage: &mut Storage, owner: Principal, asset: u32, amount: u128) {
    if let Err(error) = storage.prepaid_mut().top_up(owner, asset, amount) {
        panic!("a top-up of {amount} in asset {asset}: {error}");
    }
}

/// A withdrawal has ended: `fee` if the ledger executed it, none if it never will.
///
/// Panics if it was not begun: the message is then undone.
pub fn withdrawn(storage: &mut Storage, owner: Principal, asset: u32, amount: u128, fee: Option<u128>) {
    let prepaid = storage.prepaid_mut();
    let ended = match fee {
        Some(fee) => prepaid.finish_withdrawal(owner, asset, amount, fee),
        None => prepaid.abort_withdrawal(owner, asset, amount),
    };
    if let Err(error) = ended {
        panic!("a withdrawal of {amount} in asset {asset}: {error}");
    }
}

#[cfg(test)]
mod tests;
