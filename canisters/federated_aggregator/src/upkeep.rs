//! A task's storage is paid ahead, and extended from its owner's prepaid balance before its time is over: of a task that runs longer than
//! was paid for, and of the files of one that has ended. Where the balance lacks the next 30 days, the task says so
//! [`UPKEEP_NOTICE_NS`] before; then one that runs ends as if its owner had stopped it, and files are forgotten.

use candid::Principal;
use ddsx_types::TimestampNs;
use ddsx_types::federated_aggregator::{KeepTaskArgs, Stage, TaskError, TaskStorage};

use crate::amounts::nat;
use crate::limits::{MONTH_NS, UPKEEP_NOTICE_NS, UPKEEP_RETRY_NS};
use crate::storage::Storage;
use crate::storage::records::TaskRecord;
use crate::{balance, guard, price};

/// What 30 days more cost a task that is kept, and in what; none where nothing is asked in tokens, and of one that holds nothing.
fn month(storage: &Storage, record: &TaskRecord) -> Option<(Principal, u128)> {
    let asset = balance::fee_asset(storage).filter(|_| record.keep && record.reserved)?;
    let amount = price::keeping(storage.settings(), record.storage_bytes).0?;
    Some((asset.ledger, amount))
}

/// What became of the time of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Extended {
    /// So much longer.
    Until(TimestampNs),
    /// It is not over yet, or the owner has had no notice yet.
    Waits,
    /// It is over.
    Over,
}

/// Extends a time that is about to be over. The record is the caller's to store.
fn extend(storage: &mut Storage, record: &mut TaskRecord, end: TimestampNs, now: TimestampNs) -> Extended {
    let Some((ledger, amount)) = month(storage, record) else {
        return if end <= now { Extended::Over } else { Extended::Waits };
    };
    if now < end.saturating_sub(UPKEEP_NOTICE_NS) {
        return Extended::Waits;
    }
    if balance::account(storage, record.owner, ledger).free >= amount {
        balance::charge(storage, record.owner, ledger, amount, now);
        record.short_since = None;
        // A time without service, in a pause for example, is not paid.
        return Extended::Until(end.max(now).saturating_add(MONTH_NS));
    }
    let since = *record.short_since.get_or_insert(now);
    // The timer may have been kept from its work: nothing is over without notice.
    if end <= now && since.saturating_add(UPKEEP_NOTICE_NS) <= now {
        Extended::Over
    } else {
        Extended::Waits
    }
}

/// When something is to be done next about a time that ends then, of a task that is kept.
fn next(record: &TaskRecord, end: TimestampNs, now: TimestampNs) -> TimestampNs {
    match record.short_since {
        None => end.saturating_sub(UPKEEP_NOTICE_NS),
        Some(since) => {
            let over = end.max(since.saturating_add(UPKEEP_NOTICE_NS));
            over.min(now.saturating_add(UPKEEP_RETRY_NS))
        }
    }
}

/// Whether the time of a task that has ended is over. The record is the caller's to store.
pub fn is_over(storage: &mut Storage, record: &mut TaskRecord, now: TimestampNs) -> bool {
    let Some(end) = record.expires_at else { return false };
    match extend(storage, record, end, now) {
        Extended::Until(end) => {
            record.expires_at = Some(end);
            false
        }
        Extended::Waits => false,
        Extended::Over => true,
    }
}

/// When a task that has ended is looked at next.
pub fn next_look(storage: &Storage, record: &TaskRecord, now: TimestampNs) -> Option<TimestampNs> {
    let end = record.expires_at.filter(|_| !record.cleared)?;
    Some(month(storage, record).map_or(end, |_| next(record, end, now)))
}

/// Whether a task that runs has to end, because it is not paid any longer. The record is the caller's to store.
pub fn ends(storage: &mut Storage, record: &mut TaskRecord, now: TimestampNs) -> bool {
    let Some(end) = record.paid_until.filter(|_| record.keep) else {
        return false;
    };
    match extend(storage, record, end, now) {
        Extended::Until(end) => {
            record.paid_until = Some(end);
            false
        }
        Extended::Waits => false,
        // Without a price nothing is asked of it.
        Extended::Over => record.short_since.is_some(),
    }
}

/// When a task that runs is looked at next for its storage.
pub fn next_running_look(storage: &Storage, record: &TaskRecord, now: TimestampNs) -> Option<TimestampNs> {
    let end = record.paid_until.filter(|_| month(storage, record).is_some())?;
    Some(next(record, end, now).max(now.saturating_add(1)))
}

/// The owner says whether a task is kept from its balance.
pub fn keep(storage: &mut Storage, caller: Principal, now: TimestampNs, args: KeepTaskArgs) -> Result<(), TaskError> {
    let mut record = guard::owned_to_clear(storage, caller, args.task)?;
    if record.cleared {
        return Err(TaskError::WrongStage);
    }
    record.keep = args.kept;
    record.short_since = None;
    if matches!(record.stage, Stage::Ended(_)) && !record.working {
        let due = next_look(storage, &record, now);
        storage.schedule(&mut record, due);
    }
    storage.put_task(record);
    Ok(())
}

/// For everybody to read.
pub fn describe(storage: &Storage, record: &TaskRecord) -> TaskStorage {
    TaskStorage {
        kept: record.keep,
        paid_until: record.paid_until,
        short_since: record.short_since,
        per_month: price::keeping(storage.settings(), record.storage_bytes).0.map(nat),
        draft_deposit: nat(record.deposit.map_or(0, |(_, amount)| amount)),
    }
}
