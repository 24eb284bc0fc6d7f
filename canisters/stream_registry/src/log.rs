//! Appending to a stream's log.
//!
//! A batch is checked whole before anything is written. What is at the sequence numbers already is compared by the hashes in
//! the leaves, so that a retry after a lost reply is answered and never written twice.

use std::collections::BTreeMap;

use candid::Principal;
use ddsx_merkle_log::{self as merkle, Hash, Leaf, credits_hash, encode_credits, leaf_hash, sha256};
use ddsx_types::TimestampNs;
use ddsx_types::stream_registry::{
    AppendArgs, AppendError, Appended, ContributorNumber, Head, NewChunk, StreamId, StreamStatus, limits,
};

use crate::limits::{
    LEAF_OVERHEAD, MAX_AHEAD_NS, MAX_RECORDS, MAX_STABLE_BYTES, MAX_STREAM_BYTES, MAX_TOTAL_BYTES, RESERVE_FOR_SALES,
};
use crate::storage::Storage;
use crate::storage::chunks::Parts;
use crate::storage::records::{ContributorRecord, StreamState};
use crate::{certification, publishers, quality, revenue_book, upkeep};

/// A chunk that passed all checks.
struct Prepared {
    leaf: Leaf,
    credits: Vec<u8>,
}

/// Contributors credited by the batch, each read once.
type Credited = BTreeMap<ContributorNumber, ContributorRecord>;

/// Appends a batch, or answers what an earlier call of the same batch has stored.
pub fn append(
    storage: &mut Storage,
    caller: Principal,
    now: TimestampNs,
    args: &AppendArgs,
) -> Result<Appended, AppendError> {
    if caller == Principal::anonymous() {
        return Err(AppendError::AnonymousCaller);
    }
    if storage.settings().paused {
        return Err(AppendError::Paused);
    }
    let mut state = storage.stream(args.stream).ok_or(AppendError::StreamNotFound)?;
    // Before anything is looked at that a caller who may not append has sent: `door::append_args` leaves that out.
    let writer = publishers::writer(storage, args.stream, &state, caller, now).ok_or(AppendError::NotAPublisher)?;
    check_size(&args.chunks)?;
    let size = state.log.size();
    if args.expected_sequence > size {
        return Err(AppendError::WrongSequence { expected: size });
    }
    let mut credited = Credited::new();
    if args.expected_sequence < size {
        return answer_retry(storage, &state, &mut credited, args);
    }
    if state.status == StreamStatus::Closed {
        return Err(AppendError::StreamClosed);
    }
    let prepared = prepare(storage, &state, &mut credited, now, args)?;
    let (bytes, records) = totals(&prepared);
    let counted = writer.count(now, bytes, records)?;
    write(storage, &mut state, credited, now, args, &prepared)?;
    if let Some(publisher) = counted {
        storage.put_publisher(args.stream, caller, publisher);
    }
    let head = head_of(&state);
    storage.put_stream(args.stream, state);
    Ok(Appended {
        first_sequence: args.expected_sequence,
        head,
        already_stored: false,
    })
}

/// Payload bytes and records of a batch: both far below 2^64, since payloads fit a message and bound the records.
fn totals(prepared: &[Prepared]) -> (u64, u64) {
    prepared.iter().fold((0, 0), |(bytes, records), chunk| {
        (bytes + chunk.leaf.payload_len, records + chunk.leaf.records)
    })
}

fn head_of(state: &StreamState) -> Head {
    let head = state.head();
    Head {
        tree_size: head.tree_size,
        root: head.root,
        timestamp: head.timestamp,
    }
}

fn check_size(chunks: &[NewChunk]) -> Result<(), AppendError> {
    if chunks.is_empty() {
        return Err(AppendError::EmptyBatch);
    }
    if chunks.len() > limits::MAX_CHUNKS_PER_APPEND {
        return Err(AppendError::TooManyChunks {
            max: limits::MAX_CHUNKS_PER_APPEND as u64,
        });
    }
    let bytes: usize = chunks.iter().map(|chunk| chunk.payload.len()).sum();
    if bytes > limits::MAX_APPEND_BYTES {
        return Err(AppendError::BatchTooLarge {
            max_bytes: limits::MAX_APPEND_BYTES as u64,
        });
    }
    Ok(())
}

