//! What the network's tests share.

use candid::{CandidType, Principal};
use pocket_ic::common::rest::{RawEffectivePrincipal, RawMessageId};
use pocket_ic::{ErrorCode, PocketIc, RejectResponse};

use crate::common::{CYCLES, anonymous, wasm};
use crate::program::Program;

/// The universal test canister.
pub fn universal() -> Vec<u8> {
    wasm(include_str!("universal.wat"))
}

/// A universal canister with 100 T cycles.
pub fn canister(pic: &PocketIc) -> Principal {
    let id = pic.create_canister();
    pic.add_cycles(id, CYCLES);
    pic.install_canister(id, universal(), Vec::new(), None);
    id
}

/// Runs a program in an update call.
pub fn try_run(pic: &PocketIc, canister: Principal, program: Program) -> Result<Vec<u8>, RejectResponse> {
    pic.update_call(canister, anonymous(), "run", program.bytes())
}

/// The reply of a program, as text.
pub fn run(pic: &PocketIc, canister: Principal, program: Program) -> String {
    text(&try_run(pic, canister, program).expect("the program replies"))
}

/// The reply of a program, as a little-endian number.
pub fn run_number(pic: &PocketIc, canister: Principal, program: Program) -> u128 {
    number(&try_run(pic, canister, program).expect("the program replies"))
}

/// Submits a program without waiting for it.
pub fn submit(pic: &PocketIc, canister: Principal, program: Program) -> RawMessageId {
    pic.submit_call(canister, anonymous(), "run", program.bytes())
        .expect("the message is accepted")
}

/// The error code of a failed program.
pub fn failure(pic: &PocketIc, canister: Principal, program: Program) -> (ErrorCode, String) {
    let reject = try_run(pic, canister, program).expect_err("the program fails");
    assert_eq!(reject.reject_code as u32, reject.error_code as u32 / 100);
    (reject.error_code, reject.reject_message)
}

/// A query's reply, as text.
pub fn ask(pic: &PocketIc, canister: Principal, program: Program) -> String {
    let reply = pic.query_call(canister, anonymous(), "ask", program.bytes());
    text(&reply.expect("the query replies"))
}

/// Bytes as text.
pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Little-endian bytes as a number.
pub fn number(bytes: &[u8]) -> u128 {
    bytes
        .iter()
        .rev()
        .fold(0, |number, byte| number << 8 | u128::from(*byte))
}

/// What a program's `show_reject` showed: code and text.
pub fn shown_reject(bytes: &[u8]) -> (u32, String) {
    let (code, message) = bytes.split_at(4);
    (u32::try_from(number(code)).expect("four bytes"), text(message))
}

/// Calls a method of the management canister about a canister.
pub fn manage(
    pic: &PocketIc,
    sender: Principal,
    canister: Principal,
    method: &str,
    arg: impl CandidType,
) -> Result<Vec<u8>, RejectResponse> {
    let effective = RawEffectivePrincipal::CanisterId(canister.as_slice().to_vec());
    let arg = candid::encode_one(arg).expect("the argument can be encoded");
    let aaaaa = Principal::management_canister();
    let message = pic.submit_call_with_effective_principal(aaaaa, effective, sender, method, arg)?;
    pic.await_call(message)
}
