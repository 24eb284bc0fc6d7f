//! Stable memory: pages of 4 KiB that copies share until one of them writes.
//!
//! A message works on a copy, which costs next to nothing to make, and the copy becomes the canister's stable memory
//! if the message succeeds.

use std::collections::HashMap;
use std::sync::Arc;

/// Size of a page in the interface: 64 KiB.
pub const WASM_PAGE: u64 = 65_536;
/// Largest stable memory: 500 GiB.
pub const MAX_STABLE: u64 = 500 << 30;

const PAGE: usize = 4096;
const PAGES_IN_CHUNK: usize = 512;

type Page = [u8; PAGE];
type Chunk = [Option<Arc<Page>>; PAGES_IN_CHUNK];

/// The stable memory of a canister.
#[derive(Clone, Default)]
pub struct StableMemory {
    chunks: Vec<Option<Arc<Chunk>>>,
    /// Bytes; a multiple of [`WASM_PAGE`].
    size: u64,
}

/// Which pages of a stable memory one message has read or written.
#[derive(Default)]
pub struct Accesses {
    touched: PageSet,
    written: PageSet,
}

impl Accesses {
    /// How many pages have been written.
    pub fn written(&self) -> u64 {
        self.written.count
    }

    /// Bytes of all pages that have been read or written.
    pub fn bytes(&self) -> u64 {
        self.touched.count * PAGE as u64
    }

    /// Notes a read.
    pub fn note_read(&mut self, offset: u64, length: u64) {
        self.touched.insert(offset, length);
    }

    /// Notes a write and answers how many pages it is the first to write.
    pub fn note_write(&mut self, offset: u64, length: u64) -> u64 {
        self.touched.insert(offset, length);
        self.written.insert(offset, length)
    }
}

#[derive(Default)]
struct PageSet {
    chunks: HashMap<u64, [u64; PAGES_IN_CHUNK / 64]>,
    count: u64,
}

impl PageSet {
    fn insert(&mut self, offset: u64, length: u64) -> u64 {
        if length == 0 {
            return 0;
        }
        let page_size = PAGE as u64;
        let in_chunk = PAGES_IN_CHUNK as u64;
        let mut new = 0;
        let mut page = offset / page_size;
        let last = (offset + length - 1) / page_size;
        while page <= last {
            let chunk = page / in_chunk;
            let bits = self.chunks.entry(chunk).or_insert([0; PAGES_IN_CHUNK / 64]);
            while page <= last && page / in_chunk == chunk {
                #[allow(clippy::cast_possible_truncation, reason = "below 512")]
                let bit = (page % in_chunk) as usize;
                let mask = 1 << (bit % 64);
                if bits[bit / 64] & mask == 0 {
                    bits[bit / 64] |= mask;
                    new += 1;
                }
                page += 1;
            }
        }
        self.count += new;
        new
    }
}

impl std::fmt::Debug for StableMemory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StableMemory")
            .field("size", &self.size)
            .finish_non_exhaustive()
    }
}

impl StableMemory {
    /// Stable memory that holds `bytes`, rounded up to whole pages of 64 KiB.
    pub fn from_bytes(bytes: &[u8]) -> Self {
        let mut memory = Self {
            chunks: Vec::new(),
            size: (bytes.len() as u64).next_multiple_of(WASM_PAGE),
        };
        memory.write(0, bytes);
        memory
    }

    /// Size in bytes.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Size in pages of 64 KiB.
    pub fn pages(&self) -> u64 {
        self.size / WASM_PAGE
    }

    /// Grows by `pages` of 64 KiB; answers the old size in pages, or nothing if that would be more than 500 GiB.
    pub fn grow(&mut self, pages: u64) -> Option<u64> {
        let old = self.pages();
        let size = old
            .checked_add(pages)?
            .checked_mul(WASM_PAGE)
            .filter(|s| *s <= MAX_STABLE)?;
        self.size = size;
        Some(old)
    }

