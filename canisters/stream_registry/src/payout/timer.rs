//! The payout timer: one chain of slices, begun anew at every interval unless it still goes on.
//!
//! The queue is gone through in a circle, and each task gets a bounded part of a slice before the
//! next one's turn: a large stream keeps no other waiting. Each slice runs in a message of its own.
//! One that traps has changed nothing; a watch set before it begins finds that out, and from there
//! on the tasks are tried one by one, so that the one that traps is put off and holds up no other.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use ddsx_payments::Host;
use ddsx_runtime::{Runtime, TimerId};
use ddsx_types::TimestampNs;
use ddsx_types::stream_registry::ClaimError;

use super::{begin, ready};
use crate::host::Registry;
use crate::limits::{
    BETWEEN_SLICES, MAX_PAYOUTS_IN_FLIGHT, PAYEES_PER_SLICE, PAYEES_PER_VISIT, PAYMENTS_PER_SLICE, PAYMENTS_PER_VISIT,
    PAYOUT_BUSY_NS, PAYOUT_RETRY_NS, PAYOUT_TRAPPED_NS, SLICE_WATCH,
};
use crate::storage;
use crate::storage::queue::{Place, Task};
use crate::storage::records::PayeeKey;

thread_local! {
    /// The timer of the next run. Timers end with an upgrade, and so do this and the chain.
    static NEXT: Cell<Option<TimerId>> = const { Cell::new(None) };
    static CHAIN: RefCell<Chain> = const { RefCell::new(Chain::new()) };
}

/// Where the slices stand.
struct Chain {
    /// When the next slice is to begin, if one is.
    waits_until: Option<TimestampNs>,
    /// The slice that was begun and has not ended.
    running: Option<Running>,
    /// Slices begun so far.
    begun: u64,
    /// The task that was served last: the queue goes on behind it.
    last: Option<Place>,
    /// The first task served since anything could be done.
    idle_since: Option<Place>,
    /// How many tasks are still to be tried one by one.
    careful: u32,
}

/// A slice that has not ended.
struct Running {
    number: u64,
    begun_at: TimestampNs,
    /// The one task that it tries, and from where, if it is a careful one.
    tries: Option<(Place, u32)>,
    #[cfg(test)]
    timer: TimerId,
}

impl Chain {
    const fn new() -> Self {
        Self {
            waits_until: None,
            running: None,
            begun: 0,
            last: None,
            idle_since: None,
            careful: 0,
        }
    }
}

/// Runs the payouts every interval from now on, after an install or an upgrade.
pub fn start<R: Runtime>(host: &Registry<R>) {
    CHAIN.set(Chain::new());
    arm(host);
}

