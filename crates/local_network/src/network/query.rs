//! Nonreplicated queries, composite ones included.
//!
//! Interface specification: *Request: Query call*, *Composite queries*. Nothing of a query is kept. A composite query
//! calls queries on its own subnet; each call works on a copy of the callee that lives as long as the call.

use std::collections::VecDeque;
use std::sync::Arc;

use candid::Principal;
use pocket_ic::ErrorCode;

use super::call::Answer;
use super::canister::{Canister, Code};
use super::limits::{QUERY_DEPTH, QUERY_REPLY};
use super::reject::{self, Reject};
use super::stale::Seen;
use super::subnet::Subnet;
use crate::execution::{
    self, CanisterMemory, Closure, Entry, MessageInput, MessageOutput, OutgoingCall, Response, Trap,
};

/// Gives the certificate of a canister's certified data.
pub type Certificates<'a> = &'a dyn Fn(Principal) -> Option<Arc<Vec<u8>>>;

/// A query and the calls that it makes.
pub struct Query<'a> {
    subnet: &'a Subnet,
    certificates: Certificates<'a>,
    /// Instructions that the whole call graph may still execute.
    budget: u64,
    /// An older state to answer from.
    seen: Option<&'a Seen>,
}

/// A composite query that waits for calls.
struct Composite<'a> {
    canister: &'a Canister,
    code: &'a Code,
    caller: Principal,
    memory: CanisterMemory,
    instructions: u64,
    calls: VecDeque<OutgoingCall>,
    answer: Option<Answer>,
}

impl<'a> Query<'a> {
    /// A query on the subnet's last state.
    pub fn new(subnet: &'a Subnet, certificates: Certificates<'a>) -> Self {
        Self {
            subnet,
            certificates,
            budget: subnet.limits.query,
            seen: None,
        }
    }

    /// The same, answered from an older state where there is one.
    #[must_use]
    pub fn seeing(self, seen: Option<&'a Seen>) -> Self {
        Self { seen, ..self }
    }

