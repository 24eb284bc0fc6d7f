//! The nodes of many logs in one stable memory.
//!
//! A log's nodes lie in extents. The first has 128 nodes, a page of 4 KiB; the second as many, and each further one as many as
//! all before it together. So a node's place is found with a handful of instructions from a table of at most 35 offsets that the
//! owner of the log keeps in its own record ([`LogRecord`], beside the frontier); appending touches the one or two pages
//! at the log's end; and less than half of the space is ever unused. Extents are given out once and never taken back: a log
//! never shrinks.
//!
//! Layout of the memory: bytes 0–7 `DDSXNOD` and the version 0x01; bytes 8–15 the offset of the first free byte (little-endian);
//! extents from offset 4,096 on, each node 32 bytes.

#[cfg(test)]
mod tests;

use std::borrow::Cow;

use ddsx_types::Hash;
use ic_stable_structures::{Memory, Storable, storable::Bound};

use crate::bytes::{Reader, Truncated};
use crate::compact::{CompactRange, RangeError, cover};
use crate::log::{Log, LogError};
use crate::store::{MAX_TREE_SIZE, NodeStore, StoreError, node_count};

const MAGIC: [u8; 8] = *b"DDSXNOD\x01";
const NEXT_FREE: u64 = 8;
const FIRST_EXTENT: u64 = 4_096;
const PAGE: u64 = 65_536;
const NODE: u64 = 32;
/// Nodes of the first extent, and of the second.
const UNIT: u64 = 128;

/// The version of an encoded [`LogRecord`].
pub const RECORD_VERSION: u8 = 1;
/// The most bytes a [`LogRecord`] takes: version, size, 35 extents, 40 hashes.
pub const MAX_RECORD_LEN: u32 = 1 + 8 + 35 * 8 + 40 * 32;

/// How many extents hold this many nodes.
fn extents_for(nodes: u64) -> usize {
    match nodes {
        0 => 0,
        _ => locate(nodes - 1).0 + 1,
    }
}

/// The extent in which a node lies and its number within it.
fn locate(position: u64) -> (usize, u64) {
    if position < UNIT {
        return (0, position);
    }
    let doublings = (position / UNIT).ilog2();
    (doublings as usize + 1, position - (UNIT << doublings))
}

/// How many nodes an extent holds.
fn capacity(extent: usize) -> u64 {
    UNIT << extent.saturating_sub(1)
}

/// Where one log's nodes lie in a [`NodeArena`], and its frontier: what the log's owner stores. The default is an empty log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogRecord {
    extents: Vec<u64>,
    frontier: CompactRange,
}

impl Default for LogRecord {
    fn default() -> Self {
        Self {
            extents: Vec::new(),
            frontier: CompactRange::empty_at(0),
        }
    }
}

/// Why bytes are not a [`LogRecord`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// A version this library does not know.
    #[error("the log record's version is {0}, known is {RECORD_VERSION}")]
    Version(u8),
    /// A byte is missing or left over.
    #[error("the log record does not have the length its size calls for")]
    Length,
    /// The tree's size is past the largest.
    #[error(transparent)]
    Range(#[from] RangeError),
}

impl From<Truncated> for RecordError {
    fn from(Truncated: Truncated) -> Self {
        Self::Length
    }
}

impl LogRecord {
    /// How many leaves the log has.
    pub fn size(&self) -> u64 {
        self.frontier.end()
    }

    /// The tree's root.
    pub fn root(&self) -> Hash {
        // The frontier begins at 0, so that there is a root.
        self.frontier.root().unwrap_or_else(|_| crate::hash::empty_root())
    }

    /// The compact range over all leaves.
    pub fn frontier(&self) -> &CompactRange {
        &self.frontier
    }

    /// Version 0x01, the tree's size, the extents' offsets, the frontier's hashes; integers big-endian. How many there are of
    /// each follows from the size.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = vec![RECORD_VERSION];
        out.extend_from_slice(&self.size().to_be_bytes());
        for extent in &self.extents {
            out.extend_from_slice(&extent.to_be_bytes());
        }
        for hash in self.frontier.hashes() {
            out.extend_from_slice(&hash.0);
        }
        out
    }

    /// Reads what [`LogRecord::encode`] of this or any older version wrote.
    ///
    /// # Errors
    /// [`RecordError`].
    pub fn decode(bytes: &[u8]) -> Result<Self, RecordError> {
        let mut reader = Reader::new(bytes);
        let version = reader.u8()?;
        if version != RECORD_VERSION {
            return Err(RecordError::Version(version));
        }
        let size = reader.u64()?;
        if size > MAX_TREE_SIZE {
            return Err(RangeError::Bounds { begin: 0, end: size }.into());
        }
        let extents = (0..extents_for(node_count(size)))
            .map(|_| reader.u64())
            .collect::<Result<_, _>>()?;
        let hashes = cover(0, size).map(|_| reader.hash()).collect::<Result<_, _>>()?;
        if reader.left() != 0 {
            return Err(RecordError::Length);
        }
        Ok(Self {
            extents,
            frontier: CompactRange::new(0, size, hashes)?,
        })
    }
}

