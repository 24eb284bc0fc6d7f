mod cost;
mod hostile;
mod model;
mod old_bytes;

use crate::layout::{Header, PAGE_SLOTS, PageHeader, WASM_PAGE_BYTES, offset};
use crate::page::{self, PageBuffer};
use crate::{Entry, HashIndex, MAX_VALUE, OpenError, SipKey};
use ic_stable_structures::{Memory, VectorMemory};
use std::panic::{AssertUnwindSafe, catch_unwind};

fn empty() -> HashIndex<VectorMemory> {
    HashIndex::open(VectorMemory::default()).unwrap()
}

/// A well mixed tag for a number.
fn tag_of(number: u64) -> u64 {
    SipKey(*b"the tests' key!!").hash(&number.to_le_bytes())
}

/// Checks every promise of the layout and returns the number of entries.
fn check<M: Memory>(index: &HashIndex<M>) -> u64 {
    assert_eq!(Header::read(&index.memory), Ok(index.header));
    let pages_in_use = u32::try_from(index.header.pages()).unwrap();
    let mut overflow = 0;
    let mut entries = 0;
    for bucket in 0..index.buckets() {
        let mut page = 1 + bucket;
        let mut prev = 0;
        while page != 0 {
            let mut bytes: PageBuffer = [0; 4096];
            index.memory.read(offset(page), &mut bytes);
            let header = PageHeader::decode(&bytes);
            let items: Vec<_> = page::items(&bytes).collect();
            assert_eq!(header.prev, prev, "back link of page {page}");
            assert_eq!(usize::from(header.count), items.len(), "count of page {page}");
            assert!(
                header.next == 0 || header.count == PAGE_SLOTS,
                "page {page} has a successor and must be full"
            );
            assert!(prev == 0 || header.count > 0, "overflow page {page} is empty");
            for (slot, item) in items {
                assert_eq!(index.bucket_of(item.tag), bucket);
                let mut at = page::home(item.tag);
                while at != slot {
                    let byte = usize::from(at) * 16 + 8;
                    assert_ne!(bytes[byte..byte + 8], [0; 8], "a gap before slot {slot} of page {page}");
                    at = if at == 255 { 1 } else { at + 1 };
                }
            }
            if prev != 0 {
                overflow += 1;
                assert!(page > index.buckets() && page < pages_in_use);
            }
            entries += u64::from(header.count);
            prev = page;
            page = header.next;
        }
    }
    assert_eq!(overflow, index.overflow_pages());
    assert_eq!(index.entries_in(0..index.buckets()), entries);
    entries
}

#[test]
fn should_find_insert_and_remove() {
    let mut index = empty();
    assert_eq!(index.find(5, |_| true), None);
    index.insert(5, 0);
    index.insert(5, MAX_VALUE);
    assert_eq!(index.find(5, |value| value == 0), Some(0));
    assert_eq!(index.find(5, |value| value > 0), Some(MAX_VALUE));
    assert_eq!(index.find(5, |value| value == 1), None);
    assert_eq!(index.remove(5, |value| value == 0), Some(0));
    assert_eq!(index.remove(5, |value| value == 0), None);
    assert_eq!(index.find(5, |_| true), Some(MAX_VALUE));
    assert_eq!(check(&index), 1);
}

#[test]
#[should_panic(expected = "does not fit 63 bits")]
fn should_refuse_a_value_beyond_63_bits() {
    empty().insert(5, MAX_VALUE + 1);
}

#[test]
fn should_insert_at_what_entry_found_vacant() {
    let mut index = empty();
    let Entry::Vacant(vacant) = index.entry(9, |_| true) else {
        panic!("nothing is there yet")
    };
    vacant.insert(1);
    assert!(matches!(index.entry(9, |_| true), Entry::Occupied(1)));
}

#[test]
fn should_keep_a_vacancy_good_while_its_key_is_absent() {
    let mut index = empty();
    // The same home slot for both, and splits in between.
    let first = index.find_or_vacancy(7, |_| false).unwrap_err();
    let second = index.find_or_vacancy(8, |_| false).unwrap_err();
    index.insert_at(first, 1);
    index.insert_at(second, 2);
    let third = index.find_or_vacancy(9, |_| false).unwrap_err();
    for number in 0..1000 {
        index.insert(tag_of(number), number);
    }
    index.insert_at(third, 3);
    for (tag, value) in [(7, 1), (8, 2), (9, 3)] {
        assert_eq!(index.find(tag, |_| true), Some(value));
    }
    assert_eq!(check(&index), 1003);
}

#[test]
fn should_refuse_memories_it_did_not_write() {
    let with = |bytes: &[u8]| {
        let memory = VectorMemory::default();
        memory.grow(1);
        memory.write(0, bytes);
        HashIndex::open(memory).err()
    };
    let mut newer = b"DDSXHIDX".to_vec();
    newer.extend([2, 0, 0, 0]);
    let mut no_bucket = b"DDSXHIDX".to_vec();
    no_bucket.extend([1, 0, 0, 0]);
    let mut too_large = no_bucket.clone();
    too_large.extend([0, 0, 0, 0, 16, 0, 0, 0]);
    let cases = [
        (&[][..], OpenError::Foreign),
        (b"MGR", OpenError::Foreign),
        (&newer, OpenError::UnknownVersion(2)),
        (&no_bucket, OpenError::Corrupt),
        (&too_large, OpenError::Corrupt),
    ];
    for (bytes, expected) in cases {
        assert_eq!(with(bytes), Some(expected), "{bytes:?}");
    }
}

/// A memory that refuses to grow beyond a number of Wasm pages.
struct Limited {
    memory: VectorMemory,
    pages: u64,
}

impl Memory for Limited {
    fn size(&self) -> u64 {
        self.memory.size()
    }
    fn grow(&self, pages: u64) -> i64 {
        if self.memory.size() + pages > self.pages {
            -1
        } else {
            self.memory.grow(pages)
        }
    }
    fn read(&self, offset: u64, dst: &mut [u8]) {
        self.memory.read(offset, dst);
    }
    fn write(&self, offset: u64, src: &[u8]) {
        self.memory.write(offset, src);
    }
}

#[test]
fn should_fill_what_memory_there_is_and_then_refuse() {
    let none = Limited {
        memory: VectorMemory::default(),
        pages: 0,
    };
    assert_eq!(HashIndex::open(none).err(), Some(OpenError::OutOfMemory));

    let mut index = HashIndex::open(Limited {
        memory: VectorMemory::default(),
        pages: 1,
    })
    .unwrap();
    let mut inserted = 0;
    let mut refused = false;
    while !refused {
        let insertion = AssertUnwindSafe(|| index.insert(tag_of(inserted), inserted));
        refused = catch_unwind(insertion).is_err();
        inserted += u64::from(!refused);
    }
    assert_eq!(index.header.pages(), WASM_PAGE_BYTES / 4096);
    assert_eq!(check(&index), inserted);
    assert!(inserted > 15 * 255 / 2, "{inserted} entries in 15 pages");
    for number in 0..inserted {
        assert_eq!(index.find(tag_of(number), |value| value == number), Some(number));
    }
}