    fn memory(&self, canister: &Canister, code: &'a Code) -> &'a CanisterMemory {
        self.seen
            .and_then(|seen| seen.memory(canister.id))
            .unwrap_or(&code.memory)
    }

    /// Answers a query.
    ///
    /// # Errors
    /// The reject.
    pub fn answer(&mut self, caller: Principal, callee: Principal, method: &str, arg: Vec<u8>) -> Answer {
        let reply = self.call(caller, callee, method, arg, 0)?;
        if reply.len() > QUERY_REPLY {
            return Err(Reject::new(
                ErrorCode::CanisterContractViolation,
                format!(
                    "Error from Canister {callee}: Canister violated contract: the reply has {} bytes",
                    reply.len()
                ),
            ));
        }
        Ok(reply)
    }

    fn call(&mut self, caller: Principal, callee: Principal, method: &str, arg: Vec<u8>, depth: usize) -> Answer {
        if depth > QUERY_DEPTH {
            return Err(Reject::new(
                ErrorCode::QueryCallGraphTooDeep,
                format!(
                    "Error from Canister {callee}: Call exceeded the maximum depth of {QUERY_DEPTH} composite queries"
                ),
            ));
        }
        let canister = self.subnet.canister(callee)?;
        if canister.status_number() == 3 {
            return Err(Reject::new(
                ErrorCode::CanisterStopped,
                format!("Canister {callee} is stopped and therefore does not have a CallContextManager"),
            ));
        }
        if canister.balance < self.subnet.freezing_cycles(canister) {
            return Err(Reject::new(
                ErrorCode::CanisterOutOfCycles,
                format!(
                    "Canister {callee} is unable to process query calls because it's frozen. Please top up the \
                     canister with cycles and try again."
                ),
            ));
        }
        let Some(code) = &canister.code else {
            return Err(Reject::new(
                ErrorCode::CanisterWasmModuleNotFound,
                "Requested canister has no wasm module",
            ));
        };
        let method = method.to_owned();
        if code.module.has_query(&method) {
            let entry = Entry::Query { method, arg };
            let output = execution::run_query(
                &code.module,
                self.memory(canister, code),
                &self.input(canister, caller, entry, 0, false),
            );
            self.spend(&output)?;
            match output.result {
                Err(trap) => Err(Reject::trap(callee, &trap)),
                Ok(()) => said(output.response).unwrap_or_else(|| Err(reject::no_reply(callee))),
            }
        } else if code.module.has_composite_query(&method) {
            self.composite(canister, code, caller, Entry::CompositeQuery { method, arg }, depth)
        } else {
            Err(reject::no_method(callee, "query", &method))
        }
    }

    fn composite(
        &mut self,
        canister: &'a Canister,
        code: &'a Code,
        caller: Principal,
        entry: Entry,
        depth: usize,
    ) -> Answer {
        let mut query = Composite {
            canister,
            code,
            caller,
            memory: self.memory(canister, code).fork(),
            instructions: 0,
            calls: VecDeque::new(),
            answer: None,
        };
        let mut failure = self.step(&mut query, entry)?;
        while let Some(call) = query.calls.pop_front() {
            let answer = self.call(canister.id, call.callee, &call.method, call.arg, depth + 1);
            let (entry, code) = match answer {
                Ok(reply) => (
                    Entry::Reply {
                        callback: call.on_reply,
                        reply,
                        refunded: call.cycles,
                        composite: true,
                    },
                    0,
                ),
                Err(reject) => {
                    let code = reject.reject_code();
                    let message = reject.message_for_canister();
                    let callback = call.on_reject;
                    (
                        Entry::Reject {
                            callback,
                            code,
                            message,
                            refunded: call.cycles,
                            composite: true,
                        },
                        code,
                    )
                }
            };
            failure = self.step(&mut query, entry)?;
            if failure.is_some() {
                self.clean_up(&mut query, call.on_cleanup, code)?;
            }
        }
        query.answer.unwrap_or_else(|| {
            Err(failure.map_or_else(
                || reject::no_reply(canister.id),
                |trap| Reject::trap(canister.id, &trap),
            ))
        })
    }

    /// Runs one message of a composite query. Returns its trap; the error ends the whole query.
    fn step(&mut self, query: &mut Composite<'a>, entry: Entry) -> Result<Option<Trap>, Reject> {
        let input = self.input(
            query.canister,
            query.caller,
            entry,
            query.instructions,
            query.answer.is_some(),
        );
        let output = execution::run(&query.code.module, &mut query.memory, &input);
        self.spend(&output)?;
        query.instructions += output.instructions;
        if let Err(trap) = output.result {
            return Ok(Some(trap));
        }
        query.calls.extend(output.calls);
        if let Some(answer) = said(output.response) {
            query.answer = Some(answer);
        }
        Ok(None)
    }

    fn clean_up(&mut self, query: &mut Composite<'a>, closure: Option<Closure>, code: u32) -> Result<(), Reject> {
        if let Some(callback) = closure {
            self.step(
                query,
                Entry::Cleanup {
                    callback,
                    code,
                    composite: true,
                },
            )?;
        }
        Ok(())
    }

    fn spend(&mut self, output: &MessageOutput) -> Result<(), Reject> {
        self.budget = self.budget.saturating_sub(output.instructions);
        let out_of_instructions = output.result.is_err();
        if self.budget == 0 && !out_of_instructions {
            return Err(Reject::new(
                ErrorCode::QueryCallGraphTotalInstructionLimitExceeded,
                "Query call graph exceeded the total instruction limit",
            ));
        }
        Ok(())
    }

    fn input(
        &self,
        canister: &Canister,
        caller: Principal,
        entry: Entry,
        context_instructions: u64,
        already_responded: bool,
    ) -> MessageInput {
        let wants_certificate = canister
            .code
            .as_ref()
            .is_some_and(|code| code.module.wants_certificate());
        MessageInput {
            entry,
            caller,
            env: self.subnet.environment(canister),
            replicated: false,
            balance: canister.balance,
            cycles_available: 0,
            deadline: 0,
            already_responded,
            instruction_limit: self.budget,
            context_instructions,
            data_certificate: wants_certificate.then(|| (self.certificates)(canister.id)).flatten(),
            queue_room: None,
        }
    }
}

/// What a message said, as an answer.
fn said(response: Option<Response>) -> Option<Answer> {
    response.map(|response| match response {
        Response::Reply(bytes) => Ok(bytes),
        Response::Reject(message) => Err(Reject::by_canister(message)),
    })
}
