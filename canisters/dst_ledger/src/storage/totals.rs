//! Counters, cursors and the tip of the log: one record, read once at start, written by every transaction.

use ddsx_hash_index::SipKey;
use ic_stable_structures::Memory;

use super::raw;
use crate::block::Sha256Hash;

/// Version 1 had no keyed index and no history: everything from offset 104 on, but the tip's hash, was zero.
const VERSION: u8 = 2;
const BYTES: usize = 256;

/// The ledger's counters. `minted = supply + burnt + fees_burnt` at every instant.
///
/// ```text
/// 0 version (2) · 16 supply · 32 minted · 48 burnt · 64 fees_burnt (16 bytes each)
/// 80 blocks · 88 log_bytes · 96 holders · 104 accounts (8 bytes each)
/// 112 hash of the last block (32 bytes)
/// 144 legacy_accounts · 152 indexed_accounts · 160 sorted_accounts · 168 history_blocks · 176 history_end ·
/// 184 dedup_start · 192 dedup_entries · 200 initial_entered (8 bytes each)
/// 208 whether there is an index key (0 or 1) · 224 index key (16 bytes) · 240 to 256 zero
/// ```
/// Numbers are little-endian.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Sum of all balances, smallest units.
    pub supply: u128,
    /// Ever minted.
    pub minted: u128,
    /// Ever burnt by transfers to the minting account.
    pub burnt: u128,
    /// Ever burnt as fees.
    pub fees_burnt: u128,
    /// Blocks in the log.
    pub blocks: u64,
    /// Bytes of block data in use.
    pub log_bytes: u64,
    /// Accounts with a balance above 0.
    pub holders: u64,
    /// Accounts ever seen; their numbers are 0 to this.
    pub accounts: u64,
    /// Hash of the last block; zeroes if there is none.
    pub tip_hash: Sha256Hash,
    /// Accounts that version 1 had stored: until they are all in the keyed index, the sorted one is asked too.
    pub legacy_accounts: u64,
    /// Of those, how many are in the keyed index.
    pub indexed_accounts: u64,
    /// Accounts, from number 0 on, that are in the sorted index.
    pub sorted_accounts: u64,
    /// Blocks, from 0 on, that are in the accounts' histories.
    pub history_blocks: u64,
    /// Bytes of history extents in use.
    pub history_end: u64,
    /// First block that may still be remembered for deduplication in the keyed index.
    pub dedup_start: u64,
    /// Transactions that the keyed index remembers.
    pub dedup_entries: u64,
    /// Initial balances already entered.
    pub initial_entered: u64,
    /// Secret key of the indexes; there is none until randomness has arrived after the installation.
    pub index_key: Option<SipKey>,
}

impl Totals {
    fn encode(&self) -> [u8; BYTES] {
        let mut bytes = [0; BYTES];
        bytes[0] = VERSION;
        for (at, amount) in [
            (16, self.supply),
            (32, self.minted),
            (48, self.burnt),
            (64, self.fees_burnt),
        ] {
            bytes[at..at + 16].copy_from_slice(&amount.to_le_bytes());
        }
        for (at, count) in [
            (80, self.blocks),
            (88, self.log_bytes),
            (96, self.holders),
            (104, self.accounts),
            (144, self.legacy_accounts),
            (152, self.indexed_accounts),
            (160, self.sorted_accounts),
            (168, self.history_blocks),
            (176, self.history_end),
            (184, self.dedup_start),
            (192, self.dedup_entries),
            (200, self.initial_entered),
        ] {
            bytes[at..at + 8].copy_from_slice(&count.to_le_bytes());
        }
        bytes[112..144].copy_from_slice(&self.tip_hash);
        if let Some(key) = &self.index_key {
            bytes[208] = 1;
            bytes[224..240].copy_from_slice(&key.0);
        }
        bytes
    }

