//! Updates on their way in: begun, sent piece by piece, finished. Each piece is decoded and checked when it comes.
//!
//! A refusal costs the sender what it should: a mistake of transport nothing; junk, one of a few attempts in a round; what a single message proves
//! false (an `F32` that is not finite, a piece whose norm alone is above the bound) the stake. Two machines with one key can mix up an upload between
//! them, and sums overflow where training diverges: neither costs a stake.

use candid::Principal;
use ddsx_nn::encoding::{self, encoded_len};
use ddsx_nn::kernels::reduce::squared_norm;
use ddsx_types::TimestampNs;
use ddsx_types::federated_aggregator::{
    BeginUpdateArgs, CreateTaskArgs, EncodingError, PutUpdateArgs, RoundKey, UpdateEncoding, UpdateKind, UpdateReceipt,
    UploadError, UploadStatus,
};

use crate::content::{Content, PieceError};
use crate::limits::MAX_LINEAGE;
use crate::round;
use crate::storage::Storage;
use crate::storage::extents::Blob;
use crate::storage::records::{ClientRecord, Collecting, TaskRecord, UpdateRecord};
use crate::{sketches, standing};

fn status(update: &UpdateRecord) -> UploadStatus {
    UploadStatus {
        received: update.content.received(),
        bytes: update.content.total(),
        finished: update.place.is_some(),
    }
}

/// The task, the client and the round that collects, if this client may send something to this round.
fn admitted(
    storage: &Storage,
    caller: Principal,
    key: RoundKey,
) -> Result<(TaskRecord, ClientRecord, Collecting), UploadError> {
    if storage.settings().paused {
        return Err(UploadError::Paused);
    }
    let client = storage.client(key.task, &caller).filter(|client| client.active);
    let Some(client) = client else {
        return Err(if storage.is_banned(caller) {
            UploadError::Banned
        } else {
            UploadError::NotJoined
        });
    };
    if storage.is_banned(caller) {
        return Err(UploadError::Banned);
    }
    let record = storage.task(key.task).ok_or(UploadError::NotFound)?;
    match record.collecting {
        Some(collecting) if collecting.round == key.round => Ok((record, client, collecting)),
        other => Err(UploadError::RoundClosed {
            round: key.round,
            collecting: other.map(|collecting| collecting.round),
        }),
    }
}

/// Begins an upload, or says how far the same one has come. Another one of the same client in the same round takes its place.
pub fn begin(
    storage: &mut Storage,
    caller: Principal,
    now: TimestampNs,
    args: &BeginUpdateArgs,
) -> Result<UploadStatus, UploadError> {
    let key = RoundKey {
        task: args.task,
        round: args.round,
    };
    let (mut record, mut client, mut collecting) = admitted(storage, caller, key)?;
    let before = storage.update(args.task, args.round, &caller);
    if let Some(before) = &before {
        if before.place.is_some() {
            return Err(UploadError::AlreadyAccepted);
        }
        if is_same(before, args) {
            return Ok(status(before));
        }
    }
    // Another machine with the same key is at it: their pieces must not get mixed. The same bytes may be declared otherwise.
    let other = before.as_ref().filter(|before| before.hash != args.hash);
    if other.is_some_and(|before| !standing::is_idle(storage, before, now)) {
        return Err(UploadError::RoundFull);
    }
    let task_args = storage.arguments(args.task).ok_or(UploadError::NotFound)?;
    let staleness = check(&record, args)?;
    if staleness > task_args.rounds.max_staleness {
        return Err(UploadError::WrongVersion {
            current: record.model.as_ref().map_or(0, |model| model.version),
        });
    }
    if client.attempts_round != args.round {
        (client.attempts_round, client.attempts) = (args.round, 0);
    }
    let limit = storage.settings().limits.attempts;
    if client.attempts >= limit {
        return Err(UploadError::TooManyAttempts { limit });
    }
    if standing::waits(storage, &record, &client, args.round, task_args.rounds.min_updates) {
        return Err(UploadError::RoundFull);
    }
    let full = collecting.accepted + collecting.uploads >= task_args.rounds.max_updates;
    let idle = if before.is_none() && full {
        Some(idle_upload(storage, args, now).ok_or(UploadError::RoundFull)?)
    } else {
        None
    };
    // Before anybody makes room: without its own there is nothing to make it for.
    let bytes = encoded_len(args.encoding, args.numbers);
    let blob = match &before {
        Some(before) => renew(storage, before.blob, bytes)?,
        None => storage.take(bytes).map_err(|_| UploadError::NoStorage)?,
    };
    if let Some(idle) = idle {
        storage.remove_update(args.task, args.round, &idle.client);
        storage.give_back(idle.blob);
        standing::thrown_out(storage, &mut record, &idle, args.round, now);
        collecting.uploads -= 1;
    }
    client.attempts += 1;
    client.locked = task_args.reward.as_ref().map_or(0, standing::deposit).min(client.stake);
    if before.is_none() {
        collecting.uploads += 1;
    }
    collecting.declared += 1;
    // Whoever declares the same bytes otherwise, again and again, is not at it.
    let same = before.filter(|before| before.hash == args.hash);
    let update = UpdateRecord {
        client: caller,
        kind: args.kind,
        encoding: args.encoding,
        samples: args.samples.min(task_args.rounds.max_samples),
        base_version: args.base_version,
        staleness,
        hash: args.hash,
        blob,
        content: Content::new(bytes),
        squared_norm: 0.0,
        touched_at: same.as_ref().map_or(now, |before| before.touched_at),
        begun_at: same.map_or(now, |before| before.begun_at),
        place: None,
        lineage: args.lineage.clone(),
        declared: collecting.declared,
    };
    let status = status(&update);
    record.collecting = Some(collecting);
    storage.put_update(args.task, args.round, update);
    storage.put_client(args.task, &caller, client);
    storage.put_task(record);
    Ok(status)
}

