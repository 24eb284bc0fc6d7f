//! Executing one message of a canister and drawing the consequences.
//!
//! Interface specification: *Abstract behaviour*: *Call context creation*, *Message execution*, *Call context
//! starvation*.

use std::sync::Arc;

use candid::Principal;
use pocket_ic::ErrorCode;

use super::call::{Call, Callback, Message, Origin};
use super::canister::{Canister, Code};
use super::limits;
use super::queues::Input;
use super::reject::{self, Reject};
use super::subnet::{Subnet, not_running};
use super::types::IngressStatus;
use crate::execution::{self, Cycles, Entry, MessageInput, MessageOutput, Nanos, OutgoingCall, Response as Said, fees};

/// Seconds that a bounded-wait call waits at most.
const LONGEST_WAIT: u32 = 300;

/// What a message is executed with, beside its entry.
pub(super) struct Frame {
    pub(super) caller: Principal,
    pub(super) cycles_available: Cycles,
    pub(super) deadline: Nanos,
    pub(super) already_responded: bool,
    pub(super) context_instructions: u64,
    pub(super) limit: u64,
}

impl Subnet {
    /// Executes the next message that waits for the canister. Returns the instructions, or `None` if nothing waits.
    pub fn execute_next(&mut self, id: Principal) -> Option<u64> {
        let mut canister = self.canisters.remove(&id)?;
        let instructions = canister.inputs.pop().map(|input| match input {
            Input::Call(call) => self.execute_call(&mut canister, call),
            Input::Response(response) => self.execute_response(&mut canister, response),
        });
        if canister.inputs.is_empty() {
            self.active.remove(&id);
        }
        self.canisters.insert(id, canister);
        instructions
    }

    /// Runs the canister's heartbeat or its global timer. Returns the instructions.
    pub fn execute_task(&mut self, id: Principal, entry: Entry) -> u64 {
        let Some(mut canister) = self.canisters.remove(&id) else {
            return 0;
        };
        let prepaid = self.execution_prepayment();
        // Without cycles there are no tasks.
        let instructions = if self.set_aside(&mut canister, prepaid).is_ok() {
            let context = canister.open_context(Origin::System, 0, 0);
            self.enter(&mut canister, context, entry, self.limits.update, prepaid)
        } else {
            0
        };
        self.canisters.insert(id, canister);
        instructions
    }

    fn execution_prepayment(&self) -> Cycles {
        self.price(|nodes| fees::execution(self.limits.update.min(limits::PREPAID_INSTRUCTIONS), nodes))
    }

    /// Takes from the balance what the execution of a message may cost at most.
    fn set_aside(&self, canister: &mut Canister, prepaid: Cycles) -> Result<(), Reject> {
        let needed = prepaid.saturating_add(self.freezing_cycles(canister));
        if prepaid > 0 && canister.balance < needed {
            return Err(reject::out_of_cycles(canister.id, needed - canister.balance));
        }
        canister.balance -= prepaid;
        Ok(())
    }

    fn execute_call(&mut self, canister: &mut Canister, call: Call) -> u64 {
        if call.deadline != 0 && call.deadline <= self.time {
            self.drop_expired(&call);
            return 0;
        }
        if let Origin::Ingress { id, .. } = &call.origin
            && let Some(record) = self.ingress.get_mut(id)
        {
            record.status = IngressStatus::Processing;
        }
        let prepaid = self.execution_prepayment();
        let admitted =
            method_entry(canister, &call).and_then(|entry| self.set_aside(canister, prepaid).map(|()| entry));
        let entry = match admitted {
            Ok(entry) => entry,
            Err(reject) => {
                self.respond(&call.origin, call.cycles, Err(reject));
                return 0;
            }
        };
        let context = canister.open_context(call.origin, call.cycles, call.deadline);
        self.updates += 1;
        self.enter(canister, context, entry, self.limits.update, prepaid)
    }

    /// A call that expired before it began: its cycles travel back without an answer, since the caller has given up.
    pub(super) fn drop_expired(&mut self, call: &Call) {
        if let Origin::Canister { caller, .. } = call.origin
            && call.cycles > 0
        {
            self.outbox.push(Message::Refund {
                to: caller,
                amount: call.cycles,
            });
        }
    }

    /// Enters the canister for the first message of a call context.
    fn enter(&mut self, canister: &mut Canister, context: u64, entry: Entry, limit: u64, prepaid: Cycles) -> u64 {
        let Some(frame) = frame(canister, context, limit) else {
            return 0;
        };
        let output = self.run(canister, entry, &frame);
        let instructions = output.instructions;
        let cost = self.price(|nodes| fees::execution(instructions, nodes)).min(prepaid);
        canister.balance = output.balance + (prepaid - cost);
        self.consumed += cost;
        self.finish(canister, context, output);
        instructions
    }