/// The next run is set before the present one works, in a message of its own, so that nothing that
/// fails there stops the clock.
fn arm<R: Runtime>(host: &Registry<R>) {
    let interval = storage::with(|storage| storage.settings().payout_interval_s);
    let next = host.clone();
    let timer = host.runtime().set_timer(Duration::from_secs(interval), async move {
        arm(&next);
        let now = next.runtime().time();
        let late = u64::try_from(SLICE_WATCH.as_nanos()).unwrap_or(u64::MAX);
        let goes_on = CHAIN.with_borrow(|chain| {
            let waits = chain.waits_until.is_some_and(|until| now <= until.saturating_add(late));
            let runs = chain.running.as_ref();
            // Its watch ends it long before that.
            waits || runs.is_some_and(|slice| now <= slice.begun_at.saturating_add(late.saturating_mul(4)))
        });
        if !goes_on {
            slice_after(&next, Duration::ZERO);
        }
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
    let at = host
        .runtime()
        .time()
        .saturating_add(u64::try_from(delay.as_nanos()).unwrap_or(0));
    CHAIN.with_borrow_mut(|chain| {
        chain.waits_until = Some(at);
        chain.idle_since = chain.idle_since.filter(|_| delay > Duration::ZERO || chain.careful > 0);
    });
    let next = host.clone();
    host.runtime().set_timer(delay, async move { begin_slice(&next) });
}

/// Sets the slice and its watch. Does nothing that could trap, so that both are set whatever the
/// slice does.
fn begin_slice<R: Runtime>(host: &Registry<R>) {
    let now = host.runtime().time();
    let (number, careful, last) = CHAIN.with_borrow_mut(|chain| {
        chain.waits_until = None;
        chain.begun += 1;
        (chain.begun, chain.careful > 0, chain.last)
    });
    let tries = storage::with(|storage| if careful { storage.queue().next(now, last) } else { None });
    let work = host.clone();
    let timer = host.runtime().set_timer(Duration::ZERO, async move {
        let more = run_slice(&work);
        CHAIN.with_borrow_mut(|chain| chain.running = None);
        if more {
            slice_after(&work, if careful { Duration::ZERO } else { BETWEEN_SLICES });
        }
    });
    let _ = timer;
    let running = Running {
        number,
        begun_at: now,
        tries,
        #[cfg(test)]
        timer,
    };
    CHAIN.with_borrow_mut(|chain| chain.running = Some(running));
    let watch = host.clone();
    host.runtime()
        .set_timer(SLICE_WATCH, async move { after_slice(&watch, number) });
}

/// Looks whether a slice has ended. If not, it has trapped: what it tried is put off, and the next
/// tasks are tried one by one.
fn after_slice<R: Runtime>(host: &Registry<R>, number: u64) {
    let trapped = CHAIN.with_borrow_mut(|chain| {
        let trapped = chain.running.take_if(|running| running.number == number)?;
        chain.careful = PAYEES_PER_SLICE;
        if let Some((place, _)) = trapped.tries {
            chain.last = Some(place);
        }
        Some(trapped)
    });
    let Some(trapped) = trapped else { return };
    host.runtime().log(&format!("payout slice {number} has trapped"));
    if let Some((place, cursor)) = trapped.tries {
        let again_at = host.runtime().time().saturating_add(PAYOUT_TRAPPED_NS);
        storage::with_mut(|storage| match place.task {
            Task::Pay(_) => {
                storage.queue_mut().done(place);
                storage.queue_mut().ask(again_at, place.task);
            }
            // The contributor it stood at is passed over, until the next time.
            Task::Sweep { .. } => storage.queue_mut().go_on(place, cursor.saturating_add(1)),
        });
    }
    slice_after(host, Duration::ZERO);
}

/// How much a slice, or a visit in it, may still do.
#[derive(Clone, Copy)]
struct Budget {
    looks: u32,
    payments: u32,
}

impl Budget {
    const fn is_used_up(self) -> bool {
        self.looks == 0 || self.payments == 0
    }

    /// The part of it for one task.
    fn visit(self) -> Self {
        Self {
            looks: self.looks.min(PAYEES_PER_VISIT),
            payments: self.payments.min(PAYMENTS_PER_VISIT),
        }
    }

    fn spend(&mut self, part: Self, left: Self) {
        self.looks -= part.looks - left.looks;
        self.payments -= part.payments - left.payments;
    }
}

/// Works the queue for one message, going on behind the task that was served last. Says whether
/// there is more to do soon.
pub fn run_slice<R: Runtime>(host: &Registry<R>) -> bool {
    let now = host.runtime().time();
    let (mut last, mut idle_since, careful) = CHAIN.with_borrow(|chain| (chain.last, chain.idle_since, chain.careful));
    let mut budget = if careful > 0 {
        Budget { looks: 1, payments: 1 }
    } else {
        Budget {
            looks: PAYEES_PER_SLICE,
            payments: PAYMENTS_PER_SLICE,
        }
    };
    let mut more = true;
    while !budget.is_used_up() {
        let next = storage::with(|storage| {
            if storage.settings().paused {
                None
            } else {
                storage.queue().next(now, last)
            }
        });
        let Some((place, cursor)) = next.filter(|(place, _)| idle_since != Some(*place)) else {
            // Nothing is left, or all that is left was seen and waits for its ledger.
            (idle_since, more) = (None, false);
            break;
        };
        let part = budget.visit();
        let mut left = part;
        let done_something = visit(host, now, place, cursor, &mut left);
        budget.spend(part, left);
        if left.looks == part.looks {
            // Looking at a task costs something even if it has no payee to look at.
            budget.looks -= 1;
        }
        idle_since = if done_something {
            None
        } else {
            idle_since.or(Some(place))
        };
        last = Some(place);
    }
    CHAIN.with_borrow_mut(|chain| {
        (chain.last, chain.idle_since) = (last, idle_since);
        chain.careful = careful.saturating_sub(1);
    });
    more
}

/// Gives a task its part. Says whether anything came of it.
fn visit<R: Runtime>(host: &Registry<R>, now: TimestampNs, place: Place, cursor: u32, budget: &mut Budget) -> bool {
    match place.task {
        Task::Pay(payee) => {
            let seen = look(host, now, payee, budget);
            storage::with_mut(|storage| {
                storage.queue_mut().done(place);
                if seen == Seen::LedgerBusy {
                    let again_at = now.saturating_add(PAYOUT_BUSY_NS);
                    storage.queue_mut().ask(again_at, place.task);
                }
            });
            true
        }
        Task::Sweep { stream, asset } => {
            if is_busy(host, asset) {
                return false;
            }
            if cursor == 0 {
                storage::with_mut(|storage| storage.books_mut().swept(stream, asset));
            }
            let next = sweep(host, now, stream, asset, cursor, budget);
            storage::with_mut(|storage| match next {
                Some(next) => storage.queue_mut().go_on(place, next),
                None => storage.queue_mut().done(place),
            });
            next != Some(cursor)
        }
    }
}

/// Whether an asset's ledger has as many payouts under way as it may. Each ledger has its own
/// number: one that is silent holds up no other's payees, and what is quarantined does not count.
fn is_busy<R: Runtime>(host: &Registry<R>, asset: u32) -> bool {
    let ledger = storage::with(|storage| storage.asset_numbered(asset)).map(|asset| asset.ledger);
    ledger.is_some_and(|ledger| {
        host.with_journal(|journal| {
            let open = journal.open_at(ledger);
            open.pushes >= MAX_PAYOUTS_IN_FLIGHT || open.quarantined >= journal.limits().quarantined
        })
    })
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
        if budget.is_used_up() {
            return Some(number);
        }
        let payee = PayeeKey::Contributor { stream, asset, number };
        if look(host, now, payee, budget) == Seen::LedgerBusy {
            return Some(number);
        }
    }
    None
}

/// What came of a look at a payee.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Seen {
    /// It is paid, or need not be looked at again before something changes.
    Done,
    /// It could be paid, if its ledger took more.
    LedgerBusy,
}