    /// The record of this or an older version. One of version 1 says nothing of accounts: `legacy_accounts` is how many the
    /// sorted index has, all of them entered in it, none in the keyed one.
    fn decode(bytes: &[u8; BYTES], legacy_accounts: impl FnOnce() -> u64) -> Result<Self, String> {
        let amount = |at: usize| u128::from_le_bytes(std::array::from_fn(|i| bytes[at + i]));
        let count = |at: usize| u64::from_le_bytes(std::array::from_fn(|i| bytes[at + i]));
        let mut totals = Self {
            supply: amount(16),
            minted: amount(32),
            burnt: amount(48),
            fees_burnt: amount(64),
            blocks: count(80),
            log_bytes: count(88),
            holders: count(96),
            tip_hash: std::array::from_fn(|i| bytes[112 + i]),
            ..Self::default()
        };
        match bytes[0] {
            1 => {
                totals.accounts = legacy_accounts();
                totals.legacy_accounts = totals.accounts;
                totals.sorted_accounts = totals.accounts;
                totals.dedup_start = totals.blocks;
            }
            VERSION => {
                totals.accounts = count(104);
                totals.legacy_accounts = count(144);
                totals.indexed_accounts = count(152);
                totals.sorted_accounts = count(160);
                totals.history_blocks = count(168);
                totals.history_end = count(176);
                totals.dedup_start = count(184);
                totals.dedup_entries = count(192);
                totals.initial_entered = count(200);
                totals.index_key = (bytes[208] == 1).then(|| SipKey(std::array::from_fn(|i| bytes[224 + i])));
            }
            version => {
                return Err(format!(
                    "ledger counters of version {version}, this code knows versions 1 to {VERSION}"
                ));
            }
        }
        Ok(totals)
    }
}

/// The memory that holds the record.
pub struct TotalsCell<M: Memory>(M);

impl<M: Memory> TotalsCell<M> {
    pub(super) const fn open(memory: M) -> Self {
        Self(memory)
    }

    /// The stored counters, or an error for a record of a version that this code does not know. `legacy_accounts` is how many
    /// accounts the sorted index has, asked for a record of version 1 only.
    pub fn read(&self, legacy_accounts: impl FnOnce() -> u64) -> Result<Totals, String> {
        Totals::decode(&raw::read(&self.0, 0), legacy_accounts)
    }

    /// Stores the counters.
    pub fn write(&self, totals: &Totals) {
        raw::write(&self.0, 0, &totals.encode());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn totals() -> Totals {
        Totals {
            supply: 1 << 100,
            minted: 2 << 100,
            burnt: 3,
            fees_burnt: 4,
            blocks: 5,
            log_bytes: 6,
            holders: 8,
            accounts: 10,
            tip_hash: [9; 32],
            legacy_accounts: 11,
            indexed_accounts: 12,
            sorted_accounts: 13,
            history_blocks: 14,
            history_end: 15,
            dedup_start: 16,
            dedup_entries: 17,
            initial_entered: 18,
            index_key: Some(SipKey([19; 16])),
        }
    }

    #[test]
    fn should_read_back_what_was_written() {
        assert_eq!(Totals::decode(&totals().encode(), || 0), Ok(totals()));
        let without_key = Totals {
            index_key: None,
            ..totals()
        };
        assert_eq!(Totals::decode(&without_key.encode(), || 0), Ok(without_key));
        let mut later = totals().encode();
        later[0] = 3;
        assert!(Totals::decode(&later, || 0).unwrap_err().contains("version 3"));
    }

    /// A record as version 1 wrote it. If this test fails, a new version is needed, and this one must still decode.
    #[test]
    fn should_decode_version_1() {
        let mut bytes = [0; BYTES];
        bytes[0] = 1;
        bytes[28] = 0x10; // bit 100 of the supply at 16
        bytes[44] = 0x20;
        bytes[48] = 3;
        bytes[64] = 4;
        (bytes[80], bytes[88], bytes[96]) = (5, 6, 8);
        bytes[112..144].fill(9);
        let expected = Totals {
            accounts: 7,
            legacy_accounts: 7,
            sorted_accounts: 7,
            dedup_start: 5,
            indexed_accounts: 0,
            history_blocks: 0,
            history_end: 0,
            dedup_entries: 0,
            initial_entered: 0,
            index_key: None,
            ..totals()
        };
        assert_eq!(Totals::decode(&bytes, || 7), Ok(expected));
    }

    /// A record as version 2 wrote it.
    #[test]
    fn should_decode_version_2() {
        let mut bytes = [0; BYTES];
        bytes[0] = 2;
        bytes[28] = 0x10;
        bytes[44] = 0x20;
        bytes[48] = 3;
        bytes[64] = 4;
        (bytes[80], bytes[88], bytes[96], bytes[104]) = (5, 6, 8, 10);
        bytes[112..144].fill(9);
        for (at, value) in (144..208).step_by(8).zip(11_u8..) {
            bytes[at] = value;
        }
        bytes[208] = 1;
        bytes[224..240].fill(19);
        assert_eq!(Totals::decode(&bytes, || 0), Ok(totals()));
    }
}
