//! Installing and upgrading as one transaction.

use local_network::execution::{InstallMode, compile, install};
use pocket_ic::ErrorCode;

use crate::harness::{Canister, module, number, reply, template, trap, wasm};

/// A canister whose heap says at 0 how often it started, at 8 what was initialised.
fn version(init: &str) -> String {
    module(
        r#"(import "ic0" "stable64_grow" (func $sgrow (param i64) (result i64)))
        (import "ic0" "stable64_size" (func $ssize (result i64)))
        (import "ic0" "stable64_write" (func $swrite (param i64 i64 i64)))
        (import "ic0" "stable64_read" (func $sread (param i64 i64 i64)))
        (import "ic0" "certified_data_set" (func $certify (param i32 i32)))
        (import "ic0" "global_timer_set" (func $timer (param i64) (result i64)))
        (import "ic0" "debug_print" (func $print (param i32 i32)))"#,
        &format!(
            r#"(global $g (mut i32) (i32.const 1))
            (start $start)
            (func $start (i64.store (i32.const 0) (i64.add (i64.load (i32.const 0)) (i64.const 1))))
            (data (i32.const 16) "fresh")
            {init}
            (func (export "canister_update set")
              (i32.store (i32.const 16) (i32.const 0x65736163))
              (global.set $g (i32.const 5))
              (call $reply))
            (func (export "canister_query get")
              (i32.store (i32.const 24) (global.get $g))
              (i64.store (i32.const 28) (call $ssize))
              (if (i64.ne (call $ssize) (i64.const 0)) (then (call $sread (i64.const 36) (i64.const 0) (i64.const 5))))
              (call $answer_bytes (i32.const 0) (i32.const 41)))"#
        ),
    )
}

const INIT: &str = r#"
    (func (export "canister_init") (i64.store (i32.const 8) (i64.extend_i32_u (call $size))) (call $print (i32.const 16) (i32.const 5)))
    (func (export "canister_pre_upgrade")
      (drop (call $sgrow (i64.const 1)))
      (call $swrite (i64.const 0) (i64.const 16) (i64.const 5))
      (call $certify (i32.const 16) (i32.const 2))
      (drop (call $timer (i64.const 3))))
    (func (export "canister_post_upgrade") (drop (call $timer (i64.const 4))))"#;

fn state(canister: &Canister) -> (u64, u64, Vec<u8>, u32, u64, Vec<u8>) {
    let bytes = reply(&canister.query("get", &[]));
    let word = |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap());
    let global = u32::from_le_bytes(bytes[24..28].try_into().unwrap());
    (
        word(0),
        word(8),
        bytes[16..21].to_vec(),
        global,
        word(28),
        bytes[36..41].to_vec(),
    )
}

#[test]
fn should_start_and_initialise_once() {
    let mut canister = Canister::with_argument(&version(INIT), vec![0; 7]);
    assert_eq!(canister.installed.logs[0].content, b"fresh");
    let empty = vec![0; 5];
    assert_eq!(state(&canister), (1, 7, b"fresh".to_vec(), 1, 0, empty.clone()));
    assert_eq!(reply(&canister.update("set", &[])), b"");
    assert_eq!(state(&canister), (1, 7, b"caseh".to_vec(), 5, 0, empty));
}

#[test]
fn should_upgrade_with_stable_memory_only() {
    let mut canister = Canister::with_argument(&version(INIT), vec![0; 7]);
    canister.update("set", &[]);
    let output = canister.upgrade(&version(INIT), false, false);
    assert_eq!(output.result, Ok(()));
    assert_eq!(output.certified_data.as_deref(), Some(&b"ca"[..]));
    assert_eq!(output.global_timer, Some(4));
    assert_eq!(state(&canister), (1, 0, b"fresh".to_vec(), 1, 1, b"caseh".to_vec()));
}

#[test]
fn should_skip_pre_upgrade_on_demand() {
    let mut canister = Canister::new(&version(INIT));
    canister.update("set", &[]);
    assert_eq!(canister.upgrade(&version(INIT), true, false).certified_data, None);
    assert_eq!(state(&canister), (1, 0, b"fresh".to_vec(), 1, 0, vec![0; 5]));
}

#[test]
fn should_keep_the_heap_on_demand() {
    let keeping = module(
        "",
        r#"(func (export "canister_query get") (call $answer (i64.load (i32.const 16))))"#,
    );
    let mut canister = Canister::new(&version(INIT));
    canister.update("set", &[]);
    assert_eq!(canister.upgrade(&keeping, false, true).result, Ok(()));
    assert_eq!(&reply(&canister.query("get", &[]))[..5], b"caseh");
}

#[test]
fn should_change_nothing_when_a_step_of_an_upgrade_fails() {
    let bad_post = version(r#"(func (export "canister_post_upgrade") (call $trap (i32.const 16) (i32.const 5)))"#);
    let bad_pre = version(
        r#"(func (export "canister_pre_upgrade")
          (drop (call $sgrow (i64.const 1))) (i32.store (i32.const 16) (i32.const 0)) unreachable)"#,
    );
    let mut canister = Canister::new(&version(INIT));
    let before = state(&canister);
    let output = canister.upgrade(&bad_post, false, false);
    assert_eq!(trap(&output).code, ErrorCode::CanisterCalledTrap);
    assert_eq!((&output.certified_data, output.global_timer), (&None, None));
    assert_eq!(output.logs.len(), 1);
    assert_eq!(state(&canister), before);
    let mut canister = Canister::new(&bad_pre);
    let before = state(&canister);
    assert_eq!(
        trap(&canister.upgrade(&version(INIT), false, false)).code,
        ErrorCode::CanisterTrapped
    );
    assert_eq!(state(&canister), before);
    assert_eq!(canister.upgrade(&version(INIT), true, false).result, Ok(()));
}

#[test]
fn should_not_install_when_init_or_start_fails() {
    for body in [
        r#"(func (export "canister_init") unreachable)"#,
        "(start $s) (func $s unreachable)",
        r"(start $s) (func $s (drop (call $size)))",
        r#"(func (export "canister_init") (call $reply))"#,
    ] {
        let module = compile(&wasm(&module("", body))).unwrap();
        let (output, memory) = install(InstallMode::Install, None, &module, vec![], &template());
        assert!(output.result.is_err(), "{body}");
        assert!(memory.is_none());
    }
}

#[test]
fn should_share_the_instruction_limit_among_the_steps() {
    let spin = |n: u32| {
        format!(
            "(local $i i32) (local.set $i (i32.const {n})) (loop $l (br_if $l (local.tee $i (i32.sub (local.get $i) (i32.const 1)))))"
        )
    };
    let wat = module(
        "",
        &format!(
            r#"(func (export "canister_pre_upgrade") {0})
            (func (export "canister_post_upgrade") {0})
            (func (export "canister_query get") (call $answer (i64.const 1)))"#,
            spin(100_000)
        ),
    );
    let mut canister = Canister::new(&wat);
    canister.input.instruction_limit = 1_000_000;
    let output = canister.upgrade(&wat, false, false);
    assert_eq!(trap(&output).code, ErrorCode::CanisterInstructionLimitExceeded);
    canister.input.instruction_limit = 1_300_000;
    let output = canister.upgrade(&wat, false, false);
    assert_eq!(output.result, Ok(()));
    assert!(
        (1_200_000..1_300_000).contains(&output.instructions),
        "{}",
        output.instructions
    );
    assert_eq!(number(&canister.query("get", &[])), 1);
}
