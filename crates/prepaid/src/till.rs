//! Money into a balance by a pull, and out of it by a payout, both through the payments journal: `top_up`, `withdraw` and
//! `balance` of any canister that keeps balances.

use candid::{Nat, Principal};
use ddsx_merkle_log::sha256;
use ddsx_payments::{
    self as payments, Asset, BeginError, Begun, Failure, Host, Intent, Kind, NoMeans, Order, RequestKey, Status,
};
use ddsx_runtime::Runtime;
use ddsx_types::stream_registry::{
    Claimed, PrepaidAudit, PrepaidBalance, TopUpArgs, TopUpError, WithdrawArgs, WithdrawError, limits,
};
use ddsx_types::{Account, Subaccount};

use crate::{Account as Balance, Totals};

/// The most that is taken at once: above any supply.
const MAX_TOP_UP: u128 = 1 << 120;

/// An asset in which balances are kept.
#[derive(Clone, Debug)]
pub struct Kept {
    /// Its number in the books.
    pub number: u32,
    /// As the payments journal wants it.
    pub payable: Asset,
    /// From where its ledger mints: nothing is paid from there or to there.
    pub minting_account: Option<Account>,
}

/// A canister that keeps balances. Each method reads or changes its state in one message.
pub trait Till: Host {
    /// An asset in which this owner may top up now.
    ///
    /// # Errors
    /// Why not: paused, not accepted, no room.
    fn accepted(&self, owner: Principal, ledger: Principal) -> Result<Kept, TopUpError>;

    /// An asset in which balances can be paid out now.
    ///
    /// # Errors
    /// Why not: paused, never listed.
    fn payable(&self, ledger: Principal) -> Result<Kept, WithdrawError>;

    /// An owner's balance; an empty one in an asset that was never listed.
    fn balance(&self, owner: Principal, ledger: Principal) -> Balance;

    /// Takes an amount out of what is free, as [`crate::Prepaid::begin_withdrawal`]; it was looked at in the same message.
    fn begin_withdrawal(&self, owner: Principal, asset: u32, amount: u128);

    /// Why a payment is ordered, in the canister's own words: into a balance, …
    fn top_up_purpose(&self, owner: Principal, asset: u32, amount: u128) -> Vec<u8>;

    /// … or out of one, the ledger's fee within the amount.
    fn withdrawal_purpose(&self, owner: Principal, asset: u32, amount: u128) -> Vec<u8>;
}

/// Money to be pulled into a balance.
#[derive(Clone, Debug)]
pub struct Pull {
    /// How much, in the asset's smallest unit.
    pub amount: u128,
    /// From which of the owner's subaccounts.
    pub from_subaccount: Option<Subaccount>,
    /// What makes it safe to repeat.
    pub request: RequestKey,
}

fn nat(amount: u128) -> Nat {
    Nat::from(amount)
}

fn small(amount: &Nat) -> Option<u128> {
    u128::try_from(&amount.0).ok()
}

/// A balance as the interface says it.
pub fn shown(account: &Balance) -> PrepaidBalance {
    PrepaidBalance {
        topped_up: nat(account.topped_up),
        free: nat(account.free),
        set_aside: nat(account.set_aside),
        charged: nat(account.charged),
        withdrawing: nat(account.withdrawing),
        withdrawn: nat(account.withdrawn.saturating_add(account.fees)),
    }
}

