//! What a task's owner does after making it: files, start, stop, clearing up.

use candid::Principal;
use ddsx_types::TimestampNs;
use ddsx_types::federated_aggregator::{CreateTaskArgs, File, FileStatus, PutFileArgs, Stage, TaskError, TaskId};

use crate::amounts::{amount, nat};
use crate::content::PieceError;
use crate::create;
use crate::guard;
use crate::limits::MAX_FILE_RESTARTS;
use crate::round;
use crate::storage::Storage;
use crate::storage::extents::Blob;
use crate::storage::records::{FileRecord, TaskRecord};
use crate::work::Work;
use crate::{balance, drafts, price};

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
    if file.is_given_up() {
        return Err(TaskError::TooMany {
            what: "beginnings of a file after its hash was wrong".to_owned(),
            limit: MAX_FILE_RESTARTS.into(),
        });
    }
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
        *file = FileRecord {
            wrong: file.wrong.saturating_add(1),
            ..FileRecord::new(file.digest)
        };
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
    record.expires_at = None;
    record.working = true;
    storage.put_work(task, Some(Work::prepare()));
    storage.schedule(&mut record, Some(now));
    storage.put_task(record);
    Ok(())
}

/// Ends a task early. Accepted updates of the round that collects are combined, scored and paid first, and so is a round that is being worked
/// on. A draft that nothing was paid for is forgotten.
pub fn stop(storage: &mut Storage, caller: Principal, now: TimestampNs, task: TaskId) -> Result<(), TaskError> {
    let record = guard::owned_to_clear(storage, caller, task)?;
    stop_record(storage, record, now)
}

/// As [`stop`], whoever wants it.
pub fn stop_record(storage: &mut Storage, mut record: TaskRecord, now: TimestampNs) -> Result<(), TaskError> {
    if matches!(record.stage, Stage::Ended(_)) {
        return Err(TaskError::WrongStage);
    }
    if drafts::is_untouched(&record) {
        storage.schedule(&mut record, None);
        balance::return_deposit(storage, &mut record);
        storage.forget_draft(&record);
        return Ok(());
    }
    let args = storage.arguments(record.id).ok_or(TaskError::NotFound)?;
    record.stopping = true;
    round::wind_up(storage, &mut record, &args, now);
    storage.put_task(record);
    Ok(())
}

/// Forgets the model and the evaluation set of a task that has ended, and gives their room back. Reports stay until its time is over.
pub fn free_storage(storage: &mut Storage, caller: Principal, task: TaskId) -> Result<(), TaskError> {
    let mut record = guard::owned_to_clear(storage, caller, task)?;
    if !matches!(record.stage, Stage::Ended(_)) || record.working || record.storage_bytes == 0 {
        return Err(TaskError::WrongStage);
    }
    release(storage, &mut record);
    storage.put_task(record);
    Ok(())
}

/// A task has ended and its stakes are on their way: from now on it holds its model, its files and its reports, and no room for more. The
/// record is the caller's to store.
pub fn shrink(storage: &mut Storage, record: &mut TaskRecord, args: &CreateTaskArgs) {
    if !record.reserved {
        return;
    }
    let files = record.weights.iter().chain([&record.evaluation]);
    let blobs = files
        .filter_map(|file| file.blob)
        .chain(record.model.as_ref().map(|model| model.blob));
    let held = price::records_after(args) + blobs.map(|blob| Blob::reserved(blob.len())).sum::<u64>();
    let bytes = held.min(record.storage_bytes);
    create::release_reserve(storage, record);
    record.storage_bytes = bytes;
    record.reserved = true;
    storage.count(|counters| counters.reserved_bytes += bytes);
}

/// Gives up what a task holds beside its records. The record is the caller's to store.
pub fn release(storage: &mut Storage, record: &mut TaskRecord) {
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
