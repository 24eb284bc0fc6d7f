//! What operations cost at a million entries: pages, accesses, bytes.

use super::{check, tag_of};
use crate::page_count::{PageCounting, PageCounts};
use crate::{HashIndex, SPLIT_FROM};
use ic_stable_structures::VectorMemory;

const ENTRIES: u64 = 1_000_000;

#[derive(Default, Debug)]
struct Summary {
    operations: u64,
    sum: PageCounts,
    most: PageCounts,
}

impl Summary {
    fn add(&mut self, one: PageCounts) {
        self.operations += 1;
        let fold = |sum: &mut u64, most: &mut u64, one: u64| {
            *sum += one;
            *most = one.max(*most);
        };
        fold(&mut self.sum.touched, &mut self.most.touched, one.touched);
        fold(&mut self.sum.written, &mut self.most.written, one.written);
        fold(&mut self.sum.reads, &mut self.most.reads, one.reads);
        fold(&mut self.sum.writes, &mut self.most.writes, one.writes);
        fold(&mut self.sum.bytes_read, &mut self.most.bytes_read, one.bytes_read);
        fold(
            &mut self.sum.bytes_written,
            &mut self.most.bytes_written,
            one.bytes_written,
        );
    }

    /// Thousandths of the average.
    fn average(&self, of: impl Fn(&PageCounts) -> u64) -> u64 {
        of(&self.sum) * 1000 / self.operations
    }
}

#[test]
fn should_touch_one_page_and_move_one_bucket_at_most() {
    let counter = PageCounting::new(VectorMemory::default());
    let memory = counter.clone();
    let mut index = HashIndex::open(memory).unwrap();
    counter.start();

    let mut inserts = Summary::default();
    let mut splits = 0;
    let mut most_overflow = 0;
    // Splits come in waves, one for each doubling; the steepest thousand insertions, once there are a thousand buckets.
    let mut wave = (0, 0);
    for number in 0..ENTRIES {
        let buckets = index.buckets();
        index.insert(tag_of(number), number);
        inserts.add(counter.start().counts());
        assert!(index.buckets() - buckets <= 1);
        splits += u64::from(index.buckets() - buckets);
        most_overflow = most_overflow.max(index.overflow_pages());
        if number % 1000 == 0 && buckets > 1000 {
            wave = (splits, wave.1.max(splits - wave.0));
        } else if number % 1000 == 0 {
            wave.0 = splits;
        }
    }
    println!(
        "inserts {inserts:?}, splits {splits}, most overflow pages {most_overflow}, wave {}",
        wave.1
    );
    assert!(wave.1 <= 500, "{} splits in a thousand insertions", wave.1);
    // A split reads one bucket and writes two, the header page and, with luck against us, an overflow page or two.
    assert!(inserts.most.touched <= 6 && inserts.most.bytes_read < 24_000 && inserts.most.bytes_written < 24_000);
    assert!(inserts.average(|counts| counts.touched) <= 1100);
    assert!(inserts.average(|counts| counts.writes) <= 2100);
    assert!(most_overflow <= 2);
    let load = ENTRIES / u64::from(index.buckets());
    assert!(
        load >= u64::from(SPLIT_FROM) / 2 - 10 && load <= u64::from(SPLIT_FROM) + 10,
        "mean load {load}"
    );

    let memory = index.into_memory();
    counter.start();
    let mut index = HashIndex::open(memory).unwrap();
    assert_eq!(
        counter.start().counts(),
        PageCounts {
            touched: 1,
            reads: 1,
            bytes_read: 24,
            ..PageCounts::default()
        }
    );

    let mut hits = Summary::default();
    let mut misses = Summary::default();
    for number in 0..ENTRIES {
        assert_eq!(index.find(tag_of(number), |value| value == number), Some(number));
        hits.add(counter.start().counts());
        assert_eq!(index.find(tag_of(ENTRIES + number), |_| true), None);
        misses.add(counter.start().counts());
    }
    println!("hits {hits:?}");
    println!("misses {misses:?}");
    for finds in [&hits, &misses] {
        assert!(finds.average(|counts| counts.touched) <= 1001);
        assert!(finds.most.touched <= 2);
        assert!(finds.average(|counts| counts.reads) <= 1500);
        assert_eq!(finds.most.writes, 0);
    }

    let buckets = index.buckets();
    let mut removals = Summary::default();
    for number in 0..ENTRIES / 2 {
        assert_eq!(index.remove(tag_of(number), |value| value == number), Some(number));
        removals.add(counter.start().counts());
    }
    println!("removals {removals:?}");
    assert!(removals.average(|counts| counts.touched) <= 1001);
    assert!(removals.most.touched <= 4);
    assert_eq!(check(&index), ENTRIES / 2);

    // The slots are free again: as many entries fit without one more bucket.
    for number in ENTRIES..ENTRIES + ENTRIES / 4 {
        index.insert(tag_of(number), number);
    }
    assert_eq!(index.buckets(), buckets);
}

