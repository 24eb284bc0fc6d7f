//! Where the chunks' bytes lie: an append-only data region and an index from sequence number to place.
//!
//! The data region is one run of bytes over all streams; a chunk's leaf, credits and payload lie there side by side, in
//! the order in which they were appended. The index holds 16 bytes a chunk. A stream's entries lie in extents that double
//! (64, 128, 256 … entries), whose places stand in the stream's record: so finding a chunk and adding one cost the same
//! whether the stream has ten chunks or ten million, and nothing is ever moved.

use ic_stable_structures::Memory;

const PAGE: u64 = 65_536;
const HEADER: u64 = 64;
const VERSION: u8 = 1;
const ENTRY: usize = 16;
const FIRST_EXTENT: u64 = 64;
/// Payloads of this size and more are written from where they are; smaller ones are gathered first.
const GATHER_BELOW: usize = 8 * 1024;

/// Stable memory is exhausted, or these are not our regions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exhausted;

/// A chunk's three parts.
#[derive(Clone, Copy)]
pub struct Parts<'a> {
    /// Its canonical leaf.
    pub leaf: &'a [u8],
    /// Its credits, encoded.
    pub credits: &'a [u8],
    /// Its payload.
    pub payload: &'a [u8],
}

/// Where a chunk lies in the data region.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    offset: u64,
    leaf: u16,
    credits: u16,
    payload: u32,
}

impl Place {
    /// Bytes of leaf, credits and payload.
    pub fn total_bytes(self) -> u64 {
        u64::from(self.leaf) + u64::from(self.credits) + u64::from(self.payload)
    }

    fn encode(self) -> [u8; ENTRY] {
        let mut entry = [0; ENTRY];
        entry[..8].copy_from_slice(&self.offset.to_be_bytes());
        entry[8..10].copy_from_slice(&self.leaf.to_be_bytes());
        entry[10..12].copy_from_slice(&self.credits.to_be_bytes());
        entry[12..].copy_from_slice(&self.payload.to_be_bytes());
        entry
    }

    fn decode(entry: [u8; ENTRY]) -> Self {
        let [o0, o1, o2, o3, o4, o5, o6, o7, l0, l1, c0, c1, p0, p1, p2, p3] = entry;
        Self {
            offset: u64::from_be_bytes([o0, o1, o2, o3, o4, o5, o6, o7]),
            leaf: u16::from_be_bytes([l0, l1]),
            credits: u16::from_be_bytes([c0, c1]),
            payload: u32::from_be_bytes([p0, p1, p2, p3]),
        }
    }
}

/// A chunk read back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredChunk {
    /// Its canonical leaf.
    pub leaf: Vec<u8>,
    /// Its credits, encoded.
    pub credits: Vec<u8>,
    /// Its payload.
    pub payload: Vec<u8>,
}

/// A run of bytes with a header that says where it ends.
struct Region<M> {
    memory: M,
    end: u64,
}

impl<M: Memory> Region<M> {
    /// Opens the region, or makes it if the memory is fresh. `None` if the memory holds something else or cannot grow.
    fn open(memory: M, magic: [u8; 7]) -> Option<Self> {
        if memory.size() == 0 {
            if memory.grow(1) < 0 {
                return None;
            }
            memory.write(0, &magic);
            memory.write(7, &[VERSION]);
            let region = Self { memory, end: HEADER };
            region.store_end();
            return Some(region);
        }
        let mut header = [0; 16];
        memory.read(0, &mut header);
        let mut end = [0; 8];
        end.copy_from_slice(&header[8..]);
        (header[..7] == magic && header[7] == VERSION).then(|| Self {
            memory,
            end: u64::from_be_bytes(end),
        })
    }

    fn store_end(&self) {
        self.memory.write(8, &self.end.to_be_bytes());
    }

    /// Makes sure that so many bytes fit after the end. Nothing that is stored changes.
    fn reserve(&self, bytes: u64) -> Result<(), Exhausted> {
        let pages = self.end.checked_add(bytes).ok_or(Exhausted)?.div_ceil(PAGE);
        let more = pages.saturating_sub(self.memory.size());
        if more > 0 && self.memory.grow(more) < 0 {
            Err(Exhausted)
        } else {
            Ok(())
        }
    }
}

/// The chunks of all streams.
pub struct ChunkStore<M> {
    index: Region<M>,
    data: Region<M>,
}

/// Extent number, place within it.
fn extent_of(sequence: u64) -> (usize, u64) {
    let number = (sequence / FIRST_EXTENT + 1).ilog2();
    let first = FIRST_EXTENT * ((1 << number) - 1);
    (number as usize, sequence - first)
}

fn extent_entries(number: usize) -> u64 {
    FIRST_EXTENT << number
}

impl<M: Memory> ChunkStore<M> {
    /// Opens the two regions, or makes them in fresh memories.
    pub fn open(index: M, data: M) -> Option<Self> {
        Some(Self {
            index: Region::open(index, *b"DDSXidx")?,
            data: Region::open(data, *b"DDSXdat")?,
        })
    }

