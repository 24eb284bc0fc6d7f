//! Calls on their way and calls in progress.
//!
//! Interface specification: *Abstract behaviour*, *Call contexts*, *Calls*, *Messages*.

use candid::Principal;

use super::reject::Reject;
use super::types::MessageId;
use crate::execution::{Closure, Cycles, Nanos};

/// Who waits for the answer of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A user, by an ingress message.
    Ingress {
        /// The message.
        id: MessageId,
        /// Its sender.
        sender: Principal,
    },
    /// A canister.
    Canister {
        /// The caller.
        caller: Principal,
        /// The callback, known to the caller.
        callback: u64,
    },
    /// Nobody: a heartbeat or a timer.
    System,
}

impl Origin {
    /// `msg_caller` of the call; a system task is the canister's own doing and seen as called by `aaaaa-aa`.
    pub fn caller(&self) -> Principal {
        match self {
            Self::Ingress { sender, .. } => *sender,
            Self::Canister { caller, .. } => *caller,
            Self::System => Principal::management_canister(),
        }
    }
}

/// What a call is answered with.
pub type Answer = Result<Vec<u8>, Reject>;

/// A call to a canister or to the management canister.
#[derive(Clone, Debug)]
pub struct Call {
    /// Who waits for the answer.
    pub origin: Origin,
    /// The callee.
    pub callee: Principal,
    /// The method.
    pub method: String,
    /// The argument.
    pub arg: Vec<u8>,
    /// Cycles attached.
    pub cycles: Cycles,
    /// When a bounded-wait call times out; 0 for unbounded wait.
    pub deadline: Nanos,
    /// The caller's `canister_version`, for the canister history; users have none.
    pub caller_version: Option<u64>,
}

/// The answer to a canister's call.
#[derive(Clone, Debug)]
pub struct Response {
    /// The canister that made the call.
    pub caller: Principal,
    /// The callback that it is for.
    pub callback: u64,
    /// Cycles that the callee did not take.
    pub refund: Cycles,
    /// The answer.
    pub answer: Answer,
}

/// What travels between canisters.
#[derive(Clone, Debug)]
pub enum Message {
    /// A call.
    Call(Call),
    /// An answer.
    Response(Response),
    /// Cycles of a bounded-wait call that was dropped before it began, on their way back.
    Refund {
        /// Who gets them.
        to: Principal,
        /// How many.
        amount: Cycles,
    },
}

impl Message {
    /// The principal that the message is for.
    pub fn receiver(&self) -> Principal {
        match self {
            Self::Call(call) => call.callee,
            Self::Response(response) => response.caller,
            Self::Refund { to, .. } => *to,
        }
    }

    /// Cycles that travel with the message.
    pub fn cycles(&self) -> Cycles {
        match self {
            Self::Call(call) => call.cycles,
            Self::Response(response) => response.refund,
            Self::Refund { amount, .. } => *amount,
        }
    }
}

/// A call that a canister is answering.
#[derive(Clone, Debug)]
pub struct CallContext {
    /// Who waits for the answer.
    pub origin: Origin,
    /// Cycles attached and not yet accepted.
    pub available: Cycles,
    /// When the caller gives up; 0 for never.
    pub deadline: Nanos,
    /// Whether it has been answered.
    pub responded: bool,
    /// Whether the canister was uninstalled since: callbacks are then not run.
    pub deleted: bool,
    /// Calls made in it and not yet answered.
    pub outstanding: usize,
    /// Instructions executed in it.
    pub instructions: u64,
}

/// What a canister does when a call of its is answered.
#[derive(Clone, Debug)]
pub struct Callback {
    /// The call context in which the call was made.
    pub context: u64,
    /// The callee.
    pub callee: Principal,
    /// Called with the reply.
    pub on_reply: Closure,
    /// Called with the reject.
    pub on_reject: Closure,
    /// Called when either of these traps.
    pub on_cleanup: Option<Closure>,
    /// Cycles attached to the call.
    pub cycles: Cycles,
    /// Cycles set aside for receiving and executing the answer.
    pub reserve: Cycles,
    /// When the call times out; 0 for never.
    pub deadline: Nanos,
}
