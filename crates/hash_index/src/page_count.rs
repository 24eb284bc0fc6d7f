//! A memory that counts the distinct 4 KiB pages touched: what mainnet charges for, counted by the storage layer.
//!
//! Wrap the innermost memory (below a `MemoryManager`), so that the pages are those the subnet sees. Used by tests and benches.

use crate::layout::PAGE_BYTES;
use ic_stable_structures::Memory;
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;

/// How much was touched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PageCounts {
    /// Distinct pages read or written.
    pub touched: u64,
    /// Distinct pages written.
    pub written: u64,
    /// Calls of `read`.
    pub reads: u64,
    /// Calls of `write`.
    pub writes: u64,
    /// Bytes read.
    pub bytes_read: u64,
    /// Bytes written.
    pub bytes_written: u64,
}

/// What was touched since the last [`PageCounting::start`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Touched {
    /// Pages read or written.
    pub pages: BTreeSet<u64>,
    /// Pages written.
    pub written: BTreeSet<u64>,
    /// Bytes read and written.
    pub bytes: u64,
    counts: PageCounts,
}

impl Touched {
    /// How much was touched.
    pub fn counts(&self) -> PageCounts {
        PageCounts {
            touched: self.pages.len() as u64,
            written: self.written.len() as u64,
            ..self.counts
        }
    }

    fn add(&mut self, offset: u64, length: u64, writes: bool) {
        self.bytes += length;
        if writes {
            self.counts.writes += 1;
            self.counts.bytes_written += length;
        } else {
            self.counts.reads += 1;
            self.counts.bytes_read += length;
        }
        if length == 0 {
            return;
        }
        for page in offset / PAGE_BYTES..=(offset + length - 1) / PAGE_BYTES {
            self.pages.insert(page);
            if writes {
                self.written.insert(page);
            }
        }
    }
}

/// A memory that counts. Its clones count together.
#[derive(Clone)]
pub struct PageCounting<M> {
    memory: M,
    touched: Rc<RefCell<Touched>>,
}

impl<M> PageCounting<M> {
    /// Counts the accesses to `memory`.
    pub fn new(memory: M) -> Self {
        Self {
            memory,
            touched: Rc::default(),
        }
    }

    /// Starts anew, as a message does; returns what was touched before.
    pub fn start(&self) -> Touched {
        self.touched.take()
    }
}

impl<M: Memory> Memory for PageCounting<M> {
    fn size(&self) -> u64 {
        self.memory.size()
    }

    fn grow(&self, pages: u64) -> i64 {
        self.memory.grow(pages)
    }

    fn read(&self, offset: u64, dst: &mut [u8]) {
        self.touched.borrow_mut().add(offset, dst.len() as u64, false);
        self.memory.read(offset, dst);
    }

    fn write(&self, offset: u64, src: &[u8]) {
        self.touched.borrow_mut().add(offset, src.len() as u64, true);
        self.memory.write(offset, src);
    }
}

#[cfg(test)]
mod tests {
    use super::{PageCounting, PageCounts, Touched};
    use ic_stable_structures::{Memory, VectorMemory};

    #[test]
    fn should_count_each_page_once_a_message() {
        let memory = PageCounting::new(VectorMemory::default());
        memory.grow(1);
        memory.read(4095, &mut [0; 2]);
        memory.write(4096, &[1; 4]);
        memory.write(4100, &[1; 4]);
        memory.read(8192, &mut []);
        let expected = PageCounts {
            touched: 2,
            written: 1,
            reads: 2,
            writes: 2,
            bytes_read: 2,
            bytes_written: 8,
        };
        let touched = memory.clone().start();
        assert_eq!((touched.counts(), touched.bytes), (expected, 10));
        assert_eq!(memory.start(), Touched::default());
    }
}
