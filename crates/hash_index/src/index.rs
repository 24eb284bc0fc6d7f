//! The handle: find, insert, remove.

use crate::layout::{
    Header, MAX_VALUE, OpenError, PAGE_BYTES, PAGE_SLOTS, PageHeader, PageNo, WASM_PAGE_BYTES, write_count,
};
use crate::page::{self, Item, Probe};
use crate::split::{SPLIT_FROM, Splits};
use ic_stable_structures::Memory;
use std::ops::Range;

/// A hash index in `memory`, which belongs to it alone. See the crate's description.
///
/// Everything the handle must know also lies in the memory: dropping it loses nothing but splits that were put off, which later
/// insertions ask for again, and [`HashIndex::open`] reads 24 bytes.
pub struct HashIndex<M: Memory> {
    pub(crate) memory: M,
    pub(crate) header: Header,
    /// Counts changes, so that a [`Vacancy`] knows whether it is still a place to write to.
    changes: u64,
    pub(crate) splits: Splits,
}

/// The place where an absent tag belongs, found by [`HashIndex::find_or_vacancy`]. Plain data: it borrows nothing, and writing to it
/// later with [`HashIndex::insert_at`] costs no second search unless the index has changed in between.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct Vacancy {
    tag: u64,
    page: PageNo,
    /// `None`: `page` is full and the last of its chain.
    slot: Option<u8>,
    changes: u64,
}

/// What [`HashIndex::entry`] found.
pub enum Entry<'a, M: Memory> {
    /// The value of the entry.
    Occupied(u64),
    /// There is none; one can be inserted without a second search.
    Vacant(VacantEntry<'a, M>),
}

/// A [`Vacancy`] together with its index.
pub struct VacantEntry<'a, M: Memory> {
    index: &'a mut HashIndex<M>,
    vacancy: Vacancy,
}

impl<M: Memory> VacantEntry<'_, M> {
    /// Inserts `value`.
    ///
    /// # Panics
    /// As [`HashIndex::insert`].
    pub fn insert(self, value: u64) {
        self.index.insert_at(self.vacancy, value);
    }
}

impl<M: Memory> HashIndex<M> {
    /// Opens the index in `memory`, or lays out an empty one if the memory has no pages. Costs the same at any size.
    pub fn open(memory: M) -> Result<Self, OpenError> {
        let header = if memory.size() == 0 {
            let header = Header {
                buckets: 1,
                overflow: 0,
            };
            if memory.grow(header.pages().div_ceil(WASM_PAGE_BYTES / PAGE_BYTES)) < 0 {
                return Err(OpenError::OutOfMemory);
            }
            header.write(&memory);
            header
        } else {
            Header::read(&memory)?
        };
        Ok(Self {
            memory,
            header,
            changes: 0,
            splits: Splits::AtOnce,
        })
    }

    /// Gives the memory back; nothing needs to be written.
    pub fn into_memory(self) -> M {
        self.memory
    }

    /// The value of the entry with `tag` for which `is_it` holds.
    ///
    /// `is_it` compares the candidate's record with the key that was sought: different keys can have the same tag.
    pub fn find(&self, tag: u64, is_it: impl FnMut(u64) -> bool) -> Option<u64> {
        if let (_, Probe::Found { value, .. }) = self.search(tag, is_it) {
            Some(value)
        } else {
            None
        }
    }

    /// The value of the entry with `tag` for which `is_it` holds, or else the place where one would be inserted.
    pub fn find_or_vacancy(&self, tag: u64, is_it: impl FnMut(u64) -> bool) -> Result<u64, Vacancy> {
        match self.search(tag, is_it) {
            (_, Probe::Found { value, .. }) => Ok(value),
            (page, probe) => Err(self.vacancy_at(tag, page, probe)),
        }
    }

