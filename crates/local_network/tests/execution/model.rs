//! Random messages, some of which trap in the middle, against a plain model of what a canister keeps.

use proptest::prelude::*;

use crate::harness::{Canister, module, number, reply};

/// A canister that does what its argument says: operations of 9 bytes, kind, address, value.
fn obedient() -> String {
    module(
        r#"(import "ic0" "stable64_grow" (func $sgrow (param i64) (result i64)))
        (import "ic0" "stable64_write" (func $swrite (param i64 i64 i64)))"#,
        r#"(global $g (mut i64) (i64.const 0))
        (func (export "canister_update run") (local $at i32) (local $end i32) (local $kind i32)
          ;; The argument lies above what the model looks at.
          (local.set $at (i32.const 110000))
          (call $copy (local.get $at) (i32.const 0) (call $size))
          (local.set $end (i32.add (local.get $at) (call $size)))
          (block $done (loop $next
            (br_if $done (i32.ge_u (local.get $at) (local.get $end)))
            (local.set $kind (i32.load8_u (local.get $at)))
            (if (i32.eq (local.get $kind) (i32.const 0)) (then
              (i32.store (i32.load offset=1 (local.get $at)) (i32.load offset=5 (local.get $at)))))
            (if (i32.eq (local.get $kind) (i32.const 1)) (then
              (call $swrite (i64.load32_u offset=1 (local.get $at)) (i64.extend_i32_u (i32.add (local.get $at) (i32.const 5))) (i64.const 4))))
            (if (i32.eq (local.get $kind) (i32.const 2)) (then (drop (memory.grow (i32.const 1)))))
            (if (i32.eq (local.get $kind) (i32.const 3)) (then (drop (call $sgrow (i64.const 1)))))
            (if (i32.eq (local.get $kind) (i32.const 4)) (then (global.set $g (i64.load32_u offset=5 (local.get $at)))))
            (if (i32.eq (local.get $kind) (i32.const 5)) (then (unreachable)))
            (local.set $at (i32.add (local.get $at) (i32.const 9)))
            (br $next)))
          (call $reply))
        (func (export "canister_query heap") (call $answer_bytes (i32.const 0) (i32.const 60000)))
        (func (export "canister_query size") (call $answer (i64.extend_i32_u (memory.size))))
        (func (export "canister_query global") (call $answer (global.get $g)))"#,
    )
}

#[derive(Clone, Debug, PartialEq)]
struct Model {
    heap: Vec<u8>,
    heap_pages: u64,
    stable: Vec<u8>,
    global: u64,
}

#[derive(Clone, Copy, Debug)]
enum Operation {
    Heap(u32, u32),
    Stable(u32, u32),
    GrowHeap,
    GrowStable,
    Global(u32),
    Trap,
}

impl Operation {
    fn encode(self) -> [u8; 9] {
        let (kind, address, value) = match self {
            Self::Heap(address, value) => (0, address, value),
            Self::Stable(address, value) => (1, address, value),
            Self::GrowHeap => (2, 0, 0),
            Self::GrowStable => (3, 0, 0),
            Self::Global(value) => (4, 0, value),
            Self::Trap => (5, 0, 0),
        };
        let mut bytes = [kind; 9];
        bytes[1..5].copy_from_slice(&u32::to_le_bytes(address));
        bytes[5..].copy_from_slice(&u32::to_le_bytes(value));
        bytes
    }

    /// Answers whether it succeeds.
    fn apply(self, model: &mut Model) -> bool {
        match self {
            Self::Heap(address, value) => {
                model.heap[address as usize..][..4].copy_from_slice(&value.to_le_bytes());
            }
            Self::Stable(address, value) => {
                let Some(bytes) = model.stable.get_mut(address as usize..address as usize + 4) else {
                    return false;
                };
                bytes.copy_from_slice(&value.to_le_bytes());
            }
            Self::GrowHeap => model.heap_pages += 1,
            Self::GrowStable => model.stable.resize(model.stable.len() + 65_536, 0),
            Self::Global(value) => model.global = value.into(),
            Self::Trap => return false,
        }
        true
    }
}

fn operation() -> impl Strategy<Value = Operation> {
    prop_oneof![
        8 => (0u32..59_996, any::<u32>()).prop_map(|(a, v)| Operation::Heap(a, v)),
        8 => (0u32..140_000, any::<u32>()).prop_map(|(a, v)| Operation::Stable(a, v)),
        1 => Just(Operation::GrowHeap),
        2 => Just(Operation::GrowStable),
        2 => any::<u32>().prop_map(Operation::Global),
        1 => Just(Operation::Trap),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn should_keep_or_forget_each_message_as_a_whole(
        messages in prop::collection::vec(prop::collection::vec(operation(), 0..12), 1..25)
    ) {
        let mut canister = Canister::new(&obedient());
        let mut model = Model { heap: vec![0; 60_000], heap_pages: 2, stable: vec![], global: 0 };
        for message in messages {
            let argument: Vec<u8> = message.iter().flat_map(|operation| operation.encode()).collect();
            let mut after = model.clone();
            let succeeds = message.iter().all(|operation| operation.apply(&mut after));
            let output = canister.update("run", &argument);
            prop_assert_eq!(output.result.is_ok(), succeeds);
            if succeeds {
                model = after;
            }
            prop_assert!(reply(&canister.query("heap", &[])) == model.heap);
            prop_assert!(canister.memory.read_stable() == model.stable);
            prop_assert_eq!(number(&canister.query("size", &[])), model.heap_pages);
            prop_assert_eq!(number(&canister.query("global", &[])), model.global);
        }
    }
}
