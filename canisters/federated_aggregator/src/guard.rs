//! Who may do what: the checks in front of every change.

use candid::Principal;
use ddsx_types::federated_aggregator::{TaskError, TaskId};

use crate::storage::Storage;
use crate::storage::records::TaskRecord;

/// Refuses the anonymous principal, the banned, and everybody while paused.
pub fn may_change(storage: &Storage, caller: Principal) -> Result<(), TaskError> {
    if caller == Principal::anonymous() {
        return Err(TaskError::Anonymous);
    }
    if storage.settings().paused {
        return Err(TaskError::Paused);
    }
    if storage.is_banned(caller) {
        return Err(TaskError::Banned);
    }
    Ok(())
}

/// The task, if the caller owns it, for what clears up: stopping, freeing. Whom governance has banned may do so too.
pub fn owned_to_clear(storage: &Storage, caller: Principal, task: TaskId) -> Result<TaskRecord, TaskError> {
    match may_change(storage, caller) {
        Ok(()) | Err(TaskError::Banned) => {}
        Err(error) => return Err(error),
    }
    of_owner(storage, caller, task)
}

/// The task, if the caller owns it.
pub fn owned(storage: &Storage, caller: Principal, task: TaskId) -> Result<TaskRecord, TaskError> {
    may_change(storage, caller)?;
    of_owner(storage, caller, task)
}

fn of_owner(storage: &Storage, caller: Principal, task: TaskId) -> Result<TaskRecord, TaskError> {
    let record = storage.task(task).ok_or(TaskError::NotFound)?;
    if record.owner != caller {
        return Err(TaskError::NotOwner);
    }
    Ok(record)
}
