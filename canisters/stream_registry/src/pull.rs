//! Pulling, heads and proofs.

use candid::Principal;
use ddsx_merkle_log::LogError;
use ddsx_runtime::Runtime;
use ddsx_types::TimestampNs;
use ddsx_types::stream_registry::{
    CertifiedHead, ConsistencyProof, ConsistencyProofArgs, InclusionProof, InclusionProofArgs, Licence, LicenceId,
    ProofError, PullArgs, PullError, Pulled, PulledChunk, StreamId, limits,
};
use serde_bytes::ByteBuf;

use crate::certification::certified_head;
use crate::storage::Storage;
use crate::storage::records::StreamState;

/// What Candid adds to a chunk, at most.
const CHUNK_OVERHEAD: u64 = 32;

/// Chunks from a sequence number on, with what proves them.
pub fn pull(storage: &Storage, runtime: &impl Runtime, args: PullArgs) -> Result<Pulled, PullError> {
    let state = storage.stream(args.stream).ok_or(PullError::StreamNotFound)?;
    may_pull(storage, &state, runtime.caller(), runtime.time(), args)?;
    let size = state.log.size();
    if args.from > size {
        return Err(PullError::BeyondHead { tree_size: size });
    }
    let kept_from = state.upkeep.as_ref().map_or(0, |upkeep| upkeep.kept_from);
    if args.from < kept_from {
        return Err(PullError::PayloadsDropped { kept_from });
    }
    let chunks = chunks(storage, &state, args, most_bytes(runtime, args));
    let next = args.from + chunks.len() as u64;
    // The stream is there, its log is as its record says: these fail only if stable memory is damaged, and then nothing
    // can be proved.
    let damaged = |_| PullError::StreamNotFound;
    let log = storage.log(&state.log).map_err(damaged)?;
    let range = |begin, end| {
        log.range(begin, end)
            .map(ddsx_merkle_log::CompactRange::into_hashes)
            .map_err(damaged)
    };
    Ok(Pulled {
        chunks,
        left_frontier: if args.with_left_frontier {
            range(0, args.from)?
        } else {
            Vec::new()
        },
        right_frontier: range(next, size)?,
        head: certified_head(storage, runtime, args.stream, state.head()).map_err(|_| PullError::StreamNotFound)?,
        next,
    })
}

/// A reply by query may have 3 MiB, one in replicated execution 2 MiB.
fn most_bytes(runtime: &impl Runtime, args: PullArgs) -> u64 {
    let limit = if runtime.in_replicated_execution() {
        limits::MAX_PULL_BYTES_REPLICATED
    } else {
        limits::MAX_PULL_BYTES_QUERY
    };
    args.max_bytes.map_or(limit, |asked| asked.min(limit))
}

fn chunks(storage: &Storage, state: &StreamState, args: PullArgs, most_bytes: u64) -> Vec<PulledChunk> {
    let end = state.log.size().min(args.from.saturating_add(limits::MAX_PULL_CHUNKS));
    let mut bytes = 0;
    let mut chunks = Vec::new();
    for sequence in args.from..end {
        let Some(place) = storage.place(state, sequence) else {
            break;
        };
        bytes += place.total_bytes() + CHUNK_OVERHEAD;
        if bytes > most_bytes && !chunks.is_empty() {
            break;
        }
        let chunk = storage.chunk(place);
        chunks.push(PulledChunk {
            leaf: ByteBuf::from(chunk.leaf),
            credits: ByteBuf::from(chunk.credits),
            payload: ByteBuf::from(chunk.payload),
        });
    }
    chunks
}

/// The owner may always pull, everyone while a free plan is offered; others by a licence that has not run out.
fn may_pull(
    storage: &Storage,
    state: &StreamState,
    caller: Principal,
    now: TimestampNs,
    args: PullArgs,
) -> Result<(), PullError> {
    if state.open_to_everyone() || state.owner == caller {
        return Ok(());
    }
    let licence = match args.licence {
        Some(id) => named(storage, caller, args.stream, id).ok_or(PullError::LicenceNotFound)?,
        None => storage
            .best_licence(caller, args.stream)
            .and_then(|id| storage.licence(id))
            .ok_or(PullError::NoLicence)?,
    };
    match licence.expires_at {
        Some(expired_at) if now >= expired_at => Err(PullError::LicenceExpired { expired_at }),
        _ => Ok(()),
    }
}

fn named(storage: &Storage, caller: Principal, stream: StreamId, id: LicenceId) -> Option<Licence> {
    storage
        .licence(id)
        .filter(|licence| licence.owner.owner == caller && licence.stream == stream)
}

/// A stream's head with its proof.
pub fn head(storage: &Storage, runtime: &impl Runtime, stream: StreamId) -> Result<CertifiedHead, ProofError> {
    let state = storage.stream(stream).ok_or(ProofError::StreamNotFound)?;
    certified_head(storage, runtime, stream, state.head()).map_err(|_| ProofError::StreamNotFound)
}

/// A leaf and its audit path.
pub fn inclusion_proof(
    storage: &Storage,
    runtime: &impl Runtime,
    args: InclusionProofArgs,
) -> Result<InclusionProof, ProofError> {
    let state = storage.stream(args.stream).ok_or(ProofError::StreamNotFound)?;
    let out_of_range = ProofError::OutOfRange {
        tree_size: state.log.size(),
    };
    let tree_size = args.tree_size.unwrap_or(state.log.size());
    if tree_size > state.log.size() || args.sequence >= tree_size {
        return Err(out_of_range);
    }
    let failed = |_: LogError| out_of_range.clone();
    let place = storage
        .place(&state, args.sequence)
        .ok_or_else(|| out_of_range.clone())?;
    Ok(InclusionProof {
        leaf: ByteBuf::from(storage.leaf(place)),
        tree_size,
        path: storage
            .log(&state.log)
            .and_then(|log| log.inclusion_proof(args.sequence, tree_size))
            .map_err(failed)?,
        head: head(storage, runtime, args.stream)?,
    })
}

/// That a log of one size is the beginning of the log of another.
pub fn consistency_proof(
    storage: &Storage,
    runtime: &impl Runtime,
    args: ConsistencyProofArgs,
) -> Result<ConsistencyProof, ProofError> {
    let state = storage.stream(args.stream).ok_or(ProofError::StreamNotFound)?;
    let out_of_range = ProofError::OutOfRange {
        tree_size: state.log.size(),
    };
    let second = args.second.unwrap_or(state.log.size());
    if args.first == 0 || args.first > second || second > state.log.size() {
        return Err(out_of_range);
    }
    let failed = |_: LogError| out_of_range.clone();
    Ok(ConsistencyProof {
        second,
        path: storage
            .log(&state.log)
            .and_then(|log| log.consistency_proof(args.first, second))
            .map_err(failed)?,
        head: head(storage, runtime, args.stream)?,
    })
}

#[cfg(test)]
mod tests;
