//! Where the chunks' bytes lie: an append-only data region and an index from sequence number to place.
//!
//! The data region is one run of bytes over all streams; a chunk's leaf, credits and payload lie there side by side, in
//! the order in which they were appended. The index holds 16 bytes a chunk. A stream's entries lie in extents that double
//! (64, 128, 256 … entries), whose places stand in the stream's record: so finding a chunk and adding one cost the same
//! whether the stream has ten chunks or ten million.
//!
//! When payloads are dropped, leaves and credits stay: those of chunks that lie side by side are moved together, and what
//! becomes free behind them is a *hole*, which later batches fill. An entry whose payload has no bytes says that it was dropped;
//! a chunk that was appended has one byte at least.

use ic_stable_structures::{Memory, StableBTreeMap};

use super::keys::{Key, stream_and};

const PAGE: u64 = 65_536;
const HEADER: u64 = 64;
const VERSION: u8 = 1;
const ENTRY: usize = 16;
const FIRST_EXTENT: u64 = 64;
/// Payloads of this size and more are written from where they are; smaller ones are gathered first.
const GATHER_BELOW: usize = 8 * 1024;

/// Free runs below this are not worth an entry.
const LEAST_HOLE: u64 = 256;

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

    /// Whether its payload was dropped.
    pub fn is_dropped(self) -> bool {
        self.payload == 0
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
pub struct ChunkStore<M: Memory> {
    index: Region<M>,
    data: Region<M>,
    /// (length, offset) of what is free in the data region.
    holes: StableBTreeMap<Key<16>, (), M>,
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
    /// Opens the two regions and the list of holes, or makes them in fresh memories.
    pub fn open(index: M, data: M, holes: M) -> Option<Self> {
        Some(Self {
            index: Region::open(index, *b"DDSXidx")?,
            data: Region::open(data, *b"DDSXdat")?,
            holes: StableBTreeMap::init(holes),
        })
    }

    /// The smallest hole that holds so many bytes: its length and offset.
    fn hole(&self, bytes: u64) -> Option<(u64, u64)> {
        if self.holes.is_empty() {
            return None;
        }
        let key = self.holes.keys_range(stream_and(bytes, 0)..).next()?;
        Some((key.u64_at(0), key.u64_at(8)))
    }

    /// Whether a batch of so many bytes fits into what was freed, so that the region does not grow.
    pub fn fits_a_hole(&self, bytes: u64) -> bool {
        self.hole(bytes).is_some()
    }

    fn add_hole(&mut self, from: u64, to: u64) {
        if to.saturating_sub(from) >= LEAST_HOLE {
            self.holes.insert(stream_and(to - from, from), ());
        }
    }

    /// Adds a batch to a stream that has `first_sequence` chunks and whose extents are `extents`: into a hole that holds all of it, or
    /// at the region's end. On an error nothing has changed.
    pub fn append(
        &mut self,
        extents: &mut Vec<u64>,
        first_sequence: u64,
        chunks: &[Parts<'_>],
    ) -> Result<(), Exhausted> {
        let total = chunks
            .iter()
            .map(|chunk| (chunk.leaf.len() + chunk.credits.len() + chunk.payload.len()) as u64)
            .sum();
        let hole = self.hole(total);
        let start = hole.map_or(self.data.end, |(_, offset)| offset);
        let mut places = Vec::with_capacity(chunks.len());
        let mut offset = start;
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
        if hole.is_none() {
            self.data.reserve(total)?;
        }
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
        self.write_data(start, chunks);
        if let Some((length, from)) = hole {
            self.holes.remove(&stream_and(length, from));
            self.add_hole(offset, from + length);
        } else {
            self.data.end = offset;
            self.data.store_end();
        }
        Ok(())
    }

    /// Drops the payloads of chunks `from` to before `to` of a stream. Leaves and credits stay, moved together where the chunks lie
    /// side by side. Answers how many payload bytes went.
    pub fn drop_payloads(&mut self, extents: &[u64], from: u64, to: u64) -> u64 {
        let mut freed = 0;
        // What is free behind the leaves moved so far, and where the run of chunks ends.
        let mut run: Option<(u64, u64)> = None;
        for sequence in from..to {
            let Some(place) = self.place(extents, sequence) else {
                break;
            };
            if place.is_dropped() {
                continue;
            }
            let kept = u64::from(place.leaf) + u64::from(place.credits);
            let at = match run {
                Some((free, end)) if end == place.offset => free,
                other => {
                    if let Some((free, end)) = other {
                        self.add_hole(free, end);
                    }
                    place.offset
                }
            };
            if at != place.offset {
                let bytes = self.bytes(place.offset, usize::from(place.leaf) + usize::from(place.credits));
                self.data.memory.write(at, &bytes);
            }
            let moved = Place {
                offset: at,
                payload: 0,
                ..place
            };
            self.write_index(extents, sequence, &[moved]);
            run = Some((at + kept, place.offset + place.total_bytes()));
            freed += u64::from(place.payload);
        }
        if let Some((free, end)) = run {
            self.add_hole(free, end);
        }
        freed
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

    fn write_data(&self, start: u64, chunks: &[Parts<'_>]) {
        let mut at = start;
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
        let (index, data, holes) = Default::default();
        let mut store: ChunkStore<VectorMemory> =
            ChunkStore::open(Clone::clone(&index), Clone::clone(&data), Clone::clone(&holes)).expect("fresh");
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
        let store = ChunkStore::open(index, data, holes).expect("reopened");
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
        assert!(ChunkStore::open(foreign, VectorMemory::default(), VectorMemory::default()).is_none());
    }

    fn add(
        store: &mut ChunkStore<VectorMemory>,
        extents: &mut Vec<u64>,
        first: u64,
        count: u64,
        mark: u8,
        length: usize,
    ) {
        let payload = vec![mark; length];
        let leaf = [mark; 117];
        let parts = Parts {
            leaf: &leaf,
            credits: &[2; 49],
            payload: &payload,
        };
        let parts: Vec<Parts<'_>> = (0..count).map(|_| parts).collect();
        store.append(extents, first, &parts).expect("there is room");
    }

    #[test]
    fn should_drop_payloads_keep_leaves_and_use_the_space_again() {
        let (index, data, holes) = Default::default();
        let mut store: ChunkStore<VectorMemory> =
            ChunkStore::open(Clone::clone(&index), Clone::clone(&data), Clone::clone(&holes)).expect("fresh");
        let (mut dropped, mut other) = (Vec::new(), Vec::new());
        for round in 0..4_u8 {
            add(&mut store, &mut dropped, u64::from(round) * 20, 20, round, 10_000);
            add(&mut store, &mut other, u64::from(round) * 5, 5, 100 + round, 300);
        }
        let end = store.data.end;
        // In slices, as the timer does it.
        assert_eq!(
            store.drop_payloads(&dropped, 0, 40) + store.drop_payloads(&dropped, 40, 80),
            800_000
        );
        assert_eq!(store.drop_payloads(&dropped, 0, 80), 0, "once");
        let check = |store: &ChunkStore<VectorMemory>, other: &[u64]| {
            for sequence in 0..80 {
                let place = store.place(&dropped, sequence).expect("indexed");
                assert!(place.is_dropped());
                let mark = u8::try_from(sequence / 20).expect("below 4");
                assert_eq!(store.leaf(place), vec![mark; 117], "leaf {sequence}");
                assert_eq!(store.chunk(place).credits, vec![2; 49]);
            }
            for sequence in 0..20 {
                let place = store.place(other, sequence).expect("indexed");
                let mark = u8::try_from(100 + sequence / 5).expect("small");
                assert_eq!(
                    store.chunk(place).payload,
                    vec![mark; 300],
                    "another's chunk {sequence}"
                );
            }
        };
        check(&store, &other);
        let mut store = ChunkStore::open(index, data, holes).expect("reopened");
        let mut third = Vec::new();
        for round in 0..4_u8 {
            assert!(store.fits_a_hole(100_000));
            add(&mut store, &mut third, u64::from(round) * 19, 19, 200 + round, 10_000);
        }
        assert_eq!(store.data.end, end, "the region did not grow");
        check(&store, &other);
        for sequence in 0..76 {
            let chunk = store.chunk(store.place(&third, sequence).expect("indexed"));
            assert_eq!(
                chunk.payload,
                vec![u8::try_from(200 + sequence / 19).expect("small"); 10_000]
            );
        }
    }
}
