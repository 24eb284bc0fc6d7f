//! Cycles, and what things cost.

use local_network::execution::fees;
use pocket_ic::ErrorCode;

use crate::harness::{BALANCE, Canister, module, number, reply, trap};

fn amounts(bytes: &[u8]) -> Vec<u128> {
    bytes
        .chunks_exact(16)
        .map(|c| u128::from_le_bytes(c.try_into().unwrap()))
        .collect()
}

#[test]
fn should_accept_burn_and_show_cycles() {
    let wat = module(
        r#"(import "ic0" "msg_cycles_available128" (func $available (param i32)))
        (import "ic0" "msg_cycles_available" (func $available64 (result i64)))
        (import "ic0" "msg_cycles_accept128" (func $accept (param i64 i64 i32)))
        (import "ic0" "msg_cycles_accept" (func $accept64 (param i64) (result i64)))
        (import "ic0" "canister_cycle_balance128" (func $balance (param i32)))
        (import "ic0" "canister_cycle_balance" (func $balance64 (result i64)))
        (import "ic0" "canister_liquid_cycle_balance128" (func $liquid (param i32)))
        (import "ic0" "cycles_burn128" (func $burn (param i64 i64 i32)))"#,
        r#"(func (export "canister_update f")
          (call $available (i32.const 0))
          (call $accept (i64.const 0) (i64.const 30) (i32.const 16))
          (drop (call $accept64 (i64.const 5)))
          (call $accept (i64.const 1) (i64.const 0) (i32.const 32))
          (call $burn (i64.const 0) (i64.const 7) (i32.const 48))
          (call $balance (i32.const 64))
          (call $liquid (i32.const 80))
          (call $answer_bytes (i32.const 0) (i32.const 96)))
        (func (export "canister_update burn_all")
          (call $burn (i64.const -1) (i64.const -1) (i32.const 0))
          (call $balance (i32.const 16))
          (call $answer_bytes (i32.const 0) (i32.const 32)))
        (func (export "canister_update small") (call $answer (i64.add (call $available64) (call $balance64))))"#,
    );
    let mut canister = Canister::new(&wat);
    canister.input.cycles_available = 100;
    let output = canister.update("f", &[]);
    assert_eq!(
        amounts(&reply(&output)),
        [100, 30, 65, 7, BALANCE + 93, BALANCE + 93 - 1_000_000]
    );
    assert_eq!(
        (output.cycles_accepted, output.cycles_burned, output.balance),
        (100, 7, BALANCE + 93)
    );
    assert_eq!(
        amounts(&reply(&canister.update("burn_all", &[]))),
        [BALANCE - 1_000_000, 1_000_000]
    );
    assert_eq!(u128::from(number(&canister.update("small", &[]))), BALANCE + 100);
    canister.input.cycles_available = 1 << 64;
    let output = canister.update("small", &[]);
    assert_eq!(trap(&output).code, ErrorCode::CanisterTrapped);
    assert!(
        trap(&output)
            .message
            .contains("cycles amount exceeds 64-bit representation")
    );
}

#[test]
fn should_refuse_to_mint() {
    let mut canister = Canister::new(&module(
        r#"(import "ic0" "mint_cycles128" (func $mint (param i64 i64 i32)))"#,
        r#"(func (export "canister_update f") (call $mint (i64.const 0) (i64.const 1) (i32.const 0)))"#,
    ));
    assert!(
        trap(&canister.update("f", &[]))
            .message
            .contains("non Cycles Minting Canister")
    );
}

#[test]
fn should_tell_costs() {
    let mut canister = Canister::new(&module(
        r#"(import "ic0" "cost_call" (func $call (param i64 i64 i32)))
        (import "ic0" "cost_create_canister" (func $create (param i32)))
        (import "ic0" "cost_http_request" (func $http (param i64 i64 i32)))
        (import "ic0" "cost_sign_with_ecdsa" (func $ecdsa (param i32 i32 i32 i32) (result i32)))
        (import "ic0" "cost_sign_with_schnorr" (func $schnorr (param i32 i32 i32 i32) (result i32)))
        (import "ic0" "cost_vetkd_derive_key" (func $vetkd (param i32 i32 i32 i32) (result i32)))"#,
        r#"(data (i32.const 1000) "key_1")
        (func (export "canister_query f")
          (call $call (i64.const 6) (i64.const 9) (i32.const 0))
          (call $create (i32.const 16))
          (call $http (i64.const 0) (i64.const 2000000) (i32.const 32))
          (drop (call $ecdsa (i32.const 1000) (i32.const 5) (i32.const 0) (i32.const 48)))
          (drop (call $schnorr (i32.const 1000) (i32.const 5) (i32.const 1) (i32.const 64)))
          (drop (call $vetkd (i32.const 1000) (i32.const 5) (i32.const 0) (i32.const 80)))
          (call $answer_bytes (i32.const 0) (i32.const 96)))
        (func (export "canister_query codes")
          (i32.store8 (i32.const 0) (call $ecdsa (i32.const 1000) (i32.const 5) (i32.const 1) (i32.const 48)))
          (i32.store8 (i32.const 1) (call $schnorr (i32.const 1000) (i32.const 3) (i32.const 0) (i32.const 48)))
          (i32.store8 (i32.const 2) (call $vetkd (i32.const 1000) (i32.const 5) (i32.const 0) (i32.const 48)))
          (call $answer_bytes (i32.const 0) (i32.const 3)))"#,
    ));
    let vetkd = 26_153_846_153;
    let call = fees::call_prepayment(15, 13);
    let expected = [call, 500_000_000_000, 20_849_140_000, vetkd, vetkd, vetkd];
    assert_eq!(amounts(&reply(&canister.query("f", &[]))), expected);
    assert_eq!(reply(&canister.query("codes", &[])), [1, 2, 0]);
    canister.set(|env| env.charges = false);
    assert_eq!(amounts(&reply(&canister.query("f", &[]))), [0; 6]);
}
