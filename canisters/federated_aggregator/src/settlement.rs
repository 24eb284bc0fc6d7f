//! What came in and what went out, asset by asset: running sums over all tasks, and the claim of
//! what is due.

use std::time::Duration;

use candid::Principal;
use ddsx_payments::{self as payments, Host, Status};
use ddsx_prepaid::till;
use ddsx_runtime::Runtime;
use ddsx_types::federated_aggregator::{AssetAudit, ClaimArgs, ClaimError, Claimed, TaskId};

use crate::amounts::nat;
use crate::host::Aggregator;
use crate::limits::TASKS_COUNTED_PER_SLICE;
use crate::storage::records::{Payee, Purpose};
use crate::storage::{self, Storage};
use crate::{balance, payout};

/// The task whose books a payment concerns.
pub fn task_of(purpose: &Purpose) -> Option<TaskId> {
    match purpose {
        Purpose::Storage { task, .. }
        | Purpose::Keep { task, .. }
        | Purpose::Budget { task, .. }
        | Purpose::Stake { task, .. } => Some(*task),
        Purpose::Payout { payee, .. } => match payee {
            Payee::Owner(task) | Payee::Client(task, _) | Payee::Fee(task) => Some(*task),
            Payee::Treasury(_) => None,
        },
        Purpose::TopUp { .. } | Purpose::Withdrawal { .. } => None,
    }
}

/// Counts what a ledger has executed: money in, or a payment of what was due.
pub fn executed(storage: &mut Storage, ledger: Principal, purpose: &Purpose) {
    // One that no release before this one counted comes in with all it had before this payment.
    if let Some(task) = task_of(purpose) {
        storage.count_in(task);
    }
    storage.change_totals(ledger, |totals| match purpose {
        Purpose::Storage { amount, .. }
        | Purpose::Keep { amount, .. }
        | Purpose::Budget { amount, .. }
        | Purpose::Stake { amount, .. }
        | Purpose::TopUp { amount, .. } => {
            totals.received = totals.received.saturating_add(*amount);
        }
        Purpose::Payout { due: amount, .. } | Purpose::Withdrawal { amount, .. } => {
            totals.paid = totals.paid.saturating_add(*amount);
        }
    });
}

/// Counts in the tasks of a release that kept no totals, in slices: after an upgrade, and in no
/// time once all are.
pub fn count_in<R: Runtime>(host: &Aggregator<R>, after: Option<TaskId>) {
    let next = host.clone();
    host.runtime().set_timer(Duration::ZERO, async move {
        let last = storage::with_mut(|storage| {
            let tasks = storage.task_ids(after, TASKS_COUNTED_PER_SLICE);
            for task in &tasks {
                storage.count_in(*task);
            }
            tasks.last().copied()
        });
        if let Some(last) = last {
            count_in(&next, Some(last));
        }
    });
}

/// The books of an asset over all tasks, by the running sums: O(1).
pub fn audit(storage: &Storage, ledger: Principal) -> Option<AssetAudit> {
    let asset = storage.asset(ledger)?;
    let treasury = asset.treasury;
    let totals = storage.totals(ledger);
    let balances = balance::totals(storage, &asset);
    let kept = totals.held() + treasury.due + treasury.in_flight + balances.0.held();
    Some(AssetAudit {
        received: nat(totals.received),
        paid: nat(totals.paid),
        budget_left: nat(totals.budget_left),
        stakes: nat(totals.stakes),
        owed: nat(totals.owed),
        in_flight: nat(totals.in_flight),
        compute_held: nat(totals.compute_held),
        treasury_due: nat(treasury.due),
        treasury_in_flight: nat(treasury.in_flight),
        conserved: totals.received == totals.paid + kept && balances.0.conserved(),
        must_hold: nat(kept),
        prepaid: Some(till::audited(&balances)),
    })
}

/// Pays at once what is due to the caller in a task, if it is more than the ledger's fee.
pub async fn claim<R: Runtime>(host: &Aggregator<R>, args: ClaimArgs) -> Result<Claimed, ClaimError> {
    let caller = host.runtime().caller();
    let (payee, ready) = storage::with(|storage| {
        let payee = may_claim(storage, caller, args)?;
        Ok((payee, payout::claimable(storage, payee)?))
    })?;
    let (amount, fee) = (ready.due - ready.asset.fee, ready.asset.fee);
    let intent = payout::begin(host, payee, &ready).map_err(ClaimError::PaymentRefused)?;
    match payments::attempt(host, intent).await {
        Some(Status::Paid { block, .. }) => Ok(Claimed {
            block: nat(block),
            amount: nat(amount),
            ledger_fee: nat(fee),
        }),
        Some(Status::Failed { failure, .. }) => Err(ClaimError::PaymentRefused(failure.to_string())),
        Some(Status::Pending { .. } | Status::Quarantined { .. }) | None => Err(ClaimError::Pending),
    }
}

/// The payee, if the caller is it. Nobody spends another's reward on ledger fees by claiming it bit
/// by bit.
fn may_claim(storage: &Storage, caller: Principal, args: ClaimArgs) -> Result<Payee, ClaimError> {
    if caller == Principal::anonymous() {
        return Err(ClaimError::Anonymous);
    }
    if storage.settings().paused {
        return Err(ClaimError::Paused);
    }
    let record = storage.task(args.task).ok_or(ClaimError::NotFound)?;
    let (payee, is_payee) = match args.client {
        None => (Payee::Owner(args.task), record.owner == caller),
        Some(client) => {
            let entry = storage.client(args.task, &client).ok_or(ClaimError::NotFound)?;
            (
                Payee::Client(args.task, client),
                client == caller || entry.account.owner == caller,
            )
        }
    };
    if is_payee { Ok(payee) } else { Err(ClaimError::NotPayee) }
}

#[cfg(test)]
mod tests;
