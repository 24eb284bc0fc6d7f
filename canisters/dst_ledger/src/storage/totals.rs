//! Counters and the tip of the log: one record, read once at start, written by every transaction.

use ic_stable_structures::Memory;

use super::raw;
use crate::block::Sha256Hash;

const VERSION: u8 = 1;
const BYTES: usize = 256;

/// The ledger's counters. `minted = supply + burnt + fees_burnt` at every instant.
///
/// ```text
/// 0 version (1) · 16 supply · 32 minted · 48 burnt · 64 fees_burnt (16 bytes each)
/// 80 blocks · 88 log_bytes · 96 holders · 104 zero (8 bytes each)
/// 112 hash of the last block (32 bytes) · 144 to 256 zero
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
    /// Hash of the last block; zeroes if there is none.
    pub tip_hash: Sha256Hash,
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
        for (at, count) in [(80, self.blocks), (88, self.log_bytes), (96, self.holders)] {
            bytes[at..at + 8].copy_from_slice(&count.to_le_bytes());
        }
        bytes[112..144].copy_from_slice(&self.tip_hash);
        bytes
    }

    fn decode(bytes: &[u8; BYTES]) -> Result<Self, String> {
        if bytes[0] != VERSION {
            return Err(format!(
                "ledger counters of version {}, this code knows version {VERSION}",
                bytes[0]
            ));
        }
        let amount = |at: usize| u128::from_le_bytes(std::array::from_fn(|i| bytes[at + i]));
        let count = |at: usize| u64::from_le_bytes(std::array::from_fn(|i| bytes[at + i]));
        Ok(Self {
            supply: amount(16),
            minted: amount(32),
            burnt: amount(48),
            fees_burnt: amount(64),
            blocks: count(80),
            log_bytes: count(88),
            holders: count(96),
            tip_hash: std::array::from_fn(|i| bytes[112 + i]),
        })
    }
}

/// The memory that holds the record.
pub struct TotalsCell<M: Memory>(M);

impl<M: Memory> TotalsCell<M> {
    pub(super) const fn open(memory: M) -> Self {
        Self(memory)
    }

    /// The stored counters, or an error for a record of a version that this code does not know.
    pub fn read(&self) -> Result<Totals, String> {
        Totals::decode(&raw::read(&self.0, 0))
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
            tip_hash: [9; 32],
        }
    }

    #[test]
    fn should_read_back_what_was_written() {
        assert_eq!(Totals::decode(&totals().encode()), Ok(totals()));
        let mut later = totals().encode();
        later[0] = 2;
        assert!(Totals::decode(&later).unwrap_err().contains("version 2"));
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
        assert_eq!(Totals::decode(&bytes), Ok(totals()));
    }
}
