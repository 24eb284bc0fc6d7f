//! Messages between canisters: what is kept, what is rolled back, in which order, and where the cycles go.
//!
//! Interface specification: *Abstract behaviour*. The canister is `common/relay.wat`; its log says what happened to it.
#![allow(clippy::unwrap_used, reason = "helpers of tests may fail as tests do")]

mod common;

use std::time::Duration;

use candid::Principal;
use common::{anonymous, builder, install, pocket_ic, wasm};
use pocket_ic::{ErrorCode, PocketIc, RejectCode, RejectResponse};

const RELAY: &str = include_str!("common/relay.wat");
const TRAP: u8 = 1;
const CLEANUP: u8 = 2;
const CLEANUP_TRAPS: u8 = 4;
const BOUNDED: u8 = 8;
const CYCLES: u8 = 16;
const REFUND: u8 = 32;

fn relay(pic: &PocketIc) -> Principal {
    install(pic, RELAY)
}

/// The argument of `call`.
fn call(callee: Principal, method: &str, flags: u8, arg: &[u8]) -> Vec<u8> {
    let callee = callee.as_slice();
    let length = |bytes: &[u8]| u8::try_from(bytes.len()).unwrap();
    let mut bytes = vec![length(callee)];
    bytes.extend_from_slice(callee);
    bytes.push(length(method.as_bytes()));
    bytes.extend_from_slice(method.as_bytes());
    bytes.push(flags);
    bytes.extend_from_slice(arg);
    bytes
}

/// The argument of `burst` and `hold`.
fn target(callee: Principal) -> Vec<u8> {
    let mut bytes = vec![u8::try_from(callee.as_slice().len()).unwrap()];
    bytes.extend_from_slice(callee.as_slice());
    bytes
}

fn update(pic: &PocketIc, canister: Principal, method: &str, arg: Vec<u8>) -> Result<Vec<u8>, RejectResponse> {
    pic.update_call(canister, anonymous(), method, arg)
}

fn log(pic: &PocketIc, canister: Principal) -> String {
    String::from_utf8(pic.query_call(canister, anonymous(), "log", vec![]).unwrap()).unwrap()
}

#[test]
fn should_keep_what_happened_before_the_await_when_the_callback_traps() {
    let pic = pocket_ic();
    let (a, b) = (relay(&pic), relay(&pic));
    let error = update(&pic, a, "call", call(b, "note", TRAP, b"n")).unwrap_err();
    assert_eq!(error.error_code, ErrorCode::CanisterCalledTrap);
    assert_eq!(error.reject_code, RejectCode::CanisterError);
    let start = format!("Error from Canister {a}: Canister called `ic0.trap` with message: 'callback'");
    assert!(error.reject_message.starts_with(&start), "{}", error.reject_message);
    // The caller's message before the await is kept, its callback is not; the callee's message is kept.
    assert_eq!(log(&pic, a), "c");
    assert_eq!(log(&pic, b), "n");
}

#[test]
fn should_run_the_cleanup_of_a_callback_that_traps() {
    let pic = pocket_ic();
    let (a, b) = (relay(&pic), relay(&pic));
    update(&pic, a, "call", call(b, "note", TRAP | CLEANUP, b"")).unwrap_err();
    assert_eq!(log(&pic, a), "cu");
    // Of a reject callback too.
    update(&pic, a, "call", call(b, "trap", TRAP | CLEANUP, b"")).unwrap_err();
    assert_eq!(log(&pic, a), "cucu");
    let error = update(&pic, a, "call", call(b, "note", TRAP | CLEANUP | CLEANUP_TRAPS, b"")).unwrap_err();
    assert_eq!(log(&pic, a), "cucuc");
    assert!(error.reject_message.contains("'callback'"), "{}", error.reject_message);
    assert!(
        error.reject_message.contains("call_on_cleanup also failed"),
        "{}",
        error.reject_message
    );
    // Without a trap there is no cleanup.
    update(&pic, a, "call", call(b, "note", CLEANUP, b"")).unwrap();
    assert_eq!(log(&pic, a), "cucuccr");
}

