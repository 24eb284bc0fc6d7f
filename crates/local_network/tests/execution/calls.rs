//! `call_*`.

use std::collections::HashMap;
use std::sync::Arc;

use candid::Principal;
use local_network::execution::{Closure, Entry, fees};
use pocket_ic::ErrorCode;

use crate::harness::{BALANCE, Canister, module, number, trap};

/// Callee and method lie at 0 and 16. `$call` performs one with the argument, and stores the result at 64.
fn caller_module() -> String {
    module(
        r#"(import "ic0" "call_new" (func $new (param i32 i32 i32 i32 i32 i32 i32 i32)))
        (import "ic0" "call_on_cleanup" (func $cleanup (param i32 i32)))
        (import "ic0" "call_data_append" (func $data (param i32 i32)))
        (import "ic0" "call_with_best_effort_response" (func $timeout (param i32)))
        (import "ic0" "call_cycles_add" (func $add64 (param i64)))
        (import "ic0" "call_cycles_add128" (func $add (param i64 i64)))
        (import "ic0" "call_perform" (func $perform (result i32)))"#,
        r#"(data (i32.const 0) "\00\00\00\00\00\00\00\06\01\01")
        (data (i32.const 16) "method")
        (func $begin
          (call $new (i32.const 0) (i32.const 10) (i32.const 16) (i32.const 6) (i32.const 1) (i32.const 11) (i32.const 2) (i32.const 12)))
        (func $send (param i64)
          (call $begin)
          (call $copy (i32.const 100) (i32.const 0) (call $size))
          (call $data (i32.const 100) (call $size))
          (call $data (i32.const 16) (i32.const 1))
          (call $add (i64.const 0) (local.get 0))
          (call $add64 (i64.const 1)))
        (func (export "canister_update plain") (call $send (i64.const 99)) (call $answer (i64.extend_i32_u (call $perform))))
        (func (export "canister_heartbeat") (call $begin) (drop (call $perform)))
        (func (export "canister_update bounded")
          (call $begin) (call $cleanup (i32.const 3) (i32.const 13)) (call $timeout (i32.const 1000))
          (call $answer (i64.extend_i32_u (call $perform))))
        (func (export "canister_update rich")
          (call $begin) (call $add (i64.const 1) (i64.const 0)) (drop (call $perform)))
        (func (export "canister_update twice_timeout")
          (call $begin) (call $timeout (i32.const 1)) (call $timeout (i32.const 1)))
        (func (export "canister_update twice_cleanup")
          (call $begin) (call $cleanup (i32.const 1) (i32.const 1)) (call $cleanup (i32.const 1) (i32.const 1)))
        (func (export "canister_update nothing") (drop (call $perform)))
        (func (export "canister_update bad_principal")
          (call $new (i32.const 0) (i32.const 30) (i32.const 16) (i32.const 6) (i32.const 1) (i32.const 11) (i32.const 2) (i32.const 12)))
        (func (export "canister_update many") (local $i i32)
          (loop $l
            (call $begin)
            (if (i32.eqz (call $perform)) (then
              (local.set $i (i32.add (local.get $i) (i32.const 1)))
              (br $l))))
          (call $answer (i64.extend_i32_u (local.get $i))))
        (func (export "canister_composite_query composite") (call $begin) (call $answer (i64.extend_i32_u (call $perform))))"#,
    )
}

fn callee() -> Principal {
    Principal::from_slice(&[0, 0, 0, 0, 0, 0, 0, 6, 1, 1])
}

#[test]
fn should_describe_a_call() {
    let mut canister = Canister::new(&caller_module());
    let output = canister.update("plain", b"argument");
    assert_eq!(number(&output), 0);
    let [call] = &output.calls[..] else {
        panic!("one call expected")
    };
    assert_eq!(call.callee, callee());
    assert_eq!(call.method, "method");
    assert_eq!(call.arg, b"argumentm");
    assert_eq!(call.cycles, 100);
    assert_eq!(call.timeout_seconds, None);
    assert_eq!(call.on_reply, Closure { fun: 1, env: 11 });
    assert_eq!(call.on_reject, Closure { fun: 2, env: 12 });
    assert_eq!(call.on_cleanup, None);
    assert_eq!(call.prepaid, fees::call_prepayment(9 + 6, 13));
    assert_eq!(output.balance, BALANCE - 100 - call.prepaid);
    assert_eq!(canister.enter(Entry::Heartbeat).calls.len(), 1);
}

#[test]
fn should_describe_a_bounded_wait_call() {
    let mut canister = Canister::new(&caller_module());
    let output = canister.update("bounded", b"");
    assert_eq!(output.calls[0].timeout_seconds, Some(300));
    assert_eq!(output.calls[0].on_cleanup, Some(Closure { fun: 3, env: 13 }));
}

#[test]
fn should_refuse_misuse() {
    let mut canister = Canister::new(&caller_module());
    for method in ["rich", "twice_timeout", "twice_cleanup", "nothing", "bad_principal"] {
        let output = canister.update(method, b"");
        assert_eq!(trap(&output).code, ErrorCode::CanisterContractViolation, "{method}");
        assert_eq!(output.balance, BALANCE);
    }
    assert!(trap(&canister.update("rich", b"")).message.contains("is out of cycles"));
}

#[test]
fn should_not_perform_what_cannot_be_paid_or_queued() {
    let mut canister = Canister::new(&caller_module());
    let fee = fees::call_prepayment(1 + 6, 13);
    canister.input.balance = fee + 1_000_000 + 100;
    assert_eq!(number(&canister.update("plain", b"")), 0);
    canister.input.balance -= 1;
    let output = canister.update("plain", b"");
    assert_eq!(number(&output), 2);
    assert_eq!(output.balance, canister.input.balance);
    assert_eq!(output.calls, []);
    canister.set(|env| env.charges = false);
    let output = canister.update("plain", b"");
    assert_eq!((number(&output), output.calls[0].prepaid), (0, 0));

    let mut canister = Canister::new(&caller_module());
    canister.input.balance *= 10;
    assert_eq!(number(&canister.update("many", b"")), 500);
    canister.input.queue_room = Some(Arc::new(HashMap::from([(callee(), 3)])));
    assert_eq!(number(&canister.update("many", b"")), 3);
}

#[test]
fn should_let_composite_queries_call_for_free() {
    let mut canister = Canister::new(&caller_module());
    canister.input.balance = 0;
    canister.input.replicated = false;
    let output = canister.enter(Entry::CompositeQuery {
        method: "composite".into(),
        arg: vec![],
    });
    assert_eq!((number(&output), output.calls.len(), output.balance), (0, 1, 0));
}
