//! The state of a test world. It runs no code of the canister or of a callee itself, so that no borrow is held while that runs.

use super::fate::{Answer, Fate};
use crate::call::{CallError, CallOptions, RejectCode, Wait};
use candid::Principal;
use ddsx_types::TimestampNs;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::time::Duration;

pub(super) type Work = Pin<Box<dyn Future<Output = ()>>>;
pub(super) type Behaviour = Rc<RefCell<dyn FnMut(&Message) -> Result<Vec<u8>, CallError>>>;

/// Something that can happen now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// The callee executes the call of this number (or it is lost, if that is its fate).
    Execute(u64),
    /// The caller gets the answer to the call of this number.
    Answer(u64),
    /// The timer of this number fires.
    Fire(u64),
}

/// A message as its callee sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Who calls.
    pub caller: Principal,
    /// Who is called.
    pub callee: Principal,
    /// The method.
    pub method: String,
    /// Candid-encoded arguments.
    pub arguments: Vec<u8>,
    /// The time at the callee.
    pub time: TimestampNs,
}

/// A call that was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    /// Who is called.
    pub callee: Principal,
    /// The method.
    pub method: String,
    /// Candid-encoded arguments.
    pub arguments: Vec<u8>,
    /// How it was made.
    pub options: CallOptions,
}

pub(super) struct Timer {
    pub due: TimestampNs,
    work: Work,
}

pub(super) struct OpenCall {
    message: Message,
    fate: Fate,
    task: Option<u64>,
    /// When the system gives up waiting for the answer, if the call's wait is bounded.
    deadline: Option<TimestampNs>,
    /// The callee's answer, once it executed the call.
    result: Option<Result<Vec<u8>, CallError>>,
    /// The answer on its way into the caller's future.
    delivered: bool,
}

pub(super) struct World {
    pub time: TimestampNs,
    pub caller: Principal,
    pub canister_self: Principal,
    pub version: u64,
    pub cycles: u128,
    pub cycles_reserve: u128,
    pub cycles_available: u128,
    pub controllers: BTreeSet<Principal>,
    pub certified: Option<[u8; 32]>,
    pub certificate: Option<Vec<u8>>,
    pub log: Vec<String>,
    pub canisters: BTreeMap<Principal, Behaviour>,
    /// What becomes of the next calls: of any, or of those to one of these methods.
    pub fates: VecDeque<(Option<&'static [&'static str]>, Fate)>,
    pub sent: Vec<Sent>,
    pub calls: BTreeMap<u64, OpenCall>,
    pub tasks: BTreeMap<u64, Work>,
    pub timers: BTreeMap<u64, Timer>,
    pub running: Option<u64>,
    next: u64,
}

impl World {
    pub fn new(canister_self: Principal, time: TimestampNs) -> Self {
        Self {
            time,
            caller: Principal::anonymous(),
            canister_self,
            version: 1,
            cycles: 10_000_000_000_000,
            cycles_reserve: 0,
            cycles_available: 0,
            controllers: BTreeSet::new(),
            certified: None,
            certificate: None,
            log: Vec::new(),
            canisters: BTreeMap::new(),
            fates: VecDeque::new(),
            sent: Vec::new(),
            calls: BTreeMap::new(),
            tasks: BTreeMap::new(),
            timers: BTreeMap::new(),
            running: None,
            next: 0,
        }
    }

    fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    pub fn advance(&mut self, by: Duration) {
        self.time += u64::try_from(by.as_nanos()).expect("a test's duration fits 64 bits");
    }

    pub fn add_task(&mut self, work: Work) -> u64 {
        let task = self.number();
        self.tasks.insert(task, work);
        task
    }

    /// Takes the work out so that it can be polled without a borrow; what it sends meanwhile belongs to it.
    pub fn take_task(&mut self, task: u64) -> Option<Work> {
        let work = self.tasks.remove(&task)?;
        self.running = Some(task);
        Some(work)
    }

    pub fn set_timer(&mut self, delay: Duration, work: Work) -> u64 {
        let due = self.time + u64::try_from(delay.as_nanos()).expect("a test's duration fits 64 bits");
        let timer = self.number();
        self.timers.insert(timer, Timer { due, work });
        timer
    }

    pub fn fire(&mut self, timer: u64) -> Option<u64> {
        let timer = self.timers.remove(&timer)?;
        Some(self.add_task(timer.work))
    }

