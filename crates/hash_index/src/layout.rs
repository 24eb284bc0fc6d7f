//! The bytes of the header page and of a page's own header, version 1.

use ic_stable_structures::Memory;

/// Bytes of a page; every bucket is one page, aligned.
pub const PAGE_BYTES: u64 = 4096;
/// Entries that fit a page.
pub const PAGE_SLOTS: u16 = 255;
/// The largest value that can be stored: 2^63 − 1. The top bit marks a slot as taken.
pub const MAX_VALUE: u64 = (1 << 63) - 1;

pub(crate) const WASM_PAGE_BYTES: u64 = 65_536;
const MAGIC: [u8; 8] = *b"DDSXHIDX";
const VERSION: u32 = 1;

/// The number of a 4 KiB page of the memory; 0, the header page, stands for "none" in links.
pub(crate) type PageNo = u32;

/// Why a memory could not be opened as an index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// The memory is not empty and does not start with an index's magic bytes.
    #[error("the memory holds something that is not a hash index")]
    Foreign,
    /// The index was written by a newer version of this crate.
    #[error("the hash index has version {0}, which this code does not know")]
    UnknownVersion(u32),
    /// The header claims what the memory cannot hold.
    #[error("the hash index's header does not fit its memory")]
    Corrupt,
    /// An empty memory could not be grown.
    #[error("the memory could not be grown")]
    OutOfMemory,
}

/// What the header page says. The level and the bucket next in turn follow from the number of buckets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    /// Number of buckets, at least 1.
    pub buckets: u32,
    /// Number of overflow pages; they lie right behind the buckets.
    pub overflow: u32,
}

impl Header {
    /// Pages in use, the header page included.
    pub fn pages(self) -> u64 {
        1 + u64::from(self.buckets) + u64::from(self.overflow)
    }

    pub fn write<M: Memory>(self, memory: &M) {
        let mut bytes = [0; 24];
        bytes[..8].copy_from_slice(&MAGIC);
        bytes[8..12].copy_from_slice(&VERSION.to_le_bytes());
        bytes[16..20].copy_from_slice(&self.buckets.to_le_bytes());
        bytes[20..24].copy_from_slice(&self.overflow.to_le_bytes());
        memory.write(0, &bytes);
    }

    /// Reads and checks the header of a memory that is not empty.
    pub fn read<M: Memory>(memory: &M) -> Result<Self, OpenError> {
        let mut bytes = [0; 24];
        memory.read(0, &mut bytes);
        if bytes[..8] != MAGIC {
            return Err(OpenError::Foreign);
        }
        let version = u32_at(&bytes, 8);
        if version != VERSION {
            return Err(OpenError::UnknownVersion(version));
        }
        let header = Self {
            buckets: u32_at(&bytes, 16),
            overflow: u32_at(&bytes, 20),
        };
        // Link and page numbers are 32-bit.
        if header.buckets == 0
            || header.pages() > u64::from(u32::MAX)
            || header.pages().div_ceil(WASM_PAGE_BYTES / PAGE_BYTES) > memory.size()
        {
            return Err(OpenError::Corrupt);
        }
        Ok(header)
    }
}

/// The first 16 bytes of a bucket or overflow page; the last 4 are zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PageHeader {
    /// Entries in this page, at most [`PAGE_SLOTS`].
    pub count: u16,
    /// The next page of the chain, 0 for none.
    pub next: PageNo,
    /// The page before this one in the chain, 0 in a bucket.
    pub prev: PageNo,
}

impl PageHeader {
    pub fn read<M: Memory>(memory: &M, page: PageNo) -> Self {
        let mut bytes = [0; 12];
        memory.read(offset(page), &mut bytes);
        Self::decode(&bytes)
    }

    pub fn decode(bytes: &[u8]) -> Self {
        Self {
            count: u16::from_le_bytes([bytes[0], bytes[1]]),
            next: u32_at(bytes, 4),
            prev: u32_at(bytes, 8),
        }
    }

    pub fn encode(self, bytes: &mut [u8]) {
        bytes[..2].copy_from_slice(&self.count.to_le_bytes());
        bytes[4..8].copy_from_slice(&self.next.to_le_bytes());
        bytes[8..12].copy_from_slice(&self.prev.to_le_bytes());
    }
}

pub(crate) fn write_count<M: Memory>(memory: &M, page: PageNo, count: u16) {
    memory.write(offset(page), &count.to_le_bytes());
}

pub(crate) fn write_next<M: Memory>(memory: &M, page: PageNo, next: PageNo) {
    memory.write(offset(page) + 4, &next.to_le_bytes());
}

pub(crate) fn write_prev<M: Memory>(memory: &M, page: PageNo, prev: PageNo) {
    memory.write(offset(page) + 8, &prev.to_le_bytes());
}

pub(crate) fn offset(page: PageNo) -> u64 {
    u64::from(page) * PAGE_BYTES
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}
