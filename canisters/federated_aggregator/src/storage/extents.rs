//! Room for what is large: weights, updates, evaluation sets. One stable memory, cut into runs of pages that are handed out and taken back.
//!
//! Free runs are known by place (to join neighbours) and by size (to find the smallest that fits): both in stable maps, so
//! that taking and giving back cost the same however many there are, and an upgrade copies nothing.

use ic_stable_structures::{Memory, StableBTreeMap};
use serde::{Deserialize, Serialize};

use super::record::Key;

const PAGE: u64 = 65_536;

/// A run of bytes. Its owner keeps it, and gives it back once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Blob {
    first_page: u64,
    pages: u64,
    bytes: u64,
}

impl Blob {
    /// Bytes that it holds.
    pub fn len(&self) -> u64 {
        self.bytes
    }

    /// Whether it holds nothing.
    pub fn is_empty(&self) -> bool {
        self.bytes == 0
    }

    /// Bytes that it takes.
    pub fn reserved(bytes: u64) -> u64 {
        bytes.div_ceil(PAGE).max(1) * PAGE
    }
}

/// Stable memory cannot grow any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exhausted;

/// The runs of one memory.
pub struct Extents<M: Memory> {
    data: M,
    by_place: StableBTreeMap<u64, u64, M>,
    by_size: StableBTreeMap<Key<16>, (), M>,
}

fn size_key(pages: u64, first_page: u64) -> Key<16> {
    Key::of(&[&pages.to_be_bytes(), &first_page.to_be_bytes()])
}

impl<M: Memory> Extents<M> {
    /// Opens what the memories hold.
    pub fn open(data: M, by_place: M, by_size: M) -> Self {
        Self {
            data,
            by_place: StableBTreeMap::init(by_place),
            by_size: StableBTreeMap::init(by_size),
        }
    }

    /// Whether no free run holds so many bytes, so that the memory grows for them.
    pub fn grows_for(&self, bytes: u64) -> bool {
        let pages = bytes.div_ceil(PAGE).max(1);
        self.by_size.range(size_key(pages, 0)..).next().is_none()
    }

    /// Hands out room for so many bytes. What lies there is arbitrary: it must be written before it is read.
    pub fn take(&mut self, bytes: u64) -> Result<Blob, Exhausted> {
        let pages = bytes.div_ceil(PAGE).max(1);
        let found = self
            .by_size
            .range(size_key(pages, 0)..)
            .next()
            .map(|entry| *entry.key());
        let first_page = if let Some(key) = found {
            let (found_pages, first_page) = parts(key);
            self.forget(first_page, found_pages);
            if found_pages > pages {
                self.note(first_page + pages, found_pages - pages);
            }
            first_page
        } else {
            let first_page = self.data.size();
            if self.data.grow(pages) < 0 {
                return Err(Exhausted);
            }
            first_page
        };
        Ok(Blob {
            first_page,
            pages,
            bytes,
        })
    }

    /// Takes room back, and joins it with its free neighbours.
    pub fn give_back(&mut self, blob: Blob) {
        let (mut first_page, mut pages) = (blob.first_page, blob.pages);
        let before = self
            .by_place
            .range(..first_page)
            .next_back()
            .map(|entry| (*entry.key(), entry.value()));
        if let Some((place, length)) = before.filter(|(place, length)| place + length == first_page) {
            self.forget(place, length);
            (first_page, pages) = (place, pages + length);
        }
        if let Some(length) = self.by_place.get(&(blob.first_page + blob.pages)) {
            self.forget(blob.first_page + blob.pages, length);
            pages += length;
        }
        self.note(first_page, pages);
    }

    /// Writes into a blob.
    ///
    /// Panics if that would lie outside of it: a mistake of ours, which must not reach another's bytes.
    pub fn write(&self, blob: &Blob, offset: u64, bytes: &[u8]) {
        assert!(
            offset
                .checked_add(bytes.len() as u64)
                .is_some_and(|end| end <= blob.bytes),
            "a write beyond its blob"
        );
        self.data.write(blob.first_page * PAGE + offset, bytes);
    }