/// The upload of another client that has stood still for longest, if that is long enough: whoever vanishes half way keeps nobody out.
fn idle_upload(storage: &Storage, args: &BeginUpdateArgs, now: TimestampNs) -> Option<UpdateRecord> {
    storage
        .updates(args.task, args.round)
        .into_iter()
        .filter(|update| update.place.is_none() && standing::is_idle(storage, update, now))
        .min_by_key(|update| update.touched_at)
}

fn renew(storage: &mut Storage, before: Blob, bytes: u64) -> Result<Blob, UploadError> {
    if before.len() == bytes {
        return Ok(before);
    }
    let blob = storage.take(bytes).map_err(|_| UploadError::NoStorage)?;
    storage.give_back(before);
    Ok(blob)
}

fn is_same(update: &UpdateRecord, args: &BeginUpdateArgs) -> bool {
    update.hash == args.hash
        && update.encoding == args.encoding
        && update.kind == args.kind
        && update.base_version == args.base_version
}

/// Checks what is declared; answers by how many versions it lags behind.
fn check(record: &TaskRecord, args: &BeginUpdateArgs) -> Result<u32, UploadError> {
    if args.numbers != record.parameters {
        return Err(UploadError::WrongShape {
            found: args.numbers,
            expected: record.parameters,
        });
    }
    if args.samples == 0 {
        return Err(UploadError::NoSamples);
    }
    if args.lineage.len() > MAX_LINEAGE as usize {
        return Err(UploadError::TooManyStreams { limit: MAX_LINEAGE });
    }
    let current = record.model.as_ref().map_or(0, |model| model.version);
    let wrong = UploadError::WrongVersion { current };
    let staleness = current.checked_sub(args.base_version).ok_or(wrong.clone())?;
    if !record.asynchronous {
        return if staleness == 0 { Ok(0) } else { Err(wrong) };
    }
    if args.kind == UpdateKind::Weights {
        return Err(UploadError::DeltaOnly);
    }
    Ok(staleness)
}

/// Takes a piece. Of one that is not wanted it is written down that the client knows: `inspect` lets no other through in this round.
pub fn put(
    storage: &mut Storage,
    caller: Principal,
    now: TimestampNs,
    args: &PutUpdateArgs,
) -> Result<UploadStatus, UploadError> {
    let taken = take(storage, caller, now, args);
    if let Err(
        UploadError::RoundClosed { .. }
        | UploadError::NotBegun
        | UploadError::AlreadyAccepted
        | UploadError::WrongOffset { .. }
        | UploadError::WrongLength { .. },
    ) = &taken
        && let Some(mut client) = storage.client(args.task, &caller)
        && client.attempts_round == args.round
        && client.told != args.round
    {
        client.told = args.round;
        storage.put_client(args.task, &caller, client);
    }
    taken
}

