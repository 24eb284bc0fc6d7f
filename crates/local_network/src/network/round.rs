//! One round of a subnet.
//!
//! Storage is paid for, what has expired is given up, users' messages come in, timers and heartbeats run, and then
//! the management canister and the canisters take turns until nothing on the subnet waits or the round is full.
//! Messages between canisters of one subnet are delivered within the round.

use candid::Principal;
use pocket_ic::ErrorCode;

use super::call::{Message, Origin, Response};
use super::canister::Status;
use super::limits::{ROUND_CANISTER, ROUND_MESSAGE, ROUND_SUBNET};
use super::queues::Input;
use super::reject::Reject;
use super::subnet::Subnet;
use super::types::IngressStatus;
use crate::execution::{Entry, Nanos};
use crate::management;

/// How often storage is paid for.
const CHARGE_EVERY: Nanos = 10_000_000_000;
/// How long a stop request waits.
const STOP_TIMEOUT: Nanos = 300_000_000_000;
/// How long answers are remembered, at least.
const REMEMBER: Nanos = 300_000_000_000;
/// How many answers are remembered.
const REMEMBER_COUNT: usize = 20_000;

impl Subnet {
    /// Executes a round at `time`, with the messages that came from other subnets. What leaves the subnet is in the
    /// outbox afterwards.
    pub fn round(&mut self, time: Nanos, inbound: Vec<Message>) {
        self.time = time;
        self.charge_upkeep();
        self.give_up_expired();
        for message in inbound {
            self.deliver(message);
        }
        self.accept_ingress();
        let mut used = self.run_tasks();
        loop {
            self.route();
            if used >= ROUND_SUBNET || (self.management.is_empty() && self.active.is_empty()) {
                break;
            }
            used = used.saturating_add(self.run_management());
            self.route();
            let before = used;
            for id in self.active.clone() {
                used = used.saturating_add(self.run_canister(id));
                if used >= ROUND_SUBNET {
                    break;
                }
            }
            if used == before && self.management.is_empty() {
                break;
            }
        }
        self.finish_stopping();
        self.route();
        self.forget_answers();
    }

    /// Whether nothing waits for a round.
    pub fn is_idle(&self) -> bool {
        self.received.is_empty() && self.management.is_empty() && self.active.is_empty() && self.outbox.is_empty()
    }

    fn run_canister(&mut self, id: Principal) -> u64 {
        let mut used = 0_u64;
        while used < ROUND_CANISTER {
            let Some(instructions) = self.execute_next(id) else {
                break;
            };
            used = used.saturating_add(instructions).saturating_add(ROUND_MESSAGE);
        }
        used
    }

    fn run_management(&mut self) -> u64 {
        let mut used = 0_u64;
        for _ in 0..self.management.len() {
            let Some(call) = self.management.pop_front() else { break };
            if call.deadline != 0 && call.deadline <= self.time {
                self.drop_expired(&call);
                continue;
            }
            if let Origin::Ingress { id, .. } = &call.origin
                && let Some(record) = self.ingress.get_mut(id)
            {
                record.status = IngressStatus::Processing;
            }
            used = used
                .saturating_add(ROUND_MESSAGE)
                .saturating_add(management::execute(self, &call));
        }
        used
    }

    /// Delivers what stays on the subnet; what leaves it stays in the outbox.
    fn route(&mut self) {
        let mut leaving = Vec::new();
        while !self.outbox.is_empty() {
            for message in std::mem::take(&mut self.outbox) {
                if self.is_local(&message) {
                    self.deliver(message);
                } else {
                    leaving.push(message);
                }
            }
        }
        self.outbox = leaving;
    }

    fn is_local(&self, message: &Message) -> bool {
        match message {
            Message::Call(call) if call.callee == Principal::management_canister() => {
                management::target(&call.method, &call.arg)
                    .is_none_or(|target| super::ids::contains(&self.ranges, target))
            }
            Message::Call(call) if call.callee == self.id => true,
            _ => super::ids::contains(&self.ranges, message.receiver()),
        }
    }

    /// Puts a message that is for this subnet where it waits.
    pub fn deliver(&mut self, message: Message) {
        match message {
            Message::Call(call) if call.callee == Principal::management_canister() || call.callee == self.id => {
                self.management.push_back(call);
            }
            message => self.induct(message),
        }
    }