    pub fn send(
        &mut self,
        callee: Principal,
        method: &str,
        arguments: Vec<u8>,
        options: CallOptions,
    ) -> Result<u64, CallError> {
        let mut fates = self.fates.iter();
        let decided = fates.position(|(methods, _)| methods.is_none_or(|methods| methods.contains(&method)));
        let fate = decided.and_then(|place| self.fates.remove(place));
        let fate = fate.map_or(Fate::normal(), |(_, fate)| fate);
        if let Some(why) = fate.not_sent {
            return Err(CallError::NotSent(why));
        }
        self.sent.push(Sent {
            callee,
            method: method.to_string(),
            arguments: arguments.clone(),
            options,
        });
        let message = Message {
            caller: self.canister_self,
            callee,
            method: method.to_string(),
            arguments,
            time: self.time,
        };
        let task = self.running;
        let deadline = match options.wait {
            Wait::Unbounded => None,
            Wait::Bounded { timeout_s } => Some(self.time + u64::from(timeout_s) * 1_000_000_000),
        };
        let call = self.number();
        self.calls.insert(
            call,
            OpenCall {
                message,
                fate,
                task,
                deadline,
                result: None,
                delivered: false,
            },
        );
        Ok(call)
    }

    pub fn events(&self) -> Vec<Event> {
        let mut events = Vec::new();
        let mut served = BTreeSet::new();
        for (number, call) in &self.calls {
            let over = call.deadline.is_some_and(|deadline| deadline <= self.time);
            if call.result.is_some() || over {
                if (call.fate.answer != Answer::Never || over) && !call.delivered {
                    events.push(Event::Answer(*number));
                }
            } else if served.insert(call.message.callee) {
                events.push(Event::Execute(*number));
            }
        }
        let due = self.timers.iter().filter(|(_, timer)| timer.due <= self.time);
        events.extend(due.map(|(number, _)| Event::Fire(*number)));
        events
    }

    /// When the next wait for an answer ends that has not ended yet.
    pub fn next_deadline(&self) -> Option<TimestampNs> {
        let waiting = self.calls.values().filter(|call| !call.delivered);
        let deadlines = waiting.filter_map(|call| call.deadline);
        deadlines.filter(|deadline| *deadline > self.time).min()
    }

    /// The callee's behaviour and the message for it; `None` if the call is lost on the way or unknown.
    pub fn begin_execution(&mut self, number: u64) -> Option<(Option<Behaviour>, Message)> {
        let before = self.calls.get(&number)?.fate.before;
        self.advance(before);
        let time = self.time;
        let call = self.calls.get_mut(&number)?;
        call.message.time = time;
        if !call.fate.executed {
            call.result = Some(Ok(Vec::new()));
            let after = call.fate.after;
            self.advance(after);
            return None;
        }
        let message = call.message.clone();
        Some((self.canisters.get(&message.callee).cloned(), message))
    }

    pub fn end_execution(&mut self, number: u64, result: Result<Vec<u8>, CallError>) {
        if let Some(call) = self.calls.get_mut(&number) {
            call.result = Some(result);
            let after = call.fate.after;
            self.advance(after);
        }
    }

    /// Sends the answer on its way. Gives the task that waits for it, and whether that traps on it.
    pub fn answer(&mut self, number: u64) -> Option<(u64, bool)> {
        let call = self.calls.get_mut(&number)?;
        if call.result.is_none() || call.fate.answer == Answer::Never {
            // Only a wait that ended gets here: the call, executed or not, is lost on the way.
            call.fate.answer = Answer::Instead(Err(CallError::Rejected {
                code: RejectCode::SysUnknown,
                message: "the wait for the answer has ended".to_string(),
            }));
        }
        let task = call.task.filter(|task| self.tasks.contains_key(task));
        let traps = call.fate.answer == Answer::Trap;
        match task {
            Some(task) if !traps => {
                if let Answer::Instead(answer) = &call.fate.answer {
                    call.result = Some(answer.clone());
                }
                call.delivered = true;
                Some((task, false))
            }
            _ => {
                self.calls.remove(&number);
                task.map(|task| (task, true))
            }
        }
    }

    pub fn take_answer(&mut self, number: u64) -> Option<Result<Vec<u8>, CallError>> {
        if !self.calls.get(&number)?.delivered {
            return None;
        }
        self.calls.remove(&number)?.result
    }

    /// What was running or set is handed out, to be dropped when nothing is borrowed.
    pub fn upgrade(&mut self) -> (BTreeMap<u64, Work>, BTreeMap<u64, Timer>) {
        self.version += 1;
        for call in self.calls.values_mut() {
            call.task = None;
        }
        (std::mem::take(&mut self.tasks), std::mem::take(&mut self.timers))
    }
}
