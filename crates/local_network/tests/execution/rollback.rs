//! What a failed message leaves behind: nothing.

use local_network::execution::run_query;
use pocket_ic::ErrorCode;

use crate::harness::{Canister, module, number, reply, trap};

/// `write` changes everything that a message can change, and traps if its argument is not empty; `read` tells.
fn everything() -> String {
    module(
        r#"
        (import "ic0" "stable64_grow" (func $sgrow (param i64) (result i64)))
        (import "ic0" "stable64_size" (func $ssize (result i64)))
        (import "ic0" "stable64_write" (func $swrite (param i64 i64 i64)))
        (import "ic0" "stable64_read" (func $sread (param i64 i64 i64)))
        (import "ic0" "certified_data_set" (func $certify (param i32 i32)))
        (import "ic0" "global_timer_set" (func $timer (param i64) (result i64)))
        (import "ic0" "call_new" (func $new (param i32 i32 i32 i32 i32 i32 i32 i32)))
        (import "ic0" "call_cycles_add128" (func $add (param i64 i64)))
        (import "ic0" "call_perform" (func $perform (result i32)))
        (import "ic0" "cycles_burn128" (func $burn (param i64 i64 i32)))
        (import "ic0" "msg_cycles_accept128" (func $accept (param i64 i64 i32)))
        (import "ic0" "debug_print" (func $print (param i32 i32)))"#,
        r#"
        (global $g (mut i64) (i64.const 40))
        (global $v (mut v128) (v128.const i64x2 1 2))
        (data (i32.const 0) "before")
        (func (export "canister_init")
          (drop (call $sgrow (i64.const 1)))
          (call $swrite (i64.const 0) (i64.const 0) (i64.const 6)))
        (func (export "canister_update write")
          (i64.store (i32.const 0) (i64.const 0x7265746661))
          (i32.store (i32.const 131000) (i32.const 7))
          (drop (memory.grow (i32.const 1)))
          (i32.store (i32.const 131080) (i32.const 8))
          (global.set $g (i64.add (global.get $g) (i64.const 2)))
          (global.set $v (i64x2.add (global.get $v) (global.get $v)))
          (drop (call $sgrow (i64.const 2)))
          (call $swrite (i64.const 0) (i64.const 0) (i64.const 6))
          (call $swrite (i64.const 100000) (i64.const 0) (i64.const 6))
          (call $certify (i32.const 0) (i32.const 5))
          (drop (call $timer (i64.const 99)))
          (call $accept (i64.const 0) (i64.const 5) (i32.const 300))
          (call $burn (i64.const 0) (i64.const 11) (i32.const 300))
          (call $new (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 5) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0))
          (call $add (i64.const 0) (i64.const 1000))
          (drop (call $perform))
          (call $new (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 5) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0))
          (call $add (i64.const 0) (i64.const 500))
          (call $print (i32.const 0) (i32.const 5))
          (call $append (i32.const 0) (i32.const 5))
          (call $reply)
          (if (call $size) (then (call $trap (i32.const 0) (i32.const 5)))))
        (func (export "canister_query read")
          (i32.store (i32.const 200) (memory.size))
          (i64.store (i32.const 204) (global.get $g))
          (v128.store (i32.const 212) (global.get $v))
          (i64.store (i32.const 228) (call $ssize))
          (call $sread (i64.const 236) (i64.const 0) (i64.const 6))
          (call $append (i32.const 0) (i32.const 6))
          (call $append (i32.const 131000) (i32.const 4))
          (call $append (i32.const 200) (i32.const 42))
          (call $reply))"#,
    )
}

#[test]
fn should_leave_nothing_of_a_message_that_traps() {
    let mut canister = Canister::new(&everything());
    canister.input.cycles_available = 100;
    let before = reply(&canister.query("read", &[]));
    for _ in 0..2 {
        let output = canister.update("write", b"trap");
        assert_eq!(trap(&output).code, ErrorCode::CanisterCalledTrap);
        assert!(
            trap(&output)
                .message
                .starts_with("Canister called `ic0.trap` with message: 'after'")
        );
        assert_eq!(output.response, None);
        assert_eq!(output.calls, []);
        assert_eq!(output.certified_data, None);
        assert_eq!(output.global_timer, None);
        assert_eq!(output.balance, canister.input.balance);
        assert_eq!((output.cycles_accepted, output.cycles_burned), (0, 0));
        assert!(output.instructions > 10_000);
        let printed: Vec<_> = output
            .logs
            .iter()
            .map(|l| String::from_utf8_lossy(&l.content).into_owned())
            .collect();
        assert_eq!(printed[0], "after");
        assert!(
            printed[1].starts_with("[TRAP]: Canister called `ic0.trap`"),
            "{printed:?}"
        );
        assert_eq!(reply(&canister.query("read", &[])), before);
        assert_eq!(canister.memory.heap_bytes(), 2 * 65_536);
        assert_eq!(canister.memory.stable_bytes(), 65_536);
        assert_eq!(&canister.memory.read_stable()[..6], b"before");
    }
}

