//! When housekeeping happens: one slice at a time, each in a message of its own, soon when there is work and every
//! [`CALM_INTERVAL`] when there is none.
//!
//! A slice that traps undoes all that it did, what it arranged for later included. So a second chain of timers does nothing but
//! arm itself and then ask for a slice: it cannot trap, and after a trapped slice it is what comes back. A slice that was due, or
//! began, [`OVERDUE`] ago and is still not over is taken for trapped.

use std::cell::Cell;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::time::Duration;

use ddsx_runtime::{Runtime, TimerId};

/// How often the ledger keeps house when nothing is urgent.
pub const CALM_INTERVAL: Duration = Duration::from_mins(10);
/// How long after it was due a slice is waited for.
pub const OVERDUE: Duration = Duration::from_mins(1);

type Slice = Pin<Box<dyn Future<Output = Option<Duration>>>>;

/// The timers of housekeeping. Clones are the same timers.
pub struct Rounds<R: Runtime> {
    runtime: R,
    next: Rc<Cell<Option<Next>>>,
    /// Slices arranged so far.
    arranged: Rc<Cell<u64>>,
    slice: Rc<dyn Fn() -> Slice>,
}

impl<R: Runtime> Clone for Rounds<R> {
    fn clone(&self) -> Self {
        Self {
            runtime: self.runtime.clone(),
            next: Rc::clone(&self.next),
            arranged: Rc::clone(&self.arranged),
            slice: Rc::clone(&self.slice),
        }
    }
}

/// The slice that comes next, or that runs.
#[derive(Clone, Copy)]
struct Next {
    /// Tells it from those before.
    number: u64,
    timer: TimerId,
    /// When it is due, or began; nanoseconds.
    due: u64,
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

impl<R: Runtime> Rounds<R> {
    /// Rounds of `slice`, which says how long after it the next one is needed, `None` if that can wait for the calm interval.
    pub fn new<W: Future<Output = Option<Duration>> + 'static>(runtime: R, slice: impl Fn() -> W + 'static) -> Self {
        Self {
            runtime,
            next: Rc::default(),
            arranged: Rc::default(),
            slice: Rc::new(move || Box::pin(slice())),
        }
    }

    /// Begins with a slice at once. Timers do not survive an upgrade: begin again then.
    pub fn begin(&self) {
        // First what must come back, then what may trap, which is a message of its own.
        let next = self.clone();
        self.runtime.set_timer(CALM_INTERVAL, async move { next.begin() });
        self.ask(Duration::ZERO);
    }

    /// Asks for a slice after `delay`, or earlier if that is already arranged.
    pub fn ask(&self, delay: Duration) {
        let now = self.runtime.time();
        let due = now.saturating_add(nanos(delay));
        if let Some(next) = self.next.get() {
            let is_waited_for = next.due.saturating_add(nanos(OVERDUE)) >= now;
            if is_waited_for && next.due <= due {
                return;
            }
            self.runtime.clear_timer(next.timer);
        }
        let number = self.arranged.get();
        self.arranged.set(number + 1);
        let rounds = self.clone();
        let timer = self.runtime.set_timer(delay, async move { rounds.run(number).await });
        self.next.set(Some(Next { number, timer, due }));
    }