fn take(
    storage: &mut Storage,
    caller: Principal,
    now: TimestampNs,
    args: &PutUpdateArgs,
) -> Result<UploadStatus, UploadError> {
    let key = RoundKey {
        task: args.task,
        round: args.round,
    };
    let (record, client, _) = admitted(storage, caller, key)?;
    let mut update = storage
        .update(args.task, args.round, &caller)
        .ok_or(UploadError::NotBegun)?;
    if update.place.is_some() {
        return Err(UploadError::AlreadyAccepted);
    }
    // A piece of another upload of the same key.
    if args.update.is_some_and(|hash| hash != update.hash) {
        return Err(UploadError::NotBegun);
    }
    update
        .content
        .check(args.offset, args.bytes.len() as u64)
        .map_err(|error| match error {
            PieceError::Offset(expected) => UploadError::WrongOffset { expected },
            PieceError::Length(expected) => UploadError::WrongLength { expected },
        })?;
    let delta = match delta(storage, &record, &update, &args.bytes) {
        Ok(delta) => delta,
        // It says so itself; with the other encodings, a scale or a half that was too small for its number may have made it so.
        Err(error @ EncodingError::NotFinite { .. }) if update.encoding == UpdateEncoding::F32 => {
            fault(storage, record, client, &update, args.round, now);
            return Err(UploadError::Encoding(error));
        }
        // Badly written, but nothing false: it costs the upload and one of the round's attempts.
        Err(error) => {
            refuse(storage, record, &update, args.round);
            return Err(UploadError::Encoding(error));
        }
    };
    let bound = storage.arguments(args.task).and_then(|args| args.norm_bound);
    let alone = squared_norm(0.0, &delta).sqrt();
    if bound.is_some_and(|bound| alone.is_finite() && alone > f64::from(bound)) {
        fault(storage, record, client, &update, args.round, now);
        return Err(norm_exceeded(alone));
    }
    update.squared_norm = squared_norm(update.squared_norm, &delta);
    let first = numbers_in(update.encoding, args.offset);
    sketches::add(
        storage,
        &record,
        (caller, args.round, update.base_version),
        first,
        &delta,
    );
    storage.write(&update.blob, args.offset, &args.bytes);
    update.content.push(&args.bytes);
    update.touched_at = now;
    let status = status(&update);
    storage.put_update(args.task, args.round, update);
    Ok(status)
}

/// The numbers of the next piece as a delta.
fn delta(
    storage: &Storage,
    record: &TaskRecord,
    update: &UpdateRecord,
    bytes: &[u8],
) -> Result<Vec<f32>, EncodingError> {
    let first = numbers_in(update.encoding, update.content.received());
    let end = numbers_in(update.encoding, update.content.received() + bytes.len() as u64).min(record.parameters);
    read_delta(storage, record, update.encoding, update.kind, bytes, first, end).map_err(|error| match error {
        EncodingError::NotFinite { index } => EncodingError::NotFinite { index: first + index },
        EncodingError::NotCanonical { index } => EncodingError::NotCanonical { index: first + index },
        other @ EncodingError::Length { .. } => other,
    })
}

/// Numbers that so many bytes of an encoding hold; for a part of the last unit, as many as it would if it were whole or fewer.
fn numbers_in(encoding: UpdateEncoding, bytes: u64) -> u64 {
    let (numbers, unit) = encoding::unit(encoding);
    let (numbers, unit) = (numbers as u64, unit as u64);
    let rest = (bytes % unit).saturating_sub(unit - numbers.min(unit));
    bytes / unit * numbers + if numbers > 1 { rest } else { 0 }
}

/// Decodes the numbers `first..end` and, where they are weights, takes the model in force from them.
fn read_delta(
    storage: &Storage,
    record: &TaskRecord,
    encoding: UpdateEncoding,
    kind: UpdateKind,
    bytes: &[u8],
    first: u64,
    end: u64,
) -> Result<Vec<f32>, EncodingError> {
    let mut numbers = vec![0.0; usize::try_from(end - first).unwrap_or(usize::MAX)];
    encoding::decode(encoding, bytes, &mut numbers)?;
    if let (UpdateKind::Weights, Some(model)) = (kind, &record.model) {
        let base = storage.read_numbers(&model.blob, first, end - first);
        for (number, base) in numbers.iter_mut().zip(base) {
            *number -= base;
        }
    }
    Ok(numbers)
}

/// The delta of an accepted update for the parameters `first..end`, which begin and end where units of its encoding do.
///
/// Panics if the bytes cannot be decoded, which they could when they came: stable memory is corrupt then.
pub fn stored_delta(storage: &Storage, record: &TaskRecord, update: &UpdateRecord, first: u64, end: u64) -> Vec<f32> {
    let offset = encoded_len(update.encoding, first);
    let bytes = storage.read(&update.blob, offset, encoded_len(update.encoding, end - first));
    match read_delta(storage, record, update.encoding, update.kind, &bytes, first, end) {
        Ok(numbers) => numbers,
        Err(error) => panic!("a stored update: {error}"),
    }
}

