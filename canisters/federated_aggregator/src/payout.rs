//! Paying what is due, by the payments journal. A payee is in the queue as long as something is due to it that can be paid; while a payment is under
//! way no other begins.

use candid::Principal;
use ddsx_payments::{self as payments, Begun, Host, Kind, Order};
use ddsx_runtime::Runtime;
use ddsx_types::federated_aggregator::{ClaimError, Stage};
use ddsx_types::{Account, TimestampNs};

use crate::amounts::nat;
use crate::books::Payable;
use crate::fund::journal_asset;
use crate::host::Aggregator;
use crate::limits::{MAX_PAYOUTS_IN_FLIGHT, PAYOUT_BUSY_NS, PAYOUT_RETRY_NS, PAYOUTS_PER_TICK};
use crate::storage::record::encode;
use crate::storage::records::{AssetRecord, Payee, Purpose};
use crate::storage::{self, Storage};

/// A payment that can begin.
pub struct Ready {
    /// The asset.
    pub asset: AssetRecord,
    /// Where it goes.
    pub account: Account,
    /// All that is due and not kept back, the ledger's fee counted.
    pub due: u128,
}

/// What a payee is due, where, and in what. What is kept back of a client's reward until the task ends is not due before.
fn standing(storage: &Storage, payee: Payee) -> Option<(AssetRecord, Account, Payable)> {
    match payee {
        Payee::Owner(task) => {
            let record = storage.task(task)?;
            let asset = storage.asset(record.ledger?)?;
            Some((asset, record.owner.into(), record.owner_due))
        }
        Payee::Client(task, client) => {
            let record = storage.task(task)?;
            let asset = storage.asset(record.ledger?)?;
            let mut entry = storage.client(task, &client)?;
            if !matches!(record.stage, Stage::Ended(_)) {
                entry.payable.due = entry.payable.due.saturating_sub(entry.kept_reward);
            }
            Some((asset, entry.account, entry.payable))
        }
        Payee::Fee(task) => {
            let record = storage.task(task)?;
            let asset = storage.asset(record.fee.ledger?)?;
            Some((asset, record.owner.into(), record.fee.back))
        }
        Payee::Treasury(ledger) => {
            let asset = storage.asset(ledger)?;
            let payable = asset.treasury;
            Some((asset, storage.settings().treasury, payable))
        }
    }
}

/// Whether a payee can be paid now. What is not above the ledger's fee (for the treasury: below the listing's threshold) waits for more.
fn ready(storage: &Storage, payee: Payee) -> Option<Ready> {
    let (asset, account, payable) = standing(storage, payee)?;
    let least = match payee {
        Payee::Treasury(_) => asset.payout_threshold.max(asset.fee.saturating_mul(2)),
        Payee::Owner(_) | Payee::Client(..) | Payee::Fee(_) => asset.fee.saturating_add(1),
    };
    // At the ledger's minting account it would be burnt: it waits.
    let can_be_paid = payable.in_flight == 0 && payable.due >= least.max(1) && !asset.is_minting(&account);
    can_be_paid.then_some(Ready {
        due: payable.due,
        asset,
        account,
    })
}

/// What a payee can be paid at once, or why it cannot.
pub fn claimable(storage: &Storage, payee: Payee) -> Result<Ready, ClaimError> {
    let (asset, account, payable) = standing(storage, payee).ok_or(ClaimError::NotFound)?;
    if payable.in_flight > 0 {
        return Err(ClaimError::Pending);
    }
    if asset.is_minting(&account) {
        let reason = "the payee's account is the ledger's minting account".to_owned();
        return Err(ClaimError::PaymentRefused(reason));
    }
    if payable.due <= asset.fee {
        return Err(ClaimError::NothingDue {
            due: nat(payable.due),
            ledger_fee: nat(asset.fee),
        });
    }
    Ok(Ready {
        due: payable.due,
        asset,
        account,
    })
}

#[derive(Clone, Copy)]
enum Change {
    Begin,
    Finish,
    Abort,
}

