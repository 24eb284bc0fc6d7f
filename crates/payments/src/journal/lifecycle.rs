//! An intent's way: begun, attempted, settled. Each function that sets an outcome is a compare-and-set on the stored intent.

use super::{Attempt, BeginError, Begun, EvidenceError, Journal, RequestId};
use crate::intent::{
    Direction, Evidence, Failure, Intent, Kind, MAX_PURPOSE_BYTES, MAX_RESULT_BYTES, Order, Outcome, RequestKey,
    Settled, State,
};
use crate::journal::codec::Request;
use crate::journal::ledgers::Whose;
use crate::verdict::{Answer, Verdict, verdict};
use candid::Principal;
use ddsx_types::{Account, TimestampNs};
use ic_stable_structures::Memory;

impl<M: Memory> Journal<M> {
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
        self.check_room(direction, order.asset.ledger, order.caller)?;
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
            by_ledger: true,
        };
        self.replace(None, Some(intent));
        Ok(Begun::New(id))
    }

    /// Each ledger has limits of its own: one that is silent takes nothing from the others.
    fn check_room(&self, direction: Direction, ledger: Principal, caller: Principal) -> Result<(), BeginError> {
        let at_ledger = self.open_at(ledger);
        let max = self.limits.quarantined;
        if at_ledger.quarantined >= max {
            return Err(BeginError::TooManyQuarantined { max });
        }
        let (open, max) = match direction {
            Direction::Pull => (at_ledger.pulls, self.limits.pulls),
            Direction::Push => (at_ledger.pushes, self.limits.pushes),
        };
        if open >= max {
            return Err(BeginError::TooManyPending { max });
        }
        if direction == Direction::Pull {
            let max = self.limits.pulls_per_caller;
            let of_caller = Whose {
                ledger,
                caller: Some(caller),
            };
            if self.open(&of_caller).pulls >= max {
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
        let guard = self.in_flight.enter(intent.ledger, id).ok()?;
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
}
