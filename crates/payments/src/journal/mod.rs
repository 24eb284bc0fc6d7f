//! The journal: intents in stable memory, and the one place where their state changes.
//!
//! Every change of an intent goes through [`Journal::replace`], which keeps index and counters in step with it; an outcome is set
//! by [`Journal::conclude`], [`Journal::end_window`] and [`Journal::settle_by_evidence`] alone, each a compare-and-set: it gives
//! [`Settled`] to whoever came first and nothing to anybody after.

mod bytes;
mod codec;
mod counters;
mod index;
#[cfg(test)]
mod tests;

pub use counters::Counters;

use crate::intent::{
    Direction, Evidence, Failure, Intent, Kind, MAX_PURPOSE_BYTES, MAX_RESULT_BYTES, Order, Outcome, REQUEST_ID_BYTES,
    RequestKey, Settled, State, Status,
};
use crate::limits::Limits;
use crate::verdict::{Answer, Verdict, verdict};
use candid::Principal;
use codec::{Request, RequestId};
use ddsx_runtime::{Guard, Guards, TimerId};
use ddsx_types::{Account, TimestampNs};
use ic_stable_structures::{Memory, StableBTreeMap, StableCell};
use index::IndexKey;

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
}

/// Why an order was not taken. Nothing was stored and nothing was charged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BeginError {
    /// A request id has 16 to 32 bytes.
    InvalidRequestId,
    /// The caller used this request id with other arguments.
    RequestIdReused,
    /// The caller has as many unsettled pulls as it may.
    TooManyPendingOfCaller {
        /// How many it may have.
        max: u64,
    },
    /// There are as many unsettled payments as there may be.
    TooManyPending {
        /// How many there may be.
        max: u64,
    },
    /// A purpose has at most [`MAX_PURPOSE_BYTES`] bytes.
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
    /// One intent was, and it is looked after: an attempt is under way, or it went into quarantine.
    LookedAfter,
    /// Attempt this one.
    Attempt(u64),
    /// The window of one ended, and this settled it.
    Settled(Box<Settled>),
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
    limits: Limits,
    in_flight: Guards<u64>,
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
            limits,
            in_flight: Guards::new(limits.in_flight),
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

    /// Stores an intent that is due for its first attempt at `due`.
    pub(crate) fn begin(
        &mut self,
        now: TimestampNs,
        canister_self: Principal,
        order: Order,
        request: Option<RequestKey>,
        due: TimestampNs,
    ) -> Result<Begun, BeginError> {
        if let Some(request) = &request
            && let Some(status) = self.lookup(order.caller, request)?
        {
            return Ok(Begun::Known(status));
        }
        if order.purpose.len() > MAX_PURPOSE_BYTES {
            return Err(BeginError::PurposeTooLong);
        }
        if order.amount == 0 {
            return Err(BeginError::ZeroAmount);
        }
        if order.amount.checked_add(order.asset.fee).is_none() {
            return Err(BeginError::AmountTooLarge);
        }
        let own = |subaccount| Account {
            owner: canister_self,
            subaccount,
        };
        let (direction, from, to) = match order.kind {
            Kind::Pull { from, to_subaccount } => (Direction::Pull, from, own(to_subaccount)),
            Kind::Push { from_subaccount, to } => (Direction::Push, own(from_subaccount), to),
        };
        self.check_room(direction, order.caller)?;
        self.prune(now, 2);

        let mut counters = *self.counters.get();
        let id = counters.next_id;
        counters.next_id += 1;
        self.counters.set(counters);
        let (request_id, arguments) = request.map(|request| (request.id, request.arguments)).unzip();
        if let (Some(request_id), Some(arguments)) = (&request_id, arguments) {
            let key = RequestId {
                caller: order.caller,
                id: request_id.clone(),
            };
            self.requests.insert(key, Request { arguments, intent: id });
        }
        let intent = Intent {
            id,
            direction,
            ledger: order.asset.ledger,
            from,
            to,
            amount: order.amount,
            fee: order.asset.fee,
            created_at_time: now,
            window_ends_at: now.saturating_add(order.asset.window_ns),
            dedup_first: order.asset.dedup_first,
            caller: order.caller,
            purpose: order.purpose,
            request_id,
            attempts: 0,
            doubtful: 0,
            indexed_at: due,
            state: State::Pending,
            result: Vec::new(),
        };
        self.replace(None, Some(intent));
        Ok(Begun::New(id))
    }

    fn check_room(&self, direction: Direction, caller: Principal) -> Result<(), BeginError> {
        let (open, max) = match direction {
            Direction::Pull => (self.totals().open_pulls, self.limits.pulls),
            Direction::Push => (self.totals().open_pushes, self.limits.pushes),
        };
        if open >= max {
            return Err(BeginError::TooManyPending { max });
        }
        if direction == Direction::Pull {
            let max = self.limits.pulls_per_caller;
            let of_caller = IndexKey::Open { caller, id: 0 }..=IndexKey::Open { caller, id: u64::MAX };
            let cap = usize::try_from(max).unwrap_or(usize::MAX);
            if self.index.keys_range(of_caller).take(cap).count() == cap {
                return Err(BeginError::TooManyPendingOfCaller { max });
            }
        }
        Ok(())
    }

    /// Records an attempt, which is doubtful from now on. `None` if there is nothing to attempt: the intent has left `Pending`,
    /// its window is over, or others are at work.
    pub(crate) fn start(&mut self, id: u64, now: TimestampNs) -> Option<Attempt> {
        let intent = self.intent(id)?;
        if intent.state != State::Pending || now >= intent.window_ends_at {
            return None;
        }
        let guard = self.in_flight.enter(id).ok()?;
        let number = intent.attempts.saturating_add(1);
        let indexed_at = now
            .saturating_add(self.limits.back_off(number))
            .min(intent.window_ends_at);
        let doubtful = intent.doubtful.saturating_add(1);
        let begun = Intent {
            attempts: number,
            doubtful,
            indexed_at,
            ..intent.clone()
        };
        self.replace(Some(&intent), Some(begun.clone()));
        self.count(|counters| counters.attempts += 1);
        Some(Attempt {
            intent: begun,
            number,
            guard,
        })
    }

    /// Takes the answer to attempt `number`. Gives the outcome if this answer settled the intent.
    pub(crate) fn conclude(&mut self, id: u64, number: u32, answer: Answer, now: TimestampNs) -> Option<Settled> {
        let intent = self.intent(id)?;
        if intent.is_settled() {
            if matches!((&intent.state, &answer), (State::Failed { .. }, Answer::Paid { .. })) {
                self.count(|counters| counters.contradictions += 1);
            }
            return None;
        }
        let cleared = u32::from(answer.clears_itself());
        let doubtful = intent.doubtful.saturating_sub(cleared);
        let others = intent.doubtful.saturating_sub(1);
        let known = Intent {
            doubtful,
            ..intent.clone()
        };
        match verdict(answer, others, number == intent.attempts, intent.dedup_first) {
            Verdict::Paid { block } => Some(self.settle(&intent, Outcome::Paid { block }, now)),
            Verdict::Failed(failure) => Some(self.settle(&intent, Outcome::Failed(failure), now)),
            Verdict::Retry => {
                self.replace(Some(&intent), Some(known));
                self.end_window(id, now)
            }
            Verdict::Quarantine => {
                self.quarantine(&intent, known, now);
                None
            }
        }
    }

    /// If the intent's window is over: settles it as failed if no attempt may have been executed, else puts it into quarantine.
    pub(crate) fn end_window(&mut self, id: u64, now: TimestampNs) -> Option<Settled> {
        let intent = self.intent(id)?;
        if intent.is_settled() || now < intent.window_ends_at {
            return None;
        }
        if intent.doubtful == 0 {
            return Some(self.settle(&intent, Outcome::Failed(Failure::WindowEnded), now));
        }
        self.quarantine(&intent, intent.clone(), now);
        None
    }

    fn quarantine(&mut self, intent: &Intent, known: Intent, now: TimestampNs) {
        let state = match intent.state {
            State::Pending => State::Quarantined { since: now },
            _ => intent.state.clone(),
        };
        self.replace(Some(intent), Some(Intent { state, ..known }));
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
        if evidence == Evidence::Unpaid && self.in_flight.holds(&id) {
            return Err(EvidenceError::AttemptUnderWay);
        }
        Ok(intent)
    }

    pub(crate) fn settle_by_evidence(
        &mut self,
        id: u64,
        evidence: Evidence,
        now: TimestampNs,
    ) -> Result<Settled, EvidenceError> {
        let intent = self.check_evidence(id, evidence)?;
        let outcome = match evidence {
            Evidence::Paid { block } => Outcome::Paid { block },
            Evidence::Unpaid => Outcome::Failed(Failure::UnpaidByEvidence),
        };
        Ok(self.settle(&intent, outcome, now))
    }

    fn settle(&mut self, intent: &Intent, outcome: Outcome, now: TimestampNs) -> Settled {
        let (state, kept_for) = match &outcome {
            Outcome::Paid { block } => {
                let kept_for = match intent.direction {
                    Direction::Pull => self.limits.keep_pulls_ns,
                    Direction::Push => self.limits.keep_pushes_ns,
                };
                (State::Paid { block: *block, at: now }, kept_for)
            }
            Outcome::Failed(failure) => (
                State::Failed {
                    failure: failure.clone(),
                    at: now,
                },
                self.limits.keep_failed_ns,
            ),
        };
        let settled = Intent {
            state,
            indexed_at: now.saturating_add(kept_for),
            ..intent.clone()
        };
        // The purpose goes to the handler now and is needed by nobody later.
        self.replace(
            Some(intent),
            Some(Intent {
                purpose: Vec::new(),
                ..settled.clone()
            }),
        );
        self.count(|counters| match outcome {
            Outcome::Paid { .. } => counters.paid += 1,
            Outcome::Failed(_) => counters.failed += 1,
        });
        Settled {
            intent: Intent {
                purpose: intent.purpose.clone(),
                ..settled
            },
            outcome,
        }
    }

    /// Keeps what the handler gave back.
    pub(crate) fn keep_result(&mut self, id: u64, mut result: Vec<u8>) {
        if result.is_empty() {
            return;
        }
        if let Some(mut intent) = self.intents.get(&id) {
            result.truncate(MAX_RESULT_BYTES);
            intent.result = result;
            self.intents.insert(id, intent);
        }
    }

    /// When the timer has to work next.
    pub(crate) fn next_due(&self) -> Option<TimestampNs> {
        match self.index.first_key_value()?.0 {
            IndexKey::Due { at, .. } => Some(at),
            _ => None,
        }
    }

    /// Takes the next intent due, and moves it back so that it is not taken again at once.
    pub(crate) fn take_due(&mut self, now: TimestampNs) -> Due {
        let Some((IndexKey::Due { at, id }, ())) = self.index.first_key_value() else {
            return Due::Nothing;
        };
        if at > now {
            return Due::Nothing;
        }
        let Some(intent) = self.intent(id) else {
            self.index.remove(&IndexKey::Due { at, id });
            return Due::LookedAfter;
        };
        if now >= intent.window_ends_at {
            return self
                .end_window(id, now)
                .map_or(Due::LookedAfter, |settled| Due::Settled(Box::new(settled)));
        }
        let wait = self.limits.back_off(intent.attempts);
        let indexed_at = now.saturating_add(wait).min(intent.window_ends_at);
        self.replace(
            Some(&intent),
            Some(Intent {
                indexed_at,
                ..intent.clone()
            }),
        );
        if self.in_flight.holds(&id) {
            Due::LookedAfter
        } else {
            Due::Attempt(id)
        }
    }

    /// Forgets at most `limit` settled intents whose time is over, or failed ones beyond their number.
    pub(crate) fn prune(&mut self, now: TimestampNs, limit: usize) {
        for _ in 0..limit {
            let too_many = self.totals().failed_kept > self.limits.keep_failed;
            let failed = IndexKey::PruneFailed { at: 0, id: 0 }..=IndexKey::PruneFailed {
                at: u64::MAX,
                id: u64::MAX,
            };
            let paid = IndexKey::PrunePaid { at: 0, id: 0 }..=IndexKey::PrunePaid {
                at: u64::MAX,
                id: u64::MAX,
            };
            let oldest = |range| self.index.keys_range(range).next();
            let id = match (oldest(failed), oldest(paid)) {
                (Some(IndexKey::PruneFailed { at, id }), _) if too_many || at <= now => id,
                (_, Some(IndexKey::PrunePaid { at, id })) if at <= now => id,
                _ => return,
            };
            let Some(intent) = self.intent(id) else { return };
            if let Some(request_id) = &intent.request_id {
                self.requests.remove(&RequestId {
                    caller: intent.caller,
                    id: request_id.clone(),
                });
            }
            self.replace(Some(&intent), None);
        }
    }

    fn count(&mut self, change: impl FnOnce(&mut Counters)) {
        let mut counters = *self.counters.get();
        change(&mut counters);
        self.counters.set(counters);
    }

    /// The one way in which a stored intent changes: the record, its index entries and the counters together.
    fn replace(&mut self, old: Option<&Intent>, new: Option<Intent>) {
        let old_keys = old.map(index_keys).unwrap_or_default();
        let new_keys = new.as_ref().map(index_keys).unwrap_or_default();
        for key in old_keys.iter().filter(|key| !new_keys.contains(key)) {
            self.index.remove(key);
        }
        for key in new_keys.iter().filter(|key| !old_keys.contains(key)) {
            self.index.insert(key.clone(), ());
        }
        let standing = |intent: Option<&Intent>| intent.map(|intent| (intent.direction, Standing::of(&intent.state)));
        let (before, after) = (standing(old), standing(new.as_ref()));
        if before != after {
            let mut counters = *self.counters.get();
            if let Some(before) = before {
                for place in places(&mut counters, before).into_iter().flatten() {
                    *place = place.saturating_sub(1);
                }
            }
            if let Some(after) = after {
                for place in places(&mut counters, after).into_iter().flatten() {
                    *place += 1;
                }
            }
            self.counters.set(counters);
        }
        match (new, old) {
            (Some(new), _) => {
                self.intents.insert(new.id, new);
            }
            (None, Some(old)) => {
                self.intents.remove(&old.id);
            }
            (None, None) => {}
        }
    }
}