/// Moves an amount in a payee's account and in the task's books.
fn change(storage: &mut Storage, payee: Payee, amount: u128, change: Change) {
    let apply = |payable: &mut Payable| match change {
        Change::Begin => payable.begin(amount),
        Change::Finish => payable.finish(amount),
        Change::Abort => payable.abort(amount),
    };
    let task = match payee {
        Payee::Treasury(ledger) => {
            if let Some(mut asset) = storage.asset(ledger) {
                apply(&mut asset.treasury);
                storage.put_asset(asset);
            }
            return;
        }
        // What computing cost is no part of the task's books.
        Payee::Fee(task) => {
            if let Some(mut record) = storage.task(task) {
                apply(&mut record.fee.back);
                storage.put_task(record);
            }
            return;
        }
        Payee::Owner(task) => task,
        Payee::Client(task, client) => {
            if let Some(mut entry) = storage.client(task, &client) {
                apply(&mut entry.payable);
                storage.put_client(task, &client, entry);
            }
            task
        }
    };
    let Some(mut record) = storage.task(task) else { return };
    if matches!(payee, Payee::Owner(_)) {
        apply(&mut record.owner_due);
    }
    match change {
        Change::Begin => record.books.begin(amount),
        Change::Finish => record.books.finish(amount),
        Change::Abort => record.books.abort(amount),
    }
    storage.put_task(record);
}

/// Begins the payments that are due. Says when the queue is to be looked at again.
pub fn run<R: Runtime>(host: &Aggregator<R>) {
    let now = host.runtime().time();
    for _ in 0..PAYOUTS_PER_TICK {
        let first = storage::with(Storage::next_payout);
        let Some((when, payee)) = first.filter(|(when, _)| *when <= now) else {
            return;
        };
        storage::with_mut(|storage| storage.payout_seen(when, payee));
        let Some(ready) = storage::with(|storage| ready(storage, payee)) else {
            continue;
        };
        let later = if is_busy(host, ready.asset.ledger) {
            Some(PAYOUT_BUSY_NS)
        } else {
            begin(host, payee, &ready).err().map(|_| PAYOUT_RETRY_NS)
        };
        if let Some(later) = later {
            storage::with_mut(|storage| storage.ask_payout(now.saturating_add(later), payee));
        }
    }
}

/// Whether a ledger has as many payouts under way as it may: one that is silent holds up no other's
/// payees, and what is quarantined does not count.
fn is_busy<R: Runtime>(host: &Aggregator<R>, ledger: Principal) -> bool {
    host.with_journal(|journal| journal.open_at(ledger).pushes >= MAX_PAYOUTS_IN_FLIGHT)
}

/// Stores a payment's intent, and takes the amount from what is due in the same message. Answers
/// the intent's number.
pub fn begin<R: Runtime>(host: &Aggregator<R>, payee: Payee, ready: &Ready) -> Result<u64, String> {
    let asset = journal_asset(&ready.asset)?;
    let order = Order {
        kind: Kind::Push {
            from_subaccount: None,
            to: ready.account,
        },
        asset,
        amount: ready.due - ready.asset.fee,
        purpose: encode(&Purpose::Payout { payee, due: ready.due }),
        caller: host.runtime().canister_self(),
    };
    let intent = match payments::begin(host, order, None) {
        Ok(Begun::New(intent)) => intent,
        // Without a request id nothing is known before.
        Ok(Begun::Known(_)) => return Err("the payment is known already".to_owned()),
        Err(error) => return Err(format!("the payment cannot begin now: {error:?}")),
    };
    storage::with_mut(|storage| change(storage, payee, ready.due, Change::Begin));
    Ok(intent)
}

/// The ledger has executed a payment.
pub fn finish(storage: &mut Storage, now: TimestampNs, payee: Payee, due: u128) {
    change(storage, payee, due, Change::Finish);
    // More may have become due meanwhile.
    storage.ask_payout(now, payee);
}

/// The ledger will not execute a payment: the amount is due again, and tried again later.
pub fn abort(storage: &mut Storage, now: TimestampNs, payee: Payee, due: u128) {
    change(storage, payee, due, Change::Abort);
    storage.ask_payout(now.saturating_add(PAYOUT_RETRY_NS), payee);
}
