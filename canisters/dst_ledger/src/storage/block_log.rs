//! The block log: encoded blocks one after the other, and 8 bytes a block that say where it begins. It only appends.
//! How many blocks and bytes there are stands in [`super::Totals`], which a transaction writes anyway.

use ic_stable_structures::Memory;

use super::{Totals, raw};

const OFFSET_BYTES: u64 = 8;

/// The log's two memories.
pub struct BlockLog<M: Memory> {
    offsets: M,
    data: M,
}

impl<M: Memory> BlockLog<M> {
    pub(super) const fn open(offsets: M, data: M) -> Self {
        Self { offsets, data }
    }

    /// Appends a block and counts it in `totals`; returns its index.
    pub fn append(&mut self, block: &[u8], totals: &mut Totals) -> u64 {
        let index = totals.blocks;
        raw::write(&self.offsets, index * OFFSET_BYTES, &totals.log_bytes.to_le_bytes());
        raw::write(&self.data, totals.log_bytes, block);
        totals.blocks += 1;
        totals.log_bytes += block.len() as u64;
        index
    }

    /// The bytes of the block at `index`, or `None` beyond the end.
    pub fn get(&self, index: u64, totals: &Totals) -> Option<Vec<u8>> {
        if index >= totals.blocks {
            return None;
        }
        let offset_of = |index: u64| u64::from_le_bytes(raw::read(&self.offsets, index * OFFSET_BYTES));
        let begin = offset_of(index);
        let end = if index + 1 == totals.blocks {
            totals.log_bytes
        } else {
            offset_of(index + 1)
        };
        let mut block = vec![0; usize::try_from(end.checked_sub(begin)?).ok()?];
        self.data.read(begin, &mut block);
        Some(block)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ic_stable_structures::VectorMemory;

    #[test]
    fn should_give_back_every_block() {
        let mut log = BlockLog::open(VectorMemory::default(), VectorMemory::default());
        let mut totals = Totals::default();
        assert_eq!(log.get(0, &totals), None);
        let block = |n: usize| vec![u8::try_from(n % 256).unwrap(); n % 331];
        for n in 0..2000 {
            assert_eq!(log.append(&block(n), &mut totals), n as u64);
        }
        for n in 0..2000 {
            assert_eq!(log.get(n as u64, &totals), Some(block(n)));
        }
        assert_eq!(log.get(2000, &totals), None);
    }
}
