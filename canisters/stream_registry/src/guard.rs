//! Who may do what: the checks in front of every change.

use candid::Principal;
use ddsx_types::stream_registry::{StreamError, StreamId, StreamStatus};

use crate::storage::Storage;
use crate::storage::records::StreamState;

/// Refuses the anonymous principal, and everybody while paused.
pub fn may_change(storage: &Storage, caller: Principal) -> Result<(), StreamError> {
    if caller == Principal::anonymous() {
        return Err(StreamError::AnonymousCaller);
    }
    if storage.settings().paused {
        return Err(StreamError::Paused);
    }
    Ok(())
}

/// The stream, if the caller owns it.
pub fn owned(storage: &Storage, caller: Principal, stream: StreamId) -> Result<StreamState, StreamError> {
    may_change(storage, caller)?;
    let state = storage.stream(stream).ok_or(StreamError::StreamNotFound)?;
    if state.owner != caller {
        return Err(StreamError::NotOwner);
    }
    Ok(state)
}

/// The stream, if the caller owns it and it is not closed.
pub fn owned_and_open(storage: &Storage, caller: Principal, stream: StreamId) -> Result<StreamState, StreamError> {
    let state = owned(storage, caller, stream)?;
    match state.status {
        StreamStatus::Open => Ok(state),
        StreamStatus::Closed => Err(StreamError::StreamClosed),
    }
}
