//! Bytes written by version 1 open for ever. To make the file anew (only together with a new version):
//! `DDSX_WRITE_FIXTURE=1 cargo test -p ddsx-hash-index should_write_the_bytes_of_version_1`.

use super::{check, tag_of};
use crate::{HashIndex, PAGE_BYTES};
use ic_stable_structures::{Memory, VectorMemory};

const FIXTURE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/tests/v1.bin");
const MIXED: u64 = 80;
const EQUAL: u64 = 260;
const BUCKETS: u32 = 3;
const OVERFLOW: u32 = 1;
const EQUAL_TAG: u64 = 0x0123_4567_89ab_cde0;

#[test]
fn should_open_the_bytes_of_version_1() {
    let memory = VectorMemory::default();
    memory.grow(1);
    memory.write(0, include_bytes!("v1.bin"));
    let mut index = HashIndex::open(memory).unwrap();
    assert_eq!((index.buckets(), index.overflow_pages()), (BUCKETS, OVERFLOW));
    assert_eq!(check(&index), MIXED + EQUAL);
    for number in 0..MIXED {
        assert_eq!(index.find(tag_of(number), |value| value == number), Some(number));
    }
    for number in 0..EQUAL {
        assert_eq!(
            index.remove(EQUAL_TAG, |value| value == 1000 + number),
            Some(1000 + number)
        );
    }
    assert_eq!(check(&index), MIXED);
}

#[test]
fn should_write_the_bytes_of_version_1() {
    let mut index = HashIndex::open(VectorMemory::default()).unwrap();
    for number in 0..MIXED {
        index.insert(tag_of(number), number);
    }
    for number in 0..EQUAL {
        index.insert(EQUAL_TAG, 1000 + number);
    }
    let mut bytes = vec![0; usize::try_from(index.header.pages() * PAGE_BYTES).unwrap()];
    index.memory.read(0, &mut bytes);
    if std::env::var_os("DDSX_WRITE_FIXTURE").is_some() {
        std::fs::write(FIXTURE, &bytes).unwrap();
        println!("{} buckets, {} overflow pages", index.buckets(), index.overflow_pages());
    }
    assert!(
        bytes == include_bytes!("v1.bin"),
        "the layout has changed: that is a new version"
    );
}
