//! The canister's state. All of it lies in stable memory, in one memory for each structure; nothing is copied by an upgrade.

pub mod extents;
mod large;
pub mod record;
pub mod records;
mod tasks;

use std::cell::RefCell;
use std::rc::Rc;

use candid::Principal;
use ddsx_merkle_log::{MerkleMap, StableMapStore};
use ddsx_payments::{Journal, Memories};
use ddsx_prepaid::Prepaid;
use ic_stable_structures::memory_manager::{MemoryId, MemoryManager, VirtualMemory};
use ic_stable_structures::{DefaultMemoryImpl, Memory as _, StableBTreeMap, StableCell};

use crate::books::{Books, Payable};
use crate::sketches::Direction;
use crate::work::Work;
use extents::Extents;
use record::{Key, Stored, principal_key};
use records::{AssetRecord, AssetTotals, ClientRecord, Counters, Settings, TaskRecord, UpdateRecord};

/// Which memory holds what. Numbers are never used again for something else.
mod ids {
    pub const SETTINGS: u8 = 0;
    pub const COUNTERS: u8 = 1;
    /// Ledger → asset.
    pub const ASSETS: u8 = 2;
    /// Task → what it was created with, in Candid.
    pub const ARGUMENTS: u8 = 3;
    /// Task → what changes.
    pub const TASKS: u8 = 4;
    /// (owner, task) that has not ended.
    pub const TASKS_OF_OWNER: u8 = 5;
    /// (task, client) → client.
    pub const CLIENTS: u8 = 6;
    /// (task, round, client) → update.
    pub const UPDATES: u8 = 7;
    /// Task → work under way.
    pub const WORK: u8 = 8;
    /// (task, round) → report in Candid.
    pub const REPORTS: u8 = 9;
    /// (when, task).
    pub const AGENDA: u8 = 10;
    /// (when, payee).
    pub const PAYOUTS: u8 = 11;
    /// Banned principals.
    pub const BANNED: u8 = 12;
    /// Merkle map of models.
    pub const MODEL_MAP: u8 = 13;
    /// Merkle map of reports.
    pub const REPORT_MAP: u8 = 14;
    /// Weights, updates, evaluation sets.
    pub const DATA: u8 = 15;
    pub const FREE_BY_PLACE: u8 = 16;
    pub const FREE_BY_SIZE: u8 = 17;
    pub const JOURNAL_COUNTERS: u8 = 18;
    pub const JOURNAL_INTENTS: u8 = 19;
    pub const JOURNAL_INDEX: u8 = 20;
    pub const JOURNAL_REQUESTS: u8 = 21;
    /// (owner, task) that is a draft and not paid.
    pub const UNPAID: u8 = 22;
    /// (task, client, round) → direction of an update.
    pub const DIRECTIONS: u8 = 30;
    /// (task, round) → report that is published when the task ends.
    pub const KEPT_REPORTS: u8 = 31;
    /// Payments journal: what stands open at each ledger.
    pub const JOURNAL_LEDGERS: u8 = 39;
    /// Task → its books as its asset's totals hold them.
    pub const BOOKED: u8 = 40;
    /// Ledger → the totals of all tasks.
    pub const TOTALS: u8 = 41;
    /// Prepaid balances of (owner, asset), and of each asset together.
    pub const PREPAID_ACCOUNTS: u8 = 42;
    pub const PREPAID_TOTALS: u8 = 43;
}

/// A part of stable memory.
pub type Mem = VirtualMemory<DefaultMemoryImpl>;
type Map<K, V> = StableBTreeMap<K, V, Mem>;

/// 4 MiB a bucket: the manager addresses 128 GiB.
const BUCKET_PAGES: u16 = 64;

/// Bytes that the memory manager can address.
pub const fn stable_limit() -> u64 {
    32_768 * BUCKET_PAGES as u64 * 65_536
}

/// The aggregator's state.
pub struct Storage {
    settings: StableCell<Stored<Settings>, Mem>,
    counters: StableCell<Stored<Counters>, Mem>,
    assets: Map<Key<30>, Stored<AssetRecord>>,
    arguments: Map<u64, Vec<u8>>,
    tasks: Map<u64, Stored<TaskRecord>>,
    tasks_of_owner: Map<Key<38>, ()>,
    clients: Map<Key<38>, Stored<ClientRecord>>,
    updates: Map<Key<42>, Stored<UpdateRecord>>,
    work: Map<u64, Stored<Work>>,
    reports: Map<Key<12>, Vec<u8>>,
    agenda: Map<Key<16>, ()>,
    payouts: Map<Key<47>, ()>,
    banned: Map<Key<30>, ()>,
    unpaid: Map<Key<38>, ()>,
    models: MerkleMap<StableMapStore<Mem>>,
    report_hashes: MerkleMap<StableMapStore<Mem>>,
    extents: Extents<Mem>,
    booked: Map<u64, Stored<Books>>,
    totals: Map<Key<30>, Stored<AssetTotals>>,
    /// All of stable memory, to be measured.
    whole: DefaultMemoryImpl,
    directions: Map<Key<42>, Stored<Direction>>,
    kept_reports: Map<Key<12>, Vec<u8>>,
    prepaid: Prepaid<Mem>,
}

