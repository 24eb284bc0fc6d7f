//! Cycles that a task's owner paid for computing that was never done: they go back to it by the management canister's `deposit_cycles`.
//! Whoever paid with cycles is a canister. The call waits for its answer, so that its outcome is always known, and calls no canister of a user.

use candid::{CandidType, Principal};
use ddsx_payments::Host;
use ddsx_runtime::{CallOptions, Runtime};
use ddsx_types::federated_aggregator::TaskId;

use crate::host::Aggregator;
use crate::storage;

#[derive(CandidType)]
struct DepositCyclesArgs {
    canister_id: Principal,
}

/// Takes what is due on its way, if nothing is on it.
fn take(task: TaskId) -> Option<(Principal, u128)> {
    storage::with_mut(|storage| {
        let mut record = storage.task(task)?;
        let back = &mut record.fee.cycles_back;
        if back.due == 0 || back.in_flight > 0 {
            return None;
        }
        let amount = back.due;
        back.begin(amount);
        let owner = record.owner;
        storage.put_task(record);
        Some((owner, amount))
    })
}

/// Sends a task's owner the cycles that are due to it. What the owner cannot take stays due to it here: it is no canister any more.
pub fn begin<R: Runtime>(host: &Aggregator<R>, task: TaskId) {
    let due = storage::with(|storage| storage.task(task)).is_some_and(|record| record.fee.cycles_back.due > 0);
    if !due {
        return;
    }
    let host = host.clone();
    let runtime = host.runtime().clone();
    runtime.set_timer(std::time::Duration::ZERO, async move {
        let Some((canister_id, amount)) = take(task) else {
            return;
        };
        let sent: Result<(), _> = deposit(&host, canister_id, amount).await;
        storage::with_mut(|storage| {
            let Some(mut record) = storage.task(task) else { return };
            match sent {
                Ok(()) => {
                    record.fee.cycles_back.finish(amount);
                    storage.count(|counters| counters.cycles_returned += amount);
                }
                Err(()) => record.fee.cycles_back.abort(amount),
            }
            storage.put_task(record);
        });
    });
}

/// A reply that cannot be read is an answer all the same: the cycles are there.
async fn deposit<R: Runtime>(host: &Aggregator<R>, canister_id: Principal, amount: u128) -> Result<(), ()> {
    let argument = candid::encode_one(DepositCyclesArgs { canister_id }).map_err(|_| ())?;
    let options = CallOptions::unbounded().with_cycles(amount);
    let management = Principal::management_canister();
    let answer = host
        .runtime()
        .call_raw(management, "deposit_cycles", argument, options)
        .await;
    answer.map(|_| ()).map_err(|_| ())
}