/// Finishes an upload: accepted, or refused with the reason.
pub fn finish(
    storage: &mut Storage,
    caller: Principal,
    now: TimestampNs,
    key: RoundKey,
) -> Result<UpdateReceipt, UploadError> {
    let (mut record, mut client, mut collecting) = admitted(storage, caller, key)?;
    let mut update = storage
        .update(key.task, key.round, &caller)
        .ok_or(UploadError::NotBegun)?;
    if update.place.is_some() {
        return Err(UploadError::AlreadyAccepted);
    }
    if !update.content.is_complete() {
        return Err(UploadError::Incomplete {
            received: update.content.received(),
            bytes: update.content.total(),
        });
    }
    let task_args: CreateTaskArgs = storage.arguments(key.task).ok_or(UploadError::NotFound)?;
    // No single message proves whose piece was the wrong one.
    if update.content.hash() != update.hash {
        refuse(storage, record, &update, key.round);
        return Err(UploadError::WrongHash);
    }
    let norm = update.squared_norm.sqrt();
    if task_args.norm_bound.is_some_and(|bound| norm > f64::from(bound)) || !norm.is_finite() {
        // The sum of many messages, or an overflow: nothing that one message proves.
        refuse(storage, record, &update, key.round);
        return Err(norm_exceeded(norm));
    }
    // A copy does not keep out whoever declared the hash first: its place stays, and it will earn nothing.
    let copied = |other: &UpdateRecord| {
        other.place.is_some()
            && other.hash == update.hash
            && other.client != caller
            && other.declared <= update.declared
    };
    if storage.updates(key.task, key.round).iter().any(copied) {
        refuse(storage, record, &update, key.round);
        return Err(UploadError::Duplicate);
    }
    // The model may have moved on while the upload went on.
    let current = record.model.as_ref().map_or(0, |model| model.version);
    update.staleness = current.saturating_sub(update.base_version);
    if update.staleness > task_args.rounds.max_staleness {
        refuse(storage, record, &update, key.round);
        return Err(UploadError::WrongVersion { current });
    }
    let place = collecting.accepted;
    update.place = Some(place);
    collecting.accepted += 1;
    collecting.uploads -= 1;
    record.collecting = Some(collecting);
    client.updates += 1;
    client.locked = 0;
    let receipt = UpdateReceipt {
        place,
        updates: collecting.accepted,
        norm,
        staleness: update.staleness,
    };
    storage.put_update(key.task, key.round, update);
    storage.put_client(key.task, &caller, client);
    storage.count(|counters| counters.updates += 1);
    round::advance(storage, &mut record, &task_args.rounds, now);
    storage.put_task(record);
    Ok(receipt)
}

/// How far the caller's upload has come.
pub fn upload_status(storage: &Storage, caller: Principal, key: RoundKey) -> Option<UploadStatus> {
    storage
        .update(key.task, key.round, &caller)
        .map(|update| status(&update))
}

fn norm_exceeded(norm: f64) -> UploadError {
    // A float becomes the nearest integer that there is.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    UploadError::NormExceeded {
        norm_thousandths: (norm * 1_000.0) as u64,
    }
}

fn drop_upload(storage: &mut Storage, record: &mut TaskRecord, update: &UpdateRecord, round: u32) {
    storage.remove_update(record.id, round, &update.client);
    storage.remove_direction(record.id, &update.client, round);
    storage.give_back(update.blob);
    if let Some(collecting) = &mut record.collecting {
        collecting.uploads -= 1;
    }
}

/// The upload is gone, and nothing else.
fn refuse(storage: &mut Storage, mut record: TaskRecord, update: &UpdateRecord, round: u32) {
    drop_upload(storage, &mut record, update, round);
    if let Some(mut client) = storage.client(record.id, &update.client) {
        client.locked = 0;
        storage.put_client(record.id, &update.client, client);
    }
    storage.count(|counters| counters.refused += 1);
    storage.put_task(record);
}

/// What was sent is provably false: the upload is gone, and the stake with it. Without a stake there is nothing to lose but attempts.
fn fault(
    storage: &mut Storage,
    mut record: TaskRecord,
    mut client: ClientRecord,
    update: &UpdateRecord,
    round: u32,
    now: TimestampNs,
) {
    drop_upload(storage, &mut record, update, round);
    client.faults += 1;
    client.locked = 0;
    let stake = std::mem::take(&mut client.stake);
    if stake > 0 {
        client.active = false;
        record.clients -= 1;
        standing::to_treasury(storage, &mut record, stake, now);
    } else if client.faults >= storage.settings().limits.faults {
        client.active = false;
        record.clients -= 1;
    }
    storage.count(|counters| counters.faults += 1);
    storage.put_client(record.id, &update.client, client);
    storage.put_task(record);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn should_count_the_numbers_of_whole_and_cut_units() {
        for (encoding, numbers) in [
            (UpdateEncoding::F32, 300),
            (UpdateEncoding::F16, 300),
            (UpdateEncoding::Int8, 256),
            (UpdateEncoding::Int8, 300),
            (UpdateEncoding::Int8, 513),
            (UpdateEncoding::Int8, 1),
        ] {
            assert_eq!(
                numbers_in(encoding, encoded_len(encoding, numbers)),
                numbers,
                "{encoding:?} {numbers}"
            );
        }
    }
}
