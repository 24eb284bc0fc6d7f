//! Tags chosen against the index, as nobody can who does not know the key: correct all the same, and no more memory than fair.

use super::{check, tag_of};
use crate::page_count::PageCounting;
use crate::{HashIndex, PAGE_BYTES};
use ic_stable_structures::VectorMemory;

const ENTRIES: u64 = 10_000;

/// A name and the tag of each key.
type Shape = (&'static str, fn(u64) -> u64);

#[test]
fn should_stay_correct_under_chosen_tags() {
    let shapes: [Shape; 7] = [
        ("all equal, zero", |_| 0),
        ("all equal, odd", |_| u64::MAX),
        ("low bits equal", |number| number << 32),
        ("low 20 bits equal", |number| (number << 20) | 0x5_5555),
        ("sequential", |number| number),
        ("one home slot", |number| tag_of(number) & 0xffff_ffff),
        ("one bucket of three", |number| (tag_of(number) & !0x3ff) | 0x155),
    ];
    for (name, shape) in shapes {
        let counter = PageCounting::new(VectorMemory::default());
        let memory = counter.clone();
        let mut index = HashIndex::open(memory).unwrap();
        let mut most = (0, 0, 0);
        for number in 0..ENTRIES {
            counter.start();
            index.insert(shape(number), number);
            let counts = counter.start().counts();
            most = (
                most.0.max(counts.touched),
                most.1.max(counts.bytes_read),
                most.2.max(counts.bytes_written),
            );
        }
        assert_eq!(check(&index), ENTRIES, "{name}");
        println!(
            "{name}: {} buckets, {} overflow pages; at most for one insertion: {} pages, {} bytes read, {} written",
            index.buckets(),
            index.overflow_pages(),
            most.0,
            most.1,
            most.2
        );
        let pages = u64::from(index.buckets() + index.overflow_pages());
        assert!(pages * PAGE_BYTES <= ENTRIES * 128, "{name}: {pages} pages");
        // Whatever the shape, one insertion moves no more than the longest chain that is split, twice.
        assert!(most.2 <= 12 * PAGE_BYTES, "{name}: {} bytes written", most.2);

        for number in (0..ENTRIES).step_by(7) {
            assert_eq!(
                index.find(shape(number), |value| value == number),
                Some(number),
                "{name}"
            );
        }
        // From both ends, so that pages inside a chain give up entries too.
        for number in (0..ENTRIES / 2).flat_map(|number| [number, ENTRIES - 1 - number]) {
            assert_eq!(
                index.remove(shape(number), |value| value == number),
                Some(number),
                "{name}"
            );
            if number % 1000 == 0 {
                check(&index);
            }
        }
        assert_eq!((check(&index), index.overflow_pages()), (0, 0), "{name}");
    }
}

#[test]
fn should_not_grow_from_one_entry_that_comes_and_goes_at_the_bound() {
    let mut index = HashIndex::open(VectorMemory::default()).unwrap();
    for number in 0..175 {
        index.insert(3 | number << 32, number);
    }
    for _ in 0..10_000 {
        index.insert(3, 999);
        assert_eq!(index.remove(3, |value| value == 999), Some(999));
    }
    assert!(index.buckets() <= 4, "{} buckets", index.buckets());
    assert_eq!(check(&index), 175);
}
