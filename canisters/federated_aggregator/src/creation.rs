//! `create_paid_task`: a task is made, paid and funded in one call. What the caller's balance lacks is pulled first, when everything else
//! has been looked at.

use candid::{Nat, Principal};
use ddsx_merkle_log::sha256;
use ddsx_payments::Host as _;
use ddsx_prepaid::till::{self, Pull};
use ddsx_runtime::Runtime;
use ddsx_types::Hash;
use ddsx_types::federated_aggregator::{CreateTaskArgs, TaskError, TaskId, TaskPayment, TopUpError};

use crate::amounts::{amount, nat};
use crate::create::{self, With};
use crate::host::Aggregator;
use crate::price::{self, Price};
use crate::storage::record::candid_bytes;
use crate::storage::{self, Storage};
use crate::{balance, certification, timer};

fn invalid(reason: &str) -> TaskError {
    TaskError::Invalid {
        field: "payment".to_owned(),
        reason: reason.to_owned(),
    }
}

/// What is to be pulled, and what goes into the budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Due {
    ledger: Principal,
    pull: u128,
    budget: u128,
}

/// Looks at everything that can be refused before money moves.
fn due(storage: &Storage, caller: Principal, args: &CreateTaskArgs, payment: &TaskPayment) -> Result<Due, TaskError> {
    let plan = create::check_new(storage, caller, args)?;
    create::check_room(storage, price::reserved(args, plan.len as u64))?;
    let price = Price::of(storage.settings(), args, &plan);
    let asset = create::paying_asset(storage, args, &price).ok_or(TaskError::AssetNotListed)?;
    if asset.ledger != payment.ledger {
        return Err(invalid("the task is paid in another asset: see quote_task"));
    }
    let given = |sum: &Option<Nat>| match sum {
        None => Ok(0),
        Some(sum) => amount(sum).ok_or_else(|| invalid("at most 2^96")),
    };
    let (budget, prepay) = (given(&payment.budget)?, given(&payment.prepay)?);
    if budget > 0 {
        if args.reward.as_ref().map(|reward| reward.ledger) != Some(asset.ledger) {
            return Err(invalid(
                "the budget is in another asset, or there is none: fund it by itself",
            ));
        }
        if asset.is_minting(&caller.into()) {
            // What is left of it goes back there, and would be burnt.
            return Err(invalid("the owner's account is the ledger's minting account"));
        }
    }
    let total = price.tokens().unwrap_or(0).saturating_add(budget);
    let missing = total.saturating_sub(balance::account(storage, caller, asset.ledger).free);
    Ok(Due {
        ledger: asset.ledger,
        pull: missing.saturating_add(prepay),
        budget,
    })
}

/// The task that this request has made, if it has not ended.
fn made(storage: &Storage, caller: Principal, request: Hash) -> Option<TaskId> {
    let mut tasks = storage.task_ids_of(&caller).into_iter();
    tasks.find(|task| {
        storage
            .task(*task)
            .is_some_and(|record| record.request == Some(request))
    })
}

/// Makes a task, paid and funded. The same call again answers the same task, or goes on waiting; it takes nothing twice. What was taken
/// and not used stays in the balance.
pub async fn create_paid<R: Runtime>(
    host: &Aggregator<R>,
    args: CreateTaskArgs,
    payment: TaskPayment,
) -> Result<TaskId, TaskError> {
    let caller = host.runtime().caller();
    let arguments = candid_bytes(&(&args, &payment));
    let key = till::request(&payment.request_id, &arguments).map_err(TaskError::Payment)?;
    let request = Hash(sha256(&[&key.id[..], &key.arguments.0].concat()).0);
    if let Some(task) = storage::with(|storage| made(storage, caller, request)) {
        return Ok(task);
    }
    if !till::known(host, caller, &key).map_err(TaskError::Payment)? {
        let due = storage::with(|storage| due(storage, caller, &args, &payment))?;
        if payment.max < due.pull {
            return Err(TaskError::Payment(TopUpError::PriceAboveMax { price: nat(due.pull) }));
        }
        if due.pull > 0 {
            let pull = Pull {
                amount: due.pull,
                from_subaccount: payment.from_subaccount,
                request: key,
            };
            till::take(host, caller, due.ledger, pull)
                .await
                .map_err(TaskError::Payment)?;
        }
    }
    // The state is read anew: much may have changed since the payment began, and the same call may have been made meanwhile.
    let now = host.runtime().time();
    let task = storage::with_mut(|storage| {
        if let Some(task) = made(storage, caller, request) {
            return Ok(task);
        }
        let due = due(storage, caller, &args, &payment)?;
        let with = With {
            at_once: true,
            budget: due.budget,
            request: Some(request),
            ..With::default()
        };
        create::make(storage, caller, now, &args, with).map(|made| made.task)
    });
    storage::with(|storage| certification::publish(storage, host.runtime()));
    timer::arm(host);
    task
}

/// `create_task`: the balance pays, or cycles that come with the call, or the draft waits to be paid.
pub fn create<R: Runtime>(host: &Aggregator<R>, args: &CreateTaskArgs) -> Result<TaskId, TaskError> {
    let runtime = host.runtime();
    let with = With {
        cycles: runtime.cycles_available(),
        ..With::default()
    };
    let made = storage::with_mut(|storage| {
        let made = create::make(storage, runtime.caller(), runtime.time(), args, with)?;
        if made.cycles > 0 {
            let taken = runtime.cycles_accept(made.cycles);
            storage.count(|counters| counters.cycles_received += taken);
        }
        Ok(made.task)
    });
    timer::arm(host);
    made
}
