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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash::leaf_hash;
    use ic_stable_structures::VectorMemory;
    use std::cell::Cell;
    use std::rc::Rc;

    fn leaves(log: u64, range: std::ops::Range<u64>) -> Vec<Hash> {
        range
            .map(|i| leaf_hash(&[log.to_be_bytes(), i.to_be_bytes()].concat()))
            .collect()
    }

    #[test]
    fn should_place_every_node_within_its_extent() {
        let mut position = 0;
        for extent in 0..6 {
            for within in 0..capacity(extent) {
                assert_eq!(locate(position), (extent, within));
                position += 1;
                assert_eq!(extents_for(position), extent + 1);
            }
        }
        assert_eq!(extents_for(node_count(MAX_TREE_SIZE)), 35);
    }

    #[test]
    fn should_keep_many_logs_apart_and_find_them_again() {
        let memory = VectorMemory::default();
        let arena = NodeArena::init(memory.clone()).unwrap();
        let mut records = vec![LogRecord::default(); 5];
        let mut plain = vec![Log::restore(Vec::new()).unwrap(); 5];
        for round in 0..40_u64 {
            for (number, record) in records.iter_mut().enumerate() {
                let number = number as u64;
                let batch = leaves(number, record.size()..record.size() + (round * 7 + number * 3) % 23);
                let reference = &mut plain[usize::try_from(number).unwrap()];
                reference.append_batch(&batch).unwrap();
                assert_eq!(arena.append_batch(record, &batch).unwrap(), reference.size());
            }
        }
        let reopened = NodeArena::init(memory).unwrap();
        for (record, reference) in records.iter().zip(&plain) {
            let record = LogRecord::decode(&record.encode()).unwrap();
            let log = reopened.log(&record).unwrap();
            assert_eq!(log.root(), reference.root());
            assert_eq!(record.root(), reference.root());
            let size = log.size();
            assert!(size > 300);
            for index in [0, 1, size / 2, size - 1] {
                assert_eq!(log.leaf(index), reference.leaf(index));
                assert_eq!(log.inclusion_proof(index, size), reference.inclusion_proof(index, size));
                assert_eq!(
                    log.consistency_proof(index, size),
                    reference.consistency_proof(index, size)
                );
            }
        }
    }

    #[test]
    fn should_refuse_a_foreign_memory() {
        let memory = VectorMemory::default();
        memory.grow(1);
        memory.write(0, b"ANYTHING");
        assert_eq!(
            NodeArena::init(memory).err(),
            Some(StoreError::Foreign { found: *b"ANYTHING" })
        );
    }

    /// A memory that stops growing after so many pages.
    struct Limited(VectorMemory, Rc<Cell<u64>>);

    impl Memory for Limited {
        fn size(&self) -> u64 {
            self.0.size()
        }
        fn grow(&self, pages: u64) -> i64 {
            if self.0.size() + pages > self.1.get() {
                return -1;
            }
            self.0.grow(pages)
        }
        fn read(&self, offset: u64, dst: &mut [u8]) {
            self.0.read(offset, dst);
        }
        fn write(&self, offset: u64, src: &[u8]) {
            self.0.write(offset, src);
        }
    }

    #[test]
    fn should_change_nothing_when_the_memory_is_full() {
        let limit = Rc::new(Cell::new(2));
        let arena = NodeArena::init(Limited(VectorMemory::default(), limit.clone())).unwrap();
        let mut record = LogRecord::default();
        arena.append_batch(&mut record, &leaves(0, 0..900)).unwrap();
        let (before, used) = (record.clone(), arena.used_bytes());
        assert_eq!(
            arena.append_batch(&mut record, &leaves(0, 900..2_000)),
            Err(StoreError::Full.into())
        );
        assert_eq!((&record, arena.used_bytes()), (&before, used));
        limit.set(100);
        arena.append_batch(&mut record, &leaves(0, 900..2_000)).unwrap();
        let mut reference = Log::restore(Vec::new()).unwrap();
        reference.append_batch(&leaves(0, 0..2_000)).unwrap();
        assert_eq!(record.root(), reference.root());
    }

    #[test]
    fn should_decode_records_strictly_and_keep_reading_version_1() {
        let arena = NodeArena::init(VectorMemory::default()).unwrap();
        let mut record = LogRecord::default();
        assert_eq!(record.encode(), [1, 0, 0, 0, 0, 0, 0, 0, 0]);
        arena
            .append_batch(&mut record, &[Hash([7; 32]), Hash([8; 32]), Hash([9; 32])])
            .unwrap();
        let bytes = record.encode();
        // Bytes as version 1 wrote them: size 3, one extent at 4,096, the frontier's two hashes.
        let old = hex::decode(concat!(
            "01",
            "0000000000000003",
            "0000000000001000",
            "3b1f1e7e8f4b9bbdf4e92b1e3d6a2b8c9f6d0d6f0a6e3f2a1c5b7d9e8f0a1b2c",
            "0909090909090909090909090909090909090909090909090909090909090909",
        ))
        .unwrap();
        let read = LogRecord::decode(&old).unwrap();
        assert_eq!((read.size(), read.encode()), (3, old));
        for end in 0..bytes.len() {
            assert_eq!(LogRecord::decode(&bytes[..end]).err(), Some(RecordError::Length));
        }
        assert_eq!(
            LogRecord::decode(&[bytes.as_slice(), &[0]].concat()).err(),
            Some(RecordError::Length)
        );
        let mut other = bytes;
        other[0] = 2;
        assert_eq!(LogRecord::decode(&other).err(), Some(RecordError::Version(2)));
    }
}