fn prepare(
    storage: &Storage,
    state: &StreamState,
    credited: &mut Credited,
    now: TimestampNs,
    args: &AppendArgs,
) -> Result<Vec<Prepared>, AppendError> {
    (0..)
        .zip(&args.chunks)
        .map(|(index, chunk)| prepare_chunk(storage, state, credited, now, args, index, chunk))
        .collect()
}

fn prepare_chunk(
    storage: &Storage,
    state: &StreamState,
    credited: &mut Credited,
    now: TimestampNs,
    args: &AppendArgs,
    index: u64,
    chunk: &NewChunk,
) -> Result<Prepared, AppendError> {
    let invalid = |reason: String| AppendError::InvalidChunk { index, reason };
    if chunk.payload.is_empty() {
        return Err(invalid("the payload is empty".to_owned()));
    }
    if chunk.provider_timestamp > now.saturating_add(MAX_AHEAD_NS) {
        return Err(invalid(
            "the provider's timestamp is more than 2 minutes ahead".to_owned(),
        ));
    }
    let credits = credits_of(storage, args.stream, credited, index, chunk)?;
    let sum = credits
        .iter()
        .try_fold(0_u64, |sum, credit| sum.checked_add(credit.records));
    // A record takes a byte at least: so nobody's weight grows by more than what was stored for it.
    let most = chunk.payload.len() as u64;
    let sum = sum
        .filter(|sum| *sum <= most)
        .ok_or_else(|| invalid(format!("more records are credited than its {most} bytes can hold")))?;
    let checked = quality::check(state.content, &chunk.payload).map_err(invalid)?;
    if let Some(found) = checked.records.filter(|found| !credits.is_empty() && *found != sum) {
        return Err(invalid(format!("it holds {found} records, the credits sum to {sum}")));
    }
    let leaf = Leaf {
        stream: args.stream,
        sequence: args.expected_sequence + index,
        provider_time: chunk.provider_timestamp,
        registry_time: now,
        content_type: state.content,
        records: checked.records.unwrap_or(sum),
        verdict: checked.verdict,
        credits: credits_hash(&credits).map_err(|error| invalid(error.to_string()))?,
        payload_len: chunk.payload.len() as u64,
        payload_hash: sha256(&chunk.payload),
        sources: None,
    };
    let credits = encode_credits(&credits).map_err(|error| invalid(error.to_string()))?;
    Ok(Prepared { leaf, credits })
}

/// A chunk's credits with the contributors' label hashes.
fn credits_of(
    storage: &Storage,
    stream: StreamId,
    credited: &mut Credited,
    index: u64,
    chunk: &NewChunk,
) -> Result<Vec<merkle::Credit>, AppendError> {
    let invalid = |reason: &str| AppendError::InvalidChunk {
        index,
        reason: reason.to_owned(),
    };
    if chunk.credits.len() > limits::MAX_CREDITS_PER_CHUNK {
        return Err(invalid("more than 1,000 contributors"));
    }
    let mut credits: Vec<merkle::Credit> = Vec::with_capacity(chunk.credits.len());
    for credit in &chunk.credits {
        if credit.records == 0 {
            return Err(invalid("a credit of no records"));
        }
        if credits
            .last()
            .is_some_and(|last| last.contributor >= credit.contributor)
        {
            return Err(invalid("the contributors' numbers do not ascend"));
        }
        let label = if let Some(contributor) = credited.get(&credit.contributor) {
            contributor.label_hash
        } else {
            let unknown = AppendError::UnknownContributor {
                index,
                contributor: credit.contributor,
            };
            let contributor = storage.contributor(stream, credit.contributor).ok_or(unknown)?;
            credited.entry(credit.contributor).or_insert(contributor).label_hash
        };
        credits.push(merkle::Credit {
            contributor: credit.contributor,
            label,
            records: credit.records,
        });
    }
    Ok(credits)
}

