//! Answers to a canister's calls: the callback, and its cleanup if it traps.
//!
//! Interface specification: *Inter-canister calls*; *Cleanup callbacks*.

use super::call::{Callback, Response};
use super::canister::Canister;
use super::execute::{Frame, frame, silence};
use super::subnet::Subnet;
use crate::execution::{self, Cycles, Entry, MessageOutput, fees};

impl Subnet {
    /// Runs the callback of an answered call, and its cleanup if it traps.
    pub(super) fn execute_response(&mut self, canister: &mut Canister, response: Response) -> u64 {
        canister.balance += response.refund;
        let Some(callback) = canister.take_callback(response.callback) else {
            return 0;
        };
        let size = match &response.answer {
            Ok(reply) => reply.len(),
            Err(reject) => reject.message.len(),
        };
        let received = self.price(|nodes| fees::call_response(size as u64, nodes));
        let live = canister
            .contexts
            .get(&callback.context)
            .is_some_and(|context| !context.deleted);
        if !live || canister.code.is_none() {
            self.settle(canister, callback.reserve, received);
            self.close_if_done(canister, callback.context);
            return 0;
        }
        // A cleanup must be able to run after a callback that used up all its instructions.
        let limit = self.limits.update;
        let callback_limit = if callback.on_cleanup.is_some() {
            limit - limit / 20
        } else {
            limit
        };
        let (entry, code) = callback_entry(&callback, response);
        let Some(frame) = frame(canister, callback.context, callback_limit) else {
            return 0;
        };
        let mut output = self.run(canister, entry, &frame);
        if let (Err(trap), Some(on_cleanup)) = (&output.result, callback.on_cleanup) {
            let trap = trap.clone();
            let instructions = output.instructions;
            canister.logs.append(std::mem::take(&mut output.logs));
            let cleanup = Frame {
                limit: limit - instructions,
                context_instructions: frame.context_instructions + instructions,
                ..frame
            };
            let entry = Entry::Cleanup {
                callback: on_cleanup,
                code,
                composite: false,
            };
            let cleaned = self.run(canister, entry, &cleanup);
            let message = match &cleaned.result {
                Ok(()) => trap.message,
                Err(second) => format!("{}\n\ncall_on_cleanup also failed:\n\n{}", trap.message, second.message),
            };
            if cleaned.result.is_ok() {
                canister.version += 1;
                canister.global_timer = cleaned.global_timer.unwrap_or(canister.global_timer);
                self.consumed += cleaned.cycles_burned;
            }
            output = MessageOutput {
                result: Err(execution::Trap {
                    code: trap.code,
                    message,
                }),
                instructions: instructions + cleaned.instructions,
                logs: cleaned.logs,
                balance: cleaned.balance,
                ..output
            };
        }
        canister.balance = output.balance;
        let instructions = output.instructions;
        let executed = self.price(|nodes| fees::execution(instructions, nodes));
        self.settle(canister, callback.reserve, received + executed);
        self.finish(canister, callback.context, output);
        instructions
    }

    /// Pays `cost` out of what was set aside for it and gives the rest back.
    fn settle(&mut self, canister: &mut Canister, reserve: Cycles, cost: Cycles) {
        let whole = canister.balance + reserve;
        let paid = cost.min(whole);
        canister.balance = whole - paid;
        self.consumed += paid;
    }

    /// Removes a call context that waits for nothing any more, rejecting its caller if it was never answered.
    fn close_if_done(&mut self, canister: &mut Canister, id: u64) {
        if let Some(context) = canister.contexts.get(&id)
            && context.outstanding == 0
            && let Some(context) = canister.contexts.remove(&id)
            && !context.responded
        {
            let answer = Err(silence(canister.id, &context.origin));
            self.respond(&context.origin, context.available, answer);
        }
    }
}

fn callback_entry(callback: &Callback, response: Response) -> (Entry, u32) {
    let refunded = response.refund;
    match response.answer {
        Ok(reply) => (
            Entry::Reply {
                callback: callback.on_reply,
                reply,
                refunded,
                composite: false,
            },
            0,
        ),
        Err(reject) => {
            let code = reject.reject_code();
            let message = reject.message_for_canister();
            (
                Entry::Reject {
                    callback: callback.on_reject,
                    code,
                    message,
                    refunded,
                    composite: false,
                },
                code,
            )
        }
    }
}