    /// Whether the range lies within the memory.
    pub fn contains(&self, offset: u64, length: u64) -> bool {
        offset.checked_add(length).is_some_and(|end| end <= self.size)
    }

    /// Copies bytes out. The range must lie within the memory.
    pub fn read(&self, offset: u64, into: &mut [u8]) {
        walk(offset, into.len(), |chunk, page, at, range| {
            let bytes = &mut into[range];
            let page = self
                .chunks
                .get(chunk)
                .and_then(Option::as_ref)
                .and_then(|c| c[page].as_ref());
            match page {
                Some(page) => bytes.copy_from_slice(&page[at..at + bytes.len()]),
                None => bytes.fill(0),
            }
        });
    }

    /// Writes bytes. The range must lie within the memory.
    pub fn write(&mut self, offset: u64, from: &[u8]) {
        walk(offset, from.len(), |chunk, page, at, range| {
            let bytes = &from[range];
            if self.chunks.len() <= chunk {
                self.chunks.resize(chunk + 1, None);
            }
            let chunk = self.chunks[chunk].get_or_insert_with(|| Arc::new([const { None }; PAGES_IN_CHUNK]));
            let page = Arc::make_mut(chunk)[page].get_or_insert_with(|| Arc::new([0; PAGE]));
            Arc::make_mut(page)[at..at + bytes.len()].copy_from_slice(bytes);
        });
    }

    /// All bytes.
    pub fn to_vec(&self) -> Vec<u8> {
        let mut bytes = vec![0; usize::try_from(self.size).unwrap_or(usize::MAX)];
        self.read(0, &mut bytes);
        bytes
    }
}

/// Calls `visit(chunk, page in chunk, offset in page, range of the buffer)` for each page of a range.
fn walk(offset: u64, length: usize, mut visit: impl FnMut(usize, usize, usize, std::ops::Range<usize>)) {
    #[allow(clippy::cast_possible_truncation, reason = "usize has 64 bits wherever this runs")]
    let offset = offset as usize;
    let mut done = 0;
    while done < length {
        let position = offset + done;
        let page = position / PAGE;
        let at = position % PAGE;
        let n = (PAGE - at).min(length - done);
        visit(page / PAGES_IN_CHUNK, page % PAGES_IN_CHUNK, at, done..done + n);
        done += n;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn should_refuse_to_grow_beyond_500_gib() {
        let mut memory = StableMemory::default();
        assert_eq!(memory.grow(3), Some(0));
        assert_eq!(memory.grow(u64::MAX), None);
        assert_eq!(memory.grow(MAX_STABLE / WASM_PAGE - 2), None);
        assert_eq!(memory.grow(MAX_STABLE / WASM_PAGE - 3), Some(3));
        assert_eq!(memory.size(), MAX_STABLE);
        memory.write(MAX_STABLE - 3, b"end");
        let mut end = [0; 4];
        memory.read(MAX_STABLE - 4, &mut end);
        assert_eq!(&end, b"\0end");
    }

    proptest! {
        #[test]
        fn should_behave_as_a_vector_does(writes in prop::collection::vec((0usize..200_000, prop::collection::vec(any::<u8>(), 0..9000)), 0..20)) {
            let mut memory = StableMemory::default();
            memory.grow(4).unwrap();
            let mut model = vec![0; 4 * 65_536];
            let before = memory.clone();
            let mut accesses = Accesses::default();
            for (offset, bytes) in &writes {
                memory.write(*offset as u64, bytes);
                accesses.note_write(*offset as u64, bytes.len() as u64);
                model[*offset..offset + bytes.len()].copy_from_slice(bytes);
            }
            prop_assert!(memory.to_vec() == model);
            prop_assert!(before.to_vec().iter().all(|b| *b == 0));
            let mut pages: Vec<usize> = writes.iter().flat_map(|(o, b)| (*o..o + b.len()).map(|i| i / PAGE)).collect();
            pages.sort_unstable();
            pages.dedup();
            prop_assert_eq!(accesses.written(), pages.len() as u64);
        }
    }
}
