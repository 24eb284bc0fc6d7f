//! The clock: deadlines, slices of work, payments. One timer is set for whatever comes first.
//!
//! What the timer calls does nothing that could fail: it sets itself again, a while later, and hands the tick to a message of its own. The tick hands each
//! slice, and the payouts, to messages of their own too, and before it does, a slice's task is put back on the agenda. So whatever traps is begun again
//! some time later by itself; a task whose slices trap over and over is given up, and holds up no other. There is one chain of timers.

use std::cell::Cell;
use std::time::Duration;

use ddsx_payments::Host;
use ddsx_runtime::{Runtime, TimerId};
use ddsx_types::federated_aggregator::TaskId;
use ddsx_types::{Hash, TimestampNs};

use crate::host::Aggregator;
use crate::limits::{MAX_FAILURES, SLICE_TIMEOUT_NS, TASKS_PER_TICK};
use crate::storage::{self, Storage};
use crate::work::{self, Slice};
use crate::{certification, drafts, evaluate, payout, refund};

/// How late a timer may fire before it is taken as lost.
const GRACE_NS: u64 = 300_000_000_000;
/// When the timer fires again if a tick does not come to its end.
const AGAIN_NS: u64 = 60_000_000_000;

thread_local! {
    /// When the timer fires, and which it is. Timers end with an upgrade, and so does this.
    static ARMED: Cell<Option<(TimestampNs, TimerId)>> = const { Cell::new(None) };
}

/// Forgets the timer, as an upgrade does.
#[cfg(test)]
pub fn forget() {
    ARMED.set(None);
}

/// When something is due, if anything is.
fn due() -> Option<TimestampNs> {
    storage::with(|storage| {
        if storage.settings().paused {
            return None;
        }
        let task = storage.next_task().map(|(due, _)| due);
        let payout = storage.next_payout().map(|(due, _)| due);
        let undated = (storage.counters().dated < storage.counters().tasks).then_some(0);
        task.into_iter().chain(payout).chain(undated).min()
    })
}

/// Makes sure that the timer fires when something is due. Called after whatever may change that.
pub fn arm<R: Runtime>(host: &Aggregator<R>) {
    let now = host.runtime().time();
    let Some(due) = due().map(|due| due.max(now)) else {
        return;
    };
    if let Some((at, timer)) = ARMED.get() {
        if at <= due && now <= at.saturating_add(GRACE_NS) {
            return;
        }
        host.runtime().clear_timer(timer);
    }
    set(host, due);
}

fn set<R: Runtime>(host: &Aggregator<R>, at: TimestampNs) {
    let now = host.runtime().time();
    let next = host.clone();
    let delay = Duration::from_nanos(at.saturating_sub(now));
    let timer = host.runtime().set_timer(delay, async move { fire(&next) });
    ARMED.set(Some((at, timer)));
}

/// The timer has fired. Were the tick to trap here, the timer would be gone with it.
fn fire<R: Runtime>(host: &Aggregator<R>) {
    ARMED.set(None);
    if due().is_none() {
        return;
    }
    set(host, host.runtime().time().saturating_add(AGAIN_NS));
    let next = host.clone();
    host.runtime().set_timer(Duration::ZERO, async move { tick(&next) });
}

fn tick<R: Runtime>(host: &Aggregator<R>) {
    let now = host.runtime().time();
    if storage::with(|storage| storage.settings().paused) {
        return;
    }
    for _ in 0..TASKS_PER_TICK {
        let Some(task) = storage::with_mut(|storage| take(storage, now)) else {
            break;
        };
        let next = host.clone();
        host.runtime()
            .set_timer(Duration::ZERO, async move { slice(&next, task).await });
    }
    if storage::with(Storage::next_payout).is_some_and(|(due, _)| due <= now) {
        let next = host.clone();
        host.runtime().set_timer(Duration::ZERO, async move {
            payout::run(&next);
            arm(&next);
        });
        // Not twice for the same: that message arms the timer for what is left.
    }
    storage::with_mut(|storage| {
        if storage.counters().dated < storage.counters().tasks {
            drafts::date_some(storage, now);
        }
    });
    rearm(host, now);
}

