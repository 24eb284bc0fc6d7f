//! Everything the registry keeps, in stable memory.
//!
//! [`memory_ids`] is the one place where memory ids are given out. An upgrade reads a few headers and copies nothing.
//! Fields are private: the rest of the canister goes through the methods here and in the files beside.

pub mod books;
pub mod chunks;
pub mod codec;
pub mod keys;
mod licences;
mod plans;
pub mod queue;
pub mod records;
mod streams;
mod upkeep;

use std::cell::RefCell;
use std::rc::Rc;

use candid::Principal;
use ddsx_merkle_log::{MerkleMap, NodeArena, StableMapStore};
use ddsx_payments::{Journal, Memories};
use ddsx_prepaid::Prepaid;
use ic_stable_structures::memory_manager::{MemoryId, MemoryManager, VirtualMemory};
use ic_stable_structures::{DefaultMemoryImpl, StableBTreeMap, StableCell};

use chunks::ChunkStore;
use codec::Stored;
use keys::{Key, principal_key};
use records::{
    AssetRecord, ContributorRecord, Counters, FreeRequest, LicenceRecord, PlanRecord, PublisherRecord, Settings,
    StreamMeta, StreamState,
};

/// Memory ids, sorted. An id is never used for anything else again; a retired one stays here as a comment.
pub mod memory_ids {
    /// Settings: one record.
    pub const SETTINGS: u8 = 0;
    /// Counters: one record.
    pub const COUNTERS: u8 = 1;
    /// Asset number → asset.
    pub const ASSETS: u8 = 2;
    /// Stream → what grows.
    pub const STREAM_STATES: u8 = 3;
    /// Stream → what was said of it.
    pub const STREAM_METAS: u8 = 4;
    /// (owner, hash of name) → stream.
    pub const STREAM_NAMES: u8 = 5;
    /// (stream, number) → contributor.
    pub const CONTRIBUTORS: u8 = 6;
    /// (stream, hash of label) → number.
    pub const LABELS: u8 = 7;
    /// (stream, principal) → publisher.
    pub const PUBLISHERS: u8 = 8;
    /// Chunk index.
    pub const CHUNK_INDEX: u8 = 9;
    /// Chunk data.
    pub const CHUNK_DATA: u8 = 10;
    /// Merkle nodes of all logs.
    pub const NODES: u8 = 11;
    /// Merkle map of heads.
    pub const HEADS: u8 = 12;
    /// Plan → record.
    pub const PLANS: u8 = 13;
    /// (stream, plan).
    pub const PLANS_OF_STREAM: u8 = 14;
    /// Licence → bytes.
    pub const LICENCES: u8 = 15;
    /// (owner, licence).
    pub const LICENCES_OF_OWNER: u8 = 16;
    /// (owner, stream) → the licence that lasts longest.
    pub const BEST_LICENCE: u8 = 17;
    /// Merkle map of licences.
    pub const LICENCE_MAP: u8 = 18;
    /// (stream, asset) → pool.
    pub const POOLS: u8 = 19;
    /// (stream, asset, contributor) → position.
    pub const POSITIONS: u8 = 20;
    /// Asset → totals and treasury.
    pub const ASSET_BOOKS: u8 = 21;
    /// Payout queue.
    pub const PAYOUT_QUEUE: u8 = 22;
    /// Payee → payment intent under way.
    pub const PAYOUTS_IN_FLIGHT: u8 = 23;
    /// (buyer, hash of request id) → free licence.
    pub const FREE_REQUESTS: u8 = 24;
    /// Payments journal: counters.
    pub const JOURNAL_COUNTERS: u8 = 25;
    /// Payments journal: intents.
    pub const JOURNAL_INTENTS: u8 = 26;
    /// Payments journal: index.
    pub const JOURNAL_INDEX: u8 = 27;
    /// Payments journal: request ids.
    pub const JOURNAL_REQUESTS: u8 = 28;
    /// Ledger → asset number.
    pub const ASSET_NUMBERS: u8 = 29;
    /// (stream, asset, day) → what was sold.
    pub const DAYS: u8 = 30;
    /// Prepaid balances: (owner, asset) → account.
    pub const PREPAID: u8 = 31;
    /// Prepaid balances: asset → sums.
    pub const PREPAID_TOTALS: u8 = 32;
    /// (time, stream): when the timer looks at a stream's storage.
    pub const UPKEEP_QUEUE: u8 = 33;
    /// (length, offset) of what is free in the chunk data.
    pub const CHUNK_HOLES: u8 = 34;
    /// Payments journal: what stands open at each ledger.
    pub const JOURNAL_LEDGERS: u8 = 39;
}