/// All balances in an asset as the interface says them.
pub fn audited(totals: &Totals) -> PrepaidAudit {
    let totals = totals.0;
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

/// A request by its id and all that a repeated call must have the same.
///
/// # Errors
/// [`TopUpError::InvalidRequestId`].
pub fn request(id: &[u8], arguments: &[u8]) -> Result<RequestKey, TopUpError> {
    if !limits::REQUEST_ID_BYTES.contains(&id.len()) {
        return Err(TopUpError::InvalidRequestId);
    }
    Ok(RequestKey {
        id: id.to_vec(),
        arguments: sha256(&[b"ddsx-top-up", arguments].concat()),
    })
}

/// Tops the caller's balance up. The same call again answers the same, or goes on waiting; it never takes twice.
///
/// # Errors
/// As [`TopUpError`].
pub async fn top_up<H: Till>(host: &H, args: TopUpArgs) -> Result<PrepaidBalance, TopUpError> {
    let caller = host.runtime().caller();
    if caller == Principal::anonymous() {
        return Err(TopUpError::AnonymousCaller);
    }
    let Ok(arguments) = candid::encode_one(&args) else {
        return Err(TopUpError::InvalidRequestId);
    };
    let request = request(&args.request_id, &arguments)?;
    if !known(host, caller, &request)? {
        let amount = small(&args.amount).ok_or(TopUpError::InvalidAmount)?;
        let pull = Pull {
            amount,
            from_subaccount: args.from_subaccount,
            request,
        };
        take(host, caller, args.ledger, pull).await?;
    }
    Ok(shown(&host.balance(caller, args.ledger)))
}

/// Whether an earlier call with this request id was paid.
///
/// # Errors
/// It is not settled, or was refused.
pub fn known<H: Till>(host: &H, caller: Principal, request: &RequestKey) -> Result<bool, TopUpError> {
    match payments::lookup_request(host, caller, request).map_err(begin_error)? {
        // One that failed took nothing: it is tried anew only under another request id, as its answer says.
        Some(status) => answer(host, &status).map(|()| true),
        None => Ok(false),
    }
}

/// Pulls money into a balance.
///
/// # Errors
/// As [`TopUpError`].
pub async fn take<H: Till>(host: &H, owner: Principal, ledger: Principal, pull: Pull) -> Result<(), TopUpError> {
    if !(1..=MAX_TOP_UP).contains(&pull.amount) {
        return Err(TopUpError::InvalidAmount);
    }
    let asset = host.accepted(owner, ledger)?;
    let from = Account {
        owner,
        subaccount: pull.from_subaccount,
    };
    if asset.minting_account == Some(from) {
        let reason = "nothing can be paid from the ledger's minting account".to_owned();
        return Err(TopUpError::PaymentRefused { reason });
    }
    payments::look(host, owner, from, &asset.payable, pull.amount)
        .await
        .map_err(no_means)?;
    // While the ledger answered, the same request may have been made, and the canister may have stopped to take money.
    if known(host, owner, &pull.request)? {
        return Ok(());
    }
    let asset = host.accepted(owner, ledger)?;
    let order = Order {
        kind: Kind::Pull {
            from,
            to_subaccount: None,
        },
        asset: asset.payable,
        amount: pull.amount,
        purpose: host.top_up_purpose(owner, asset.number, pull.amount),
        caller: owner,
    };
    let status = payments::pay(host, order, Some(pull.request))
        .await
        .map_err(begin_error)?;
    answer(host, &status)
}

/// What a look at the payer's means came to. Nothing was taken.
fn no_means(error: NoMeans) -> TopUpError {
    match error {
        NoMeans::Allowance { allowance, needed } => TopUpError::InsufficientAllowance {
            allowance: nat(allowance),
            needed: nat(needed),
        },
        NoMeans::Funds { balance, needed } => TopUpError::InsufficientFunds {
            balance: nat(balance),
            needed: nat(needed),
        },
        // Perhaps of this very request: it is pending, not refused.
        NoMeans::UnderWay => TopUpError::Pending {
            intent: payments::NO_INTENT_YET,
        },
        error @ (NoMeans::Busy | NoMeans::Silent(_)) => TopUpError::PaymentRefused {
            reason: error.to_string(),
        },
    }
}

fn answer<H: Till>(host: &H, status: &Status) -> Result<(), TopUpError> {
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
///
/// # Errors
/// As [`WithdrawError`].
pub async fn withdraw<H: Till>(host: &H, args: WithdrawArgs) -> Result<Claimed, WithdrawError> {
    let caller = host.runtime().caller();
    let (asset, amount) = may_withdraw(host, caller, &args)?;
    let refused = |reason: String| WithdrawError::PaymentRefused { reason };
    let to = Account {
        owner: caller,
        subaccount: args.to_subaccount,
    };
    if asset.minting_account == Some(to) {
        return Err(refused("at the ledger's minting account it would be burnt".to_owned()));
    }
    let (sent, fee) = (amount - asset.payable.fee, asset.payable.fee);
    let order = Order {
        kind: Kind::Push {
            from_subaccount: None,
            to,
        },
        asset: asset.payable,
        amount: sent,
        purpose: host.withdrawal_purpose(caller, asset.number, amount),
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
    host.begin_withdrawal(caller, asset.number, amount);
    match payments::attempt(host, intent).await {
        Some(Status::Paid { block, .. }) => Ok(Claimed {
            block: nat(block),
            amount: nat(sent),
            ledger_fee: nat(fee),
        }),
        Some(Status::Failed { failure, .. }) => Err(refused(failure.to_string())),
        Some(Status::Pending { .. } | Status::Quarantined { .. }) | None => Err(WithdrawError::Pending { intent }),
    }
}

fn may_withdraw<H: Till>(host: &H, caller: Principal, args: &WithdrawArgs) -> Result<(Kept, u128), WithdrawError> {
    if caller == Principal::anonymous() {
        return Err(WithdrawError::AnonymousCaller);
    }
    let asset = host.payable(args.ledger)?;
    let account = host.balance(caller, args.ledger);
    if account.withdrawing > 0 {
        return Err(WithdrawError::Pending { intent: 0 });
    }
    let asked = match &args.amount {
        Some(amount) => small(amount),
        None => Some(account.free),
    };
    let amount = asked.filter(|amount| *amount > asset.payable.fee && *amount <= account.free);
    let amount = amount.ok_or(WithdrawError::NotFree {
        free: nat(account.free),
        ledger_fee: nat(asset.payable.fee),
    })?;
    Ok((asset, amount))
}