    pub(super) fn run(&mut self, canister: &mut Canister, entry: Entry, frame: &Frame) -> MessageOutput {
        let env = self.environment(canister);
        let queue_room = canister.queue_room();
        let input = MessageInput {
            entry,
            caller: frame.caller,
            env,
            replicated: true,
            balance: canister.balance,
            cycles_available: frame.cycles_available,
            deadline: frame.deadline,
            already_responded: frame.already_responded,
            instruction_limit: frame.limit,
            context_instructions: frame.context_instructions,
            data_certificate: None,
            queue_room,
        };
        match &mut canister.code {
            Some(Code { module, memory }) => {
                let module = Arc::clone(module);
                execution::run(&module, memory, &input)
            }
            // Only messages of canisters with code come here, and code does not vanish while one runs.
            None => MessageOutput {
                result: Err(execution::Trap {
                    code: ErrorCode::CanisterWasmModuleNotFound,
                    message: "Attempted to execute a message, but the canister contains no Wasm module.".to_owned(),
                }),
                instructions: 0,
                dirty_heap_pages: 0,
                dirty_stable_pages: 0,
                response: None,
                calls: Vec::new(),
                balance: canister.balance,
                cycles_accepted: 0,
                cycles_burned: 0,
                certified_data: None,
                global_timer: None,
                accepted: false,
                logs: Vec::new(),
            },
        }
    }

    /// Applies what a message did and closes the call context if nothing can answer it any more.
    pub(super) fn finish(&mut self, canister: &mut Canister, id: u64, output: MessageOutput) {
        canister.logs.append(output.logs);
        let failure = output.result.err().map(|trap| Reject::trap(canister.id, &trap));
        if failure.is_none() {
            canister.version += 1;
            if let Some(data) = output.certified_data {
                canister.certified_data = data;
            }
            if let Some(time) = output.global_timer {
                canister.global_timer = time;
            }
            self.consumed += output.cycles_burned;
        }
        for call in output.calls {
            self.send(canister, id, call);
        }
        let Some(context) = canister.contexts.get_mut(&id) else {
            return;
        };
        context.instructions += output.instructions;
        context.available -= output.cycles_accepted.min(context.available);
        let answer = match output.response {
            Some(_) if context.responded => None,
            Some(Said::Reply(bytes)) => Some(Ok(bytes)),
            Some(Said::Reject(message)) => Some(Err(Reject::by_canister(message))),
            None if context.responded || context.outstanding > 0 => None,
            None => Some(Err(failure.unwrap_or_else(|| silence(canister.id, &context.origin)))),
        };
        let mut answered = None;
        if let Some(answer) = answer {
            context.responded = true;
            let refund = std::mem::take(&mut context.available);
            answered = Some((context.origin.clone(), refund, answer));
        }
        if context.responded && context.outstanding == 0 {
            canister.contexts.remove(&id);
        }
        if let Some((origin, refund, answer)) = answered {
            self.respond(&origin, refund, answer);
        }
    }

    /// Sends a call that a message made.
    fn send(&mut self, canister: &mut Canister, context: u64, call: OutgoingCall) {
        let bytes = (call.arg.len() + call.method.len()) as u64;
        let fee = self.price(|nodes| fees::call_request(bytes, nodes)).min(call.prepaid);
        self.consumed += fee;
        let deadline = call.timeout_seconds.map_or(0, |seconds| {
            let now = self.time / 1_000_000_000;
            (now + u64::from(seconds.min(LONGEST_WAIT))) * 1_000_000_000
        });
        let callback = canister.add_callback(Callback {
            context,
            callee: call.callee,
            on_reply: call.on_reply,
            on_reject: call.on_reject,
            on_cleanup: call.on_cleanup,
            cycles: call.cycles,
            reserve: call.prepaid - fee,
            deadline,
        });
        self.outbox.push(Message::Call(Call {
            origin: Origin::Canister {
                caller: canister.id,
                callback,
            },
            callee: call.callee,
            method: call.method,
            arg: call.arg,
            cycles: call.cycles,
            deadline,
            caller_version: Some(canister.version),
        }));
    }
}

/// The function that a call enters.
fn method_entry(canister: &Canister, call: &Call) -> Result<Entry, Reject> {
    if let Some(reject) = not_running(canister) {
        return Err(reject);
    }
    let Some(code) = &canister.code else {
        return Err(reject::no_module(canister.id));
    };
    let (method, arg) = (call.method.clone(), call.arg.clone());
    if code.module.has_update(&method) {
        Ok(Entry::Update { method, arg })
    } else if code.module.has_query(&method) {
        Ok(Entry::Query { method, arg })
    } else if code.module.has_composite_query(&method) {
        Err(reject::composite_in_replicated_mode())
    } else {
        Err(reject::no_method(canister.id, "update", &method))
    }
}

/// What the next message of a call context is executed with.
pub(super) fn frame(canister: &Canister, context: u64, limit: u64) -> Option<Frame> {
    canister.contexts.get(&context).map(|context| Frame {
        caller: context.origin.caller(),
        cycles_available: context.available,
        deadline: context.deadline,
        already_responded: context.responded,
        context_instructions: context.instructions,
        limit,
    })
}

/// The reject for a caller whom nothing will answer.
pub(super) fn silence(canister: Principal, origin: &Origin) -> Reject {
    match origin {
        Origin::Canister { .. } => Reject::verbatim(ErrorCode::CanisterDidNotReply, "No response"),
        Origin::Ingress { .. } | Origin::System => reject::no_reply(canister),
    }
}
