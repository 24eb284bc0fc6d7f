//! `msg_*`, `accept_message`, `debug_print`, `trap`.

use local_network::execution::{Entry, Response};
use pocket_ic::ErrorCode;

use crate::harness::{Canister, TIME, caller, module, number, reject_entry, reply, reply_entry, trap};

#[test]
fn should_give_argument_and_caller() {
    let mut canister = Canister::new(&module(
        r#"(import "ic0" "msg_caller_size" (func $csize (result i32)))
        (import "ic0" "msg_caller_copy" (func $ccopy (param i32 i32 i32)))"#,
        r#"(func (export "canister_update echo")
          (call $copy (i32.const 0) (i32.const 1) (i32.sub (call $size) (i32.const 1)))
          (call $append (i32.const 0) (i32.sub (call $size) (i32.const 1)))
          (call $ccopy (i32.const 100) (i32.const 0) (call $csize))
          (call $answer_bytes (i32.const 100) (call $csize)))
        (func (export "canister_update beyond")
          (call $copy (i32.const 0) (i32.const 1) (call $size)))
        (func (export "canister_update outside")
          (call $copy (i32.const 131070) (i32.const 0) (call $size)))"#,
    ));
    assert_eq!(
        reply(&canister.update("echo", b"xhello")),
        [b"hello", caller().as_slice()].concat()
    );
    let beyond = trap(&canister.update("beyond", b"abc"));
    assert_eq!(beyond.code, ErrorCode::CanisterContractViolation);
    assert_eq!(
        trap(&canister.update("outside", b"abc")).code,
        ErrorCode::CanisterTrapped
    );
}

#[test]
fn should_answer_once() {
    let mut canister = Canister::new(&module(
        r#"(import "ic0" "msg_reject" (func $reject (param i32 i32)))"#,
        r#"(data (i32.const 0) "no\ff")
        (func (export "canister_update twice") (call $reply) (call $reply))
        (func (export "canister_update both") (call $reply) (call $reject (i32.const 0) (i32.const 2)))
        (func (export "canister_update reject") (call $reject (i32.const 0) (i32.const 2)))
        (func (export "canister_update bad") (call $reject (i32.const 0) (i32.const 3)))
        (func (export "canister_update never"))"#,
    ));
    for method in ["twice", "both", "bad"] {
        assert_eq!(
            trap(&canister.update(method, &[])).code,
            ErrorCode::CanisterContractViolation
        );
    }
    assert_eq!(
        canister.update("reject", &[]).response,
        Some(Response::Reject("no".into()))
    );
    assert_eq!(canister.update("never", &[]).response, None);
    canister.input.already_responded = true;
    assert_eq!(
        trap(&canister.update("reject", &[])).code,
        ErrorCode::CanisterContractViolation
    );
}

#[test]
fn should_tell_callbacks_what_the_callee_answered() {
    let mut canister = Canister::new(&module(
        r#"(import "ic0" "msg_reject_code" (func $code (result i32)))
        (import "ic0" "msg_reject_msg_size" (func $msize (result i32)))
        (import "ic0" "msg_reject_msg_copy" (func $mcopy (param i32 i32 i32)))
        (import "ic0" "msg_cycles_refunded128" (func $refunded (param i32)))
        (import "ic0" "debug_print" (func $print (param i32 i32)))"#,
        r"(table funcref (elem $on_reply $on_reject $on_cleanup $wrong))
        (func $on_reply (param i32)
          (i32.store (i32.const 0) (local.get 0))
          (i32.store (i32.const 4) (call $code))
          (call $refunded (i32.const 8))
          (call $copy (i32.const 24) (i32.const 0) (call $size))
          (call $answer_bytes (i32.const 0) (i32.add (i32.const 24) (call $size))))
        (func $on_reject (param i32)
          (i32.store (i32.const 0) (local.get 0))
          (i32.store (i32.const 4) (call $code))
          (call $mcopy (i32.const 8) (i32.const 0) (call $msize))
          (call $answer_bytes (i32.const 0) (i32.add (i32.const 8) (call $msize))))
        (func $on_cleanup (param i32)
          (i32.store (i32.const 0) (local.get 0))
          (i32.store (i32.const 4) (call $code))
          (call $print (i32.const 0) (i32.const 8)))
        (func $wrong)",
    ));
    let words = |words: [u32; 2]| words.iter().flat_map(|w| w.to_le_bytes()).collect::<Vec<_>>();
    let refunded = 3 << 70 | 5;
    let replied = reply(&canister.enter(reply_entry(0, 77, b"done", refunded)));
    assert_eq!(
        replied,
        [words([77, 0]), refunded.to_le_bytes().to_vec(), b"done".to_vec()].concat()
    );
    let rejected = reply(&canister.enter(reject_entry(1, 78, 4, "not today")));
    assert_eq!(rejected, [words([78, 4]), b"not today".to_vec()].concat());
    let callback = local_network::execution::Closure { fun: 2, env: 79 };
    let cleaned = canister.enter(Entry::Cleanup {
        callback,
        code: 4,
        composite: false,
    });
    assert_eq!(cleaned.result, Ok(()));
    assert_eq!(cleaned.logs[0].content, words([79, 4]));
    assert_eq!(
        trap(&canister.enter(reply_entry(3, 0, b"", 0))).code,
        ErrorCode::CanisterContractViolation
    );
    assert_eq!(
        trap(&canister.enter(reply_entry(9, 0, b"", 0))).code,
        ErrorCode::CanisterFunctionNotFound
    );
}

