//! Limits that a developer meets.

use pocket_ic::ErrorCode;

use crate::harness::{Canister, module, number, reply, trap};

fn endless() -> String {
    module(
        "",
        r#"(func (export "canister_update spin")
          (i32.store (i32.const 0) (i32.const 1))
          (loop $l (br $l)))
        (func (export "canister_update fill") (memory.fill (i32.const 0) (i32.const 1) (i32.const 100000)) (call $reply))
        (func (export "canister_query read") (call $answer (i64.load (i32.const 0))))"#,
    )
}

#[test]
fn should_stop_a_message_at_its_instruction_limit() {
    let mut canister = Canister::new(&endless());
    canister.input.instruction_limit = 10_000_000;
    let output = canister.update("spin", &[]);
    assert_eq!(trap(&output).code, ErrorCode::CanisterInstructionLimitExceeded);
    assert!(
        trap(&output)
            .message
            .starts_with("Canister exceeded the limit of 10000000 instructions for single message execution."),
    );
    assert_eq!(output.instructions, 10_000_000);
    assert_eq!(number(&canister.query("read", &[])), 0);
}

#[test]
fn should_stop_bulk_operations_at_the_instruction_limit() {
    let mut canister = Canister::new(&endless());
    canister.input.instruction_limit = 90_000;
    assert_eq!(
        trap(&canister.update("fill", &[])).code,
        ErrorCode::CanisterInstructionLimitExceeded
    );
    canister.input.instruction_limit = 200_000;
    assert_eq!(canister.update("fill", &[]).result, Ok(()));
}

fn growing() -> String {
    module(
        "",
        r#"(func $grow (drop (memory.grow (i32.const 8))) (call $answer (i64.extend_i32_u (memory.size))))
        (func (export "canister_update grow") (call $grow))
        (func (export "canister_query look") (call $grow))"#,
    )
}

#[test]
fn should_enforce_the_wasm_memory_limit_in_updates_only() {
    let mut canister = Canister::new(&growing());
    canister.set(|env| env.wasm_memory_limit = 12 * 65_536);
    assert_eq!(number(&canister.update("grow", &[])), 10);
    let output = canister.update("grow", &[]);
    assert_eq!(trap(&output).code, ErrorCode::CanisterWasmMemoryLimitExceeded);
    assert!(
        trap(&output).message.contains("limit of 786432 bytes"),
        "{}",
        trap(&output).message
    );
    assert_eq!(canister.memory.heap_bytes(), 10 * 65_536);
    assert_eq!(number(&canister.query("look", &[])), 18);
}

#[test]
fn should_refuse_to_grow_the_heap_beyond_4_gib() {
    let mut canister = Canister::new(&module(
        "",
        r#"(func (export "canister_query f")
          (drop (memory.grow (i32.const 65530)))
          (i32.store (i32.const -262208) (i32.const 77))
          (call $answer (i64.extend_i32_s (memory.grow (i32.const 5)))))
        (func (export "canister_update g")
          (i64.store (i32.const 0) (i64.extend_i32_s (memory.grow (i32.const 65530))))
          (call $answer (i64.load (i32.const 0))))"#,
    ));
    assert_eq!(number(&canister.query("f", &[])).cast_signed(), -1);
    assert_eq!(
        trap(&canister.update("g", &[])).code,
        ErrorCode::CanisterWasmMemoryLimitExceeded
    );
    canister.set(|env| env.wasm_memory_limit = 4 << 30);
    assert_eq!(number(&canister.update("g", &[])), 2);
    assert_eq!(canister.memory.heap_bytes(), 65_532 * 65_536);
}

#[test]
fn should_limit_replies() {
    let wat = module(
        "",
        r#"(func $send (param i32)
          (drop (memory.grow (i32.const 64)))
          (call $append (i32.const 0) (local.get 0))
          (call $append (i32.const 0) (i32.const 1))
          (call $reply))
        (func (export "canister_update fits") (call $send (i32.const 2097151)))
        (func (export "canister_update exceeds") (call $send (i32.const 2097152)))
        (func (export "canister_query fits_query") (call $send (i32.const 3145727)))
        (func (export "canister_query exceeds_query") (call $send (i32.const 3145728)))"#,
    );
    let mut canister = Canister::new(&wat);
    assert_eq!(reply(&canister.update("fits", &[])).len(), 2 << 20);
    assert_eq!(
        trap(&canister.update("exceeds", &[])).code,
        ErrorCode::CanisterContractViolation
    );
    assert_eq!(reply(&canister.query("fits_query", &[])).len(), 3 << 20);
    assert_eq!(
        trap(&canister.query("exceeds_query", &[])).code,
        ErrorCode::CanisterContractViolation
    );
}

#[test]
fn should_limit_the_stable_memory_that_a_message_accesses() {
    let wat = module(
        r#"(import "ic0" "stable64_grow" (func $sgrow (param i64) (result i64)))
        (import "ic0" "stable64_read" (func $sread (param i64 i64 i64)))"#,
        r#"(func (export "canister_query scan") (local $i i64)
          (drop (call $sgrow (i64.const 20000)))
          (loop $l
            (call $sread (i64.const 0) (local.get $i) (i64.const 65536))
            (local.set $i (i64.add (local.get $i) (i64.const 65536)))
            (br_if $l (i64.lt_u (local.get $i) (i64.const 1073741824))))
          (call $sread (i64.const 0) (i64.const 5) (i64.const 65530))
          (if (call $size) (then (call $sread (i64.const 0) (local.get $i) (i64.const 1))))
          (call $reply))"#,
    );
    let canister = Canister::new(&wat);
    assert_eq!(reply(&canister.query("scan", &[])), b"");
    assert_eq!(
        trap(&canister.query("scan", &[1])).code,
        ErrorCode::CanisterMemoryAccessLimitExceeded
    );
}

#[test]
fn should_refuse_one_operation_that_is_larger_than_a_slice() {
    let wat = module(
        r#"(import "ic0" "stable64_grow" (func $sgrow (param i64) (result i64)))
        (import "ic0" "stable64_write" (func $swrite (param i64 i64 i64)))"#,
        r#"(func (export "canister_update f")
          (drop (memory.grow (i32.const 40000)))
          (drop (call $sgrow (i64.const 40000)))
          (call $swrite (i64.const 0) (i64.const 0) (i64.const 2000000001))
          (call $reply))"#,
    );
    let output = Canister::new(&wat).update("f", &[]);
    assert_eq!(trap(&output).code, ErrorCode::CanisterInstructionLimitExceeded);
    assert!(
        trap(&output).message.contains("large memory operation"),
        "{}",
        trap(&output).message
    );
}
