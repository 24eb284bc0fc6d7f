//! What waits to be executed by a canister.
//!
//! Messages of one sender are taken in the order in which they came; senders take turns.

use std::collections::{BTreeMap, VecDeque};

use candid::Principal;

use super::call::{Call, Response};
use crate::execution::Nanos;

/// A message that waits.
#[derive(Clone, Debug)]
pub enum Input {
    /// A call from a canister or a user.
    Call(Call),
    /// An answer to a call that this canister made.
    Response(Response),
}

/// A canister's input queues.
#[derive(Clone, Debug, Default)]
pub struct Queues {
    by_sender: BTreeMap<Principal, VecDeque<Input>>,
    turns: VecDeque<Principal>,
    ingress: VecDeque<Call>,
    ingress_next: bool,
}

impl Queues {
    /// Appends a user's call.
    pub fn push_ingress(&mut self, call: Call) {
        self.ingress.push_back(call);
    }

    /// Appends what the canister `sender` sent.
    pub fn push(&mut self, sender: Principal, input: Input) {
        let queue = self.by_sender.entry(sender).or_default();
        if queue.is_empty() {
            self.turns.push_back(sender);
        }
        queue.push_back(input);
    }

    /// Takes the next message: users and canisters alternate, canisters take turns.
    pub fn pop(&mut self) -> Option<Input> {
        self.ingress_next = !self.ingress_next;
        if self.ingress_next
            && let Some(call) = self.ingress.pop_front()
        {
            return Some(Input::Call(call));
        }
        if let Some(sender) = self.turns.pop_front() {
            let queue = self.by_sender.get_mut(&sender)?;
            let input = queue.pop_front();
            if queue.is_empty() {
                self.by_sender.remove(&sender);
            } else {
                self.turns.push_back(sender);
            }
            return input;
        }
        self.ingress.pop_front().map(Input::Call)
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.ingress.is_empty() && self.by_sender.is_empty()
    }

    /// Takes out the calls whose deadline has passed.
    pub fn take_expired(&mut self, now: Nanos) -> Vec<Call> {
        let mut expired = Vec::new();
        for queue in self.by_sender.values_mut() {
            if queue.iter().any(|input| is_expired(input, now)) {
                for input in std::mem::take(queue) {
                    match input {
                        Input::Call(call) if call.deadline != 0 && call.deadline <= now => expired.push(call),
                        input => queue.push_back(input),
                    }
                }
            }
        }
        self.by_sender.retain(|_, queue| !queue.is_empty());
        let by_sender = &self.by_sender;
        self.turns.retain(|sender| by_sender.contains_key(sender));
        expired
    }

    /// Takes out all that waits (the canister goes away).
    pub fn drain(&mut self) -> Vec<Input> {
        let mut all: Vec<Input> = self.ingress.drain(..).map(Input::Call).collect();
        all.extend(std::mem::take(&mut self.by_sender).into_values().flatten());
        self.turns.clear();
        all
    }

    /// All that waits.
    pub fn iter(&self) -> impl Iterator<Item = &Input> {
        self.by_sender.values().flatten()
    }
}

fn is_expired(input: &Input, now: Nanos) -> bool {
    matches!(input, Input::Call(call) if call.deadline != 0 && call.deadline <= now)
}

#[cfg(test)]
mod tests {
    use super::super::call::Origin;
    use super::*;

    fn call(caller: u8, method: &str, deadline: Nanos) -> Call {
        Call {
            origin: Origin::Canister {
                caller: Principal::from_slice(&[caller]),
                callback: 0,
            },
            callee: Principal::from_slice(&[0]),
            method: method.to_owned(),
            arg: Vec::new(),
            cycles: 0,
            deadline,
            caller_version: None,
        }
    }

    fn names(queues: &mut Queues) -> Vec<String> {
        std::iter::from_fn(|| queues.pop())
            .map(|input| match input {
                Input::Call(call) => call.method,
                Input::Response(_) => "response".to_owned(),
            })
            .collect()
    }

    #[test]
    fn should_keep_the_order_of_each_sender_and_let_senders_take_turns() {
        let mut queues = Queues::default();
        for (sender, method) in [(1, "a1"), (1, "a2"), (1, "a3"), (2, "b1"), (2, "b2")] {
            queues.push(Principal::from_slice(&[sender]), Input::Call(call(sender, method, 0)));
        }
        queues.push_ingress(call(9, "u1", 0));
        queues.push_ingress(call(9, "u2", 0));
        assert_eq!(names(&mut queues), ["u1", "a1", "u2", "b1", "a2", "b2", "a3"]);
        assert!(queues.is_empty());
    }

    #[test]
    fn should_take_out_only_calls_that_have_expired() {
        let mut queues = Queues::default();
        let sender = Principal::from_slice(&[1]);
        queues.push(sender, Input::Call(call(1, "late", 10)));
        queues.push(sender, Input::Call(call(1, "unbounded", 0)));
        queues.push(sender, Input::Call(call(1, "later", 11)));
        let expired: Vec<String> = queues.take_expired(10).into_iter().map(|call| call.method).collect();
        assert_eq!(expired, ["late"]);
        assert_eq!(names(&mut queues), ["unbounded", "later"]);
    }
}
