//! Where everything lies in stable memory. An upgrade opens it and copies nothing.
//!
//! | id | memory | content |
//! |---|---|---|
//! | 0 | config | settings of the token, one versioned Candid record ([`crate::config::Config`]) |
//! | 1 | totals | counters and the tip of the log, one fixed-size record ([`Totals`]) |
//! | 2 | accounts | account records of 128 bytes, by account number ([`accounts`]) |
//! | 3 | account index | account → account number, sorted by owner and subaccount |
//! | 4 | block offsets | 8 bytes a block: where it begins in memory 5 ([`block_log`]) |
//! | 5 | block data | encoded blocks, one after the other |
//! | 6 | deduplication | `created_at_time` and transaction hash → block index ([`dedup`]) |
//! | 7 | allowances | (owner number, spender number) → allowance ([`allowances`]) |
//! | 8 | allowance expiries | (expiry, owner number, spender number), the queue of what to prune |
//!
//! Ids are never reused. An account's number is given once and never changes, so whatever refers to accounts (allowances,
//! a history to come) does so by number, and the index that finds the number can be replaced without touching the rest:
//! the records of memory 2 hold the accounts themselves.

pub mod accounts;
pub mod allowances;
pub mod block_log;
pub mod dedup;
mod raw;
pub mod totals;

use ic_stable_structures::memory_manager::{MemoryId, MemoryManager, VirtualMemory};
use ic_stable_structures::{Memory, StableCell};

use accounts::Accounts;
use allowances::Allowances;
use block_log::BlockLog;
use dedup::Dedup;
pub use totals::Totals;

const CONFIG: MemoryId = MemoryId::new(0);
const TOTALS: MemoryId = MemoryId::new(1);
const ACCOUNTS: MemoryId = MemoryId::new(2);
const ACCOUNT_INDEX: MemoryId = MemoryId::new(3);
const BLOCK_OFFSETS: MemoryId = MemoryId::new(4);
const BLOCK_DATA: MemoryId = MemoryId::new(5);
const DEDUP: MemoryId = MemoryId::new(6);
const ALLOWANCES: MemoryId = MemoryId::new(7);
const ALLOWANCE_EXPIRIES: MemoryId = MemoryId::new(8);

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
    /// Allowances.
    pub allowances: Allowances<Region<M>>,
}

impl<M: Memory> Storage<M> {
    /// Opens what is in `memory`, or lays out an empty one. The work does not depend on how much is stored.
    pub fn open(memory: M) -> Self {
        let memories = MemoryManager::init(memory);
        let totals = totals::TotalsCell::open(memories.get(TOTALS));
        Self {
            config: StableCell::init(memories.get(CONFIG), Vec::new()),
            accounts: Accounts::open(memories.get(ACCOUNTS), memories.get(ACCOUNT_INDEX)),
            blocks: BlockLog::open(memories.get(BLOCK_OFFSETS), memories.get(BLOCK_DATA)),
            dedup: Dedup::open(memories.get(DEDUP)),
            allowances: Allowances::open(memories.get(ALLOWANCES), memories.get(ALLOWANCE_EXPIRIES)),
            totals,
        }
    }
}
