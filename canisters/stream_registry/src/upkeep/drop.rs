//! Payloads that go: because they are no longer paid, because the owner or governance says so. Leaves stay.

use candid::Principal;
use ddsx_types::TimestampNs;
use ddsx_types::stream_registry::{StreamError, StreamId, StreamStatus};

use super::adopt;
use crate::guard;
use crate::limits::DROPPED_PER_SLICE;
use crate::selling;
use crate::storage::Storage;
use crate::storage::records::{Phase, StreamState};
use crate::validate::invalid;

/// From now on the payloads are gone; the timer gives their space back in slices. The caller writes the state back.
pub fn begin_drop(storage: &mut Storage, now: TimestampNs, stream: StreamId, state: &mut StreamState) {
    let size = state.log.size();
    let Some(upkeep) = &mut state.upkeep else { return };
    if matches!(upkeep.phase, Phase::Dropping { .. } | Phase::Dropped) {
        return;
    }
    upkeep.phase = Phase::Dropping { next: upkeep.kept_from };
    upkeep.kept_from = size;
    upkeep.bytes = 0;
    storage.look_at(now, stream);
}

/// Drops the next payloads. Says whether there are more.
pub(super) fn drop_some(storage: &mut Storage, stream: StreamId, state: &mut StreamState) -> bool {
    let Some(Phase::Dropping { next }) = state.upkeep.as_ref().map(|upkeep| upkeep.phase) else {
        return false;
    };
    let size = state.log.size();
    let end = next.saturating_add(DROPPED_PER_SLICE).min(size);
    storage.drop_payloads(state, next, end);
    let more = end < size;
    if let Some(upkeep) = &mut state.upkeep {
        upkeep.phase = if more {
            Phase::Dropping { next: end }
        } else {
            Phase::Dropped
        };
    }
    if !more {
        release_deposit(storage, stream, state);
    }
    more
}

/// Frees the deposit of a stream that is closed and holds no payload. The caller writes the state back.
///
/// Panics if it is not set aside, which it is until it is freed here: the message is then undone.
pub fn release_deposit(storage: &mut Storage, stream: StreamId, state: &mut StreamState) {
    let Some(upkeep) = &mut state.upkeep else { return };
    let holds_payloads = upkeep.bytes > 0 || matches!(upkeep.phase, Phase::Dropping { .. });
    if state.status != StreamStatus::Closed || holds_payloads || upkeep.deposit == 0 {
        return;
    }
    let deposit = std::mem::take(&mut upkeep.deposit);
    if let Err(error) = storage.prepaid_mut().release(state.owner, upkeep.asset, deposit) {
        panic!("the deposit of stream {stream}: {error}");
    }
}

/// The owner gives up the payloads of a closed stream that no licence covers any more. Again is no error.
pub fn drop_payloads(
    storage: &mut Storage,
    caller: Principal,
    now: TimestampNs,
    stream: StreamId,
) -> Result<(), StreamError> {
    let mut state = guard::owned(storage, caller, stream)?;
    if state.status != StreamStatus::Closed {
        return Err(invalid("stream", "close it first"));
    }
    adopt(storage, now, stream, &mut state);
    let Some(upkeep) = &state.upkeep else {
        return Err(invalid("stream", "no listed asset has a storage price yet"));
    };
    if now < upkeep.covered_until {
        let reason = format!("licences cover it until {} ns since 1970-01-01", upkeep.covered_until);
        return Err(invalid("stream", reason));
    }
    if selling::is_being_sold(stream) {
        return Err(invalid(
            "stream",
            "a licence of it is being bought; try again in a minute",
        ));
    }
    begin_drop(storage, now, stream, &mut state);
    storage.put_stream(stream, state);
    Ok(())
}

/// Governance frees what a stream holds: it is closed, and its payloads go, whatever licences cover.
pub fn free(storage: &mut Storage, now: TimestampNs, stream: StreamId) -> Result<(), String> {
    let mut state = storage.stream(stream).ok_or("there is no such stream")?;
    adopt(storage, now, stream, &mut state);
    if state.upkeep.is_none() {
        return Err("no listed asset has a storage price yet".to_owned());
    }
    state.status = StreamStatus::Closed;
    begin_drop(storage, now, stream, &mut state);
    release_deposit(storage, stream, &mut state);
    storage.put_stream(stream, state);
    Ok(())
}
