//! Who may call what, and which canister a call is about.
//!
//! Interface specification: *Effective canister id*; the sentence *Only controllers … can call this method* of each
//! method.

use candid::{CandidType, Principal};
use pocket_ic::ErrorCode;
use serde::Deserialize;

use super::errors::{invalid_payload, no_such_method, not_controller, only_canisters};
use crate::network::canister::Canister;
use crate::network::reject::Reject;
use crate::network::subnet::Subnet;
use crate::network::{Effective, IngressCall};

/// The field of most arguments that names the canister.
#[derive(CandidType, Deserialize)]
struct CanisterArg {
    canister_id: Principal,
}

/// The same in `install_chunked_code`.
#[derive(CandidType, Deserialize)]
struct TargetArg {
    target_canister: Principal,
}

/// The canister that a call is about, if its argument names one.
pub fn target(method: &str, arg: &[u8]) -> Option<Principal> {
    match method {
        "create_canister" | "provisional_create_canister_with_cycles" | "raw_rand" => None,
        "install_chunked_code" => candid::decode_one::<TargetArg>(arg).ok().map(|arg| arg.target_canister),
        _ => candid::decode_one::<CanisterArg>(arg).ok().map(|arg| arg.canister_id),
    }
}

/// The canister that pays for a user's call; `None`: nobody does.
pub fn payer(method: &str, arg: &[u8]) -> Option<Principal> {
    if method.starts_with("provisional_") {
        None
    } else {
        target(method, arg)
    }
}

/// Whether users cannot call the method.
pub fn for_canisters_only(method: &str) -> bool {
    matches!(
        method,
        "create_canister" | "deposit_cycles" | "raw_rand" | "canister_info"
    )
}

/// Whether the caller may manage the canister: a controller, or an administrator of the subnet.
pub fn may_manage(subnet: &Subnet, canister: &Canister, caller: Principal) -> bool {
    let is_admin = subnet
        .spec
        .admins
        .as_ref()
        .is_some_and(|admins| admins.contains(&caller));
    canister.is_controlled_by(caller) || is_admin
}

/// The canister, for one of its controllers.
///
/// # Errors
/// There is no such canister, or the caller does not control it.
pub fn controlled(subnet: &Subnet, id: Principal, caller: Principal) -> Result<&Canister, Reject> {
    let canister = subnet.canister(id)?;
    if may_manage(subnet, canister, caller) {
        Ok(canister)
    } else {
        Err(not_controller(canister, caller))
    }
}

/// The canister, for one of its controllers or itself.
///
/// # Errors
/// There is no such canister, or the caller does not control it.
pub fn controlled_or_own(subnet: &Subnet, id: Principal, caller: Principal) -> Result<&Canister, Reject> {
    if id == caller {
        subnet.canister(id)
    } else {
        controlled(subnet, id, caller)
    }
}

/// Whether a user's call is accepted at all.
///
/// # Errors
/// Why it is not.
pub fn inspect(subnet: &Subnet, call: &IngressCall) -> Result<(), Reject> {
    let method = call.method.as_str();
    match method {
        method if for_canisters_only(method) => Err(only_canisters(method)),
        "provisional_create_canister_with_cycles" | "provisional_top_up_canister" | "canister_metadata" => Ok(()),
        "fetch_canister_logs" => Err(Reject::new(
            ErrorCode::CanisterRejectedMessage,
            format!("{method} API is only accessible to end users in non-replicated mode"),
        )),
        "update_settings"
        | "install_code"
        | "install_chunked_code"
        | "uninstall_code"
        | "upload_chunk"
        | "stored_chunks"
        | "clear_chunk_store"
        | "start_canister"
        | "stop_canister"
        | "delete_canister"
        | "canister_status" => {
            let id = target(method, &call.arg)
                .or(match call.effective {
                    Effective::Canister(id) => Some(id),
                    Effective::None | Effective::Subnet(_) => None,
                })
                .ok_or_else(|| invalid_payload(format!("Failed to decode payload for ic00 method: {method}")))?;
            if may_manage(subnet, subnet.canister(id)?, call.sender) {
                Ok(())
            } else {
                Err(Reject::new(
                    ErrorCode::CanisterInvalidController,
                    format!("Only controllers of canister {id} can call ic00 method {method}"),
                ))
            }
        }
        method => Err(no_such_method(method)),
    }
}