/// A state without its details.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Standing {
    Pending,
    Quarantined,
    Paid,
    Failed,
}

impl Standing {
    const fn of(state: &State) -> Self {
        match state {
            State::Pending => Self::Pending,
            State::Quarantined { .. } => Self::Quarantined,
            State::Paid { .. } => Self::Paid,
            State::Failed { .. } => Self::Failed,
        }
    }
}

/// The counters in which an intent of this standing stands.
fn places(counters: &mut Counters, (direction, standing): (Direction, Standing)) -> [Option<&mut u64>; 2] {
    let open = match direction {
        Direction::Pull => &mut counters.open_pulls,
        Direction::Push => &mut counters.open_pushes,
    };
    match standing {
        Standing::Pending => [Some(open), None],
        Standing::Quarantined => [Some(open), Some(&mut counters.quarantined)],
        Standing::Paid => [Some(&mut counters.paid_kept), None],
        Standing::Failed => [Some(&mut counters.failed_kept), None],
    }
}

/// The index entries of an intent.
fn index_keys(intent: &Intent) -> Vec<IndexKey> {
    let (id, at) = (intent.id, intent.indexed_at);
    let mut keys = vec![match intent.state {
        State::Pending => IndexKey::Due { at, id },
        State::Quarantined { .. } => IndexKey::Quarantined { id },
        State::Failed { .. } => IndexKey::PruneFailed { at, id },
        State::Paid { .. } => IndexKey::PrunePaid { at, id },
    }];
    if intent.direction == Direction::Pull && !intent.is_settled() {
        keys.push(IndexKey::Open {
            caller: intent.caller,
            id,
        });
    }
    keys
}
