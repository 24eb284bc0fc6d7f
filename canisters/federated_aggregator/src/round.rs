//! A round's life from its opening to the moment when its updates are combined, and the end of a task.

use ddsx_nn::strategies::check::needed;
use ddsx_types::TimestampNs;
use ddsx_types::federated_aggregator::{CreateTaskArgs, EndReason, RoundRules, Stage};

use crate::limits::MONTH_NS;
use crate::standing;
use crate::storage::Storage;
use crate::storage::records::{Collecting, Payee, TaskRecord};
use crate::work::Work;
use crate::{balance, publish, upkeep};

fn duration_ns(rules: &RoundRules) -> u64 {
    rules.duration_s.saturating_mul(1_000_000_000)
}

/// What the clock or an update means for the round that collects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Wait on.
    Wait,
    /// Combine what is here.
    Close,
    /// Too few: wait once more as long.
    Extend,
    /// Too few again.
    Skip,
}

/// Decides on the round that collects. While another round of the task is being worked on, nothing closes.
pub fn next(collecting: &Collecting, rules: &RoundRules, now: TimestampNs, working: bool) -> Next {
    if working {
        return Next::Wait;
    }
    if collecting.accepted >= rules.max_updates {
        return Next::Close;
    }
    let enough = collecting.accepted >= rules.min_updates;
    match (now >= collecting.deadline, enough, collecting.extended) {
        (true, true, _) | (false, true, true) => Next::Close,
        (false, ..) => Next::Wait,
        (true, false, false) => Next::Extend,
        (true, false, true) => Next::Skip,
    }
}

/// Goes on with a task that is to end: what is being worked on comes first, then the accepted updates of the round that collects, if the strategy
/// can combine so few; then it ends. With noise a round needs its `min_updates` even then: fewer would hide nobody. The record is the
/// caller's to store.
pub fn wind_up(storage: &mut Storage, record: &mut TaskRecord, args: &CreateTaskArgs, now: TimestampNs) {
    if record.working {
        return;
    }
    let least = if args.privacy.is_some() {
        args.rounds.min_updates
    } else {
        needed(&args.strategy).max(1)
    };
    match record.collecting {
        Some(collecting) if record.stage == Stage::Running && collecting.accepted >= least => {
            close(storage, record, &collecting, now);
            storage.schedule(record, Some(now));
        }
        _ => end(storage, record, now, EndReason::Stopped),
    }
}

/// Opens the next round, or ends the task if it was the last. The record is the caller's to store.
pub fn open(storage: &mut Storage, record: &mut TaskRecord, rules: &RoundRules, now: TimestampNs) {
    if record.stopping {
        return;
    }
    if record.collecting.is_some() {
        return;
    }
    let held = record.rounds_held + u32::from(record.working);
    if held.saturating_sub(record.free_skips) >= rules.rounds {
        if !record.working {
            end(storage, record, now, EndReason::Completed);
        }
        return;
    }
    record.collecting = Some(Collecting {
        round: held + 1,
        opened_at: now,
        deadline: now.saturating_add(duration_ns(rules)),
        extended: false,
        accepted: 0,
        uploads: 0,
        declared: 0,
    });
}

/// Acts on the round that collects as [`next`] says, and sets when the task is looked at again. The record is the caller's to store.
pub fn advance(storage: &mut Storage, record: &mut TaskRecord, rules: &RoundRules, now: TimestampNs) {
    if record.stage == Stage::Running && !record.working && upkeep::ends(storage, record, now) {
        // As if its owner had stopped it: what was accepted is scored and paid.
        record.stopping = true;
        if let Some(args) = storage.arguments(record.id) {
            wind_up(storage, record, &args, now);
        }
        return;
    }
    while record.stage == Stage::Running {
        let Some(mut collecting) = record.collecting else { break };
        match next(&collecting, rules, now, record.working) {
            Next::Wait => break,
            Next::Extend => {
                collecting.extended = true;
                collecting.deadline = now.saturating_add(duration_ns(rules));
                record.collecting = Some(collecting);
            }
            Next::Close => {
                close(storage, record, &collecting, now);
                if record.asynchronous {
                    open(storage, record, rules, now);
                }
            }
            Next::Skip => {
                discard(storage, record, collecting.round, Some(now));
                record.collecting = None;
                publish::skip(storage, record, &collecting, now);
                open(storage, record, rules, now);
            }
        }
    }
    let due = if record.working {
        Some(now)
    } else {
        let deadline = record.collecting.map(|collecting| collecting.deadline);
        deadline
            .into_iter()
            .chain(upkeep::next_running_look(storage, record, now))
            .min()
    };
    storage.schedule(record, due);
}

