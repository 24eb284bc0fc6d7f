//! What is looked at before an ingress message is taken at all.
//!
//! A refusal here costs the canister nothing that the sender has not paid for; what is refused could not succeed. Every endpoint checks again: calls
//! of canisters do not come by here.

use candid::{CandidType, Principal};
use ddsx_runtime::inspect::Inspected;
use ddsx_types::Hash;
use ddsx_types::federated_aggregator::{File, PIECE_BYTES, Stage, TaskId};
use serde::Deserialize;
use serde_bytes::Bytes;

use crate::storage::Storage;

/// Bytes of arguments that hold no list and no file.
pub const SMALL: usize = 4_096;
/// Bytes of a task's arguments: a model of 256 named layers, 1,000 principals, texts.
pub const TASK: usize = 192 << 10;
/// Bytes of a piece and what is said with it.
#[allow(clippy::cast_possible_truncation, reason = "260 pages")]
pub const PIECE: usize = PIECE_BYTES as usize + SMALL;
/// What decoding one argument may cost, in candid's units: bytes read, and more for what is nested.
const DECODING_QUOTA: usize = 8_000_000;

/// What a method takes.
enum Method {
    /// Little, from anybody who is somebody: it is told what is wrong by the method itself.
    Change,
    CreateTask,
    PutFile,
    PutUpdate,
    Governed,
    /// A query that may be asked as an update too.
    CheapQuery,
    /// A query that may not, or nothing that is known.
    Refused,
}

fn method(name: &str) -> Method {
    match name {
        "create_task" | "create_paid_task" => Method::CreateTask,
        "put_file" => Method::PutFile,
        "put_update" => Method::PutUpdate,
        "start_task"
        | "stop_task"
        | "free_storage"
        | "pay_storage_with_cycles"
        | "pay_storage"
        | "fund"
        | "join"
        | "leave"
        | "begin_update"
        | "finish_update"
        | "exclude_client"
        | "top_up"
        | "withdraw"
        | "keep_task"
        | "claim" => Method::Change,
        "set_paused"
        | "set_limits"
        | "set_storage_fee"
        | "set_compute_fee"
        | "set_registries"
        | "set_draft_deposit"
        | "set_banned"
        | "list_asset"
        | "delist_asset"
        | "set_treasury"
        | "set_governance"
        | "settle_quarantined"
        | "settle_quarantined_batch"
        | "end_task"
        | "free_task" => Method::Governed,
        "task"
        | "tasks"
        | "asset_audit"
        | "balance"
        | "participant"
        | "round"
        | "upload_status"
        | "parameters"
        | "icrc10_supported_standards" => Method::CheapQuery,
        name if name.starts_with("validate_") => Method::CheapQuery,
        _ => Method::Refused,
    }
}

/// What is read of a piece of a file; its bytes stay where they are.
#[derive(CandidType, Deserialize)]
struct FileHead<'a> {
    task: TaskId,
    file: File,
    offset: u64,
    #[serde(borrow)]
    bytes: &'a Bytes,
}

/// What is read of a piece of an update.
#[derive(CandidType, Deserialize)]
struct UpdateHead<'a> {
    task: TaskId,
    round: u32,
    offset: u64,
    update: Option<Hash>,
    #[serde(borrow)]
    bytes: &'a Bytes,
}

/// Reads an argument within a quota of work.
fn decode<'a, T: CandidType + Deserialize<'a>>(argument: &'a [u8]) -> Option<T> {
    let mut config = candid::DecoderConfig::new();
    config.set_decoding_quota(DECODING_QUOTA).set_skipping_quota(10_000);
    candid::utils::decode_one_with_config(argument, &config).ok()
}

/// Whether a message of `caller` to `name` with this argument could succeed, as far as can be told cheaply. What is small is taken from
/// anybody with a name, since the method says better what is wrong; what is large only from whom it is wanted.
pub fn may_succeed(storage: &Storage, caller: Principal, name: &str, argument: &[u8]) -> bool {
    let method = method(name);
    let most = match method {
        Method::CreateTask => TASK,
        Method::PutFile | Method::PutUpdate => PIECE,
        _ => SMALL,
    };
    let fits = argument.len() <= most;
    match method {
        Method::CheapQuery => fits,
        Method::Refused => false,
        Method::Governed => fits && caller == storage.settings().governance,
        _ if !fits || caller == Principal::anonymous() => false,
        _ if argument.len() <= SMALL => true,
        _ if storage.settings().paused || storage.is_banned(caller) => false,
        Method::PutFile => decode::<FileHead<'_>>(argument).is_some_and(|head| is_next_of_file(storage, caller, &head)),
        Method::PutUpdate => {
            decode::<UpdateHead<'_>>(argument).is_some_and(|head| is_wanted_of_update(storage, caller, &head))
        }
        Method::CreateTask | Method::Change => true,
    }
}

/// Why a message is turned away, for its sender to read; none if it could succeed.
pub fn refusal(storage: &Storage, message: &Inspected, argument: &[u8]) -> Option<String> {
    if may_succeed(storage, message.caller, &message.method, argument) {
        return None;
    }
    let method = &message.method;
    Some(match self::method(method) {
        Method::Refused => format!("{method} is no update, or is a query: call it as one"),
        Method::Governed => "only governance may do this".to_owned(),
        _ if message.caller == Principal::anonymous() => {
            "sign in first: the anonymous principal changes nothing".to_owned()
        }
        Method::PutFile | Method::PutUpdate => format!("{method}: this piece is not wanted of you now"),
        _ => format!("{method}: the argument is larger than it can be, or nothing is taken from you now"),
    })
}

/// Whether it is the next piece of a paid draft's file.
fn is_next_of_file(storage: &Storage, caller: Principal, head: &FileHead<'_>) -> bool {
    let record = storage.task(head.task);
    let Some(record) =
        record.filter(|record| record.owner == caller && record.stage == Stage::Draft && record.storage_paid)
    else {
        return false;
    };
    let file = match head.file {
        File::Weights => record.weights.as_ref(),
        File::Evaluation => Some(&record.evaluation),
    };
    let length = head.bytes.len() as u64;
    file.is_some_and(|file| !file.is_given_up() && file.content.check(head.offset, length).is_ok())
}

/// Whether it is the next piece of an upload that is not finished. A client whose upload is over, or has come further, is told so by the method, once
/// a round.
fn is_wanted_of_update(storage: &Storage, caller: Principal, head: &UpdateHead<'_>) -> bool {
    let client = storage.client(head.task, &caller);
    let Some(client) =
        client.filter(|client| client.active && client.attempts_round == head.round && client.attempts > 0)
    else {
        return false;
    };
    let is_next = storage.update(head.task, head.round, &caller).is_some_and(|update| {
        update.place.is_none()
            && head.update.is_none_or(|hash| hash == update.hash)
            && update.content.check(head.offset, head.bytes.len() as u64).is_ok()
    });
    !head.bytes.is_empty() && (is_next || client.told != head.round)
}