#[test]
fn should_let_a_canister_call_itself() {
    let pic = pocket_ic();
    let a = relay(&pic);
    assert_eq!(update(&pic, a, "call", call(a, "note", 0, b"n")).unwrap(), b"R");
    assert_eq!(log(&pic, a), "cnr");
}

#[test]
fn should_let_two_canisters_call_each_other() {
    let pic = pocket_ic();
    let (a, b) = (relay(&pic), relay(&pic));
    let back = call(a, "note", 0, b"n");
    assert_eq!(update(&pic, a, "call", call(b, "call", 0, &back)).unwrap(), b"RR");
    assert_eq!(log(&pic, a), "cnr");
    assert_eq!(log(&pic, b), "cr");
}

#[test]
fn should_deliver_messages_in_the_order_in_which_they_were_sent() {
    let pic = builder().with_application_subnet().with_application_subnet().build();
    let subnets = pic.topology().get_app_subnets();
    let a = pic.create_canister_on_subnet(None, None, subnets[0]);
    let near = pic.create_canister_on_subnet(None, None, subnets[0]);
    let far = pic.create_canister_on_subnet(None, None, subnets[1]);
    for canister in [a, near, far] {
        pic.add_cycles(canister, common::CYCLES);
        pic.install_canister(canister, wasm(RELAY), vec![], None);
    }
    update(&pic, a, "burst", target(near)).unwrap();
    assert_eq!(log(&pic, near), "12345");
    pic.reinstall_canister(a, wasm(RELAY), vec![], None).unwrap();
    update(&pic, a, "burst", target(far)).unwrap();
    assert_eq!(log(&pic, far), "12345");
}

/// Two canisters on different subnets, the first of which waits for the second.
fn waiting(flags: u8) -> (PocketIc, Principal, Principal, pocket_ic::common::rest::RawMessageId) {
    let pic = builder().with_application_subnet().with_application_subnet().build();
    let subnets = pic.topology().get_app_subnets();
    let canisters = [subnets[0], subnets[1], subnets[0]].map(|subnet| {
        let canister = pic.create_canister_on_subnet(None, None, subnet);
        pic.add_cycles(canister, common::CYCLES);
        pic.install_canister(canister, wasm(RELAY), vec![], None);
        canister
    });
    let [a, b, helper] = canisters;
    let argument = call(b, "hold", flags, &target(helper));
    let id = pic.submit_call(a, anonymous(), "call", argument).unwrap();
    for _ in 0..3 {
        pic.tick();
    }
    assert_eq!(log(&pic, a), "c");
    (pic, a, b, id)
}

#[test]
fn should_answer_an_open_call_context_after_an_upgrade() {
    let (pic, a, b, id) = waiting(0);
    pic.upgrade_canister(a, wasm(RELAY), vec![], None).unwrap();
    assert_eq!(log(&pic, a), "");
    update(&pic, b, "release", vec![]).unwrap();
    assert_eq!(pic.await_call(id).unwrap(), b"R");
    // The callback ran in the new module, on its fresh heap.
    assert_eq!(log(&pic, a), "r");
}

#[test]
fn should_time_out_a_bounded_wait_call() {
    let (pic, a, b, id) = waiting(BOUNDED);
    pic.advance_time(Duration::from_secs(3));
    let reply = pic.await_call(id).unwrap();
    assert_eq!(&reply[..2], b"X6", "{}", String::from_utf8_lossy(&reply));
    assert_eq!(log(&pic, a), "cx");
    // The late answer is dropped.
    update(&pic, b, "release", vec![]).unwrap();
    for _ in 0..5 {
        pic.tick();
    }
    assert_eq!(log(&pic, a), "cx");
}

fn amount(bytes: &[u8]) -> u128 {
    u128::from_le_bytes(bytes[..16].try_into().unwrap())
}