    /// Like [`HashIndex::find_or_vacancy`], with the index borrowed by the vacancy.
    pub fn entry(&mut self, tag: u64, is_it: impl FnMut(u64) -> bool) -> Entry<'_, M> {
        match self.find_or_vacancy(tag, is_it) {
            Ok(value) => Entry::Occupied(value),
            Err(vacancy) => Entry::Vacant(VacantEntry { index: self, vacancy }),
        }
    }

    /// Inserts an entry. The caller knows that its key is absent; a second entry for one key would hide behind the first.
    ///
    /// # Panics
    /// If `value` is above [`MAX_VALUE`], or an overflow page is needed and the memory cannot be grown; nothing has changed then.
    pub fn insert(&mut self, tag: u64, value: u64) {
        self.insert_at(self.vacancy(tag), value);
    }

    /// Inserts `value` at a vacancy of this index. If the index has changed since, the place is searched again, so that a vacancy stays
    /// good as long as its key stays absent.
    ///
    /// # Panics
    /// As [`HashIndex::insert`].
    pub fn insert_at(&mut self, vacancy: Vacancy, value: u64) {
        assert!(value <= MAX_VALUE, "the value {value} does not fit 63 bits");
        let Vacancy { tag, page, slot, .. } = if vacancy.changes == self.changes {
            vacancy
        } else {
            self.vacancy(vacancy.tag)
        };
        let item = Item { tag, value };
        let count = if let Some(slot) = slot {
            let header = PageHeader::read(&self.memory, page);
            page::write_item(&self.memory, page, slot, item);
            write_count(&self.memory, page, header.count + 1);
            // A bucket with overflow pages is full, hence beyond the bound.
            if header.prev == 0 { header.count + 1 } else { PAGE_SLOTS }
        } else {
            assert!(self.reserve(1), "the hash index's memory could not be grown");
            self.extend_chain(page, item);
            PAGE_SLOTS
        };
        self.changes += 1;
        if count >= SPLIT_FROM {
            self.split_now_or_later(count);
        }
    }

    /// Removes the entry with `tag` for which `is_it` holds and returns its value. Its slot is free again at once.
    pub fn remove(&mut self, tag: u64, is_it: impl FnMut(u64) -> bool) -> Option<u64> {
        let (page, Probe::Found { slot, value }) = self.search(tag, is_it) else {
            return None;
        };
        self.remove_at(page, slot);
        self.changes += 1;
        Some(value)
    }

    /// The number of buckets, at least 1.
    pub fn buckets(&self) -> u32 {
        self.header.buckets
    }

    /// The number of overflow pages: practically 0 under a secret key.
    pub fn overflow_pages(&self) -> u32 {
        self.header.overflow
    }

    /// The entries in these buckets, reading one page header or more for each: a caller sums over slices of
    /// `0..`[`HashIndex::buckets`]. Buckets that do not exist hold none.
    pub fn entries_in(&self, buckets: Range<u32>) -> u64 {
        let mut entries = 0;
        for bucket in buckets.start..buckets.end.min(self.header.buckets) {
            let mut page = 1 + bucket;
            while page != 0 {
                let header = PageHeader::read(&self.memory, page);
                entries += u64::from(header.count);
                page = header.next;
            }
        }
        entries
    }

    /// The bucket to which `tag` belongs: its low bits, one more of them for buckets already split in this round.
    pub(crate) fn bucket_of(&self, tag: u64) -> u32 {
        let bytes = tag.to_le_bytes();
        let low = u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
        let level = self.header.buckets.ilog2();
        let bucket = low & (u32::MAX >> (31 - level));
        if bucket < self.header.buckets {
            bucket
        } else {
            bucket & !(1 << level)
        }
    }

    fn vacancy(&self, tag: u64) -> Vacancy {
        let (page, probe) = self.search(tag, |_| false);
        self.vacancy_at(tag, page, probe)
    }

    fn vacancy_at(&self, tag: u64, page: PageNo, probe: Probe) -> Vacancy {
        let slot = if let Probe::Empty { slot } = probe {
            Some(slot)
        } else {
            None
        };
        Vacancy {
            tag,
            page,
            slot,
            changes: self.changes,
        }
    }

    /// Searches the chain of the tag's bucket; returns the page where the search ended, and how.
    fn search(&self, tag: u64, mut is_it: impl FnMut(u64) -> bool) -> (PageNo, Probe) {
        let mut page = 1 + self.bucket_of(tag);
        loop {
            let probe = page::probe(&self.memory, page, tag, &mut is_it);
            if probe != Probe::Full {
                return (page, probe);
            }
            match PageHeader::read(&self.memory, page).next {
                0 => return (page, probe),
                next => page = next,
            }
        }
    }
}
