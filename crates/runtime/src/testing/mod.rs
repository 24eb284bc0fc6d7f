//! The test double: a world of one canister, its callees, a clock and a log, in which the test chooses what happens.
//!
//! Calls are sent when first polled and then wait for two [`Event`]s: the callee *executes* them, in the order in which they
//! were sent to it, and the caller gets the *answer*. Where the caller waits for a bounded time and it is over, the answer is
//! that nobody knows (`SysUnknown`), and a call that was not executed by then is lost. A [`Fate`] decides what becomes of a call: it may be rejected before or
//! after it was executed, never be answered, or be answered to a continuation that traps, which on the Internet Computer
//! leaves the state as it was at the `await` and drops the future. A test lets everything happen in order with
//! [`TestRuntime::run`], or picks each event itself with [`TestRuntime::events`] and [`TestRuntime::happen`].

mod fate;
#[cfg(test)]
mod tests;
mod world;

pub use fate::{Answer, Fate};
pub use world::{Event, Message, Sent};

use crate::call::{CallError, CallOptions};
use crate::runtime::{Inner, Runtime, TimerId};
use candid::Principal;
use ddsx_types::TimestampNs;
use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use world::World;

/// When a fresh test world begins: 2026-01-01T00:00:00Z.
pub const START_NS: TimestampNs = 1_767_225_600_000_000_000;

/// A world in which one canister runs. Clones are the same world.
#[derive(Clone)]
pub struct TestRuntime(Rc<RefCell<World>>);

impl Default for TestRuntime {
    fn default() -> Self {
        Self::new(Principal::from_slice(&[0, 0, 0, 0, 0, 0, 0, 1, 1, 1]))
    }
}

impl TestRuntime {
    /// A world in which the canister `canister_self` runs, called anonymously, at [`START_NS`].
    pub fn new(canister_self: Principal) -> Self {
        Self(Rc::new(RefCell::new(World::new(canister_self, START_NS))))
    }

    /// Sets the clock.
    pub fn set_time(&self, time: TimestampNs) {
        self.0.borrow_mut().time = time;
    }

    /// Moves the clock on.
    pub fn advance(&self, by: Duration) {
        self.0.borrow_mut().advance(by);
    }

    /// Who calls from now on.
    pub fn set_caller(&self, caller: Principal) {
        self.0.borrow_mut().caller = caller;
    }

    /// Who controls the canister.
    pub fn set_controllers(&self, controllers: impl IntoIterator<Item = Principal>) {
        self.0.borrow_mut().controllers = controllers.into_iter().collect();
    }

    /// The cycles that the canister has.
    pub fn set_cycles(&self, balance: u128) {
        self.0.borrow_mut().cycles = balance;
    }

    /// What of them is set aside for the freezing threshold.
    pub fn set_cycles_reserve(&self, reserve: u128) {
        self.0.borrow_mut().cycles_reserve = reserve;
    }

    /// The cycles that come with the calls from now on.
    pub fn set_cycles_available(&self, cycles: u128) {
        self.0.borrow_mut().cycles_available = cycles;
    }

    /// What `data_certificate` answers.
    pub fn set_data_certificate(&self, certificate: Option<Vec<u8>>) {
        self.0.borrow_mut().certificate = certificate;
    }

    /// The certified data last set.
    pub fn certified_data(&self) -> Option<[u8; 32]> {
        self.0.borrow().certified
    }

    /// All that was logged.
    pub fn logged(&self) -> Vec<String> {
        self.0.borrow().log.clone()
    }

    /// What `callee` does with the messages it gets. A call to a principal without behaviour is rejected as undeliverable.
    pub fn install(&self, callee: Principal, behaviour: impl FnMut(&Message) -> Result<Vec<u8>, CallError> + 'static) {
        self.0
            .borrow_mut()
            .canisters
            .insert(callee, Rc::new(RefCell::new(behaviour)));
    }

