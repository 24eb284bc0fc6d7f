//! `start_canister`, `stop_canister`, `delete_canister`.

use candid::Principal;
use ic_management_canister_types::CanisterIdRecord;
use pocket_ic::ErrorCode;

use super::access::controlled;
use super::{Done, NOTHING, decode};
use crate::network::call::{Answer, Call};
use crate::network::canister::{Status, StopRequest};
use crate::network::reject::Reject;
use crate::network::subnet::Subnet;

/// `start_canister`. Stop requests that wait are rejected.
pub fn start(subnet: &mut Subnet, caller: Principal, arg: &[u8]) -> Answer {
    let CanisterIdRecord { canister_id } = decode(arg)?;
    controlled(subnet, canister_id, caller)?;
    let canister = subnet.canister_mut(canister_id)?;
    if !matches!(canister.status, Status::Running) {
        canister.version += 1;
    }
    if let Status::Stopping(requests) = std::mem::replace(&mut canister.status, Status::Running) {
        for request in requests {
            let reject = Reject::new(
                ErrorCode::CanisterStoppingCancelled,
                format!("Canister {canister_id}'s stop request was cancelled."),
            );
            subnet.respond(&request.origin, request.cycles, Err(reject));
        }
    }
    Ok(NOTHING.to_vec())
}

/// `stop_canister`: answered once the canister waits for nothing and nobody waits for it.
pub fn stop(subnet: &mut Subnet, call: &Call) -> Done {
    match try_stop(subnet, call) {
        Ok(true) => Ok(NOTHING.to_vec()).into(),
        Ok(false) => Done {
            answer: None,
            taken: 0,
            instructions: 0,
        },
        Err(reject) => Err(reject).into(),
    }
}

/// Whether the canister is stopped already.
fn try_stop(subnet: &mut Subnet, call: &Call) -> Result<bool, Reject> {
    let CanisterIdRecord { canister_id } = decode(&call.arg)?;
    controlled(subnet, canister_id, call.origin.caller())?;
    let request = StopRequest {
        origin: call.origin.clone(),
        cycles: call.cycles,
        since: subnet.time,
    };
    let canister = subnet.canister_mut(canister_id)?;
    match &mut canister.status {
        Status::Stopped => return Ok(true),
        Status::Stopping(requests) => requests.push(request),
        Status::Running => {
            canister.version += 1;
            canister.status = Status::Stopping(vec![request]);
        }
    }
    Ok(false)
}

/// `delete_canister`; its cycles are lost.
pub fn delete(subnet: &mut Subnet, caller: Principal, arg: &[u8]) -> Answer {
    let CanisterIdRecord { canister_id } = decode(arg)?;
    let canister = controlled(subnet, canister_id, caller)?;
    if canister_id == caller {
        return Err(Reject::with_help(
            ErrorCode::CanisterInvalidController,
            &format!("Canister {canister_id} cannot delete itself."),
            "Delete the canister from one of its other controllers.",
            "delete-canister-self",
        ));
    }
    if !matches!(canister.status, Status::Stopped) {
        return Err(Reject::with_help(
            ErrorCode::CanisterNotStopped,
            &format!("Canister {canister_id} must be stopped before it is deleted."),
            "Stop the canister before deleting it.",
            "delete-canister-not-stopped",
        ));
    }
    if !canister.inputs.is_empty() {
        return Err(Reject::with_help(
            ErrorCode::CanisterQueueNotEmpty,
            &format!(
                "Canister {canister_id} has messages in its queues and cannot be deleted now. Please retry after some time."
            ),
            "Wait until the queues have been cleared to delete the canister and in the meantime stop the canister.",
            "delete-canister-queue-not-empty",
        ));
    }
    if let Some(canister) = subnet.canisters.remove(&canister_id) {
        subnet.consumed += canister.all_cycles();
    }
    subnet.active.remove(&canister_id);
    Ok(NOTHING.to_vec())
}