/// A part of stable memory.
pub type Mem = VirtualMemory<DefaultMemoryImpl>;
type Map<K, V> = StableBTreeMap<K, V, Mem>;

/// 4 MiB a bucket: the manager addresses 128 GiB, and an empty registry takes about 100 MiB.
const BUCKET_PAGES: u16 = 64;

/// The registry's state.
pub struct Storage {
    settings: StableCell<Stored<Settings>, Mem>,
    counters: StableCell<Stored<Counters>, Mem>,
    assets: Map<u32, Stored<AssetRecord>>,
    asset_numbers: Map<Key<30>, u32>,
    stream_states: Map<u64, Stored<StreamState>>,
    stream_metas: Map<u64, Stored<StreamMeta>>,
    stream_names: Map<Key<62>, u64>,
    contributors: Map<Key<16>, Stored<ContributorRecord>>,
    labels: Map<Key<40>, u32>,
    publishers: Map<Key<38>, Stored<PublisherRecord>>,
    chunks: ChunkStore<Mem>,
    nodes: NodeArena<Mem>,
    heads: MerkleMap<StableMapStore<Mem>>,
    plans: Map<u64, Stored<PlanRecord>>,
    plans_of_stream: Map<Key<16>, ()>,
    licences: Map<u64, Stored<LicenceRecord>>,
    licences_of_owner: Map<Key<38>, ()>,
    best_licence: Map<Key<38>, u64>,
    licence_map: MerkleMap<StableMapStore<Mem>>,
    free_requests: Map<Key<62>, Stored<FreeRequest>>,
    books: books::Books,
    queue: queue::PayoutQueue,
    prepaid: Prepaid<Mem>,
    upkeep_queue: Map<Key<16>, ()>,
    /// All of stable memory, to see how much is used.
    memory: DefaultMemoryImpl,
    /// Bytes of stable memory that may be used.
    budget: u64,
}

impl Storage {
    /// Opens what the memory holds, or makes it in a fresh one.
    ///
    /// Panics if the memory holds something else: the canister must not start then.
    pub fn over(memory: DefaultMemoryImpl, manager: &MemoryManager<DefaultMemoryImpl>) -> Self {
        use memory_ids as id;
        let get = |id: u8| manager.get(MemoryId::new(id));
        let merkle_map = |id: u8| {
            MerkleMap::init(StableMapStore::new(get(id)))
                .unwrap_or_else(|error| panic!("memory {id} does not hold a Merkle map: {error}"))
        };
        let Some(chunks) = ChunkStore::open(get(id::CHUNK_INDEX), get(id::CHUNK_DATA), get(id::CHUNK_HOLES)) else {
            panic!("the chunk memories hold something else");
        };
        Self {
            settings: StableCell::init(get(id::SETTINGS), Stored::default()),
            counters: StableCell::init(get(id::COUNTERS), Stored::default()),
            assets: Map::init(get(id::ASSETS)),
            asset_numbers: Map::init(get(id::ASSET_NUMBERS)),
            stream_states: Map::init(get(id::STREAM_STATES)),
            stream_metas: Map::init(get(id::STREAM_METAS)),
            stream_names: Map::init(get(id::STREAM_NAMES)),
            contributors: Map::init(get(id::CONTRIBUTORS)),
            labels: Map::init(get(id::LABELS)),
            publishers: Map::init(get(id::PUBLISHERS)),
            chunks,
            nodes: NodeArena::init(get(id::NODES)).unwrap_or_else(|error| panic!("the node memory: {error}")),
            heads: merkle_map(id::HEADS),
            plans: Map::init(get(id::PLANS)),
            plans_of_stream: Map::init(get(id::PLANS_OF_STREAM)),
            licences: Map::init(get(id::LICENCES)),
            licences_of_owner: Map::init(get(id::LICENCES_OF_OWNER)),
            best_licence: Map::init(get(id::BEST_LICENCE)),
            licence_map: merkle_map(id::LICENCE_MAP),
            free_requests: Map::init(get(id::FREE_REQUESTS)),
            books: books::Books::open(
                get(id::POOLS),
                get(id::POSITIONS),
                get(id::ASSET_BOOKS),
                get(id::PAYOUTS_IN_FLIGHT),
                get(id::DAYS),
            ),
            queue: queue::PayoutQueue::open(get(id::PAYOUT_QUEUE)),
            prepaid: Prepaid::open(get(id::PREPAID), get(id::PREPAID_TOTALS)),
            upkeep_queue: Map::init(get(id::UPKEEP_QUEUE)),
            memory,
            budget: crate::limits::MAX_STABLE_BYTES,
        }
    }

