//! The canister's identity and surroundings, certification, environment variables.

use std::sync::Arc;

use local_network::execution::Entry;
use pocket_ic::ErrorCode;

use crate::harness::{Canister, TIME, caller, controller, module, number, reply, trap};

#[test]
fn should_tell_who_and_where_it_is() {
    let mut canister = Canister::new(&module(
        r#"(import "ic0" "canister_self_size" (func $self_size (result i32)))
        (import "ic0" "canister_self_copy" (func $self_copy (param i32 i32 i32)))
        (import "ic0" "subnet_self_size" (func $subnet_size (result i32)))
        (import "ic0" "subnet_self_copy" (func $subnet_copy (param i32 i32 i32)))
        (import "ic0" "subnet_self_node_count" (func $nodes (result i32)))
        (import "ic0" "root_key_size" (func $root_size (result i32)))
        (import "ic0" "root_key_copy" (func $root_copy (param i32 i32 i32)))
        (import "ic0" "canister_status" (func $status (result i32)))
        (import "ic0" "canister_version" (func $version (result i64)))
        (import "ic0" "time" (func $time (result i64)))
        (import "ic0" "in_replicated_execution" (func $replicated (result i32)))"#,
        r#"(func $facts
          (call $self_copy (i32.const 0) (i32.const 0) (call $self_size))
          (call $append (i32.const 0) (call $self_size))
          (call $subnet_copy (i32.const 0) (i32.const 0) (call $subnet_size))
          (call $append (i32.const 0) (call $subnet_size))
          (i32.store (i32.const 0) (call $nodes))
          (i32.store (i32.const 4) (call $status))
          (i64.store (i32.const 8) (call $version))
          (i64.store (i32.const 16) (call $time))
          (i32.store (i32.const 24) (call $replicated))
          (call $append (i32.const 0) (i32.const 28)))
        (func (export "canister_update facts")
          (call $facts)
          (call $root_copy (i32.const 0) (i32.const 0) (call $root_size))
          (call $answer_bytes (i32.const 0) (call $root_size)))
        (func (export "canister_query facts_query") (call $facts) (call $reply))"#,
    ));
    let expected = |replicated: u32| {
        let env = &canister.input.env;
        let mut bytes = [env.canister_id.as_slice(), env.subnet_id.as_slice()].concat();
        bytes.extend_from_slice(&13_u32.to_le_bytes());
        bytes.extend_from_slice(&1_u32.to_le_bytes());
        bytes.extend_from_slice(&3_u64.to_le_bytes());
        bytes.extend_from_slice(&TIME.to_le_bytes());
        bytes.extend_from_slice(&replicated.to_le_bytes());
        bytes
    };
    let (update, query) = ([expected(1), b"root key".to_vec()].concat(), expected(0));
    assert_eq!(reply(&canister.query("facts_query", &[])), query);
    assert_eq!(reply(&canister.update("facts", &[])), update);
}

#[test]
fn should_know_its_controllers() {
    let mut canister = Canister::new(&module(
        r#"(import "ic0" "is_controller" (func $is (param i32 i32) (result i32)))"#,
        r#"(func (export "canister_update f")
          (call $copy (i32.const 0) (i32.const 0) (call $size))
          (call $answer (i64.extend_i32_u (call $is (i32.const 0) (call $size)))))"#,
    ));
    assert_eq!(number(&canister.update("f", controller().as_slice())), 1);
    assert_eq!(number(&canister.update("f", caller().as_slice())), 0);
    assert_eq!(
        trap(&canister.update("f", &[1; 30])).code,
        ErrorCode::CanisterContractViolation
    );
}

#[test]
fn should_set_the_timer_and_give_the_previous_one() {
    let mut canister = Canister::new(&module(
        r#"(import "ic0" "global_timer_set" (func $timer (param i64) (result i64)))"#,
        r#"(func (export "canister_update f")
          (i64.store (i32.const 0) (call $timer (i64.const 5)))
          (i64.store (i32.const 8) (call $timer (i64.const 6)))
          (call $answer_bytes (i32.const 0) (i32.const 16)))
        (func (export "canister_global_timer") (drop (call $timer (i64.const 0))))"#,
    ));
    canister.set(|env| env.global_timer = 4);
    let output = canister.update("f", &[]);
    assert_eq!(reply(&output), [4_u64.to_le_bytes(), 5_u64.to_le_bytes()].concat());
    assert_eq!(output.global_timer, Some(6));
    assert_eq!(canister.enter(Entry::GlobalTimer).global_timer, Some(0));
}

