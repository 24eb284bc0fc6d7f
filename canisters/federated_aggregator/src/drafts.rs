//! Time: drafts that wait for their owner, ended tasks whose files are kept, and what becomes of both when their time is over.

use candid::Principal;
use ddsx_types::TimestampNs;
use ddsx_types::federated_aggregator::{EndReason, Stage, TaskError};

use crate::limits::{MAX_UNPAID, MAX_UNPAID_OF_OWNER, MONTH_NS, TASKS_PER_STEP, UNPAID_MAKES_ROOM_NS, UNPAID_NS};
use crate::storage::Storage;
use crate::storage::records::TaskRecord;
use crate::work::Work;
use crate::{balance, owner, round, upkeep};

/// Makes sure that one more unpaid draft can be kept: few of one owner, and where all are too many, the oldest goes.
pub fn make_room(storage: &mut Storage, caller: Principal, now: TimestampNs) -> Result<(), TaskError> {
    let too_many = |what: &str, limit| {
        Err(TaskError::TooMany {
            what: what.to_owned(),
            limit,
        })
    };
    if storage.unpaid_of(&caller) >= MAX_UNPAID_OF_OWNER {
        return too_many("drafts of one owner that are not paid", MAX_UNPAID_OF_OWNER);
    }
    if storage.unpaid_drafts() < MAX_UNPAID {
        return Ok(());
    }
    let oldest = storage.oldest_unpaid().and_then(|task| storage.task(task));
    match oldest {
        Some(mut record) if record.created_at.saturating_add(UNPAID_MAKES_ROOM_NS) <= now && is_untouched(&record) => {
            storage.schedule(&mut record, None);
            // Others needed its place: that is not its owner's fault.
            balance::return_deposit(storage, &mut record);
            storage.forget_draft(&record);
            Ok(())
        }
        _ => too_many("drafts that are not paid", MAX_UNPAID),
    }
}

/// Whether nothing was ever paid for a draft, and nothing is on its way.
pub fn is_untouched(record: &TaskRecord) -> bool {
    let dated_at_creation = record.expires_at == Some(record.created_at.saturating_add(UNPAID_NS));
    record.stage == Stage::Draft
        && dated_at_creation
        && !record.storage_paid
        && !record.storage_in_flight
        && record.clients == 0
        && record.books.received == 0
}

/// Looks at a task that is no longer or not yet running, because its time may be over. The record is stored here, or forgotten.
pub fn look(storage: &mut Storage, mut record: TaskRecord, now: TimestampNs) {
    let ended = matches!(record.stage, Stage::Ended(_)) && !record.cleared && !record.storage_in_flight;
    let over = if ended {
        upkeep::is_over(storage, &mut record, now)
    } else {
        record.expires_at.is_some_and(|end| end <= now)
    };
    match record.stage {
        Stage::Draft if over && is_untouched(&record) => {
            storage.schedule(&mut record, None);
            balance::lose_deposit(storage, &mut record, now);
            storage.forget_draft(&record);
            return;
        }
        // A payment's outcome is not known yet: it decides.
        Stage::Draft | Stage::Ended(_) if over && record.storage_in_flight => {
            storage.schedule(&mut record, Some(now.saturating_add(UNPAID_NS)));
        }
        Stage::Draft if over => round::end(
            storage,
            &mut record,
            now,
            EndReason::Failed("the draft's time is over".to_owned()),
        ),
        Stage::Ended(_) if over && !record.cleared => clear(storage, &mut record, now),
        Stage::Draft | Stage::Ended(_) => {
            let due = if ended {
                upkeep::next_look(storage, &record, now)
            } else {
                record.expires_at.filter(|_| !record.cleared)
            };
            storage.schedule(&mut record, due);
        }
        Stage::Preparing | Stage::Running => {}
    }
    storage.put_task(record);
}

/// Begins to forget what an ended task holds: its files at once, its reports in slices. The record is the caller's to store.
pub fn clear(storage: &mut Storage, record: &mut TaskRecord, now: TimestampNs) {
    owner::release(storage, record);
    record.cleared = true;
    record.expires_at = None;
    record.working = true;
    storage.put_work(record.id, Some(Work::Forget));
    storage.schedule(record, Some(now));
}

/// Gives some of the tasks that the first release made an end of their time: 30 days from now. Says whether there may be more.
pub fn date_some(storage: &mut Storage, now: TimestampNs) -> bool {
    let (first, tasks) = (storage.counters().dated, storage.counters().tasks);
    let end = tasks.min(first.saturating_add(TASKS_PER_STEP as u64));
    for task in first..end {
        let Some(mut record) = storage.task(task) else { continue };
        let waits = matches!(record.stage, Stage::Draft | Stage::Ended(_)) && !record.working;
        if record.expires_at.is_none() && !record.cleared && waits {
            record.expires_at = Some(now.saturating_add(MONTH_NS));
            let due = record.due.or(record.expires_at);
            storage.schedule(&mut record, due);
            storage.put_task(record);
        }
    }
    storage.count(|counters| counters.dated = end);
    end < tasks
}
