//! Stable memory through both of its interfaces.

use pocket_ic::ErrorCode;

use crate::harness::{Canister, module, number, reply, trap};

fn canister() -> Canister {
    Canister::new(&module(
        r#"(import "ic0" "stable_size" (func $size32 (result i32)))
        (import "ic0" "stable_grow" (func $grow32 (param i32) (result i32)))
        (import "ic0" "stable_write" (func $write32 (param i32 i32 i32)))
        (import "ic0" "stable_read" (func $read32 (param i32 i32 i32)))
        (import "ic0" "stable64_size" (func $size64 (result i64)))
        (import "ic0" "stable64_grow" (func $grow64 (param i64) (result i64)))
        (import "ic0" "stable64_write" (func $write64 (param i64 i64 i64)))
        (import "ic0" "stable64_read" (func $read64 (param i64 i64 i64)))"#,
        r#"(func (export "canister_update both")
          (drop (call $grow64 (i64.const 1)))
          (drop (call $grow32 (i32.const 1)))
          (call $copy (i32.const 0) (i32.const 0) (call $size))
          (call $write32 (i32.const 65530) (i32.const 0) (call $size))
          (call $read64 (i64.const 100) (i64.const 65530) (i64.extend_i32_u (call $size)))
          (call $write64 (i64.const 0) (i64.const 100) (i64.const 3))
          (call $read32 (i32.const 200) (i32.const 0) (i32.const 3))
          (call $append (i32.const 100) (call $size))
          (call $append (i32.const 200) (i32.const 3))
          (i32.store (i32.const 300) (call $size32))
          (call $answer_bytes (i32.const 300) (i32.const 4)))
        (func (export "canister_update grow64") (call $copy (i32.const 0) (i32.const 0) (i32.const 8)) (call $answer (call $grow64 (i64.load (i32.const 0)))))
        (func (export "canister_update grow32") (call $copy (i32.const 0) (i32.const 0) (i32.const 4)) (call $answer (i64.extend_i32_s (call $grow32 (i32.load (i32.const 0))))))
        (func (export "canister_update size32") (call $answer (i64.extend_i32_u (call $size32))))
        (func (export "canister_update past_end") (call $write64 (i64.mul (call $size64) (i64.const 65536)) (i64.const 0) (i64.const 1)))
        (func (export "canister_update overflow") (call $read64 (i64.const 0) (i64.const -1) (i64.const 2)))
        (func (export "canister_update past_heap") (call $write64 (i64.const 0) (i64.const 131072) (i64.const 1)))
        (func (export "canister_update huge_heap") (call $write64 (i64.const 0) (i64.const 4294967296) (i64.const 1)))
        (func (export "canister_update empty") (call $read64 (i64.const 0) (i64.const 0) (i64.const 0)) (call $reply))"#,
    ))
}

#[test]
fn should_be_the_same_memory_through_both() {
    let mut canister = canister();
    let output = canister.update("both", b"abcdefghij");
    assert_eq!(
        reply(&output),
        [&b"abcdefghij"[..], b"abc", &2_u32.to_le_bytes()].concat()
    );
    assert_eq!(&canister.memory.read_stable()[65_530..65_540], b"abcdefghij");
    assert_eq!(output.dirty_stable_pages, 3);
}

#[test]
fn should_check_bounds() {
    let mut canister = canister();
    assert_eq!(reply(&canister.update("empty", &[])), b"");
    assert_eq!(number(&canister.update("grow32", &1_u32.to_le_bytes())), 0);
    for (method, message) in [
        ("past_end", "stable memory out of bounds"),
        ("overflow", "stable memory out of bounds"),
        ("past_heap", "heap out of bounds"),
        ("huge_heap", "heap out of bounds"),
    ] {
        let failed = trap(&canister.update(method, &[]));
        assert_eq!(failed.code, ErrorCode::CanisterTrapped);
        assert!(
            failed.message.starts_with(&format!("Canister trapped: {message}")),
            "{method}: {}",
            failed.message
        );
    }
}

#[test]
fn should_limit_growth() {
    let mut canister = canister();
    let minus_one = u64::MAX;
    assert_eq!(number(&canister.update("grow32", &65_537_u32.to_le_bytes())), minus_one);
    assert_eq!(number(&canister.update("grow32", &65_536_u32.to_le_bytes())), 0);
    assert_eq!(number(&canister.update("size32", &[])), 65_536);
    assert_eq!(number(&canister.update("grow64", &u64::MAX.to_le_bytes())), minus_one);
    assert_eq!(number(&canister.update("grow64", &1_u64.to_le_bytes())), 65_536);
    let failed = trap(&canister.update("size32", &[]));
    assert!(
        failed
            .message
            .contains("32 bit stable memory api used on a memory larger than 4GB")
    );
    assert_eq!(
        number(&canister.update("grow64", &8_192_000_u64.to_le_bytes())),
        minus_one
    );
    assert_eq!(
        number(&canister.update("grow64", &(8_192_000_u64 - 65_537).to_le_bytes())),
        65_537
    );
    assert_eq!(canister.memory.stable_bytes(), 500 << 30);
}