fn write(
    storage: &mut Storage,
    state: &mut StreamState,
    credited: Credited,
    now: TimestampNs,
    args: &AppendArgs,
    prepared: &[Prepared],
) -> Result<(), AppendError> {
    let reached = |limit: &str, max: u64| AppendError::LimitReached {
        limit: limit.to_owned(),
        max,
    };
    let leaves: Vec<Vec<u8>> = prepared.iter().map(|chunk| chunk.leaf.encode()).collect();
    let parts: Vec<Parts<'_>> = (leaves.iter().zip(prepared).zip(&args.chunks))
        .map(|((leaf, prepared), chunk)| Parts {
            leaf,
            credits: &prepared.credits,
            payload: &chunk.payload,
        })
        .collect();
    let payload_bytes: u64 = prepared.iter().map(|chunk| chunk.leaf.payload_len).sum();
    let bytes: u64 = parts
        .iter()
        .map(|part| (part.leaf.len() + part.credits.len() + part.payload.len()) as u64)
        .sum();
    let records = prepared
        .iter()
        .try_fold(state.records, |sum, chunk| sum.checked_add(chunk.leaf.records));
    let records = records.filter(|records| *records <= MAX_RECORDS);
    let records = records.ok_or_else(|| reached("records of a stream", MAX_RECORDS))?;
    // The overhead counts too: leaves of tiny chunks are most of what they take.
    if state.bytes + state.log.size() * LEAF_OVERHEAD + bytes > MAX_STREAM_BYTES {
        return Err(reached("bytes of a stream", MAX_STREAM_BYTES));
    }
    if storage.counters().bytes + bytes > MAX_TOTAL_BYTES {
        return Err(reached("bytes of the registry", MAX_TOTAL_BYTES));
    }
    let grown = if storage.fits_a_hole(bytes) { 0 } else { bytes };
    if !storage.has_room(grown, RESERVE_FOR_SALES) {
        return Err(reached("bytes of stable memory", MAX_STABLE_BYTES - RESERVE_FOR_SALES));
    }
    let kept_for_ever = upkeep::price::leaf_bytes(parts.len() as u64, bytes - payload_bytes);
    upkeep::append(storage, now, args.stream, state, kept_for_ever, payload_bytes)?;
    let hashes: Vec<Hash> = leaves.iter().map(|leaf| leaf_hash(leaf)).collect();
    storage
        .append_chunks(state, &parts, &hashes)
        .map_err(|_| reached("bytes of stable memory", storage.counters().bytes))?;

    state.records = records;
    state.bytes += payload_bytes;
    state.head_timestamp = now;
    storage.count(|counters| {
        counters.chunks += hashes.len() as u64;
        counters.bytes += bytes;
    });
    let added = args
        .chunks
        .iter()
        .flat_map(|chunk| &chunk.credits)
        .map(|credit| (credit.contributor, credit.records));
    revenue_book::add_weights(storage, args.stream, state, credited, added);
    certification::set_head(storage, args.stream, &state.head());
    Ok(())
}

/// The numbers are taken: by this very batch, or by others.
fn answer_retry(
    storage: &Storage,
    state: &StreamState,
    credited: &mut Credited,
    args: &AppendArgs,
) -> Result<Appended, AppendError> {
    let size = state.log.size();
    for (sequence, chunk) in (args.expected_sequence..size).zip(&args.chunks) {
        let index = sequence - args.expected_sequence;
        let stored = storage
            .place(state, sequence)
            .and_then(|place| Leaf::decode(&storage.leaf(place)).ok());
        let same = stored.is_some_and(|stored| is_same(storage, credited, args.stream, index, chunk, &stored));
        if !same {
            return Err(AppendError::DifferentChunkStored { sequence });
        }
    }
    let end = args.expected_sequence + args.chunks.len() as u64;
    if end > size {
        // The first chunks are there, the others are not: the caller's batches are cut otherwise than before.
        return Err(AppendError::WrongSequence { expected: size });
    }
    Ok(Appended {
        first_sequence: args.expected_sequence,
        head: head_of(state),
        already_stored: true,
    })
}

/// Whether a stored leaf is that of a chunk: payload, credits and provider's timestamp.
fn is_same(
    storage: &Storage,
    credited: &mut Credited,
    stream: StreamId,
    index: u64,
    chunk: &NewChunk,
    stored: &Leaf,
) -> bool {
    stored.provider_time == chunk.provider_timestamp
        && stored.payload_len == chunk.payload.len() as u64
        && credits_of(storage, stream, credited, index, chunk)
            .is_ok_and(|credits| credits_hash(&credits).is_ok_and(|hash| hash == stored.credits))
        && stored.payload_hash == sha256(&chunk.payload)
}

#[cfg(test)]
mod tests;