/// After a tick: the timer is set for what is due next. Payouts that are due now have a message of their own, and if it does not come to its end,
/// the timer that is set anyway finds them.
fn rearm<R: Runtime>(host: &Aggregator<R>, now: TimestampNs) {
    let next = storage::with(|storage| {
        let task = storage.next_task().map(|(due, _)| due);
        let payout = storage.next_payout().map(|(due, _)| due).filter(|due| *due > now);
        let undated = (storage.counters().dated < storage.counters().tasks).then_some(now);
        task.into_iter().chain(payout).chain(undated).min()
    });
    let Some(due) = next.map(|due| due.max(now)) else {
        return;
    };
    if let Some((at, timer)) = ARMED.get() {
        if at <= due {
            return;
        }
        host.runtime().clear_timer(timer);
    }
    set(host, due);
}

/// The next task that is due, put back on the agenda for the case that its slice does not end well.
fn take(storage: &mut Storage, now: TimestampNs) -> Option<TaskId> {
    let (due, task) = storage.next_task()?;
    if due > now {
        return None;
    }
    let mut record = storage.task(task)?;
    record.failures += 1;
    storage.schedule(&mut record, Some(now.saturating_add(SLICE_TIMEOUT_NS)));
    storage.put_task(record);
    Some(task)
}

/// After an upgrade: slices that were begun and have not run never will, since their timers are gone. They are due at once, and did not fail.
pub fn resume(storage: &mut Storage, now: TimestampNs) {
    for task in storage.tasks_until(now.saturating_add(SLICE_TIMEOUT_NS)) {
        let Some(mut record) = storage.task(task).filter(|record| record.failures > 0) else {
            continue;
        };
        record.failures = 0;
        storage.schedule(&mut record, Some(now));
        storage.put_task(record);
    }
}

async fn slice<R: Runtime>(host: &Aggregator<R>, task: TaskId) {
    let now = host.runtime().time();
    let runtime = host.runtime().clone();
    let failed = storage::with(|storage| storage.task(task)).is_some_and(|record| record.failures > MAX_FAILURES);
    let outcome = storage::with_mut(|storage| {
        if failed {
            give_up(storage, task, now);
            return Slice::Ended;
        }
        work::run(storage, task, now, &|| runtime.instruction_counter())
    });
    storage::with(|storage| certification::publish(storage, host.runtime()));
    if outcome == Slice::NeedsSeed
        && let Ok(seed) = host.runtime().raw_rand().await
    {
        let now = host.runtime().time();
        storage::with_mut(|storage| work::set_seed(storage, task, now, Hash(seed)));
    }
    warm_soon(host, task);
    refund::begin(host, task);
    arm(host);
}

fn give_up(storage: &mut Storage, task: TaskId, now: TimestampNs) {
    let Some(mut record) = storage.task(task) else { return };
    let work = storage.work(task);
    let reason = "a step of its work failed over and over".to_owned();
    work::give_up(storage, &mut record, work, now, reason);
    storage.put_task(record);
}

/// Loads the model in force for predictions, in a message of its own.
fn warm_soon<R: Runtime>(host: &Aggregator<R>, task: TaskId) {
    let settled = storage::with(|storage| storage.task(task)).is_some_and(|record| !record.working);
    if !settled {
        return;
    }
    host.runtime().set_timer(Duration::ZERO, async move {
        storage::with(|storage| {
            let (Some(record), Some(context)) = (storage.task(task), work::Context::of(storage, task)) else {
                return;
            };
            if let Some(model) = &record.model {
                let subject = evaluate::Subject::model(task, model.version);
                evaluate::warm(storage, &context.plan, subject, &model.blob);
            }
        });
    });
}