    /// What governance has set.
    pub fn settings(&self) -> &Settings {
        self.settings.get()
    }

    /// Changes what governance has set.
    pub fn change_settings(&mut self, change: impl FnOnce(&mut Settings)) {
        let mut settings = self.settings.get().clone();
        change(&mut settings);
        self.settings.set(settings);
    }

    /// Numbers given out and totals.
    pub fn counters(&self) -> Counters {
        self.counters.get().0
    }

    /// Changes the counters.
    pub fn count(&mut self, change: impl FnOnce(&mut Counters)) {
        let mut counters = self.counters.get().clone();
        change(&mut counters);
        self.counters.set(counters);
    }

    /// What is known of a ledger, listed or not any more.
    pub fn asset(&self, ledger: Principal) -> Option<AssetRecord> {
        self.asset_numbered(self.asset_numbers.get(&asset_key(ledger))?)
    }

    /// An asset by its number.
    pub fn asset_numbered(&self, number: u32) -> Option<AssetRecord> {
        self.assets.get(&number).map(|stored| stored.0)
    }

    /// A listed ledger.
    pub fn listed_asset(&self, ledger: Principal) -> Option<AssetRecord> {
        self.asset(ledger).filter(|asset| asset.listed)
    }

    /// Enters or changes an asset under its number.
    pub fn put_asset(&mut self, asset: AssetRecord) {
        self.asset_numbers.insert(asset_key(asset.ledger), asset.number);
        self.assets.insert(asset.number, Stored(asset));
    }

    /// All assets ever listed: at most [`crate::limits::MAX_ASSETS`].
    pub fn assets(&self) -> Vec<AssetRecord> {
        self.assets.values().map(|stored| stored.0).collect()
    }
}

fn asset_key(ledger: Principal) -> Key<30> {
    Key(principal_key(&ledger))
}

/// Books of all streams.
impl Storage {
    /// To read.
    pub fn books(&self) -> &books::Books {
        &self.books
    }

    /// To change.
    pub fn books_mut(&mut self) -> &mut books::Books {
        &mut self.books
    }

    /// The payout queue, to read.
    pub fn queue(&self) -> &queue::PayoutQueue {
        &self.queue
    }

    /// The payout queue, to change.
    pub fn queue_mut(&mut self) -> &mut queue::PayoutQueue {
        &mut self.queue
    }
}

/// The canister's state as it runs: the storage and the payments journal, borrowed apart.
struct Opened {
    storage: RefCell<Storage>,
    journal: RefCell<Journal<Mem>>,
}

impl Opened {
    fn over(memory: DefaultMemoryImpl) -> Self {
        use memory_ids as id;
        let manager = MemoryManager::init_with_bucket_size(memory.clone(), BUCKET_PAGES);
        let get = |id: u8| manager.get(MemoryId::new(id));
        let journal = Journal::init(
            Memories {
                counters: get(id::JOURNAL_COUNTERS),
                intents: get(id::JOURNAL_INTENTS),
                index: get(id::JOURNAL_INDEX),
                requests: get(id::JOURNAL_REQUESTS),
                ledgers: get(id::JOURNAL_LEDGERS),
            },
            crate::limits::journal(),
        );
        Self {
            storage: RefCell::new(Storage::over(memory, &manager)),
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
    with(Storage::stable_bytes)
}

/// Opens this memory and uses it from now on: for tests, which upgrade by opening the same memory again.
#[cfg(test)]
pub fn open(memory: DefaultMemoryImpl) {
    OPENED.set(Rc::new(Opened::over(memory)));
}