#[test]
fn should_touch_one_page_where_splits_are_put_off_and_settled_in_time() {
    let counter = PageCounting::new(VectorMemory::default());
    let mut index = HashIndex::open(counter.clone()).unwrap().with_splits_put_off();
    let mut at_once = HashIndex::open(VectorMemory::default()).unwrap();
    for number in 0..300_000 {
        counter.start();
        index.insert(tag_of(number), number);
        let touched = counter.start().counts().touched;
        // The first thousands meet a table of a few buckets, which a hundred insertions can fill.
        assert!(touched == 1 || number < 5_000, "{touched} pages at entry {number}");
        at_once.insert(tag_of(number), number);
        if number % 500 == 499 {
            let owed = index.owed_splits();
            assert_eq!(index.settle(7) + index.settle(u64::MAX), owed);
            assert_eq!((index.owed_splits(), index.settle(1)), (0, 0));
        }
    }
    assert_eq!(check(&index), 300_000);
    let (later, now) = (index.buckets(), at_once.buckets());
    assert!(later.abs_diff(now) <= now / 10, "{later} buckets, at once {now}");
    for number in 0..300_000 {
        assert_eq!(index.find(tag_of(number), |value| value == number), Some(number));
    }
}

#[test]
fn should_split_in_time_although_nobody_settles() {
    let mut index = HashIndex::open(VectorMemory::default()).unwrap().with_splits_put_off();
    for number in 0..100_000 {
        index.insert(tag_of(number), number);
    }
    assert_eq!(check(&index), 100_000);
    assert!(index.overflow_pages() <= 2, "{} overflow pages", index.overflow_pages());
    // What was owed for too long asks for more than there is to split: it is refused where it would waste memory.
    index.settle(u64::MAX);
    assert_eq!(check(&index), 100_000);
    let pages = u64::from(index.buckets() + index.overflow_pages());
    assert!(pages * crate::PAGE_BYTES <= 100_000 * 128, "{pages} pages");
}

#[test]
fn should_write_where_the_vacancy_is_without_a_second_search() {
    let counter = PageCounting::new(VectorMemory::default());
    let mut index = HashIndex::open(counter.clone()).unwrap();
    let vacancy = index.find_or_vacancy(5, |_| true).unwrap_err();
    counter.start();
    index.insert_at(vacancy, 1);
    let expected = PageCounts {
        touched: 1,
        written: 1,
        reads: 1,
        writes: 2,
        bytes_read: 12,
        bytes_written: 18,
    };
    assert_eq!(counter.start().counts(), expected);
}

#[test]
fn should_not_grow_from_entries_that_come_and_go() {
    // A window of 20,000 live entries, a million passing through it.
    let mut index = HashIndex::open(VectorMemory::default()).unwrap();
    let window = 20_000;
    for number in 0..window {
        index.insert(tag_of(number), number);
    }
    for number in window..ENTRIES {
        let old = number - window;
        assert_eq!(index.remove(tag_of(old), |value| value == old), Some(old));
        index.insert(tag_of(number), number);
    }
    assert_eq!(check(&index), window);
    println!("churn: {} buckets", index.buckets());
    // Chance fills single buckets up to the bound, so that the table settles at a load below half of it at worst.
    assert!(u64::from(index.buckets()) <= 1 + 2 * window / u64::from(SPLIT_FROM / 2));
}