#[test]
fn should_certify_and_show_certificates() {
    let mut canister = Canister::new(&module(
        r#"(import "ic0" "certified_data_set" (func $set (param i32 i32)))
        (import "ic0" "data_certificate_present" (func $present (result i32)))
        (import "ic0" "data_certificate_size" (func $csize (result i32)))
        (import "ic0" "data_certificate_copy" (func $ccopy (param i32 i32 i32)))"#,
        r#"(data (i32.const 0) "0123456789abcdef0123456789abcdef0")
        (func (export "canister_update set") (call $set (i32.const 0) (call $size)) (call $answer (i64.extend_i32_u (call $present))))
        (func (export "canister_query present") (call $answer (i64.extend_i32_u (call $present))))
        (func (export "canister_query get")
          (call $ccopy (i32.const 64) (i32.const 0) (call $csize))
          (call $answer_bytes (i32.const 64) (call $csize)))"#,
    ));
    assert_eq!(
        canister.update("set", &[0; 32]).certified_data.unwrap(),
        b"0123456789abcdef0123456789abcdef"
    );
    assert_eq!(canister.update("set", &[]).certified_data.unwrap(), b"");
    assert_eq!(
        trap(&canister.update("set", &[0; 33])).code,
        ErrorCode::CanisterContractViolation
    );
    assert_eq!(number(&canister.query("present", &[])), 0);
    assert_eq!(
        trap(&canister.query("get", &[])).code,
        ErrorCode::CanisterContractViolation
    );
    canister.input.data_certificate = Some(Arc::new(b"certificate".to_vec()));
    assert_eq!(number(&canister.query("present", &[])), 1);
    assert_eq!(reply(&canister.query("get", &[])), b"certificate");
    assert_eq!(number(&canister.update("set", &[])), 0);
}

#[test]
fn should_show_environment_variables() {
    let mut canister = Canister::new(&module(
        r#"(import "ic0" "env_var_count" (func $count (result i32)))
        (import "ic0" "env_var_name_size" (func $nsize (param i32) (result i32)))
        (import "ic0" "env_var_name_copy" (func $ncopy (param i32 i32 i32 i32)))
        (import "ic0" "env_var_name_exists" (func $exists (param i32 i32) (result i32)))
        (import "ic0" "env_var_value_size" (func $vsize (param i32 i32) (result i32)))
        (import "ic0" "env_var_value_copy" (func $vcopy (param i32 i32 i32 i32 i32)))"#,
        r#"(func (export "canister_update names") (local $i i32)
          (loop $l
            (call $ncopy (local.get $i) (i32.const 0) (i32.const 0) (call $nsize (local.get $i)))
            (call $append (i32.const 0) (call $nsize (local.get $i)))
            (local.set $i (i32.add (local.get $i) (i32.const 1)))
            (br_if $l (i32.lt_u (local.get $i) (call $count))))
          (call $reply))
        (func (export "canister_update value")
          (call $copy (i32.const 0) (i32.const 0) (call $size))
          (call $vcopy (i32.const 0) (call $size) (i32.const 100) (i32.const 0) (call $vsize (i32.const 0) (call $size)))
          (call $answer_bytes (i32.const 100) (call $vsize (i32.const 0) (call $size))))
        (func (export "canister_update exists")
          (call $copy (i32.const 0) (i32.const 0) (call $size))
          (call $answer (i64.extend_i32_u (call $exists (i32.const 0) (call $size)))))
        (func (export "canister_update third") (drop (call $nsize (i32.const 2))))"#,
    ));
    assert_eq!(reply(&canister.update("names", &[])), b"COLOURSIZE");
    assert_eq!(reply(&canister.update("value", b"COLOUR")), b"blue");
    assert_eq!(number(&canister.update("exists", b"SIZE")), 1);
    assert_eq!(number(&canister.update("exists", b"SHAPE")), 0);
    assert!(
        trap(&canister.update("value", b"SHAPE"))
            .message
            .contains("Environment variable SHAPE not found")
    );
    assert!(
        trap(&canister.update("third", &[]))
            .message
            .contains("index 2 is out of bounds")
    );
    assert_eq!(
        trap(&canister.update("exists", &[b'a'; 129])).code,
        ErrorCode::CanisterContractViolation
    );
}
