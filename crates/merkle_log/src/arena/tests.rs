use super::*;
use crate::hash::leaf_hash;
use ic_stable_structures::VectorMemory;
use std::cell::Cell;
use std::rc::Rc;

fn leaves(log: u64, range: std::ops::Range<u64>) -> Vec<Hash> {
    range
        .map(|i| leaf_hash(&[log.to_be_bytes(), i.to_be_bytes()].concat()))
        .collect()
}

#[test]
fn should_place_every_node_within_its_extent() {
    let mut position = 0;
    for extent in 0..6 {
        for within in 0..capacity(extent) {
            assert_eq!(locate(position), (extent, within));
            position += 1;
            assert_eq!(extents_for(position), extent + 1);
        }
    }
    assert_eq!(extents_for(node_count(MAX_TREE_SIZE)), 35);
}

#[test]
fn should_keep_many_logs_apart_and_find_them_again() {
    let memory = VectorMemory::default();
    let arena = NodeArena::init(memory.clone()).unwrap();
    let mut records = vec![LogRecord::default(); 5];
    let mut plain = vec![Log::restore(Vec::new()).unwrap(); 5];
    for round in 0..40_u64 {
        for (number, record) in records.iter_mut().enumerate() {
            let number = number as u64;
            let batch = leaves(number, record.size()..record.size() + (round * 7 + number * 3) % 23);
            let reference = &mut plain[usize::try_from(number).unwrap()];
            reference.append_batch(&batch).unwrap();
            assert_eq!(arena.append_batch(record, &batch).unwrap(), reference.size());
        }
    }
    let reopened = NodeArena::init(memory).unwrap();
    for (record, reference) in records.iter().zip(&plain) {
        let record = LogRecord::decode(&record.encode()).unwrap();
        let log = reopened.log(&record).unwrap();
        assert_eq!(log.root(), reference.root());
        assert_eq!(record.root(), reference.root());
        let size = log.size();
        assert!(size > 300);
        for index in [0, 1, size / 2, size - 1] {
            assert_eq!(log.leaf(index), reference.leaf(index));
            assert_eq!(log.inclusion_proof(index, size), reference.inclusion_proof(index, size));
            assert_eq!(
                log.consistency_proof(index, size),
                reference.consistency_proof(index, size)
            );
        }
    }
}

#[test]
fn should_refuse_a_foreign_memory() {
    let memory = VectorMemory::default();
    memory.grow(1);
    memory.write(0, b"ANYTHING");
    assert_eq!(
        NodeArena::init(memory).err(),
        Some(StoreError::Foreign { found: *b"ANYTHING" })
    );
}

/// A memory that stops growing after so many pages.
struct Limited(VectorMemory, Rc<Cell<u64>>);

impl Memory for Limited {
    fn size(&self) -> u64 {
        self.0.size()
    }
    fn grow(&self, pages: u64) -> i64 {
        if self.0.size() + pages > self.1.get() {
            return -1;
        }
        self.0.grow(pages)
    }
    fn read(&self, offset: u64, dst: &mut [u8]) {
        self.0.read(offset, dst);
    }
    fn write(&self, offset: u64, src: &[u8]) {
        self.0.write(offset, src);
    }
}

#[test]
fn should_change_nothing_when_the_memory_is_full() {
    let limit = Rc::new(Cell::new(2));
    let arena = NodeArena::init(Limited(VectorMemory::default(), limit.clone())).unwrap();
    let mut record = LogRecord::default();
    arena.append_batch(&mut record, &leaves(0, 0..900)).unwrap();
    let (before, used) = (record.clone(), arena.used_bytes());
    assert_eq!(
        arena.append_batch(&mut record, &leaves(0, 900..2_000)),
        Err(StoreError::Full.into())
    );
    assert_eq!((&record, arena.used_bytes()), (&before, used));
    limit.set(100);
    arena.append_batch(&mut record, &leaves(0, 900..2_000)).unwrap();
    let mut reference = Log::restore(Vec::new()).unwrap();
    reference.append_batch(&leaves(0, 0..2_000)).unwrap();
    assert_eq!(record.root(), reference.root());
}

#[test]
fn should_decode_records_strictly_and_keep_reading_version_1() {
    let arena = NodeArena::init(VectorMemory::default()).unwrap();
    let mut record = LogRecord::default();
    assert_eq!(record.encode(), [1, 0, 0, 0, 0, 0, 0, 0, 0]);
    arena
        .append_batch(&mut record, &[Hash([7; 32]), Hash([8; 32]), Hash([9; 32])])
        .unwrap();
    let bytes = record.encode();
    // Bytes as version 1 wrote them: size 3, one extent at 4,096, the frontier's two hashes.
    let old = hex::decode(concat!(
        "01",
        "0000000000000003",
        "0000000000001000",
        "3b1f1e7e8f4b9bbdf4e92b1e3d6a2b8c9f6d0d6f0a6e3f2a1c5b7d9e8f0a1b2c",
        "0909090909090909090909090909090909090909090909090909090909090909",
    ))
    .unwrap();
    let read = LogRecord::decode(&old).unwrap();
    assert_eq!((read.size(), read.encode()), (3, old));
    for end in 0..bytes.len() {
        assert_eq!(LogRecord::decode(&bytes[..end]).err(), Some(RecordError::Length));
    }
    assert_eq!(
        LogRecord::decode(&[bytes.as_slice(), &[0]].concat()).err(),
        Some(RecordError::Length)
    );
    let mut other = bytes;
    other[0] = 2;
    assert_eq!(LogRecord::decode(&other).err(), Some(RecordError::Version(2)));
}
