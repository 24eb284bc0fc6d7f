//! Who besides the owner may append.

use candid::Principal;
use ddsx_types::TimestampNs;
use ddsx_types::stream_registry::{Publisher, RemovePublisherArgs, SetPublisherArgs, StreamError, StreamId, limits};

use crate::guard;
use crate::storage::Storage;
use crate::storage::records::{PublisherRecord, StreamState};
use crate::validate::{invalid, limit};

/// Adds a publisher, or changes its expiry.
pub fn set(
    storage: &mut Storage,
    caller: Principal,
    now: TimestampNs,
    args: &SetPublisherArgs,
) -> Result<(), StreamError> {
    let mut state = guard::owned_and_open(storage, caller, args.stream)?;
    let Publisher { principal, expires_at } = args.publisher;
    if principal == Principal::anonymous() || principal == Principal::management_canister() {
        return Err(invalid("principal", "nobody signs as this principal"));
    }
    if expires_at.is_some_and(|at| at <= now) {
        return Err(invalid("expires_at", "in the future"));
    }
    let is_new = storage.publisher(args.stream, principal).is_none();
    if is_new && state.publishers as usize >= limits::MAX_PUBLISHERS {
        return Err(limit("publishers of a stream", limits::MAX_PUBLISHERS as u64));
    }
    storage.put_publisher(args.stream, principal, PublisherRecord { expires_at });
    if is_new {
        state.publishers += 1;
        storage.put_stream(args.stream, state);
    }
    Ok(())
}

/// Strikes a publisher off.
pub fn remove(storage: &mut Storage, caller: Principal, args: &RemovePublisherArgs) -> Result<(), StreamError> {
    let mut state = guard::owned(storage, caller, args.stream)?;
    if !storage.remove_publisher(args.stream, args.principal) {
        return Err(StreamError::PublisherNotFound);
    }
    state.publishers = state.publishers.saturating_sub(1);
    storage.put_stream(args.stream, state);
    Ok(())
}

/// All of a stream's publishers; there are at most 50.
pub fn list(storage: &Storage, stream: StreamId) -> Vec<Publisher> {
    storage
        .publishers(stream)
        .into_iter()
        .map(|(principal, publisher)| Publisher {
            principal,
            expires_at: publisher.expires_at,
        })
        .collect()
}

/// Whether a principal may append now.
pub fn may_append(storage: &Storage, stream: StreamId, state: &StreamState, who: Principal, now: TimestampNs) -> bool {
    let in_time = |publisher: PublisherRecord| publisher.expires_at.is_none_or(|at| now < at);
    state.owner == who || storage.publisher(stream, who).is_some_and(in_time)
}