    /// Decides what becomes of the next call that has no fate yet. Calls without one end well.
    pub fn next_call(&self, fate: Fate) {
        self.0.borrow_mut().fates.push_back((None, fate));
    }

    /// Decides what becomes of the next call to one of these methods that has no fate yet.
    pub fn next_call_to(&self, methods: &'static [&'static str], fate: Fate) {
        self.0.borrow_mut().fates.push_back((Some(methods), fate));
    }

    /// Forgets the fates decided for calls that were not made yet.
    pub fn forget_fates(&self) {
        self.0.borrow_mut().fates.clear();
    }

    /// Calls sent so far, with what they carried.
    pub fn sent(&self) -> Vec<Sent> {
        self.0.borrow().sent.clone()
    }

    /// Calls that wait to be executed or answered, those that never will be among them.
    pub fn open_calls(&self) -> usize {
        self.0.borrow().calls.len()
    }

    /// When the next timer is due, if one is set.
    pub fn next_timer(&self) -> Option<TimestampNs> {
        self.0.borrow().timers.values().map(|timer| timer.due).min()
    }

    /// Begins `work` and goes on with it until it first waits.
    pub fn spawn(&self, work: impl Future<Output = ()> + 'static) {
        let task = self.0.borrow_mut().add_task(Box::pin(work));
        self.poll(task);
    }

    /// Runs `work`, and whatever else can happen now, until nothing more does. `None` if `work` did not end: it trapped after
    /// an `await`, or still waits.
    pub fn run<T: 'static>(&self, work: impl Future<Output = T> + 'static) -> Option<T> {
        let result = Rc::new(RefCell::new(None));
        let slot = Rc::clone(&result);
        self.spawn(async move {
            let value = work.await;
            *slot.borrow_mut() = Some(value);
        });
        self.run_until_stalled();
        result.take()
    }

    /// Lets everything happen that can happen without the clock moving on.
    pub fn run_until_stalled(&self) {
        while let Some(event) = self.events().first() {
            self.happen(*event);
        }
    }

    /// Moves the clock to the next timer and lets everything happen that then can. False if no timer is set.
    pub fn run_next_timer(&self) -> bool {
        let Some(due) = self.next_timer() else {
            return false;
        };
        if due > self.time() {
            self.set_time(due);
        }
        self.run_until_stalled();
        true
    }

    /// Runs timers, and all they start, and ends bounded waits until the clock has moved on by
    /// `by`.
    pub fn run_for(&self, by: Duration) {
        let until = self.time() + u64::try_from(by.as_nanos()).expect("a test's duration fits 64 bits");
        self.run_until_stalled();
        let next = || {
            let waits = self.0.borrow().next_deadline();
            self.next_timer().into_iter().chain(waits).min()
        };
        while let Some(moment) = next().filter(|moment| *moment <= until) {
            self.set_time(moment.max(self.time()));
            self.run_until_stalled();
        }
        if self.time() < until {
            self.set_time(until);
        }
    }

    /// What can happen now.
    pub fn events(&self) -> Vec<Event> {
        self.0.borrow().events()
    }

    /// Lets one of [`TestRuntime::events`] happen.
    pub fn happen(&self, event: Event) {
        match event {
            Event::Execute(call) => self.execute(call),
            Event::Answer(call) => {
                let owner = self.0.borrow_mut().answer(call);
                match owner {
                    Some((task, true)) => self.abandon(task),
                    Some((task, false)) => self.poll(task),
                    None => {}
                }
            }
            Event::Fire(timer) => {
                let task = self.0.borrow_mut().fire(timer);
                if let Some(task) = task {
                    self.poll(task);
                }
            }
        }
    }

    /// Replaces the canister's code without stopping it: whatever runs and whatever timer is set is forgotten, and answers to
    /// calls under way reach nobody, although the callees go on executing them. The canister's version grows.
    pub fn upgrade(&self) {
        let forgotten = self.0.borrow_mut().upgrade();
        drop(forgotten);
    }

    fn execute(&self, call: u64) {
        let Some((behaviour, message)) = self.0.borrow_mut().begin_execution(call) else {
            return;
        };
        let result = match behaviour {
            Some(behaviour) => (behaviour.borrow_mut())(&message),
            None => Err(CallError::Rejected {
                code: crate::RejectCode::DestinationInvalid,
                message: format!("no canister {}", message.callee),
            }),
        };
        self.0.borrow_mut().end_execution(call, result);
    }

    fn poll(&self, task: u64) {
        let Some(mut work) = self.0.borrow_mut().take_task(task) else {
            return;
        };
        let poll = work.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        self.0.borrow_mut().running = None;
        if poll.is_pending() {
            self.0.borrow_mut().tasks.insert(task, work);
        }
    }

    fn abandon(&self, task: u64) {
        let work = self.0.borrow_mut().tasks.remove(&task);
        drop(work);
    }
}

