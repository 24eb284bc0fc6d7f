//! The timer that takes the next period of each stream, and drops what is no longer paid. It looks only at streams that are due.

use std::cell::Cell;
use std::time::Duration;

use ddsx_payments::Host;
use ddsx_runtime::Runtime;
use ddsx_types::TimestampNs;
use ddsx_types::stream_registry::{StreamId, StreamStatus};

use super::drop::{begin_drop, drop_some};
use super::{adopt, next_look, pay_until};
use crate::host::Registry;
use crate::limits::{
    BETWEEN_SLICES, STREAMS_PER_SLICE, UPKEEP_INTERVAL, UPKEEP_NOTICE_NS, UPKEEP_PERIOD_NS, UPKEEP_RETRY_NS,
    UPKEEP_SHORT_PERIOD_NS,
};
use crate::storage::records::{Phase, StreamState};
use crate::storage::{self, Storage};

/// How late a slice may be before its chain is taken as lost.
const LOST_AFTER_NS: u64 = 60_000_000_000;

thread_local! {
    /// When the chain of slices under way last worked: there is one at a time. It ends with an upgrade, and so does this.
    static AT_WORK: Cell<Option<TimestampNs>> = const { Cell::new(None) };
}

/// Looks for streams that are due every [`UPKEEP_INTERVAL`] from now on. The next look is set before the present one works, in a message of
/// its own, so that nothing that fails there stops the clock.
pub fn arm<R: Runtime>(host: &Registry<R>) {
    AT_WORK.set(None);
    tick_after(host);
}

fn tick_after<R: Runtime>(host: &Registry<R>) {
    let next = host.clone();
    host.runtime().set_timer(UPKEEP_INTERVAL, async move {
        tick_after(&next);
        let now = next.runtime().time();
        let at_work = AT_WORK.get().is_some_and(|at| now < at.saturating_add(LOST_AFTER_NS));
        if !at_work {
            slice_after(&next, Duration::ZERO);
        }
    });
}

fn slice_after<R: Runtime>(host: &Registry<R>, delay: Duration) {
    AT_WORK.set(Some(host.runtime().time()));
    let next = host.clone();
    host.runtime().set_timer(delay, async move {
        let now = next.runtime().time();
        let more = storage::with_mut(|storage| run_slice(storage, now));
        if more {
            slice_after(&next, BETWEEN_SLICES);
        } else {
            AT_WORK.set(None);
        }
    });
}

/// One message's work. Says whether there is more. Nothing is done while the registry is paused.
pub fn run_slice(storage: &mut Storage, now: TimestampNs) -> bool {
    if storage.settings().paused {
        return false;
    }
    if take_over(storage, now) {
        return true;
    }
    for _ in 0..STREAMS_PER_SLICE {
        let Some(stream) = storage.take_due_stream(now) else {
            return false;
        };
        let Some(mut state) = storage.stream(stream) else {
            continue;
        };
        let dropping = matches!(
            state.upkeep.as_ref().map(|upkeep| upkeep.phase),
            Some(Phase::Dropping { .. })
        );
        if let Some(again) = look(storage, now, stream, &mut state) {
            storage.look_at(again, stream);
        }
        storage.put_stream(stream, state);
        if dropping {
            // That was a slice's work by itself.
            return true;
        }
    }
    true
}

/// Takes streams of the first release over. Says whether there are more.
fn take_over(storage: &mut Storage, now: TimestampNs) -> bool {
    let (next, end) = (storage.settings().legacy_next, storage.settings().legacy_end);
    let last = end.min(next + u64::from(STREAMS_PER_SLICE));
    for stream in next..last {
        let Some(mut state) = storage.stream(stream) else {
            continue;
        };
        if state.upkeep.is_some() {
            continue;
        }
        adopt(storage, now, stream, &mut state);
        if state.upkeep.is_none() {
            // No asset has a price yet; they count as paid until one has.
            return false;
        }
        storage.put_stream(stream, state);
    }
    if last > next {
        storage.change_settings(|settings| settings.legacy_next = last);
    }
    last < end
}

/// What a stream needs now, and when to look again.
fn look(storage: &mut Storage, now: TimestampNs, stream: StreamId, state: &mut StreamState) -> Option<TimestampNs> {
    let upkeep = state.upkeep.as_ref()?;
    match upkeep.phase {
        Phase::Dropped => return None,
        Phase::Dropping { .. } => return drop_some(storage, stream, state).then_some(now),
        Phase::Paid | Phase::Expiring => {}
    }
    let nothing_stored = upkeep.bytes == 0;
    if state.status == StreamStatus::Closed {
        // It is kept as long as it was paid, and no longer.
        if nothing_stored {
            return None;
        }
        if now < upkeep.paid_until {
            return Some(upkeep.paid_until);
        }
    } else if now < next_look(upkeep) {
        return Some(next_look(upkeep));
    } else {
        for period in [UPKEEP_PERIOD_NS, UPKEEP_SHORT_PERIOD_NS] {
            let from = state
                .upkeep
                .as_ref()?
                .paid_until
                .max(if nothing_stored { now } else { 0 });
            if pay_until(storage, stream, state, from.saturating_add(period)).is_ok() {
                crate::payout::ask_for_treasury(storage, state.upkeep.as_ref()?.asset);
                return Some(next_look(state.upkeep.as_ref()?).max(now + 1));
            }
        }
        let upkeep = state.upkeep.as_mut()?;
        let had_notice = upkeep.phase == Phase::Expiring;
        upkeep.phase = Phase::Expiring;
        if now < upkeep.paid_until {
            return Some(upkeep.paid_until.min(now.saturating_add(UPKEEP_RETRY_NS)));
        }
        if !had_notice {
            // The timer was kept from its work, by a pause for example: nothing is dropped without notice.
            return Some(now.saturating_add(UPKEEP_NOTICE_NS));
        }
    }
    // `begin_drop` asks for the next look itself.
    begin_drop(storage, now, stream, state);
    None
}
