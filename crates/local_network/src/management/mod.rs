//! The management canister `aaaaa-aa`.
//!
//! Interface specification: *The IC management canister*. Each subnet answers calls for its own canisters. Absent, and
//! refused by name: snapshots, vetKD, threshold ECDSA and Schnorr, Bitcoin, HTTP outcalls, node metrics.
//!
//! | module | methods |
//! |---|---|
//! | [`create`] | provisional_create_canister_with_cycles, provisional_top_up_canister, create_canister, deposit_cycles |
//! | [`settings`] | update_settings |
//! | [`code`] | install_code, install_chunked_code, uninstall_code |
//! | [`chunks`] | upload_chunk, stored_chunks, clear_chunk_store |
//! | [`lifecycle`] | start_canister, stop_canister, delete_canister |
//! | [`status`] | canister_status, canister_info, canister_metadata, fetch_canister_logs |
//! | [`access`] | who may call what |

mod access;
mod chunks;
mod code;
mod create;
mod errors;
mod lifecycle;
mod settings;
mod status;

pub use access::{inspect, payer, target};
pub use code::uninstall;

use candid::utils::ArgumentEncoder;
use candid::{CandidType, Principal};
use ic_management_canister_types::{ChangeOrigin, FromCanisterRecord, FromUserRecord};
use serde::de::DeserializeOwned;

use self::errors::{invalid_payload, no_such_method};
use crate::execution::Cycles;
use crate::network::IngressCall;
use crate::network::call::{Answer, Call, Origin};
use crate::network::reject::Reject;
use crate::network::subnet::Subnet;

/// `()` in Candid.
pub const NOTHING: &[u8] = b"DIDL\0\0";

/// What became of a call.
struct Done {
    /// The answer; `None`: it comes later.
    answer: Option<Answer>,
    /// Cycles that the call took.
    taken: Cycles,
    /// Instructions executed for it.
    instructions: u64,
}

impl From<Answer> for Done {
    fn from(answer: Answer) -> Self {
        Self {
            answer: Some(answer),
            taken: 0,
            instructions: 0,
        }
    }
}

/// Executes a call and answers it, now or later. Returns the instructions that it took.
pub fn execute(subnet: &mut Subnet, call: &Call) -> u64 {
    let done = dispatch(subnet, call);
    if let Some(answer) = done.answer {
        subnet.respond(&call.origin, call.cycles - done.taken.min(call.cycles), answer);
    }
    done.instructions
}

/// Answers a query.
///
/// # Errors
/// The reject.
pub fn query(subnet: &Subnet, call: &IngressCall) -> Answer {
    match call.method.as_str() {
        "fetch_canister_logs" => status::fetch_logs(subnet, call.sender, &call.arg),
        "canister_status" => status::canister_status(subnet, call.sender, &call.arg),
        "canister_metadata" => status::canister_metadata(subnet, call.sender, &call.arg),
        method => Err(errors::not_a_query(method)),
    }
}

fn dispatch(subnet: &mut Subnet, call: &Call) -> Done {
    let caller = call.origin.caller();
    let arg = call.arg.as_slice();
    let from_canister = matches!(call.origin, Origin::Canister { .. });
    match call.method.as_str() {
        method if access::for_canisters_only(method) && !from_canister => Err(errors::only_canisters(method)).into(),
        "create_canister" => create::create(subnet, call),
        "deposit_cycles" => create::deposit(subnet, call),
        "provisional_create_canister_with_cycles" => create::provisional_create(subnet, call).into(),
        "provisional_top_up_canister" => create::provisional_top_up(subnet, arg).into(),
        "update_settings" => settings::update(subnet, call).into(),
        "install_code" => code::install_code(subnet, call),
        "install_chunked_code" => code::install_chunked_code(subnet, call),
        "uninstall_code" => code::uninstall_code(subnet, call).into(),
        "upload_chunk" => chunks::upload(subnet, caller, arg).into(),
        "stored_chunks" => chunks::stored(subnet, caller, arg).into(),
        "clear_chunk_store" => chunks::clear(subnet, caller, arg).into(),
        "start_canister" => lifecycle::start(subnet, caller, arg).into(),
        "stop_canister" => lifecycle::stop(subnet, call),
        "delete_canister" => lifecycle::delete(subnet, caller, arg).into(),
        "canister_status" => status::canister_status(subnet, caller, arg).into(),
        "canister_info" => status::canister_info(subnet, arg).into(),
        "canister_metadata" => status::canister_metadata(subnet, caller, arg).into(),
        "fetch_canister_logs" => status::fetch_logs(subnet, caller, arg).into(),
        "raw_rand" => reply((subnet.random().to_vec(),)).into(),
        method => Err(no_such_method(method)).into(),
    }
}

/// The one argument of a method.
fn decode<T: CandidType + DeserializeOwned>(arg: &[u8]) -> Result<T, Reject> {
    candid::decode_one(arg).map_err(|error| invalid_payload(format!("Error decoding candid: {error:#}")))
}

/// A method's results.
fn reply(values: impl ArgumentEncoder) -> Answer {
    candid::encode_args(values).map_err(|error| invalid_payload(format!("Error encoding candid: {error:#}")))
}

/// Who changes a canister, for its history.
fn change_origin(call: &Call) -> ChangeOrigin {
    match call.origin {
        Origin::Canister { caller, .. } => ChangeOrigin::FromCanister(FromCanisterRecord {
            canister_id: caller,
            canister_version: call.caller_version,
        }),
        Origin::Ingress { sender, .. } => ChangeOrigin::FromUser(FromUserRecord { user_id: sender }),
        Origin::System => ChangeOrigin::FromUser(FromUserRecord {
            user_id: Principal::management_canister(),
        }),
    }
}