    fn charge_upkeep(&mut self) {
        let due: Vec<Principal> = self
            .canisters
            .values()
            .filter(|canister| self.time.saturating_sub(canister.charged) >= CHARGE_EVERY)
            .map(|canister| canister.id)
            .collect();
        for id in due {
            let Some(mut canister) = self.canisters.remove(&id) else {
                continue;
            };
            let cost = self.upkeep(&canister, self.time - canister.charged);
            canister.charged = self.time;
            if cost <= canister.balance {
                canister.balance -= cost;
                self.consumed += cost;
                self.canisters.insert(id, canister);
            } else {
                self.consumed += std::mem::take(&mut canister.balance);
                canister.settings.compute_allocation = 0;
                canister.settings.memory_allocation = 0;
                self.canisters.insert(id, canister);
                management::uninstall(self, id);
            }
        }
    }

    /// Calls whose deadline has passed are answered for the callee; calls that wait for execution are dropped.
    fn give_up_expired(&mut self) {
        let ids: Vec<Principal> = self.canisters.keys().copied().collect();
        for id in ids {
            let Some(canister) = self.canisters.get_mut(&id) else {
                continue;
            };
            let expired = canister.inputs.take_expired(self.time);
            let timed_out: Vec<u64> = canister
                .callbacks
                .iter()
                .filter(|(_, callback)| callback.deadline != 0 && callback.deadline <= self.time)
                .map(|(callback, _)| *callback)
                .collect();
            for callback in timed_out {
                // Its deadline is taken away, so that the answer is made up once only.
                if let Some(entry) = canister.callbacks.get_mut(&callback) {
                    entry.deadline = 0;
                    let answer = Err(Reject::verbatim(ErrorCode::DeadlineExpired, "Call has timed out."));
                    let response = Response {
                        caller: id,
                        callback,
                        refund: 0,
                        answer,
                    };
                    canister.inputs.push(entry.callee, Input::Response(response));
                }
            }
            if !canister.inputs.is_empty() {
                self.active.insert(id);
            }
            let requests = match &mut canister.status {
                Status::Stopping(requests) => {
                    let limit = self.time.saturating_sub(STOP_TIMEOUT);
                    let (late, waiting) = std::mem::take(requests).into_iter().partition(|r| r.since <= limit);
                    *requests = waiting;
                    late
                }
                Status::Running | Status::Stopped => Vec::new(),
            };
            for call in expired {
                self.drop_expired(&call);
            }
            for request in requests {
                let reject = Reject::new(ErrorCode::StopCanisterRequestTimeout, "Stop canister request timed out");
                self.respond(&request.origin, request.cycles, Err(reject));
            }
        }
        for call in std::mem::take(&mut self.management) {
            if call.deadline != 0 && call.deadline <= self.time {
                self.drop_expired(&call);
            } else {
                self.management.push_back(call);
            }
        }
    }

    fn run_tasks(&mut self) -> u64 {
        let tasks: Vec<(Principal, bool, bool)> = self
            .canisters
            .values()
            .filter(|canister| matches!(canister.status, Status::Running))
            .filter_map(|canister| {
                let module = &canister.code.as_ref()?.module;
                let timer =
                    canister.global_timer != 0 && canister.global_timer <= self.time && module.has_global_timer();
                (timer || module.has_heartbeat()).then_some((canister.id, timer, module.has_heartbeat()))
            })
            .collect();
        let mut used = 0_u64;
        for (id, timer, heartbeat) in tasks {
            if timer {
                if let Some(canister) = self.canisters.get_mut(&id) {
                    canister.global_timer = 0;
                }
                used = used.saturating_add(self.execute_task(id, Entry::GlobalTimer));
            }
            if heartbeat {
                used = used.saturating_add(self.execute_task(id, Entry::Heartbeat));
            }
        }
        used
    }

    fn finish_stopping(&mut self) {
        let stopped: Vec<Principal> = self
            .canisters
            .values()
            .filter(|canister| matches!(canister.status, Status::Stopping(_)))
            .filter(|canister| {
                canister.contexts.is_empty() && canister.callbacks.is_empty() && canister.inputs.is_empty()
            })
            .map(|canister| canister.id)
            .collect();
        for id in stopped {
            let Some(canister) = self.canisters.get_mut(&id) else {
                continue;
            };
            canister.version += 1;
            if let Status::Stopping(requests) = std::mem::replace(&mut canister.status, Status::Stopped) {
                for request in requests {
                    self.respond(&request.origin, request.cycles, Ok(management::NOTHING.to_vec()));
                }
            }
        }
    }

    fn forget_answers(&mut self) {
        while let Some((time, id)) = self.answered.front().copied() {
            let expiry = self.ingress.get(&id).map_or(0, |record| record.expiry);
            if expiry.max(time + REMEMBER) >= self.time && self.answered.len() <= REMEMBER_COUNT {
                break;
            }
            self.answered.pop_front();
            self.ingress.remove(&id);
        }
    }
}