impl Storable for LogRecord {
    const BOUND: Bound = Bound::Bounded {
        max_size: MAX_RECORD_LEN,
        is_fixed_size: false,
    };

    fn to_bytes(&self) -> Cow<'_, [u8]> {
        self.encode().into()
    }

    fn into_bytes(self) -> Vec<u8> {
        self.encode()
    }

    fn from_bytes(bytes: Cow<'_, [u8]>) -> Self {
        Self::decode(&bytes).expect("a log record is read from where it was written")
    }
}

/// The nodes of many logs in one memory.
pub struct NodeArena<M> {
    memory: M,
}

impl<M: Memory> NodeArena<M> {
    /// Opens the arena that a memory holds, or makes one in an empty memory.
    ///
    /// # Errors
    /// [`StoreError::Foreign`] if the memory holds something else, [`StoreError::Full`] if it cannot grow.
    pub fn init(memory: M) -> Result<Self, StoreError> {
        let arena = Self { memory };
        if arena.memory.size() == 0 {
            arena.grow_to(FIRST_EXTENT)?;
            arena.memory.write(0, &MAGIC);
            arena.set_next_free(FIRST_EXTENT);
        }
        let mut found = [0; 8];
        arena.memory.read(0, &mut found);
        if found == MAGIC {
            Ok(arena)
        } else {
            Err(StoreError::Foreign { found })
        }
    }

    /// A log as it stands in its record, for roots, proofs and ranges.
    ///
    /// # Errors
    /// None for a record that this arena's [`NodeArena::append_batch`] wrote.
    pub fn log<'a>(&'a self, record: &LogRecord) -> Result<Log<ArenaNodes<'a, M>>, LogError> {
        let nodes = ArenaNodes {
            arena: self,
            extents: record.extents.clone(),
            count: node_count(record.size()),
        };
        Log::new(nodes, record.frontier.clone())
    }

    /// Adds leaves by their hashes to the log of this record, brings the record up to date and answers the tree's new size.
    /// The caller stores the record: until then the log is as it was.
    ///
    /// # Errors
    /// As [`Log::append_batch`]; the record is then unchanged.
    pub fn append_batch(&self, record: &mut LogRecord, leaf_hashes: &[Hash]) -> Result<u64, LogError> {
        let mut log = self.log(record)?;
        let size = log.append_batch(leaf_hashes)?;
        let (nodes, frontier) = log.into_parts();
        *record = LogRecord {
            extents: nodes.extents,
            frontier,
        };
        Ok(size)
    }

    /// Bytes given out, the arena's own header included.
    pub fn used_bytes(&self) -> u64 {
        let mut bytes = [0; 8];
        self.memory.read(NEXT_FREE, &mut bytes);
        u64::from_le_bytes(bytes)
    }

    fn set_next_free(&self, offset: u64) {
        self.memory.write(NEXT_FREE, &offset.to_le_bytes());
    }

    fn grow_to(&self, bytes: u64) -> Result<(), StoreError> {
        let missing = bytes.div_ceil(PAGE).saturating_sub(self.memory.size());
        if missing > 0 && self.memory.grow(missing) < 0 {
            return Err(StoreError::Full);
        }
        Ok(())
    }

    /// Extends the table until it has room for this many nodes.
    fn reserve(&self, extents: &mut Vec<u64>, nodes: u64) -> Result<(), StoreError> {
        let wanted = extents_for(nodes);
        if wanted <= extents.len() {
            return Ok(());
        }
        let mut next = self.used_bytes();
        let mut added = Vec::new();
        for extent in extents.len()..wanted {
            added.push(next);
            next += capacity(extent) * NODE;
        }
        self.grow_to(next)?;
        self.set_next_free(next);
        extents.extend(added);
        Ok(())
    }
}

/// One log's nodes in a [`NodeArena`].
pub struct ArenaNodes<'a, M> {
    arena: &'a NodeArena<M>,
    extents: Vec<u64>,
    count: u64,
}

impl<M: Memory> NodeStore for ArenaNodes<'_, M> {
    fn count(&self) -> u64 {
        self.count
    }

    fn read(&self, position: u64) -> Result<Hash, StoreError> {
        let (extent, within) = locate(position);
        let start = self
            .extents
            .get(extent)
            .filter(|_| position < self.count)
            .ok_or(StoreError::Missing(position))?;
        let mut hash = [0; 32];
        self.arena.memory.read(start + within * NODE, &mut hash);
        Ok(Hash(hash))
    }

    fn append(&mut self, nodes: &[Hash]) -> Result<(), StoreError> {
        let end = self.count + nodes.len() as u64;
        self.arena.reserve(&mut self.extents, end)?;
        let mut rest = nodes;
        while !rest.is_empty() {
            let (extent, within) = locate(self.count);
            let room = usize::try_from(capacity(extent) - within).unwrap_or(usize::MAX);
            let (now, later) = rest.split_at(room.min(rest.len()));
            let bytes: Vec<u8> = now.iter().flat_map(|hash| hash.0).collect();
            self.arena.memory.write(self.extents[extent] + within * NODE, &bytes);
            self.count += now.len() as u64;
            rest = later;
        }
        Ok(())
    }
}
