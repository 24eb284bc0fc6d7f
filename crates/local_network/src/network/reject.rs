//! Rejects: why a call failed, told to users and to canisters.
//!
//! Interface specification: *Reject codes*, *Error codes*.

use candid::Principal;
use pocket_ic::{ErrorCode, RejectCode, RejectResponse};

use crate::execution::Trap;

/// Where developers read about an error.
const DOCUMENTATION: &str = "https://internetcomputer.org/docs/current/references/execution-errors#";

/// A failed call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reject {
    /// The error code; its hundreds are the reject code.
    pub code: ErrorCode,
    /// The text for users.
    pub message: String,
    /// Whether the text was chosen by the callee or is told as it is; other texts reach canisters with the error code
    /// before them.
    verbatim: bool,
}

impl Reject {
    /// A reject by the system.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            verbatim: false,
        }
    }

    /// A reject by the system whose text reaches canisters without an error code.
    pub fn verbatim(code: ErrorCode, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            verbatim: true,
        }
    }

    /// A reject by the system with a pointer to the documentation.
    pub fn with_help(code: ErrorCode, message: &str, suggestion: &str, anchor: &str) -> Self {
        Self::new(
            code,
            format!("{message}\n{suggestion} See documentation: {DOCUMENTATION}{anchor}"),
        )
    }

    /// `ic0.msg_reject`.
    pub fn by_canister(message: String) -> Self {
        Self::verbatim(ErrorCode::CanisterRejectedMessage, message)
    }

    /// A canister's trap.
    pub fn trap(canister: Principal, trap: &Trap) -> Self {
        Self::new(trap.code, format!("Error from Canister {canister}: {}", trap.message))
    }

    /// The reject code, 1 to 6.
    pub fn reject_code(&self) -> u32 {
        self.code as u32 / 100
    }

    /// The text as a canister sees it.
    pub fn message_for_canister(&self) -> String {
        if self.verbatim {
            self.message.clone()
        } else {
            format!("{}: {}", self.code, self.message)
        }
    }

    /// As a user sees it; `certified` says whether it stands in the state tree.
    pub fn into_response(self, certified: bool) -> RejectResponse {
        RejectResponse {
            // Every error code begins with a digit from 1 to 6.
            reject_code: RejectCode::try_from(u64::from(self.reject_code())).unwrap_or(RejectCode::SysUnknown),
            reject_message: self.message,
            error_code: self.code,
            certified,
        }
    }
}

/// There is no such canister.
pub fn canister_not_found(canister: Principal) -> Reject {
    Reject::new(ErrorCode::CanisterNotFound, format!("Canister {canister} not found"))
}

/// The canister cannot pay.
pub fn out_of_cycles(canister: Principal, missing: u128) -> Reject {
    Reject::new(
        ErrorCode::CanisterOutOfCycles,
        format!(
            "Canister {canister} is out of cycles: please top up the canister with at least {missing} additional cycles"
        ),
    )
}

/// The canister has no module.
pub fn no_module(canister: Principal) -> Reject {
    Reject::with_help(
        ErrorCode::CanisterWasmModuleNotFound,
        &format!(
            "Error from Canister {canister}: Attempted to execute a message, but the canister contains no Wasm module."
        ),
        "Please install code to the canister before calling it.",
        "wasm-module-not-found",
    )
}

/// The canister does not export the method; `kind` is `update` or `query`.
pub fn no_method(canister: Principal, kind: &str, method: &str) -> Reject {
    Reject::with_help(
        ErrorCode::CanisterMethodNotFound,
        &format!("Error from Canister {canister}: Canister has no {kind} method '{method}'."),
        "Check that the method being called is exported by the target canister.",
        "method-not-found",
    )
}

/// A composite query was called as an update.
pub fn composite_in_replicated_mode() -> Reject {
    Reject::new(
        ErrorCode::CompositeQueryCalledInReplicatedMode,
        "Composite query cannot be called in replicated mode",
    )
}

/// The canister ended without an answer.
pub fn no_reply(canister: Principal) -> Reject {
    Reject::new(
        ErrorCode::CanisterDidNotReply,
        format!("Canister {canister} did not reply to the call"),
    )
}
