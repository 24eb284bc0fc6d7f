//! Overflow pages: they lie behind the buckets without a gap, and only the last page of a chain is not full.

use crate::index::HashIndex;
use crate::layout::{PAGE_BYTES, PageHeader, PageNo, WASM_PAGE_BYTES, offset, write_count, write_next, write_prev};
use crate::page::{self, Item, PageBuffer, Probe};
use ic_stable_structures::Memory;

impl<M: Memory> HashIndex<M> {
    /// Grows the memory to hold `pages` more pages than are in use; false if it cannot be grown.
    pub(crate) fn reserve(&self, pages: u64) -> bool {
        let needed = self.header.pages() + pages;
        if needed > u64::from(u32::MAX) {
            return false;
        }
        let wasm_pages = needed.div_ceil(WASM_PAGE_BYTES / PAGE_BYTES);
        let size = self.memory.size();
        wasm_pages <= size || self.memory.grow(wasm_pages - size) >= 0
    }

    /// The chain's last page, from `page` on.
    pub(crate) fn last_of_chain(&self, mut page: PageNo) -> PageNo {
        loop {
            match PageHeader::read(&self.memory, page).next {
                0 => return page,
                next => page = next,
            }
        }
    }

    /// Appends an overflow page with one item to `last`, which is full and ends its chain. One page must be reserved.
    pub(crate) fn extend_chain(&mut self, last: PageNo, item: Item) {
        let new = self.end();
        let mut bytes: PageBuffer = [0; 4096];
        PageHeader {
            count: 1,
            next: 0,
            prev: last,
        }
        .encode(&mut bytes);
        page::place(&mut bytes, item);
        self.memory.write(offset(new), &bytes);
        write_next(&self.memory, last, new);
        self.header.overflow += 1;
        self.header.write(&self.memory);
    }

    /// Puts an item into the chain of `bucket`, whose overflow pages, if it needs one more, are reserved.
    pub(crate) fn append(&mut self, bucket: PageNo, item: Item) {
        let last = self.last_of_chain(bucket);
        match page::probe(&self.memory, last, item.tag, &mut |_| false) {
            Probe::Empty { slot } => {
                let count = PageHeader::read(&self.memory, last).count;
                page::write_item(&self.memory, last, slot, item);
                write_count(&self.memory, last, count + 1);
            }
            Probe::Full | Probe::Found { .. } => self.extend_chain(last, item),
        }
    }

    /// Removes the entry in `slot` of `page`; a page with a successor is filled again from the chain's last page.
    pub(crate) fn remove_at(&mut self, page: PageNo, slot: u8) {
        let header = PageHeader::read(&self.memory, page);
        if header.next == 0 {
            self.remove_from_last(page, header, slot);
            return;
        }
        let last = self.last_of_chain(header.next);
        let mut bytes: PageBuffer = [0; 4096];
        self.memory.read(offset(last), &mut bytes);
        let spare = page::items(&bytes).next();
        if let Some((_, item)) = spare {
            // Every other slot of this page is taken, so a search for the item reaches the one that is now empty.
            let gap = page::clear_slot(&self.memory, page, slot);
            page::write_item(&self.memory, page, gap, item);
        }
        if let Some((from, _)) = spare {
            self.remove_from_last(last, PageHeader::decode(&bytes), from);
        }
    }

    /// Frees the first overflow page behind `bucket`, whatever it holds; false if there is none.
    pub(crate) fn drop_successor(&mut self, bucket: PageNo) -> bool {
        let next = PageHeader::read(&self.memory, bucket).next;
        if next == 0 {
            return false;
        }
        let after = PageHeader::read(&self.memory, next).next;
        write_next(&self.memory, bucket, after);
        if after != 0 {
            write_prev(&self.memory, after, bucket);
        }
        self.free(next);
        true
    }

    /// Moves overflow page `from` to `to`, which holds nothing, and mends its neighbours' links.
    pub(crate) fn relocate(&self, from: PageNo, to: PageNo) {
        let mut bytes: PageBuffer = [0; 4096];
        self.memory.read(offset(from), &mut bytes);
        let header = PageHeader::decode(&bytes);
        self.memory.write(offset(to), &bytes);
        write_next(&self.memory, header.prev, to);
        if header.next != 0 {
            write_prev(&self.memory, header.next, to);
        }
    }

    fn remove_from_last(&mut self, page: PageNo, header: PageHeader, slot: u8) {
        if header.count == 1 && header.prev != 0 {
            write_next(&self.memory, header.prev, 0);
            self.free(page);
        } else {
            page::clear_slot(&self.memory, page, slot);
            write_count(&self.memory, page, header.count - 1);
        }
    }

    /// Gives back an overflow page that nothing links to: the last one takes its place.
    fn free(&mut self, page: PageNo) {
        let last = self.end() - 1;
        if last != page {
            self.relocate(last, page);
        }
        self.header.overflow -= 1;
        self.header.write(&self.memory);
    }

    /// The first page behind those in use.
    fn end(&self) -> PageNo {
        1 + self.header.buckets + self.header.overflow
    }
}
