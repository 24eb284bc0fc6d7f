//! How a call is made and what it can end in.

use std::fmt;

/// How long the caller waits for the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// Until the callee answers. A callee that never does keeps the canister from being stopped and
    /// upgraded, so that this is for calls that carry cycles alone, and for the platform's own
    /// canisters alone.
    Unbounded,
    /// At most so many seconds (the system allows up to 300); after that the outcome is unknown.
    /// For whatever may be asked again, payments among it: their journal asks.
    Bounded {
        /// Seconds, 1 to 300.
        timeout_s: u32,
    },
}

/// How a call is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallOptions {
    /// How long to wait.
    pub wait: Wait,
    /// Cycles sent along; what the callee does not accept comes back.
    pub cycles: u128,
}

impl CallOptions {
    /// Waits for the answer however long it takes; sends no cycles. See [`Wait::Unbounded`] for
    /// whom that is.
    pub const fn unbounded() -> Self {
        Self {
            wait: Wait::Unbounded,
            cycles: 0,
        }
    }

    /// Waits for at most `timeout_s` seconds (1 to 300); sends no cycles.
    pub const fn bounded(timeout_s: u32) -> Self {
        Self {
            wait: Wait::Bounded { timeout_s },
            cycles: 0,
        }
    }

    /// The same with `cycles` sent along.
    #[must_use]
    pub const fn with_cycles(self, cycles: u128) -> Self {
        Self { cycles, ..self }
    }
}

/// The reject codes of the IC interface specification, section *Reject codes*.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RejectCode {
    /// 1: the system cannot deliver the call, and trying again is of little use.
    SysFatal,
    /// 2: the system cannot deliver the call now.
    SysTransient,
    /// 3: there is no such canister.
    DestinationInvalid,
    /// 4: the callee rejected by itself.
    CanisterReject,
    /// 5: the callee trapped, is stopped, has no such method or did not answer.
    CanisterError,
    /// 6: a bounded wait ended; the callee may or may not have executed the call.
    SysUnknown,
    /// A code that the specification did not know when this was written.
    Other(u32),
}

impl From<u32> for RejectCode {
    fn from(code: u32) -> Self {
        match code {
            1 => Self::SysFatal,
            2 => Self::SysTransient,
            3 => Self::DestinationInvalid,
            4 => Self::CanisterReject,
            5 => Self::CanisterError,
            6 => Self::SysUnknown,
            other => Self::Other(other),
        }
    }
}

/// Why a call gave no answer that can be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CallError {
    /// The message never left this canister: too few cycles, or the queue to the callee is full.
    NotSent(String),
    /// The call was rejected.
    Rejected {
        /// By whom and why.
        code: RejectCode,
        /// For people.
        message: String,
    },
    /// The callee answered something else than the type expected. It executed the call.
    UnreadableReply(String),
}

impl CallError {
    /// Whether the error proves that the callee did not execute the call. The system alone gives the codes 1 to 3, and only
    /// to a call that it did not deliver; every other error leaves it open.
    pub fn proves_not_executed(&self) -> bool {
        match self {
            Self::NotSent(_) => true,
            Self::Rejected { code, .. } => {
                matches!(
                    code,
                    RejectCode::SysFatal | RejectCode::SysTransient | RejectCode::DestinationInvalid
                )
            }
            Self::UnreadableReply(_) => false,
        }
    }
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotSent(why) => write!(f, "the call was not sent: {why}"),
            Self::Rejected { code, message } => write!(f, "the call was rejected ({code:?}): {message}"),
            Self::UnreadableReply(why) => write!(f, "the reply cannot be read: {why}"),
        }
    }
}

impl std::error::Error for CallError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn should_take_only_undelivered_calls_as_not_executed() {
        let rejected = |code: u32| CallError::Rejected {
            code: code.into(),
            message: String::new(),
        };
        assert!(CallError::NotSent("queue full".into()).proves_not_executed());
        for (code, proof) in [
            (1, true),
            (2, true),
            (3, true),
            (4, false),
            (5, false),
            (6, false),
            (7, false),
        ] {
            assert_eq!(rejected(code).proves_not_executed(), proof, "reject code {code}");
        }
        assert!(!CallError::UnreadableReply("not candid".into()).proves_not_executed());
    }
}
