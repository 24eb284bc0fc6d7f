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

/// The task, if the caller owns it.
pub fn owned(storage: &Storage, caller: Principal, task: TaskId) -> Result<TaskRecord, TaskError> {
    may_change(storage, caller)?;
    let record = storage.task(task).ok_or(TaskError::NotFound)?;
    if record.owner != caller {
        return Err(TaskError::NotOwner);
    }
    Ok(record)
}
