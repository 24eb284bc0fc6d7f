//! Which blocks concern an account, in order: the list behind the index methods.
//!
//! An account's list lies in extents that double: the first has room for 4 blocks, the next for 8, then 16, and so on, so that
//! the n-th block of a list is found by walking at most log₂ n extents back from the last. Appending writes 8 bytes.
//!
//! ```text
//! extent = where the extent before begins (8 bytes, 0 if none) · room for blocks (8 bytes each, little-endian)
//! ```
//! The account's record holds the list's length and where its last extent begins ([`super::accounts::AccountState`]); extents
//! are handed out one after the other and never freed. Offset 0 is never handed out: it says that there is no extent.

use ic_stable_structures::Memory;

use super::accounts::AccountState;
use super::{Totals, raw};

const FIRST_ROOM: u64 = 4;
const ENTRY_BYTES: u64 = 8;
/// Where the first extent begins.
const START: u64 = 64;

/// Which extent of its list the `ordinal`-th block lies in, and the ordinal of that extent's first block.
const fn extent_of(ordinal: u64) -> (u32, u64) {
    let extent = (ordinal / FIRST_ROOM + 1).ilog2();
    (extent, FIRST_ROOM * ((1 << extent) - 1))
}

/// All accounts' lists.
pub struct History<M: Memory>(M);

impl<M: Memory> History<M> {
    pub(super) const fn open(memory: M) -> Self {
        Self(memory)
    }

    /// Appends a block to the list of the account whose state this is.
    pub fn append(&mut self, account: &mut AccountState, block: u64, totals: &mut Totals) {
        let ordinal = account.history_length;
        let (extent, first) = extent_of(ordinal);
        if ordinal == first {
            let begin = totals.history_end.max(START);
            raw::write(&self.0, begin, &account.history_extent.to_le_bytes());
            account.history_extent = begin;
            totals.history_end = begin + ENTRY_BYTES * (1 + (FIRST_ROOM << extent));
        }
        let at = account.history_extent + ENTRY_BYTES * (1 + ordinal - first);
        raw::write(&self.0, at, &block.to_le_bytes());
        account.history_length += 1;
    }

    /// The `ordinal`-th block (from 0, the oldest) of an account's list; the ordinal must be below `history_length`.
    pub fn get(&self, account: &AccountState, ordinal: u64) -> u64 {
        let (extent, first) = extent_of(ordinal);
        let (last, _) = extent_of(account.history_length - 1);
        let mut begin = account.history_extent;
        for _ in extent..last {
            begin = u64::from_le_bytes(raw::read(&self.0, begin));
        }
        let at = begin + ENTRY_BYTES * (1 + ordinal - first);
        u64::from_le_bytes(raw::read(&self.0, at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ddsx_hash_index::page_count::PageCounting;
    use ic_stable_structures::VectorMemory;

    #[test]
    fn should_know_in_which_extent_an_ordinal_lies() {
        let table = [
            (0, 0, 0),
            (3, 0, 0),
            (4, 1, 4),
            (11, 1, 4),
            (12, 2, 12),
            (27, 2, 12),
            (28, 3, 28),
        ];
        for (ordinal, extent, first) in table {
            assert_eq!(extent_of(ordinal), (extent, first), "ordinal {ordinal}");
        }
    }

    /// A million blocks: an end of the list costs what the other does, give or take the extents between them.
    #[test]
    fn should_reach_any_place_of_a_million_blocks_in_twenty_reads() {
        const BLOCKS: u64 = 1_000_000;
        let memory = PageCounting::new(VectorMemory::default());
        let mut history = History::open(memory.clone());
        let (mut account, mut totals) = (AccountState::default(), Totals::default());
        for block in 0..BLOCKS {
            history.append(&mut account, 3 * block, &mut totals);
        }
        for ordinal in [0, 1, 3, 4, 999, BLOCKS / 2, BLOCKS - 2, BLOCKS - 1] {
            memory.start();
            assert_eq!(history.get(&account, ordinal), 3 * ordinal);
            let reads = memory.start().counts().reads;
            assert!(reads <= 20, "{reads} reads for the {ordinal}th block");
        }
    }

    #[test]
    fn should_give_back_every_block_of_interleaved_lists() {
        let memory = VectorMemory::default();
        let mut history = History::open(memory.clone());
        let mut totals = Totals::default();
        let mut accounts = [AccountState::default(); 3];
        let mut lists = [vec![], vec![], vec![]];
        for block in 0..5_000_u64 {
            let who = usize::from(block % 7 == 0) + usize::from(block % 50 == 0);
            history.append(&mut accounts[who], block, &mut totals);
            lists[who].push(block);
        }
        let history = History::open(memory);
        for (account, list) in accounts.iter().zip(&lists) {
            assert_eq!(account.history_length, list.len() as u64);
            for (ordinal, block) in list.iter().enumerate() {
                assert_eq!(history.get(account, ordinal as u64), *block);
            }
        }
        assert!(totals.history_end < 3 * 8 * 5_000, "doubling wastes less than half");
    }
}
