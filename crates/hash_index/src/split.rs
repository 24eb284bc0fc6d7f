//! Linear hashing: the bucket next in turn is split into two, its own page and one more at the end.

use crate::index::HashIndex;
use crate::layout::{PAGE_SLOTS, PageHeader, PageNo, offset};
use crate::page::{self, Item, PageBuffer};
use ic_stable_structures::Memory;

/// An insertion that leaves its bucket's page with this many entries or more splits the bucket next in turn.
pub const SPLIT_FROM: u16 = 176;
/// A bucket next in turn with fewer entries is not split. Under a secret key a bucket still to be split holds about as many as the one
/// that asks for the split; only chosen tags, or churn in one bucket, make a table so lopsided that growing would waste memory.
pub const SPLIT_LEAST: u16 = 44;
/// A bucket next in turn whose chain has more pages is not split, so that the work of a split has a bound.
pub const SPLIT_CHAIN_PAGES: u8 = 4;
/// Where splits are put off, an insertion that leaves its bucket's page with this many entries or more splits all the same.
pub const SPLIT_AT_ONCE_FROM: u16 = 232;

/// When buckets are split.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Splits {
    /// By the insertion that finds its bucket full enough.
    AtOnce,
    /// By [`HashIndex::settle`], which owes so many.
    Later(u64),
}

impl<M: Memory> HashIndex<M> {
    /// Leaves splits to [`HashIndex::settle`], so that an insertion touches one page: for whoever has a quieter time to do them in. An
    /// insertion that finds its bucket nearly full ([`SPLIT_AT_ONCE_FROM`]) does not wait. What is owed is forgotten with the handle;
    /// later insertions notice it again.
    #[must_use]
    pub const fn with_splits_put_off(mut self) -> Self {
        self.splits = Splits::Later(0);
        self
    }

    /// Splits that were put off and not yet done.
    pub const fn owed_splits(&self) -> u64 {
        match self.splits {
            Splits::AtOnce => 0,
            Splits::Later(owed) => owed,
        }
    }

    /// Does at most `limit` of the splits that were put off; returns how many.
    pub fn settle(&mut self, limit: u64) -> u64 {
        let Splits::Later(owed) = self.splits else { return 0 };
        let paid = owed.min(limit);
        for _ in 0..paid {
            self.split();
        }
        self.splits = Splits::Later(owed - paid);
        paid
    }

    /// What an insertion does that leaves its bucket's page with `count` entries, [`SPLIT_FROM`] or more.
    pub(crate) fn split_now_or_later(&mut self, count: u16) {
        match &mut self.splits {
            Splits::Later(owed) if count < SPLIT_AT_ONCE_FROM => *owed += 1,
            Splits::Later(_) | Splits::AtOnce => self.split(),
        }
    }

    /// Splits the bucket next in turn. Does nothing if that would waste or overrun memory; a later insertion tries again.
    pub(crate) fn split(&mut self) {
        let level = self.header.buckets.ilog2();
        let old = 1 + self.header.buckets - (1 << level);
        let Some(pages) = self.splittable(old) else { return };
        if !self.reserve(1) {
            return;
        }

        let mut bytes: PageBuffer = [0; 4096];
        let mut chained: Vec<Item> = Vec::new();
        for &page in &pages[1..] {
            if page != 0 {
                self.memory.read(offset(page), &mut bytes);
                chained.extend(page::items(&bytes).map(|(_, item)| item));
            }
        }
        self.memory.read(offset(old), &mut bytes);
        while self.drop_successor(old) {}

        let new = 1 + self.header.buckets;
        if self.header.overflow > 0 {
            self.relocate(new, new + self.header.overflow);
        }
        self.header.buckets += 1;
        self.header.write(&self.memory);

        let mut halves: [(PageBuffer, u16); 2] = [([0; 4096], 0), ([0; 4096], 0)];
        let mut left_over: Vec<Item> = Vec::new();
        for item in page::items(&bytes).map(|(_, item)| item).chain(chained) {
            let (half, count) = if item.tag >> level & 1 == 0 {
                &mut halves[0]
            } else {
                &mut halves[1]
            };
            if *count == PAGE_SLOTS {
                left_over.push(item);
            } else {
                page::place(half, item);
                *count += 1;
            }
        }
        for (page, (mut half, count)) in [old, new].into_iter().zip(halves) {
            PageHeader {
                count,
                next: 0,
                prev: 0,
            }
            .encode(&mut half);
            self.memory.write(offset(page), &half);
        }
        // At most as many pages as were freed above.
        for item in left_over {
            self.append(1 + self.bucket_of(item.tag), item);
        }
    }

    /// The pages of a bucket's chain, zeros behind them, if the bucket is one to split.
    fn splittable(&self, bucket: PageNo) -> Option<[PageNo; SPLIT_CHAIN_PAGES as usize]> {
        let mut pages = [0; SPLIT_CHAIN_PAGES as usize];
        let mut next = bucket;
        for page in &mut pages {
            *page = next;
            let header = PageHeader::read(&self.memory, next);
            if next == bucket && header.count < SPLIT_LEAST {
                return None;
            }
            next = header.next;
            if next == 0 {
                return Some(pages);
            }
        }
        None
    }
}
