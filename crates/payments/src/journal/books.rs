//! Index and counters, kept in step with the intents; what is due and what may be forgotten.

use super::{Counters, Due, Journal, RequestId};
use crate::intent::{Direction, Intent, State};
use crate::journal::index::IndexKey;
use crate::journal::ledgers::{Open, Whose, counted};
use ddsx_types::TimestampNs;
use ic_stable_structures::Memory;

impl<M: Memory> Journal<M> {
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
        let over = now >= intent.window_ends_at;
        let under_way = self.in_flight.holds(&intent.ledger, &id);
        let wait = if under_way {
            // It only has to be looked at again in case its answer is lost; ever more rarely, as with attempts.
            let age = now.saturating_sub(intent.created_at_time);
            let longest = self.limits.longest_retry_ns.max(self.limits.first_retry_ns);
            age.clamp(self.limits.first_retry_ns, longest)
        } else {
            self.limits.back_off(intent.attempts)
        };
        let next = now.saturating_add(wait);
        let indexed_at = if over { next } else { next.min(intent.window_ends_at) };
        let moved = Intent {
            indexed_at,
            ..intent.clone()
        };
        self.replace(Some(&intent), Some(moved));
        // A ledger with as many attempts under way as it may have gets this one later.
        if !over && (under_way || self.in_flight.is_full(&intent.ledger)) {
            Due::LookedAfter
        } else {
            Due::GoOn(id)
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

    pub(super) fn count(&mut self, change: impl FnOnce(&mut Counters)) {
        let mut counters = *self.counters.get();
        change(&mut counters);
        self.counters.set(counters);
    }

    /// The one way in which a stored intent changes: the record, its index entries and the counters together.
    pub(super) fn replace(&mut self, old: Option<&Intent>, new: Option<Intent>) {
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
        let places = |intent: Option<&Intent>| intent.map_or([None, None], counted);
        let (left, entered) = (places(old), places(new.as_ref()));
        if left != entered {
            for (whose, open) in left.into_iter().flatten() {
                self.recount(whose, |count| count.minus(open));
            }
            for (whose, open) in entered.into_iter().flatten() {
                self.recount(whose, |count| count.plus(open));
            }
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

    /// Changes what stands open at a ledger or of a caller there; nothing is kept of those with
    /// nothing open.
    fn recount(&mut self, whose: Whose, change: impl FnOnce(Open) -> Open) {
        let open = change(self.ledgers.get(&whose).unwrap_or_default());
        if open == Open::default() {
            self.ledgers.remove(&whose);
        } else {
            self.ledgers.insert(whose, open);
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
    if !intent.by_ledger && intent.direction == Direction::Pull && !intent.is_settled() {
        keys.push(IndexKey::Open {
            caller: intent.caller,
            id,
        });
    }
    keys
}
