//! The payout timer.

use std::cell::Cell;
use std::time::Duration;

use ddsx_payments::Host;
use ddsx_runtime::{Runtime, TimerId};
use ddsx_types::TimestampNs;
use ddsx_types::stream_registry::ClaimError;

use super::{begin, ready};
use crate::host::Registry;
use crate::limits::{BETWEEN_SLICES, MAX_PAYOUTS_IN_FLIGHT, PAYEES_PER_SLICE, PAYMENTS_PER_SLICE, PAYOUT_RETRY_NS};
use crate::storage;
use crate::storage::queue::Task;
use crate::storage::records::PayeeKey;

thread_local! {
    /// The timer of the next run. Timers end with an upgrade, and so does this.
    static NEXT: Cell<Option<TimerId>> = const { Cell::new(None) };
}

/// Runs the payouts every interval from now on. The next run is set before the present one works, in a message of its own, so
/// that nothing that fails there stops the clock.
pub fn arm<R: Runtime>(host: &Registry<R>) {
    let interval = storage::with(|storage| storage.settings().payout_interval_s);
    let next = host.clone();
    let timer = host.runtime().set_timer(Duration::from_secs(interval), async move {
        arm(&next);
        slice_after(&next, Duration::ZERO);
    });
    NEXT.set(Some(timer));
}

/// The interval has changed.
pub fn rearm<R: Runtime>(host: &Registry<R>) {
    if let Some(timer) = NEXT.take() {
        host.runtime().clear_timer(timer);
    }
    arm(host);
}

fn slice_after<R: Runtime>(host: &Registry<R>, delay: Duration) {
    let next = host.clone();
    host.runtime().set_timer(delay, async move {
        if run_slice(&next) {
            slice_after(&next, BETWEEN_SLICES);
        }
    });
}

/// How much a slice may still do.
struct Budget {
    looks: u32,
    payments: usize,
}

/// Works the queue for one message. Says whether there is more to do soon.
pub fn run_slice<R: Runtime>(host: &Registry<R>) -> bool {
    let now = host.runtime().time();
    let mut budget = Budget {
        looks: PAYEES_PER_SLICE,
        payments: PAYMENTS_PER_SLICE,
    };
    while budget.looks > 0 && budget.payments > 0 {
        let first = storage::with(|storage| {
            let stopped = storage.settings().paused || storage.books().payouts_in_flight() >= MAX_PAYOUTS_IN_FLIGHT;
            if stopped { None } else { storage.queue().first(now) }
        });
        let Some((not_before, task, cursor)) = first else {
            return false;
        };
        match task {
            Task::Pay(payee) => {
                budget.looks -= 1;
                look(host, now, payee, &mut budget);
                storage::with_mut(|storage| storage.queue_mut().done(not_before, task));
            }
            Task::Sweep { stream, asset } => {
                if cursor == 0 {
                    storage::with_mut(|storage| storage.books_mut().swept(stream, asset));
                }
                let next = sweep(host, now, stream, asset, cursor, &mut budget);
                storage::with_mut(|storage| match next {
                    Some(next) => storage.queue_mut().go_on(not_before, task, next),
                    None => storage.queue_mut().done(not_before, task),
                });
            }
        }
    }
    true
}

/// Goes through contributors from one on, as far as the budget lasts. Says where to go on.
fn sweep<R: Runtime>(
    host: &Registry<R>,
    now: TimestampNs,
    stream: u64,
    asset: u32,
    first: u32,
    budget: &mut Budget,
) -> Option<u32> {
    let count = storage::with(|storage| storage.stream(stream)).map_or(0, |state| state.contributors);
    for number in first..count {
        if budget.looks == 0 || budget.payments == 0 {
            return Some(number);
        }
        budget.looks -= 1;
        look(host, now, PayeeKey::Contributor { stream, asset, number }, budget);
    }
    None
}

/// Pays a payee that is due enough and can be paid. What cannot be paid now is asked for again: by what changes that (income,
/// an account bound, the end of the payout under way), or here for a time that is known.
fn look<R: Runtime>(host: &Registry<R>, now: TimestampNs, payee: PayeeKey, budget: &mut Budget) {
    let again_at = match storage::with(|storage| ready(storage, now, payee, true)) {
        Ok(ready) => match begin(host, payee, &ready) {
            Ok(_) => {
                budget.payments -= 1;
                return;
            }
            Err(_) => now.saturating_add(PAYOUT_RETRY_NS),
        },
        Err(ClaimError::NotPayableYet { payable_from }) => payable_from,
        Err(_) => return,
    };
    storage::with_mut(|storage| storage.queue_mut().ask(again_at, Task::Pay(payee)));
}
