//! The record of one canister.
//!
//! Interface specification: *Abstract behaviour*, *CanisterState*; *Canister settings*; *Canister history*.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use candid::Principal;
use ic_management_canister_types::{Change, ChangeDetails, ChangeOrigin, LogVisibility};

use super::call::{CallContext, Callback, Origin};
use super::queues::Queues;
use crate::execution::{CanisterMemory, Cycles, LogLine, Module, Nanos};

/// Calls to one callee that may be unanswered at a time.
pub const QUEUE: usize = 500;
/// Changes that the canister history keeps.
const HISTORY: usize = 20;
/// Bytes of log content that are kept.
const LOG_BYTES: usize = 4096;

/// A module and its memory.
pub struct Code {
    /// The module.
    pub module: Arc<Module>,
    /// Heap, globals and stable memory.
    pub memory: CanisterMemory,
}

/// A canister's settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Who controls it; sorted, at most 10.
    pub controllers: Vec<Principal>,
    /// Percent of a core that is guaranteed to it.
    pub compute_allocation: u64,
    /// Bytes that it pays for whether it uses them or not; 0: none.
    pub memory_allocation: u64,
    /// Seconds for which the canister must be able to pay for its storage before it may spend cycles on anything else.
    pub freezing_threshold: u64,
    /// Cycles that may be set aside for storage growth.
    pub reserved_cycles_limit: u128,
    /// Who may read the logs.
    pub log_visibility: LogVisibility,
    /// Bytes that the heap may have in update calls; 0: no limit.
    pub wasm_memory_limit: u64,
    /// Bytes of heap left at which the low-memory hook runs.
    pub wasm_memory_threshold: u64,
    /// Sorted by name.
    pub environment_variables: Vec<(String, String)>,
}

impl Settings {
    /// What a new canister has.
    pub fn new(controllers: Vec<Principal>) -> Self {
        Self {
            controllers,
            compute_allocation: 0,
            memory_allocation: 0,
            freezing_threshold: 30 * 24 * 60 * 60,
            reserved_cycles_limit: 5_000_000_000_000,
            log_visibility: LogVisibility::Controllers,
            wasm_memory_limit: 3 << 30,
            wasm_memory_threshold: 0,
            environment_variables: Vec::new(),
        }
    }
}

/// A call of `stop_canister` that waits for the canister's open call contexts.
#[derive(Clone, Debug)]
pub struct StopRequest {
    /// Who waits.
    pub origin: Origin,
    /// Cycles to give back with the answer.
    pub cycles: Cycles,
    /// When it came.
    pub since: Nanos,
}

/// Whether the canister takes messages.
#[derive(Clone, Debug)]
pub enum Status {
    /// It does.
    Running,
    /// It takes answers to its calls only.
    Stopping(Vec<StopRequest>),
    /// It does not.
    Stopped,
}

/// What the canister printed.
#[derive(Clone, Debug, Default)]
pub struct Logs {
    /// The index of the next record.
    pub next: u64,
    /// Index and record; their content has at most 4 KiB together.
    pub records: VecDeque<(u64, LogLine)>,
    bytes: usize,
}

impl Logs {
    /// Appends what a message printed; the oldest records make room.
    pub fn append(&mut self, lines: Vec<LogLine>) {
        for mut line in lines {
            line.content.truncate(LOG_BYTES);
            self.bytes += line.content.len();
            self.records.push_back((self.next, line));
            self.next += 1;
            while self.bytes > LOG_BYTES {
                let Some((_, old)) = self.records.pop_front() else {
                    break;
                };
                self.bytes -= old.content.len();
            }
        }
    }
}

/// Who changed what of a canister, and when.
#[derive(Clone, Debug, Default)]
pub struct History {
    /// Changes since its creation.
    pub total: u64,
    /// The latest of them, oldest first.
    pub recent: VecDeque<Change>,
}

/// A canister.
pub struct Canister {
    /// Its id.
    pub id: Principal,
    /// Its settings.
    pub settings: Settings,
    /// Its cycles.
    pub balance: Cycles,
    /// Whether it takes messages.
    pub status: Status,
    /// Its code; `None` when it is empty.
    pub code: Option<Code>,
    /// At most 32 bytes.
    pub certified_data: Vec<u8>,
    /// When the global timer fires; 0: it is off.
    pub global_timer: Nanos,
    /// `canister_version`.
    pub version: u64,
    /// Its history.
    pub history: History,
    /// Its logs.
    pub logs: Logs,
    /// The chunk store, by hash.
    pub chunks: BTreeMap<[u8; 32], Vec<u8>>,
    /// What waits for execution.
    pub inputs: Queues,
    /// The calls that it is answering.
    pub contexts: BTreeMap<u64, CallContext>,
    /// The calls that it made.
    pub callbacks: BTreeMap<u64, Callback>,
    /// How many of these go to each callee.
    pub outstanding: HashMap<Principal, usize>,
    /// When it last paid for storage.
    pub charged: Nanos,
    next_context: u64,
    next_callback: u64,
}