    /// Reads from a blob.
    ///
    /// Panics if that would lie outside of it.
    pub fn read(&self, blob: &Blob, offset: u64, length: u64) -> Vec<u8> {
        assert!(
            offset.checked_add(length).is_some_and(|end| end <= blob.bytes),
            "a read beyond its blob"
        );
        let mut bytes = vec![0; usize::try_from(length).expect("a read fits the heap")];
        self.data.read(blob.first_page * PAGE + offset, &mut bytes);
        bytes
    }

    /// Bytes handed out and free.
    pub fn usage(&self) -> (u64, u64) {
        let free: u64 = self.by_place.values().sum();
        ((self.data.size() - free) * PAGE, free * PAGE)
    }

    fn note(&mut self, first_page: u64, pages: u64) {
        self.by_place.insert(first_page, pages);
        self.by_size.insert(size_key(pages, first_page), ());
    }

    fn forget(&mut self, first_page: u64, pages: u64) {
        self.by_place.remove(&first_page);
        self.by_size.remove(&size_key(pages, first_page));
    }
}

fn parts(key: Key<16>) -> (u64, u64) {
    let number = |bytes: &[u8]| bytes.iter().fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
    (number(&key.0[..8]), number(&key.0[8..]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ic_stable_structures::VectorMemory;
    use proptest::prelude::*;

    fn extents() -> Extents<VectorMemory> {
        Extents::open(
            VectorMemory::default(),
            VectorMemory::default(),
            VectorMemory::default(),
        )
    }

    #[test]
    fn should_use_room_again_and_join_neighbours() {
        let mut extents = extents();
        let blobs: Vec<Blob> = (0..3).map(|_| extents.take(PAGE).unwrap()).collect();
        for blob in [0, 2, 1].map(|place| blobs[place]) {
            extents.give_back(blob);
        }
        assert_eq!(extents.usage(), (0, 3 * PAGE));
        let whole = extents.take(3 * PAGE).unwrap();
        assert_eq!(whole.first_page, 0);
        assert_eq!(extents.usage(), (3 * PAGE, 0));
    }

    #[test]
    fn should_take_the_smallest_run_that_fits() {
        let mut extents = extents();
        let sizes = [4, 1, 2, 1, 3];
        let blobs: Vec<Blob> = sizes.iter().map(|pages| extents.take(pages * PAGE).unwrap()).collect();
        for place in [0, 2, 4] {
            extents.give_back(blobs[place]);
        }
        assert_eq!(extents.take(2 * PAGE).unwrap().first_page, 5);
        assert_eq!(extents.take(2 * PAGE).unwrap().first_page, 8);
    }

    #[test]
    #[should_panic(expected = "beyond its blob")]
    fn should_not_write_into_a_neighbour() {
        let mut extents = extents();
        let blob = extents.take(10).unwrap();
        extents.write(&blob, 8, &[0; 3]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn should_never_hand_out_a_byte_twice(steps in prop::collection::vec((any::<bool>(), 1_u64..300_000, any::<prop::sample::Index>()), 1..60)) {
            let mut extents = extents();
            let mut held: Vec<(Blob, u8)> = Vec::new();
            for (number, (give, bytes, which)) in steps.into_iter().enumerate() {
                if give && !held.is_empty() {
                    let (blob, _) = held.swap_remove(which.index(held.len()));
                    extents.give_back(blob);
                } else {
                    let blob = extents.take(bytes).unwrap();
                    #[allow(clippy::cast_possible_truncation)]
                    let mark = number as u8;
                    extents.write(&blob, 0, &vec![mark; usize::try_from(bytes).unwrap()]);
                    held.push((blob, mark));
                }
                for (blob, mark) in &held {
                    prop_assert!(extents.read(blob, 0, blob.len()).iter().all(|byte| byte == mark));
                }
                let taken: u64 = held.iter().map(|(blob, _)| Blob::reserved(blob.len())).sum();
                prop_assert_eq!(extents.usage().0, taken);
            }
        }
    }
}