/// Waits for the answer of one call.
struct Waiting {
    world: Rc<RefCell<World>>,
    call: u64,
}

impl Future for Waiting {
    type Output = Result<Vec<u8>, CallError>;

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Self::Output> {
        self.world
            .borrow_mut()
            .take_answer(self.call)
            .map_or(Poll::Pending, Poll::Ready)
    }
}

impl Runtime for TestRuntime {
    fn time(&self) -> TimestampNs {
        self.0.borrow().time
    }

    fn caller(&self) -> Principal {
        self.0.borrow().caller
    }

    fn canister_self(&self) -> Principal {
        self.0.borrow().canister_self
    }

    fn canister_version(&self) -> u64 {
        self.0.borrow().version
    }

    fn cycles_balance(&self) -> u128 {
        self.0.borrow().cycles
    }

    fn cycles_liquid(&self) -> u128 {
        let world = self.0.borrow();
        world.cycles.saturating_sub(world.cycles_reserve)
    }

    fn cycles_available(&self) -> u128 {
        self.0.borrow().cycles_available
    }

    fn cycles_accept(&self, max: u128) -> u128 {
        let mut world = self.0.borrow_mut();
        let accepted = max.min(world.cycles_available);
        world.cycles_available -= accepted;
        world.cycles += accepted;
        accepted
    }

    fn is_controller(&self, who: &Principal) -> bool {
        self.0.borrow().controllers.contains(who)
    }

    fn certified_data_set(&self, root: &[u8; 32]) {
        self.0.borrow_mut().certified = Some(*root);
    }

    fn data_certificate(&self) -> Option<Vec<u8>> {
        self.0.borrow().certificate.clone()
    }

    fn in_replicated_execution(&self) -> bool {
        self.0.borrow().certificate.is_none()
    }

    fn instruction_counter(&self) -> u64 {
        0
    }

    fn call_context_instruction_counter(&self) -> u64 {
        0
    }

    fn log(&self, line: &str) {
        self.0.borrow_mut().log.push(line.to_string());
    }

    fn set_timer(&self, delay: Duration, work: impl Future<Output = ()> + 'static) -> TimerId {
        TimerId(Inner::Test(self.0.borrow_mut().set_timer(delay, Box::pin(work))))
    }

    fn clear_timer(&self, timer: TimerId) {
        if let Inner::Test(id) = timer.0 {
            let forgotten = self.0.borrow_mut().timers.remove(&id);
            drop(forgotten);
        }
    }

    async fn call_raw(
        &self,
        callee: Principal,
        method: &str,
        arguments: Vec<u8>,
        options: CallOptions,
    ) -> Result<Vec<u8>, CallError> {
        let call = self.0.borrow_mut().send(callee, method, arguments, options)?;
        Waiting {
            world: Rc::clone(&self.0),
            call,
        }
        .await
    }
}
