//! Random operations against a plain map.

use super::{check, tag_of};
use crate::HashIndex;
use ic_stable_structures::VectorMemory;
use proptest::prelude::*;
use std::collections::HashMap;

#[derive(Clone, Debug)]
enum Op {
    Insert(u64),
    InsertMany(u64, u8),
    Remove(u64),
    RemoveMany(u64, u8),
    Find(u64),
    Settle(u8),
    Reopen,
}

fn op() -> impl Strategy<Value = Op> {
    let number = 0..3000_u64;
    prop_oneof![
        3 => number.clone().prop_map(Op::Insert),
        3 => (number.clone(), any::<u8>()).prop_map(|(from, count)| Op::InsertMany(from, count)),
        2 => number.clone().prop_map(Op::Remove),
        2 => (number.clone(), any::<u8>()).prop_map(|(from, count)| Op::RemoveMany(from, count)),
        2 => number.prop_map(Op::Find),
        1 => any::<u8>().prop_map(Op::Settle),
        1 => Just(Op::Reopen),
    ]
}

/// How keys, which are numbers, get their tags: mixed, colliding, in one bucket, with one home slot, sequential.
fn tag(shape: u8, number: u64) -> u64 {
    match shape {
        0 => tag_of(number),
        1 => tag_of(number % 40),
        2 => number << 32,
        3 => tag_of(number) & 0xffff_ffff,
        4 => (tag_of(number) | 0xffff_ffff) ^ (number % 2),
        _ => number,
    }
}

struct Pair {
    shape: u8,
    index: HashIndex<VectorMemory>,
    /// Number → value; the value tells the number, as a record does.
    model: HashMap<u64, u64>,
}

impl Pair {
    fn insert(&mut self, number: u64, via_entry: bool) {
        let tag = tag(self.shape, number);
        let value = number * 2 + 1;
        if via_entry {
            match self.index.find_or_vacancy(tag, |found| found == value) {
                Ok(found) => assert_eq!(self.model.get(&number), Some(&found)),
                Err(vacancy) => {
                    assert!(self.model.insert(number, value).is_none());
                    self.index.insert_at(vacancy, value);
                }
            }
        } else if self.model.insert(number, value).is_none() {
            self.index.insert(tag, value);
        }
    }

    fn remove(&mut self, number: u64) {
        let value = number * 2 + 1;
        assert_eq!(
            self.index.remove(tag(self.shape, number), |found| found == value),
            self.model.remove(&number)
        );
    }

    fn find(&self, number: u64) {
        let value = number * 2 + 1;
        let found = self.index.find(tag(self.shape, number), |found| found == value);
        assert_eq!(found, self.model.get(&number).copied());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn should_agree_with_a_map(shape in 0..6_u8, put_off: bool, ops in prop::collection::vec(op(), 1..120)) {
        let open = |memory| {
            let index = HashIndex::open(memory).unwrap();
            if put_off { index.with_splits_put_off() } else { index }
        };
        let mut pair = Pair { shape, index: open(VectorMemory::default()), model: HashMap::new() };
        for op in ops {
            match op {
                Op::Insert(number) => pair.insert(number, true),
                Op::InsertMany(from, count) => {
                    (from..from + u64::from(count)).for_each(|number| pair.insert(number, number % 2 == 0));
                }
                Op::Remove(number) => pair.remove(number),
                Op::RemoveMany(from, count) => {
                    (from..from + u64::from(count)).for_each(|number| pair.remove(number));
                }
                Op::Find(number) => pair.find(number),
                Op::Settle(limit) => drop(pair.index.settle(limit.into())),
                Op::Reopen => pair.index = open(pair.index.into_memory()),
            }
        }
        prop_assert_eq!(check(&pair.index), u64::try_from(pair.model.len()).unwrap());
        (0..3300).for_each(|number| pair.find(number));
    }
}
