//! Where everything lies in stable memory. An upgrade opens it and copies nothing.
//!
//! | id | memory | content |
//! |---|---|---|
//! | 0 | config | settings of the token, one versioned Candid record ([`crate::config::Config`]) |
//! | 1 | totals | counters and the tip of the log, one fixed-size record ([`Totals`]) |
//! | 2 | accounts | account records of 128 bytes, by account number ([`accounts`]) |
//! | 3 | sorted accounts | account → account number, sorted by owner and subaccount |
//! | 4 | block offsets | 8 bytes a block: where it begins in memory 5 ([`block_log`]) |
//! | 5 | block data | encoded blocks, one after the other |
//! | 6 | legacy deduplication | `created_at_time` and transaction hash → block index; version 1 only ([`dedup`]) |
//! | 7 | allowances | (owner number, spender number) → allowance ([`allowances`]) |
//! | 8 | allowance expiries | (expiry, owner number, spender number), the queue of what to prune |
//! | 9 | account index | account → account number, keyed ([`ddsx_hash_index`]) |
//! | 10 | deduplication | transaction hash → block index, keyed ([`dedup`]) |
//! | 11 | history | which blocks concern an account ([`history`]) |
//! | 12 | log | the last lines of what happened ([`line_log`]) |
//!
//! Ids are never reused. An account's number is given once and never changes, so whatever refers to accounts (allowances,
//! history) does so by number, and an index that finds the number can be replaced without touching the rest: the records of
//! memory 2 hold the accounts themselves.

pub mod accounts;
pub mod allowances;
pub mod block_log;
pub mod dedup;
pub mod history;
pub mod line_log;
mod raw;
pub mod totals;

use ic_stable_structures::memory_manager::{MemoryId, MemoryManager, VirtualMemory};
use ic_stable_structures::{Memory, StableCell};

use accounts::Accounts;
use allowances::Allowances;
use block_log::BlockLog;
use dedup::Dedup;
use history::History;
use line_log::LineLog;
pub use totals::Totals;

const CONFIG: MemoryId = MemoryId::new(0);
const TOTALS: MemoryId = MemoryId::new(1);
const ACCOUNTS: MemoryId = MemoryId::new(2);
const SORTED_ACCOUNTS: MemoryId = MemoryId::new(3);
const BLOCK_OFFSETS: MemoryId = MemoryId::new(4);
const BLOCK_DATA: MemoryId = MemoryId::new(5);
const LEGACY_DEDUP: MemoryId = MemoryId::new(6);
const ALLOWANCES: MemoryId = MemoryId::new(7);
const ALLOWANCE_EXPIRIES: MemoryId = MemoryId::new(8);
const ACCOUNT_INDEX: MemoryId = MemoryId::new(9);
const DEDUP: MemoryId = MemoryId::new(10);
const HISTORY: MemoryId = MemoryId::new(11);
const LOG: MemoryId = MemoryId::new(12);

/// One of the memories above.
pub type Region<M> = VirtualMemory<M>;

/// Everything that the ledger keeps.
pub struct Storage<M: Memory> {
    /// The encoded settings; empty in a memory that no ledger has been installed in.
    pub config: StableCell<Vec<u8>, Region<M>>,
    /// Counters.
    pub totals: totals::TotalsCell<Region<M>>,
    /// Balances.
    pub accounts: Accounts<Region<M>>,
    /// The block log.
    pub blocks: BlockLog<Region<M>>,
    /// What the transaction window remembers.
    pub dedup: Dedup<Region<M>>,
    /// Accounts' histories.
    pub history: History<Region<M>>,
    /// Allowances.
    pub allowances: Allowances<Region<M>>,
    /// Lines for operators.
    pub log: LineLog<Region<M>>,
}

impl<M: Memory> Storage<M> {
    /// Opens what is in `memory`, or lays out an empty one. The work does not depend on how much is stored.
    pub fn open(memory: M) -> Result<Self, String> {
        let memories = MemoryManager::init(memory);
        Ok(Self {
            config: StableCell::init(memories.get(CONFIG), Vec::new()),
            totals: totals::TotalsCell::open(memories.get(TOTALS)),
            accounts: Accounts::open(
                memories.get(ACCOUNTS),
                memories.get(SORTED_ACCOUNTS),
                memories.get(ACCOUNT_INDEX),
            )?,
            blocks: BlockLog::open(memories.get(BLOCK_OFFSETS), memories.get(BLOCK_DATA)),
            dedup: Dedup::open(memories.get(LEGACY_DEDUP), memories.get(DEDUP))?,
            history: History::open(memories.get(HISTORY)),
            allowances: Allowances::open(memories.get(ALLOWANCES), memories.get(ALLOWANCE_EXPIRIES)),
            log: LineLog::open(memories.get(LOG))?,
        })
    }
}