impl Storage {
    /// Opens what the memory holds, or makes it in a fresh one.
    ///
    /// Panics if the memory holds something else: the canister must not start then.
    pub fn over(manager: &MemoryManager<DefaultMemoryImpl>, whole: DefaultMemoryImpl) -> Self {
        let get = |id: u8| manager.get(MemoryId::new(id));
        let merkle_map = |id: u8| {
            MerkleMap::init(StableMapStore::new(get(id)))
                .unwrap_or_else(|error| panic!("memory {id} does not hold a Merkle map: {error}"))
        };
        Self {
            settings: StableCell::init(get(ids::SETTINGS), Stored::default()),
            counters: StableCell::init(get(ids::COUNTERS), Stored::default()),
            assets: Map::init(get(ids::ASSETS)),
            arguments: Map::init(get(ids::ARGUMENTS)),
            tasks: Map::init(get(ids::TASKS)),
            tasks_of_owner: Map::init(get(ids::TASKS_OF_OWNER)),
            clients: Map::init(get(ids::CLIENTS)),
            updates: Map::init(get(ids::UPDATES)),
            work: Map::init(get(ids::WORK)),
            reports: Map::init(get(ids::REPORTS)),
            agenda: Map::init(get(ids::AGENDA)),
            payouts: Map::init(get(ids::PAYOUTS)),
            banned: Map::init(get(ids::BANNED)),
            unpaid: Map::init(get(ids::UNPAID)),
            models: merkle_map(ids::MODEL_MAP),
            report_hashes: merkle_map(ids::REPORT_MAP),
            extents: Extents::open(get(ids::DATA), get(ids::FREE_BY_PLACE), get(ids::FREE_BY_SIZE)),
            booked: Map::init(get(ids::BOOKED)),
            totals: Map::init(get(ids::TOTALS)),
            whole,
            directions: Map::init(get(ids::DIRECTIONS)),
            kept_reports: Map::init(get(ids::KEPT_REPORTS)),
            prepaid: Prepaid::open(get(ids::PREPAID_ACCOUNTS), get(ids::PREPAID_TOTALS)),
        }
    }

    /// Bytes that tasks can still take: what the memory manager addresses, less what is in use or set aside, less the reserve that
    /// settlements, payouts and certificates have for themselves.
    pub fn room(&self) -> u64 {
        let used = self.whole.size() * 65_536;
        let (held, free) = self.extents.usage();
        // What is set aside and not yet in use, beside what is in use by now and cannot be used again.
        let promised = self.counters().reserved_bytes.saturating_sub(held);
        (stable_limit() - crate::limits::RESERVE_BYTES)
            .saturating_sub(used)
            .saturating_add(free)
            .saturating_sub(promised)
    }

    /// What governance has set.
    pub fn settings(&self) -> &Settings {
        &self.settings.get().0
    }

    /// Changes what governance has set.
    pub fn change_settings(&mut self, change: impl FnOnce(&mut Settings)) {
        let mut settings = self.settings.get().clone();
        change(&mut settings.0);
        self.settings.set(settings);
    }

    /// Numbers given out and totals.
    pub fn counters(&self) -> &Counters {
        &self.counters.get().0
    }

    /// Changes the counters.
    pub fn count(&mut self, change: impl FnOnce(&mut Counters)) {
        let mut counters = self.counters.get().clone();
        change(&mut counters.0);
        self.counters.set(counters);
    }

    /// What is known of a ledger, listed or not any more.
    pub fn asset(&self, ledger: Principal) -> Option<AssetRecord> {
        self.assets.get(&Key(principal_key(&ledger))).map(|stored| stored.0)
    }

    /// A listed ledger.
    pub fn listed_asset(&self, ledger: Principal) -> Option<AssetRecord> {
        self.asset(ledger).filter(|asset| asset.listed)
    }

    /// Enters or changes an asset.
    pub fn put_asset(&mut self, asset: AssetRecord) {
        self.assets.insert(Key(principal_key(&asset.ledger)), Stored(asset));
    }

    /// The totals of all tasks in an asset.
    pub fn totals(&self, ledger: Principal) -> AssetTotals {
        let totals = self.totals.get(&Key(principal_key(&ledger)));
        totals.map(|stored| stored.0).unwrap_or_default()
    }