#[test]
fn should_inspect_messages() {
    let mut canister = Canister::new(&module(
        r#"(import "ic0" "accept_message" (func $accept))
        (import "ic0" "msg_method_name_size" (func $nsize (result i32)))
        (import "ic0" "msg_method_name_copy" (func $ncopy (param i32 i32 i32)))"#,
        r#"(func (export "canister_inspect_message")
          (i32.store (i32.const 64) (i32.const 1))
          (call $ncopy (i32.const 0) (i32.const 0) (call $nsize))
          (if (i32.eq (i32.load8_u (i32.const 0)) (i32.const 97)) (then (call $accept)))
          (if (call $size) (then (call $accept))))
        (func (export "canister_query read") (call $answer (i64.load (i32.const 64))))"#,
    ));
    let inspect = |canister: &mut Canister, method: &str, arg: &[u8]| {
        canister.enter(Entry::InspectMessage {
            method: method.into(),
            arg: arg.to_vec(),
        })
    };
    assert!(inspect(&mut canister, "allowed", &[]).accepted);
    assert!(!inspect(&mut canister, "forbidden", &[]).accepted);
    assert_eq!(
        trap(&inspect(&mut canister, "allowed", &[1])).code,
        ErrorCode::CanisterContractViolation
    );
    assert_eq!(number(&canister.query("read", &[])), 0);
}

#[test]
fn should_print_and_trap() {
    let mut canister = Canister::new(&module(
        r#"(import "ic0" "debug_print" (func $print (param i32 i32)))
        (import "ic0" "msg_deadline" (func $deadline (result i64)))"#,
        r#"(data (i32.const 0) "hello world")
        (func (export "canister_update print") (call $print (i32.const 0) (i32.const 5)) (call $answer (call $deadline)))
        (func (export "canister_update trap") (call $trap (i32.const 6) (i32.const 5)))"#,
    ));
    canister.input.deadline = 12;
    let output = canister.update("print", &[]);
    assert_eq!(number(&output), 12);
    assert_eq!(output.logs.len(), 1);
    assert_eq!(
        (output.logs[0].time, &output.logs[0].content[..]),
        (TIME, &b"hello"[..])
    );
    let message = trap(&canister.update("trap", &[])).message;
    // The module names some of its functions, so it gets a backtrace.
    let expected = "Canister called `ic0.trap` with message: 'world'\nCanister Backtrace:\nunknown function at index";
    assert!(message.starts_with(expected), "{message}");
    let help = ".\nConsider gracefully handling failures from this canister or altering the canister to handle \
                exceptions. See documentation: \
                https://internetcomputer.org/docs/current/references/execution-errors#trapped-explicitly";
    assert!(message.ends_with(help), "{message}");
}

#[test]
fn should_name_methods_that_are_missing() {
    let mut canister = Canister::new(&module("", ""));
    let missing = trap(&canister.update("nothing", &[]));
    assert_eq!(missing.code, ErrorCode::CanisterMethodNotFound);
    assert!(missing.message.starts_with("Canister has no update method 'nothing'."));
    assert!(
        trap(&canister.query("nothing", &[]))
            .message
            .starts_with("Canister has no query method 'nothing'.")
    );
    assert_eq!(canister.enter(Entry::Heartbeat).result, Ok(()));
}

#[test]
fn should_refuse_functions_in_the_wrong_mode() {
    let mut canister = Canister::new(&module(
        r#"(import "ic0" "certified_data_set" (func $certify (param i32 i32)))
        (import "ic0" "call_new" (func $new (param i32 i32 i32 i32 i32 i32 i32 i32)))
        (import "ic0" "global_timer_set" (func $timer (param i64) (result i64)))
        (import "ic0" "accept_message" (func $accept))
        (import "ic0" "msg_reject_code" (func $code (result i32)))
        (import "ic0" "data_certificate_size" (func $cert (result i32)))"#,
        r#"(func (export "canister_query certify") (call $certify (i32.const 0) (i32.const 1)))
        (func (export "canister_query call")
          (call $new (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)))
        (func (export "canister_query timer") (drop (call $timer (i64.const 1))))
        (func (export "canister_update accept") (call $accept))
        (func (export "canister_update code") (drop (call $code)))
        (func (export "canister_update certificate") (drop (call $cert)))
        (func (export "canister_heartbeat") (call $reply))"#,
    ));
    for method in ["certify", "call", "timer"] {
        let failed = trap(&canister.query(method, &[]));
        assert_eq!(failed.code, ErrorCode::CanisterContractViolation);
        assert!(
            failed
                .message
                .contains("cannot be executed in non replicated query mode"),
            "{}",
            failed.message
        );
    }
    for method in ["accept", "code", "certificate"] {
        let failed = trap(&canister.update(method, &[]));
        assert!(
            failed.message.contains("cannot be executed in update mode"),
            "{}",
            failed.message
        );
    }
    assert!(
        trap(&canister.enter(Entry::Heartbeat))
            .message
            .contains("\"ic0_msg_reply\"")
    );
}