#[test]
fn should_keep_everything_of_a_message_that_succeeds() {
    let mut canister = Canister::new(&everything());
    canister.input.cycles_available = 100;
    let output = canister.update("write", &[]);
    assert_eq!(reply(&output), b"after");
    assert_eq!(output.calls.len(), 1);
    assert_eq!(output.calls[0].cycles, 1000);
    assert_eq!(output.certified_data.as_deref(), Some(&b"after"[..]));
    assert_eq!(output.global_timer, Some(99));
    assert_eq!((output.cycles_accepted, output.cycles_burned), (5, 11));
    // The call that was not performed has given its cycles back.
    assert_eq!(
        output.balance,
        canister.input.balance + 5 - 11 - 1000 - output.calls[0].prepaid
    );
    assert_eq!(output.dirty_stable_pages, 2);
    assert_eq!(output.dirty_heap_pages, 3);
    let read = reply(&canister.query("read", &[]));
    assert_eq!(&read[..6], b"after\0");
    assert_eq!(read[6..10], 7_u32.to_le_bytes());
    assert_eq!(read[10..14], 3_u32.to_le_bytes());
    assert_eq!(read[14..22], 42_u64.to_le_bytes());
    assert_eq!(read[22..38], [2_u64.to_le_bytes(), 4_u64.to_le_bytes()].concat()[..]);
    assert_eq!(read[38..46], 3_u64.to_le_bytes());
    assert_eq!(&read[46..52], b"after\0");
    assert_eq!(&canister.memory.read_stable()[100_000..100_005], b"after");
}

#[test]
fn should_leave_nothing_when_the_engine_traps() {
    for (body, message) in [
        ("unreachable", "Canister trapped: unreachable"),
        (
            "(drop (i32.div_u (i32.const 1) (i32.load (i32.const 8))))",
            "Canister trapped: integer division by 0",
        ),
        (
            "(drop (i32.load (i32.const 131070)))",
            "Canister trapped: heap out of bounds",
        ),
        ("(call $f)", "Canister trapped: stack overflow"),
    ] {
        let mut canister = Canister::new(&module(
            "",
            &format!(
                r#"(func $f (i32.store (i32.const 0) (i32.const 1)) {body})
                (func (export "canister_update f") (call $f))
                (func (export "canister_query read") (call $answer (i64.load (i32.const 0))))"#
            ),
        ));
        let output = canister.update("f", &[]);
        assert_eq!(trap(&output).code, ErrorCode::CanisterTrapped);
        assert!(trap(&output).message.starts_with(message), "{}", trap(&output).message);
        assert_eq!(number(&canister.query("read", &[])), 0);
    }
}

fn counter() -> String {
    module(
        "",
        r#"(func $bump (i64.store (i32.const 0) (i64.add (i64.load (i32.const 0)) (i64.const 1))))
        (func (export "canister_query peek") (call $bump) (call $answer (i64.load (i32.const 0))))
        (func (export "canister_composite_query composite") (call $bump) (call $answer (i64.load (i32.const 0))))
        (func (export "canister_update bump") (call $bump) (call $answer (i64.load (i32.const 0))))"#,
    )
}

#[test]
fn should_forget_what_a_query_writes() {
    let mut canister = Canister::new(&counter());
    assert_eq!(number(&canister.update("bump", &[])), 1);
    assert_eq!(number(&canister.query("peek", &[])), 2);
    assert_eq!(number(&canister.query("peek", &[])), 2);
    // Replicated queries are forgotten too.
    let entry = local_network::execution::Entry::Query {
        method: "peek".into(),
        arg: vec![],
    };
    assert_eq!(number(&canister.enter(entry)), 2);
    assert_eq!(number(&canister.update("bump", &[])), 2);
}

#[test]
fn should_keep_a_composite_query_s_changes_in_its_fork_only() {
    let mut canister = Canister::new(&counter());
    assert_eq!(number(&canister.update("bump", &[])), 1);
    let mut input = canister.input.clone();
    input.entry = local_network::execution::Entry::CompositeQuery {
        method: "composite".into(),
        arg: vec![],
    };
    input.replicated = false;
    let mut fork = canister.memory.fork();
    for expected in 2..5 {
        let output = local_network::execution::run(&canister.module, &mut fork, &input);
        assert_eq!(number(&output), expected);
    }
    let output = run_query(&canister.module, &canister.memory, &input);
    assert_eq!(number(&output), 2);
    assert_eq!(number(&canister.update("bump", &[])), 2);
}
