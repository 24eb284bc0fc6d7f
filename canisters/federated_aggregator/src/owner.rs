//! What a task's owner does after making it: files, start, stop, clearing up.

use candid::Principal;
use ddsx_types::TimestampNs;
use ddsx_types::federated_aggregator::{EndReason, File, FileStatus, PutFileArgs, Stage, TaskError, TaskId};

use crate::amounts::{amount, nat};
use crate::content::PieceError;
use crate::create;
use crate::guard;
use crate::round;
use crate::storage::Storage;
use crate::storage::records::{FileRecord, TaskRecord};
use crate::work::Work;

/// How far a file has come.
pub fn status(file: &FileRecord) -> FileStatus {
    FileStatus {
        received: file.content.received(),
        bytes: file.content.total(),
    }
}

/// Takes a piece of a file. The last one decides whether it is the file committed to.
pub fn put_file(storage: &mut Storage, caller: Principal, args: &PutFileArgs) -> Result<FileStatus, TaskError> {
    let mut record = guard::owned(storage, caller, args.task)?;
    if record.stage != Stage::Draft {
        return Err(TaskError::WrongStage);
    }
    if !record.storage_paid {
        return Err(TaskError::StorageNotPaid);
    }
    let file = match args.file {
        File::Weights => record.weights.as_mut().ok_or_else(|| TaskError::Invalid {
            field: "file".to_owned(),
            reason: "this task's first weights are drawn".to_owned(),
        })?,
        File::Evaluation => &mut record.evaluation,
    };
    file.content
        .check(args.offset, args.bytes.len() as u64)
        .map_err(|error| match error {
            PieceError::Offset(expected) => TaskError::WrongOffset { expected },
            PieceError::Length(expected) => TaskError::WrongLength { expected },
        })?;
    let blob = match file.blob {
        Some(blob) => blob,
        None => storage.take(file.digest.bytes).map_err(|_| TaskError::TooMany {
            what: "bytes of stable memory".to_owned(),
            limit: crate::storage::stable_limit(),
        })?,
    };
    file.blob = Some(blob);
    storage.write(&blob, args.offset, &args.bytes);
    file.content.push(&args.bytes);
    if file.content.is_complete() && file.content.hash() != file.digest.hash {
        *file = FileRecord::new(file.digest);
        storage.give_back(blob);
        storage.put_task(record);
        return Err(TaskError::WrongHash);
    }
    let status = status(file);
    storage.put_task(record);
    Ok(status)
}

/// Starts a task whose files are here and whose money is.
pub fn start(storage: &mut Storage, caller: Principal, now: TimestampNs, task: TaskId) -> Result<(), TaskError> {
    let mut record = guard::owned(storage, caller, task)?;
    if record.stage != Stage::Draft {
        return Err(TaskError::WrongStage);
    }
    if !record.storage_paid {
        return Err(TaskError::StorageNotPaid);
    }
    let files = record.weights.iter().chain([&record.evaluation]);
    if !files.into_iter().all(|file| file.complete().is_some()) {
        return Err(TaskError::Incomplete);
    }
    let args = storage.arguments(task).ok_or(TaskError::NotFound)?;
    let per_round = args
        .reward
        .as_ref()
        .and_then(|reward| amount(&reward.per_round))
        .unwrap_or(0);
    let needed = per_round * u128::from(args.rounds.rounds);
    if record.books.budget_left < needed {
        return Err(TaskError::BudgetTooSmall { needed: nat(needed) });
    }
    record.stage = Stage::Preparing;
    record.since = now;
    record.working = true;
    storage.put_work(task, Some(Work::prepare()));
    storage.schedule(&mut record, Some(now));
    storage.put_task(record);
    Ok(())
}

/// Ends a task early: at once, or when the round that is being worked on is published.
pub fn stop(storage: &mut Storage, caller: Principal, now: TimestampNs, task: TaskId) -> Result<(), TaskError> {
    let mut record = guard::owned(storage, caller, task)?;
    if matches!(record.stage, Stage::Ended(_)) {
        return Err(TaskError::WrongStage);
    }
    if record.working {
        record.stopping = true;
    } else {
        round::end(storage, &mut record, now, EndReason::Stopped);
    }
    storage.put_task(record);
    Ok(())
}

/// Forgets the model and the evaluation set of a task that has ended, and gives their room back. Reports stay.
pub fn free_storage(storage: &mut Storage, caller: Principal, task: TaskId) -> Result<(), TaskError> {
    let mut record = guard::owned(storage, caller, task)?;
    if !matches!(record.stage, Stage::Ended(_)) || record.working || record.storage_bytes == 0 {
        return Err(TaskError::WrongStage);
    }
    release(storage, &mut record);
    storage.put_task(record);
    Ok(())
}

fn release(storage: &mut Storage, record: &mut TaskRecord) {
    let files = record.weights.iter_mut().chain([&mut record.evaluation]);
    let mut blobs: Vec<_> = files.filter_map(|file| file.blob.take()).collect();
    blobs.extend(record.model.take().map(|model| model.blob));
    blobs.append(&mut record.state);
    for blob in blobs {
        storage.give_back(blob);
    }
    create::release_reserve(storage, record);
    record.storage_bytes = 0;
}
