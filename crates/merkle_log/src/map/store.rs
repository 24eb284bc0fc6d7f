//! Where the map's records lie: an array of slots of 96 bytes, slot 0 for the header.

use ic_stable_structures::Memory;

use super::node::{RECORD_LEN, Record};
use crate::store::StoreError;

/// An array of records.
pub trait MapStore {
    /// Whether nothing was ever written.
    fn is_new(&self) -> bool;

    /// Makes sure that all slots below `slots` can be written.
    ///
    /// # Errors
    /// [`StoreError::Full`] if the memory cannot grow; nothing is changed then.
    fn reserve(&mut self, slots: u64) -> Result<(), StoreError>;

    /// Reads a slot that was written.
    fn read(&self, slot: u64) -> Record;

    /// Writes a slot that was reserved.
    fn write(&mut self, slot: u64, record: &Record);
}

/// Records on the heap: for tests, and for a map that is rebuilt from something else.
#[derive(Clone, Debug, Default)]
pub struct VecMapStore(Vec<Record>);

fn index(slot: u64) -> usize {
    usize::try_from(slot).expect("as many slots as memory holds")
}

impl MapStore for VecMapStore {
    fn is_new(&self) -> bool {
        self.0.is_empty()
    }

    fn reserve(&mut self, slots: u64) -> Result<(), StoreError> {
        let slots = usize::try_from(slots).map_err(|_| StoreError::Full)?;
        self.0.resize(self.0.len().max(slots), [0; RECORD_LEN]);
        Ok(())
    }

    fn read(&self, slot: u64) -> Record {
        self.0[index(slot)]
    }

    fn write(&mut self, slot: u64, record: &Record) {
        self.0[index(slot)] = *record;
    }
}

/// Records in stable memory, slot *n* at byte 96 · n.
pub struct StableMapStore<M>(M);

impl<M: Memory> StableMapStore<M> {
    /// Over a memory of its own.
    pub const fn new(memory: M) -> Self {
        Self(memory)
    }
}

const PAGE: u64 = 65_536;
const RECORD_BYTES: u64 = RECORD_LEN as u64;

impl<M: Memory> MapStore for StableMapStore<M> {
    fn is_new(&self) -> bool {
        self.0.size() == 0
    }

    fn reserve(&mut self, slots: u64) -> Result<(), StoreError> {
        let bytes = slots.checked_mul(RECORD_BYTES).ok_or(StoreError::Full)?;
        let missing = bytes.div_ceil(PAGE).saturating_sub(self.0.size());
        if missing > 0 && self.0.grow(missing) < 0 {
            return Err(StoreError::Full);
        }
        Ok(())
    }

    fn read(&self, slot: u64) -> Record {
        let mut record = [0; RECORD_LEN];
        self.0.read(slot * RECORD_BYTES, &mut record);
        record
    }

    fn write(&mut self, slot: u64, record: &Record) {
        self.0.write(slot * RECORD_BYTES, record);
    }
}