/// Pays a payee that is due enough and can be paid. What cannot be paid now is asked for again: by what changes that (income,
/// an account bound, the end of the payout under way), or here for a time that is known.
fn look<R: Runtime>(host: &Registry<R>, now: TimestampNs, payee: PayeeKey, budget: &mut Budget) -> Seen {
    budget.looks -= 1;
    let again_at = match storage::with(|storage| ready(storage, now, payee, true)) {
        Ok(_) if is_busy(host, payee.asset()) => return Seen::LedgerBusy,
        Ok(ready) => match begin(host, payee, &ready) {
            Ok(_) => {
                budget.payments -= 1;
                return Seen::Done;
            }
            Err(_) => now.saturating_add(PAYOUT_RETRY_NS),
        },
        Err(ClaimError::NotPayableYet { payable_from }) => payable_from,
        Err(_) => return Seen::Done,
    };
    storage::with_mut(|storage| storage.queue_mut().ask(again_at, Task::Pay(payee)));
    Seen::Done
}

/// The number of the slice that is about to run, or was and is lost.
#[cfg(test)]
pub fn running() -> u64 {
    CHAIN.with_borrow(|chain| chain.running.as_ref().map_or(0, |running| running.number))
}

/// The slice that is to run next never does, as if it had trapped.
#[cfg(test)]
pub fn lose_slice<R: Runtime>(host: &Registry<R>) {
    let timer = CHAIN.with_borrow(|chain| chain.running.as_ref().map(|running| running.timer));
    host.runtime().clear_timer(timer.expect("a slice is to run"));
}