#[test]
fn should_move_cycles_that_are_accepted_and_give_back_the_others() {
    let pic = pocket_ic();
    let (a, b) = (relay(&pic), relay(&pic));
    let before = pic.cycle_balance(b);
    let reply = update(&pic, a, "call", call(b, "accept", CYCLES | REFUND, b"")).unwrap();
    assert_eq!(
        (reply[0], amount(&reply[1..17]), amount(&reply[17..])),
        (b'R', 500_000, 500_000)
    );
    // What executing costs is more than half a million, but far less than a call's reserve.
    assert!(pic.cycle_balance(b) < before + 500_000);
    assert!(pic.cycle_balance(b) > before - 1_000_000_000);
    for method in ["note", "refuse", "trap", "nothing"] {
        let reply = update(&pic, a, "call", call(b, method, CYCLES | REFUND, b"")).unwrap();
        assert_eq!(amount(&reply[1..17]), 1_000_000, "{method}");
    }
    // Forty billion instructions are paid for in advance and given back.
    assert!(pic.cycle_balance(a) > common::CYCLES - 10_000_000_000);
}

#[test]
fn should_tell_why_a_call_was_rejected() {
    let pic = pocket_ic();
    let (a, b) = (relay(&pic), relay(&pic));
    let missing = Principal::from_slice(&[0, 0, 0, 0, 0, 0, 0xff, 0xff, 1, 1]);
    for (callee, method, start) in [
        (b, "refuse", "X4refused"),
        (b, "trap", "X5"),
        (b, "silent", "X5"),
        (b, "nothing", "X5"),
        (missing, "note", "X3"),
    ] {
        let reply = update(&pic, a, "call", call(callee, method, 0, b"")).unwrap();
        let reply = String::from_utf8_lossy(&reply);
        assert!(reply.starts_with(start), "{method}: {reply}");
    }
}

#[test]
fn should_tell_a_user_why_a_message_failed() {
    let pic = pocket_ic();
    let a = relay(&pic);
    let error = update(&pic, a, "trap", vec![]).unwrap_err();
    assert_eq!(
        (error.error_code, error.reject_code),
        (ErrorCode::CanisterTrapped, RejectCode::CanisterError)
    );
    assert!(
        error
            .reject_message
            .starts_with(&format!("Error from Canister {a}: Canister trapped: unreachable"))
    );
    let error = update(&pic, a, "refuse", vec![]).unwrap_err();
    assert_eq!(error.error_code, ErrorCode::CanisterRejectedMessage);
    assert_eq!(
        (error.reject_code, &error.reject_message[..]),
        (RejectCode::CanisterReject, "refused")
    );
    let error = update(&pic, a, "silent", vec![]).unwrap_err();
    assert_eq!(error.error_code, ErrorCode::CanisterDidNotReply);
    let error = update(&pic, a, "nothing", vec![]).unwrap_err();
    assert_eq!(error.error_code, ErrorCode::CanisterMethodNotFound);
    assert_eq!(log(&pic, a), "");
}

#[test]
fn should_forget_what_a_query_writes() {
    let pic = pocket_ic();
    let a = relay(&pic);
    update(&pic, a, "note", b"n".to_vec()).unwrap();
    for _ in 0..2 {
        assert_eq!(pic.query_call(a, anonymous(), "peek", vec![]).unwrap(), b"np");
        // A query called as an update is forgotten as well.
        assert_eq!(update(&pic, a, "peek", vec![]).unwrap(), b"np");
    }
    assert_eq!(log(&pic, a), "n");
}

#[test]
fn should_stop_a_query_at_its_instruction_limit() {
    let pic = pocket_ic();
    let a = relay(&pic);
    let error = pic.query_call(a, anonymous(), "spin", vec![]).unwrap_err();
    assert_eq!(error.error_code, ErrorCode::CanisterInstructionLimitExceeded);
    assert!(
        error.reject_message.contains("limit of 5000000000 instructions"),
        "{}",
        error.reject_message
    );
}
