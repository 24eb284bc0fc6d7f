//! The journal: intents in stable memory, and the one place where their state changes.
//!
//! Every change of an intent goes through [`Journal::replace`], which keeps index and counters in step with it; an outcome is set
//! by [`Journal::conclude`], [`Journal::end_window`] and [`Journal::settle_by_evidence`] alone, each a compare-and-set: it gives
//! [`crate::Settled`] to whoever came first and nothing to anybody after.

mod books;
mod bytes;
mod codec;
mod counters;
mod index;
mod ledgers;
mod lifecycle;
#[cfg(test)]
mod tests;
mod under_way;

pub use counters::Counters;
pub use ledgers::Open;

use crate::intent::{Evidence, Intent, REQUEST_ID_BYTES, RequestKey, State, Status};
use crate::limits::Limits;
use candid::Principal;
use codec::{Request, RequestId};
use ddsx_runtime::{Guard, TimerId};
use ddsx_types::TimestampNs;
use ic_stable_structures::{Memory, StableBTreeMap, StableCell};
use index::IndexKey;
use ledgers::Whose;
use under_way::UnderWay;

/// The stable memories of a journal, each an id of its own in the canister's memory manager.
pub struct Memories<M> {
    /// For the counters.
    pub counters: M,
    /// For the intents.
    pub intents: M,
    /// For the index.
    pub index: M,
    /// For the requests.
    pub requests: M,
    /// For what stands open at each ledger.
    pub ledgers: M,
}

/// Why an order was not taken. Nothing was stored and nothing was charged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BeginError {
    /// A request id has 16 to 32 bytes.
    InvalidRequestId,
    /// The caller used this request id with other arguments.
    RequestIdReused,
    /// The caller has as many pending pulls at the ledger as it may.
    TooManyPendingOfCaller {
        /// How many it may have.
        max: u64,
    },
    /// There are as many pending payments at the ledger as there may be.
    TooManyPending {
        /// How many there may be.
        max: u64,
    },
    /// As many of the ledger's payments wait for governance as may: it gets no new ones until some
    /// are settled.
    TooManyQuarantined {
        /// How many there may be.
        max: u64,
    },
    /// A purpose has at most [`crate::MAX_PURPOSE_BYTES`] bytes.
    PurposeTooLong,
    /// Nothing to pay.
    ZeroAmount,
    /// Amount and fee together do not fit 128 bits.
    AmountTooLarge,
}

/// What became of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Begun {
    /// A new intent of this number is stored.
    New(u64),
    /// The request was made before.
    Known(Status),
}

/// Why evidence was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EvidenceError {
    /// No such intent is remembered.
    NotFound,
    /// It is not quarantined: it has its outcome, or may still find it by itself.
    NotQuarantined,
    /// An attempt is still under way, whose answer may prove the contrary.
    AttemptUnderWay,
}

/// What a timer found due.
pub(crate) enum Due {
    /// Nothing is.
    Nothing,
    /// One intent was, but an attempt is under way.
    LookedAfter,
    /// This one is to be attempted, or its window is over.
    GoOn(u64),
}

/// An attempt that was recorded and may now be sent.
pub(crate) struct Attempt {
    pub intent: Intent,
    /// Its number among the intent's attempts, from 1.
    pub number: u32,
    /// Keeps others from attempting the same intent.
    pub guard: Guard<u64>,
}

/// The intents of one canister.
pub struct Journal<M: Memory> {
    counters: StableCell<Counters, M>,
    intents: StableBTreeMap<u64, Intent, M>,
    index: StableBTreeMap<IndexKey, (), M>,
    requests: StableBTreeMap<RequestId, Request, M>,
    ledgers: StableBTreeMap<Whose, Open, M>,
    limits: Limits,
    in_flight: UnderWay<u64>,
    /// Callers whose means a ledger is being asked for.
    pub(crate) looks: UnderWay<Principal>,
    /// When the retry timer fires, and which it is.
    pub(crate) armed: Option<(TimestampNs, TimerId)>,
}

impl<M: Memory> Journal<M> {
    /// Opens the journal that lies in `memories`, or begins one. The work does not depend on how much is stored.
    pub fn init(memories: Memories<M>, limits: Limits) -> Self {
        Self {
            counters: StableCell::init(memories.counters, Counters::default()),
            intents: StableBTreeMap::init(memories.intents),
            index: StableBTreeMap::init(memories.index),
            requests: StableBTreeMap::init(memories.requests),
            ledgers: StableBTreeMap::init(memories.ledgers),
            limits,
            in_flight: UnderWay::new(limits.in_flight),
            looks: UnderWay::new(limits.looks),
            armed: None,
        }
    }

    /// The intent of this number, unless it was forgotten.
    pub fn intent(&self, id: u64) -> Option<Intent> {
        self.intents.get(&id)
    }

    /// What is known of the intent of this number, unless it was forgotten.
    pub fn status(&self, id: u64) -> Option<Status> {
        self.intent(id).map(|intent| intent.status())
    }

    /// Quarantined intents by number, beginning after `after`, at most `limit`.
    pub fn quarantined(&self, after: Option<u64>, limit: usize) -> Vec<Intent> {
        let Some(first) = after.map_or(Some(0), |id| id.checked_add(1)) else {
            return Vec::new();
        };
        self.index
            .keys_range(IndexKey::Quarantined { id: first }..=IndexKey::Quarantined { id: u64::MAX })
            .take(limit)
            .filter_map(|key| match key {
                IndexKey::Quarantined { id } => self.intent(id),
                _ => None,
            })
            .collect()
    }

    /// Numbers for `/metrics`.
    pub fn totals(&self) -> Counters {
        *self.counters.get()
    }

    /// What stands open at a ledger.
    pub fn open_at(&self, ledger: Principal) -> Open {
        self.open(&Whose { ledger, caller: None })
    }

    fn open(&self, whose: &Whose) -> Open {
        self.ledgers.get(whose).unwrap_or_default()
    }

    /// Attempts under way in this canister's memory.
    pub fn under_way(&self) -> usize {
        self.in_flight.len()
    }

    /// The journal's bounds.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// What became of a request of `caller`, if it is known. Ask before anything else is checked: the answer to a repeated
    /// request is the first one's, whatever has changed since.
    ///
    /// # Errors
    /// [`BeginError::InvalidRequestId`], or [`BeginError::RequestIdReused`] if its arguments were others.
    pub fn lookup(&self, caller: Principal, request: &RequestKey) -> Result<Option<Status>, BeginError> {
        if !REQUEST_ID_BYTES.contains(&request.id.len()) {
            return Err(BeginError::InvalidRequestId);
        }
        let Some(known) = self.requests.get(&RequestId {
            caller,
            id: request.id.clone(),
        }) else {
            return Ok(None);
        };
        if known.arguments != request.arguments {
            return Err(BeginError::RequestIdReused);
        }
        Ok(self.status(known.intent))
    }

    /// Whether evidence about this intent would be taken now.
    ///
    /// # Errors
    /// As [`EvidenceError`].
    pub fn check_evidence(&self, id: u64, evidence: Evidence) -> Result<Intent, EvidenceError> {
        let intent = self.intent(id).ok_or(EvidenceError::NotFound)?;
        if !matches!(intent.state, State::Quarantined { .. }) {
            return Err(EvidenceError::NotQuarantined);
        }
        if evidence == Evidence::Unpaid && self.in_flight.holds(&intent.ledger, &id) {
            return Err(EvidenceError::AttemptUnderWay);
        }
        Ok(intent)
    }
}