    /// Runs the slice of this number, unless it was given up for trapped and another is on its way.
    async fn run(&self, number: u64) {
        let is_mine = || self.next.get().filter(|next| next.number == number);
        let Some(mine) = is_mine() else { return };
        // However late it begins, it is not overdue while it runs.
        self.next.set(Some(Next {
            due: self.runtime.time(),
            ..mine
        }));
        let again = (self.slice)().await;
        if is_mine().is_some() {
            self.next.set(None);
            if let Some(delay) = again {
                self.ask(delay);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ddsx_runtime::testing::TestRuntime;

    const SECOND: Duration = Duration::from_secs(1);

    /// Rounds whose slices are counted and end as `ends` says, the last one's way for ever; `Err` never ends, as after a trap, of which
    /// nothing is left.
    fn rounds(ends: &[Result<Option<Duration>, ()>]) -> (TestRuntime, Rounds<TestRuntime>, Rc<Cell<usize>>) {
        let runtime = TestRuntime::default();
        let slices = Rc::new(Cell::new(0));
        let (count, ends) = (Rc::clone(&slices), ends.to_vec());
        let rounds = Rounds::new(runtime.clone(), move || {
            let end = ends[count.get().min(ends.len() - 1)];
            count.set(count.get() + 1);
            async move {
                match end {
                    Ok(again) => again,
                    Err(()) => std::future::pending().await,
                }
            }
        });
        (runtime, rounds, slices)
    }

    #[test]
    fn should_go_on_while_there_is_work_and_then_come_every_ten_minutes() {
        let (runtime, rounds, slices) = rounds(&[Ok(Some(Duration::ZERO)), Ok(Some(5 * SECOND)), Ok(None)]);
        rounds.begin();
        runtime.run_for(Duration::ZERO);
        assert_eq!(slices.get(), 2);
        runtime.run_for(4 * SECOND);
        assert_eq!(slices.get(), 2);
        runtime.run_for(SECOND);
        assert_eq!(slices.get(), 3);
        runtime.run_for(594 * SECOND);
        assert_eq!(slices.get(), 3);
        runtime.run_for(SECOND);
        assert_eq!(slices.get(), 4);
        runtime.run_for(2 * CALM_INTERVAL);
        assert_eq!(slices.get(), 6);
    }

    #[test]
    fn should_come_as_early_as_anybody_asked_and_once_for_all_who_did() {
        let (runtime, rounds, slices) = rounds(&[Ok(None)]);
        rounds.ask(60 * SECOND);
        rounds.ask(5 * SECOND);
        rounds.ask(5 * SECOND);
        rounds.ask(50 * SECOND);
        runtime.run_for(4 * SECOND);
        assert_eq!(slices.get(), 0);
        runtime.run_for(SECOND);
        assert_eq!(slices.get(), 1);
        runtime.run_for(100 * SECOND);
        assert_eq!(slices.get(), 1);
    }

    #[test]
    fn should_come_back_by_itself_after_a_slice_that_trapped() {
        let (runtime, rounds, slices) = rounds(&[Err(()), Err(()), Ok(None)]);
        rounds.begin();
        runtime.run_for(Duration::ZERO);
        assert_eq!(slices.get(), 1);
        runtime.run_for(CALM_INTERVAL);
        assert_eq!(slices.get(), 2, "it traps again");
        runtime.run_for(CALM_INTERVAL);
        assert_eq!(slices.get(), 3);
        runtime.run_for(CALM_INTERVAL);
        assert_eq!(slices.get(), 4);
    }

    #[test]
    fn should_come_back_earlier_if_transactions_leave_work() {
        let (runtime, rounds, slices) = rounds(&[Err(()), Ok(None)]);
        rounds.begin();
        runtime.run_for(Duration::ZERO);
        rounds.ask(5 * SECOND);
        runtime.run_for(OVERDUE);
        assert_eq!(slices.get(), 1, "it may still be running");
        runtime.advance(SECOND);
        rounds.ask(5 * SECOND);
        runtime.run_for(5 * SECOND);
        assert_eq!(slices.get(), 2);
    }

    #[test]
    fn should_stay_one_chain_however_late_a_slice_begins() {
        let runtime = TestRuntime::default();
        let slices = Rc::new(Cell::new(0));
        let own: Rc<std::cell::RefCell<Option<Rounds<TestRuntime>>>> = Rc::default();
        let (count, rounds) = (Rc::clone(&slices), Rc::clone(&own));
        *own.borrow_mut() = Some(Rounds::new(runtime.clone(), move || {
            count.set(count.get() + 1);
            // What a transaction asks for while the slice runs.
            rounds.borrow().as_ref().unwrap().ask(5 * SECOND);
            std::future::ready((count.get() < 3).then_some(SECOND))
        }));
        own.borrow().as_ref().unwrap().ask(SECOND);
        runtime.advance(10 * OVERDUE);
        runtime.run_for(Duration::ZERO);
        assert_eq!(slices.get(), 1);
        runtime.run_for(SECOND);
        assert_eq!(slices.get(), 2);
        runtime.run_for(10 * OVERDUE);
        assert_eq!(slices.get(), 3);
        assert_eq!(runtime.next_timer(), None);
    }
}