/// Takes the accepted updates out of the collection and hands them to the work; uploads that did not finish are dropped.
fn close(storage: &mut Storage, record: &mut TaskRecord, collecting: &Collecting, now: TimestampNs) {
    let mut accepted = Vec::new();
    for update in storage.updates(record.id, collecting.round) {
        storage.remove_update(record.id, collecting.round, &update.client);
        if update.place.is_some() {
            accepted.push(update);
        } else {
            storage.give_back(update.blob);
            // That its owner stops a task is no client's fault.
            if record.stopping {
                standing::dropped(storage, record, &update, collecting.round);
            } else {
                standing::thrown_out(storage, record, &update, collecting.round, now);
            }
        }
    }
    accepted.sort_by_key(|update| update.place);
    record.collecting = None;
    record.working = true;
    storage.put_work(
        record.id,
        Some(Work::round(collecting.round, collecting.opened_at, accepted)),
    );
}

/// Drops all uploads of a round; those that stood still are held against their clients, unless the task ends.
fn discard(storage: &mut Storage, record: &mut TaskRecord, round: u32, now: Option<TimestampNs>) {
    for update in storage.updates(record.id, round) {
        storage.remove_update(record.id, round, &update.client);
        storage.remove_direction(record.id, &update.client, round);
        storage.give_back(update.blob);
        if let (Some(now), None) = (now, update.place) {
            standing::thrown_out(storage, record, &update, round, now);
        }
    }
}

/// Ends a task: what is left of the budget is the owner's again, and stakes go back in slices. The record is the caller's to store.
pub fn end(storage: &mut Storage, record: &mut TaskRecord, now: TimestampNs, reason: EndReason) {
    if let Some(collecting) = record.collecting.take() {
        discard(storage, record, collecting.round, None);
    }
    for blob in std::mem::take(&mut record.state) {
        storage.give_back(blob);
    }
    record.stage = Stage::Ended(reason);
    record.since = now;
    record.stopping = false;
    record.expires_at = Some(now.saturating_add(MONTH_NS));
    record.fee.release();
    balance::return_deposit(storage, record);
    balance::return_rounds(storage, record);
    record.paid_until = None;
    record.short_since = None;
    storage.ask_payout(now, Payee::Fee(record.id));
    let left = record.books.budget_left;
    record.books.assign(left);
    record.owner_due.credit(left);
    storage.ask_payout(now, Payee::Owner(record.id));
    storage.task_ended(&record.owner, record.id);
    record.working = true;
    storage.put_work(record.id, Some(Work::Release { after: None }));
    storage.schedule(record, Some(now));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn should_close_extend_once_and_skip() {
        let rules = RoundRules {
            rounds: 1,
            min_updates: 2,
            max_updates: 4,
            duration_s: 10,
            max_samples: 1,
            max_staleness: 0,
        };
        for (accepted, late, extended, working, expected) in [
            (0, false, false, false, Next::Wait),
            (3, false, false, false, Next::Wait),
            (4, false, false, false, Next::Close),
            (4, false, false, true, Next::Wait),
            (2, true, false, false, Next::Close),
            (1, true, false, false, Next::Extend),
            (1, false, true, false, Next::Wait),
            (2, false, true, false, Next::Close),
            (1, true, true, false, Next::Skip),
            (1, true, true, true, Next::Wait),
        ] {
            let collecting = Collecting {
                round: 1,
                opened_at: 0,
                deadline: 100,
                extended,
                accepted,
                uploads: 0,
                declared: 0,
            };
            let now = if late { 100 } else { 99 };
            assert_eq!(
                next(&collecting, &rules, now, working),
                expected,
                "{accepted} {late} {extended} {working}"
            );
        }
    }
}