    /// Begins the totals of assets that a release listed which kept none, with all that ever went
    /// to the treasury. Before anything else after an upgrade; tasks are counted in later.
    pub fn open_totals(&mut self) {
        for asset in self.assets() {
            let key = Key(principal_key(&asset.ledger));
            if !self.totals.contains_key(&key) {
                let Payable { due, in_flight, paid } = asset.treasury;
                let totals = AssetTotals {
                    received: due + in_flight + paid,
                    paid,
                    ..AssetTotals::default()
                };
                self.totals.insert(key, Stored(totals));
            }
        }
    }

    /// Forgets all totals, as a release left it that kept none.
    #[cfg(test)]
    pub fn forget_totals(&mut self) {
        self.booked.clear_new();
        self.totals.clear_new();
    }

    /// Changes the totals of all tasks in an asset.
    pub fn change_totals(&mut self, ledger: Principal, change: impl FnOnce(&mut AssetTotals)) {
        let mut totals = self.totals(ledger);
        change(&mut totals);
        self.totals.insert(Key(principal_key(&ledger)), Stored(totals));
    }

    /// Prepaid balances, by the numbers of assets.
    pub fn prepaid(&self) -> &Prepaid<Mem> {
        &self.prepaid
    }

    /// The same, to be changed.
    pub fn prepaid_mut(&mut self) -> &mut Prepaid<Mem> {
        &mut self.prepaid
    }

    /// The number of the next asset that is listed. Assets are never forgotten.
    pub fn next_asset_number(&self) -> u32 {
        let numbered = self.assets.values().filter_map(|stored| stored.0.number).max();
        numbered.map_or(0, |number| number + 1)
    }

    /// Numbers the assets of a release that kept no balances. Before anything else after an upgrade.
    pub fn number_assets(&mut self) {
        for mut asset in self.assets() {
            if asset.number.is_none() || asset.listed_fee.is_none() {
                asset.number = asset.number.or_else(|| Some(self.next_asset_number()));
                asset.listed_fee = asset.listed_fee.or(Some(asset.fee));
                self.put_asset(asset);
            }
        }
    }

    /// All assets ever listed.
    pub fn assets(&self) -> Vec<AssetRecord> {
        self.assets.values().map(|stored| stored.0).collect()
    }

    /// Whether a principal is banned.
    pub fn is_banned(&self, principal: Principal) -> bool {
        self.banned.contains_key(&Key(principal_key(&principal)))
    }

    /// Bans a principal, or lifts the ban.
    pub fn set_banned(&mut self, principal: Principal, banned: bool) {
        let key = Key(principal_key(&principal));
        if banned {
            self.banned.insert(key, ());
        } else {
            self.banned.remove(&key);
        }
    }
}

/// The canister's state as it runs: the storage and the payments journal, borrowed apart.
struct Opened {
    memory: DefaultMemoryImpl,
    storage: RefCell<Storage>,
    journal: RefCell<Journal<Mem>>,
}

impl Opened {
    fn over(memory: DefaultMemoryImpl) -> Self {
        let manager = MemoryManager::init_with_bucket_size(memory.clone(), BUCKET_PAGES);
        let get = |id: u8| manager.get(MemoryId::new(id));
        let journal = Journal::init(
            Memories {
                counters: get(ids::JOURNAL_COUNTERS),
                intents: get(ids::JOURNAL_INTENTS),
                index: get(ids::JOURNAL_INDEX),
                requests: get(ids::JOURNAL_REQUESTS),
                ledgers: get(ids::JOURNAL_LEDGERS),
            },
            crate::limits::journal(),
        );
        Self {
            memory: memory.clone(),
            storage: RefCell::new(Storage::over(&manager, memory)),
            journal: RefCell::new(journal),
        }
    }
}

thread_local! {
    static OPENED: RefCell<Rc<Opened>> = RefCell::new(Rc::new(Opened::over(DefaultMemoryImpl::default())));
}

fn opened() -> Rc<Opened> {
    OPENED.with_borrow(Rc::clone)
}

/// Runs `read` on the canister's state. Not to be nested with [`with_mut`].
pub fn with<R>(read: impl FnOnce(&Storage) -> R) -> R {
    read(&opened().storage.borrow())
}

/// Runs `change` on the canister's state. Not to be nested.
pub fn with_mut<R>(change: impl FnOnce(&mut Storage) -> R) -> R {
    change(&mut opened().storage.borrow_mut())
}

/// Runs `change` on the payments journal. Not to be nested.
pub fn with_journal<R>(change: impl FnOnce(&mut Journal<Mem>) -> R) -> R {
    change(&mut opened().journal.borrow_mut())
}

/// Bytes of stable memory in use.
pub fn stable_bytes() -> u64 {
    opened().memory.size() * 65_536
}

/// Opens this memory and uses it from now on: for tests, which upgrade by opening the same memory again.
#[cfg(test)]
pub fn open(memory: DefaultMemoryImpl) {
    OPENED.set(Rc::new(Opened::over(memory)));
}