    /// Adds a batch to a stream that has `first_sequence` chunks and whose extents are `extents`. On an error nothing
    /// has changed.
    pub fn append(
        &mut self,
        extents: &mut Vec<u64>,
        first_sequence: u64,
        chunks: &[Parts<'_>],
    ) -> Result<(), Exhausted> {
        let mut places = Vec::with_capacity(chunks.len());
        let mut offset = self.data.end;
        for chunk in chunks {
            let place = Place {
                offset,
                leaf: u16::try_from(chunk.leaf.len()).map_err(|_| Exhausted)?,
                credits: u16::try_from(chunk.credits.len()).map_err(|_| Exhausted)?,
                payload: u32::try_from(chunk.payload.len()).map_err(|_| Exhausted)?,
            };
            offset += place.total_bytes();
            places.push(place);
        }
        self.data.reserve(offset - self.data.end)?;
        let Some(count) = u64::try_from(chunks.len()).ok().filter(|count| *count > 0) else {
            return Ok(());
        };
        let last_extent = extent_of(first_sequence + count - 1).0;
        let new_entries: u64 = (extents.len()..=last_extent).map(extent_entries).sum();
        self.index.reserve(new_entries * ENTRY as u64)?;

        for number in extents.len()..=last_extent {
            extents.push(self.index.end);
            self.index.end += extent_entries(number) * ENTRY as u64;
        }
        if new_entries > 0 {
            self.index.store_end();
        }
        self.write_index(extents, first_sequence, &places);
        self.write_data(chunks);
        self.data.end = offset;
        self.data.store_end();
        Ok(())
    }

    fn write_index(&self, extents: &[u64], first_sequence: u64, places: &[Place]) {
        let mut sequence = first_sequence;
        let mut left = places;
        while !left.is_empty() {
            let (extent, within) = extent_of(sequence);
            let room = usize::try_from(extent_entries(extent) - within).unwrap_or(usize::MAX);
            let (now, later) = left.split_at(room.min(left.len()));
            let bytes: Vec<u8> = now.iter().flat_map(|place| place.encode()).collect();
            self.index.memory.write(extents[extent] + within * ENTRY as u64, &bytes);
            sequence += now.len() as u64;
            left = later;
        }
    }

    fn write_data(&self, chunks: &[Parts<'_>]) {
        let mut at = self.data.end;
        let mut gathered: Vec<u8> = Vec::new();
        for chunk in chunks {
            gathered.extend_from_slice(chunk.leaf);
            gathered.extend_from_slice(chunk.credits);
            if chunk.payload.len() < GATHER_BELOW {
                gathered.extend_from_slice(chunk.payload);
                continue;
            }
            self.data.memory.write(at, &gathered);
            at += gathered.len() as u64;
            gathered.clear();
            self.data.memory.write(at, chunk.payload);
            at += chunk.payload.len() as u64;
        }
        if !gathered.is_empty() {
            self.data.memory.write(at, &gathered);
        }
    }

    /// Where a chunk lies. The caller has checked that the stream is that long.
    pub fn place(&self, extents: &[u64], sequence: u64) -> Option<Place> {
        let (extent, within) = extent_of(sequence);
        let mut entry = [0; ENTRY];
        self.index
            .memory
            .read(extents.get(extent)? + within * ENTRY as u64, &mut entry);
        Some(Place::decode(entry))
    }

    /// A chunk's leaf.
    pub fn leaf(&self, place: Place) -> Vec<u8> {
        self.bytes(place.offset, usize::from(place.leaf))
    }

    /// A whole chunk.
    pub fn chunk(&self, place: Place) -> StoredChunk {
        let credits = place.offset + u64::from(place.leaf);
        let payload = credits + u64::from(place.credits);
        StoredChunk {
            leaf: self.leaf(place),
            credits: self.bytes(credits, usize::from(place.credits)),
            payload: self.bytes(payload, place.payload as usize),
        }
    }

    fn bytes(&self, offset: u64, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        self.data.memory.read(offset, &mut bytes);
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ic_stable_structures::VectorMemory;

    fn payload(sequence: u64) -> Vec<u8> {
        let length = if sequence.is_multiple_of(97) {
            10_000
        } else {
            usize::try_from(sequence % 7 + 1).expect("small")
        };
        vec![u8::try_from(sequence % 251).expect("below 256"); length]
    }

    #[test]
    fn should_place_entries_in_doubling_extents() {
        for (sequence, expected) in [
            (0, (0, 0)),
            (63, (0, 63)),
            (64, (1, 0)),
            (191, (1, 127)),
            (192, (2, 0)),
            (447, (2, 255)),
            (448, (3, 0)),
        ] {
            assert_eq!(extent_of(sequence), expected, "sequence {sequence}");
        }
    }

    #[test]
    fn should_read_back_interleaved_streams_after_reopening() {
        let (index, data) = (VectorMemory::default(), VectorMemory::default());
        let mut store = ChunkStore::open(index.clone(), data.clone()).expect("fresh");
        let mut streams = [Vec::new(), Vec::new()];
        let mut written = 0;
        for batch in [1u64, 63, 1, 300, 70, 5] {
            for extents in &mut streams {
                let payloads: Vec<Vec<u8>> = (written..written + batch).map(payload).collect();
                let parts: Vec<Parts<'_>> = payloads
                    .iter()
                    .map(|payload| Parts {
                        leaf: &[1; 117],
                        credits: &[2; 49],
                        payload,
                    })
                    .collect();
                store.append(extents, written, &parts).expect("there is room");
            }
            written += batch;
        }
        let store = ChunkStore::open(index, data).expect("reopened");
        for extents in &streams {
            for sequence in 0..written {
                let place = store.place(extents, sequence).expect("stored");
                let chunk = store.chunk(place);
                assert_eq!(chunk.payload, payload(sequence), "chunk {sequence}");
                assert_eq!(
                    (chunk.leaf.as_slice(), chunk.credits.as_slice()),
                    (&[1; 117][..], &[2; 49][..])
                );
                assert_eq!(store.leaf(place), chunk.leaf);
            }
        }
    }

    #[test]
    fn should_refuse_a_memory_that_holds_something_else() {
        let foreign = VectorMemory::default();
        assert_eq!(foreign.grow(1), 0);
        foreign.write(0, b"something else entirely");
        assert!(ChunkStore::open(foreign, VectorMemory::default()).is_none());
    }
}
