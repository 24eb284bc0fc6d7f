//! The programs whose instructions PocketIC counted, those that need no network. `tests/metering.rs` runs them all.

use std::collections::BTreeMap;

use candid::Principal;

use crate::harness::{Canister, module, number, reply};

#[test]
fn should_count_as_pocketic_does() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/metering");
    let golden = std::fs::read(format!("{folder}/golden.json")).unwrap();
    let golden: BTreeMap<String, u64> = serde_json::from_slice(&golden).unwrap();
    for (name, expected) in golden {
        if name == "call_self" {
            continue;
        }
        let wat = std::fs::read_to_string(format!("{folder}/{name}.wat")).unwrap();
        let mut canister = Canister::new(&wat);
        canister.input.caller = Principal::anonymous();
        let output = if wat.contains("canister_query run") {
            canister.query("run", &[])
        } else {
            canister.update("run", &[])
        };
        let bytes = reply(&output);
        let counted = u64::from_le_bytes(bytes[bytes.len() - 8..].try_into().unwrap());
        println!("{name}: {counted}, expected {expected}");
        assert!(
            counted.abs_diff(expected) <= (expected * 3 / 100).max(500),
            "{name}: {counted}, not {expected}"
        );
    }
}

#[test]
fn should_count_the_context_and_dirty_pages() {
    let mut canister = Canister::new(&module(
        r#"(import "ic0" "performance_counter" (func $pc (param i32) (result i64)))"#,
        r#"(func (export "canister_update context") (call $answer (i64.sub (call $pc (i32.const 1)) (call $pc (i32.const 0)))))
        (func (export "canister_update touch")
          (i32.store (i32.const 0) (i32.const 1))
          (i32.store (i32.const 4096) (i32.const 1))
          (i32.store (i32.const 8000) (i32.const 1))
          (call $reply))
        (func (export "canister_update third") (drop (call $pc (i32.const 2))))"#,
    ));
    canister.input.context_instructions = 1_000_000;
    // The second counter is read 200 instructions, and the few in between, later.
    let difference = 1_000_000 - number(&canister.update("context", &[]));
    assert!((200..220).contains(&difference), "{difference}");
    let output = canister.update("touch", &[]);
    assert_eq!(output.dirty_heap_pages, 2);
    assert!((2_500..2_550).contains(&output.instructions), "{}", output.instructions);
    assert!(canister.update("third", &[]).result.is_err());
}