impl Canister {
    /// An empty canister.
    pub fn new(id: Principal, settings: Settings, balance: Cycles, now: Nanos) -> Self {
        Self {
            id,
            settings,
            balance,
            status: Status::Running,
            code: None,
            certified_data: Vec::new(),
            global_timer: 0,
            version: 0,
            history: History::default(),
            logs: Logs::default(),
            chunks: BTreeMap::new(),
            inputs: Queues::default(),
            contexts: BTreeMap::new(),
            callbacks: BTreeMap::new(),
            outstanding: HashMap::new(),
            charged: now,
            next_context: 0,
            next_callback: 0,
        }
    }

    /// Whether the principal controls it.
    pub fn is_controlled_by(&self, principal: Principal) -> bool {
        self.settings.controllers.binary_search(&principal).is_ok()
    }

    /// `canister_status`: 1 running, 2 stopping, 3 stopped.
    pub fn status_number(&self) -> u32 {
        match self.status {
            Status::Running => 1,
            Status::Stopping(_) => 2,
            Status::Stopped => 3,
        }
    }

    /// Begins to answer a call and returns the context's id.
    pub fn open_context(&mut self, origin: Origin, available: Cycles, deadline: Nanos) -> u64 {
        let id = self.next_context;
        self.next_context += 1;
        let context = CallContext {
            origin,
            available,
            deadline,
            responded: false,
            deleted: false,
            outstanding: 0,
            instructions: 0,
        };
        self.contexts.insert(id, context);
        id
    }

    /// Notes a call that the canister makes and returns the callback's id.
    pub fn add_callback(&mut self, callback: Callback) -> u64 {
        let id = self.next_callback;
        self.next_callback += 1;
        *self.outstanding.entry(callback.callee).or_default() += 1;
        if let Some(context) = self.contexts.get_mut(&callback.context) {
            context.outstanding += 1;
        }
        self.callbacks.insert(id, callback);
        id
    }

    /// Takes the callback of an answered call; `None` if it has been answered before (timed out).
    pub fn take_callback(&mut self, id: u64) -> Option<Callback> {
        let callback = self.callbacks.remove(&id)?;
        if let Some(count) = self.outstanding.get_mut(&callback.callee) {
            *count -= 1;
            if *count == 0 {
                self.outstanding.remove(&callback.callee);
            }
        }
        if let Some(context) = self.contexts.get_mut(&callback.context) {
            context.outstanding -= 1;
        }
        Some(callback)
    }

    /// How many more calls it may make to each callee that it waits for.
    pub fn queue_room(&self) -> Option<Arc<HashMap<Principal, usize>>> {
        if self.outstanding.is_empty() {
            return None;
        }
        let room = self
            .outstanding
            .iter()
            .map(|(callee, count)| (*callee, QUEUE.saturating_sub(*count)));
        Some(Arc::new(room.collect()))
    }

    /// Bytes of its chunk store, which is paid for in whole mebibytes.
    pub fn chunk_bytes(&self) -> u64 {
        self.chunks.len() as u64 * (1 << 20)
    }

    /// Bytes that it pays for.
    pub fn memory_bytes(&self) -> u64 {
        let code = self.code.as_ref().map_or(0, |code| {
            code.memory.heap_bytes() + code.memory.stable_bytes() + code.module.size() as u64
        });
        code + self.chunk_bytes()
    }

    /// Adds to the history.
    pub fn record_change(&mut self, now: Nanos, origin: ChangeOrigin, details: ChangeDetails) {
        self.history.total += 1;
        self.history.recent.push_back(Change {
            timestamp_nanos: now,
            canister_version: self.version,
            origin,
            details: Some(details),
        });
        while self.history.recent.len() > HISTORY {
            self.history.recent.pop_front();
        }
    }

    /// Cycles that it has, is owed by callees it waits for (reserve) and holds for calls that it answers.
    pub fn all_cycles(&self) -> Cycles {
        let available: Cycles = self.contexts.values().map(|context| context.available).sum();
        let reserve: Cycles = self.callbacks.values().map(|callback| callback.reserve).sum();
        let queued: Cycles = self
            .inputs
            .iter()
            .map(|input| match input {
                super::queues::Input::Call(call) => call.cycles,
                super::queues::Input::Response(response) => response.refund,
            })
            .sum();
        let stops: Cycles = match &self.status {
            Status::Stopping(requests) => requests.iter().map(|request| request.cycles).sum(),
            Status::Running | Status::Stopped => 0,
        };
        self.balance + available + reserve + queued + stops
    }
}
