//! What becomes of a call.

use crate::call::{CallError, RejectCode};
use std::time::Duration;

/// What the caller gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The callee's own reply or reject.
    Own,
    /// This, whatever the callee said.
    Instead(Result<Vec<u8>, CallError>),
    /// Nothing, for ever.
    Never,
    /// An answer whose continuation traps: what it did is rolled back and the future is dropped.
    Trap,
}

/// What becomes of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fate {
    /// Why it does not even leave the canister, if it does not.
    pub not_sent: Option<String>,
    /// Whether the callee executes it.
    pub executed: bool,
    /// What the caller gets.
    pub answer: Answer,
    /// How far the clock moves on before the callee executes it.
    pub before: Duration,
    /// How far the clock moves on between execution and answer.
    pub after: Duration,
}

impl Fate {
    const fn of(executed: bool, answer: Answer) -> Self {
        Self {
            not_sent: None,
            executed,
            answer,
            before: Duration::ZERO,
            after: Duration::ZERO,
        }
    }

    /// Executed and answered.
    pub const fn normal() -> Self {
        Self::of(true, Answer::Own)
    }

    /// Does not leave the canister.
    pub fn not_sent() -> Self {
        Self {
            not_sent: Some("the queue is full".to_string()),
            ..Self::of(false, Answer::Own)
        }
    }

    /// Not executed; rejected with `code`.
    pub fn reject_before(code: RejectCode) -> Self {
        Self::of(false, Answer::Instead(Err(rejected(code))))
    }

    /// Executed, but the reply is lost and a reject with `code` comes in its place.
    pub fn reject_after(code: RejectCode) -> Self {
        Self::of(true, Answer::Instead(Err(rejected(code))))
    }

    /// Never answered; executed or not.
    pub const fn never_answered(executed: bool) -> Self {
        Self::of(executed, Answer::Never)
    }

    /// Executed and answered, but the caller traps after the `await`.
    pub const fn trap_after_await() -> Self {
        Self::of(true, Answer::Trap)
    }

    /// Not executed; answered with these bytes.
    pub const fn answered(reply: Vec<u8>) -> Self {
        Self::of(false, Answer::Instead(Ok(reply)))
    }

    /// Executed, but answered with these bytes.
    pub const fn executed_but_answered(reply: Vec<u8>) -> Self {
        Self::of(true, Answer::Instead(Ok(reply)))
    }

    /// The same, `before` passing before the execution and `after` after it.
    #[must_use]
    pub fn taking(self, before: Duration, after: Duration) -> Self {
        Self { before, after, ..self }
    }
}

fn rejected(code: RejectCode) -> CallError {
    CallError::Rejected {
        code,
        message: "as the test wants it".to_string(),
    }
}
