//! What an answer proves. The whole of rule 3's table is one pure function; `docs/payments.md` shows it as a table.
//!
//! Every attempt is *doubtful* from the moment it is begun until an answer to it says that it was not executed. An attempt whose
//! answer is lost stays doubtful for ever. "First attempt" in the rule's words means here: no *other* attempt is doubtful.

use crate::intent::Failure;

/// What came back from one attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// `Ok`, or `Duplicate`, which says the same: the ledger executed it once, in this block.
    Paid {
        /// The block.
        block: u128,
    },
    /// The ledger answered an error: this attempt moved nothing.
    Refused(Failure),
    /// The system says that this attempt did not reach the ledger.
    NotExecuted,
    /// A reject from the ledger, or a reply that cannot be read: this attempt may have been executed.
    Unknown,
}

impl Answer {
    /// Whether it proves that this very attempt moved nothing.
    pub const fn clears_itself(&self) -> bool {
        matches!(self, Self::Refused(_) | Self::NotExecuted)
    }
}

/// What is known after an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is paid.
    Paid {
        /// The block.
        block: u128,
    },
    /// It is not paid, and nothing under way can still pay it.
    Failed(Failure),
    /// Nothing more than before: the same arguments again, while the window lasts.
    Retry,
    /// Nothing, and the same arguments cannot tell any more.
    Quarantine,
}

/// What `answer` proves, if `others` other attempts are doubtful, this one being the `latest` begun or not, at a ledger that
/// deduplicates before it looks at balance and allowance (`dedup_first`) or after.
pub fn verdict(answer: Answer, others: u32, latest: bool, dedup_first: bool) -> Verdict {
    match answer {
        Answer::Paid { block } => Verdict::Paid { block },
        // This attempt moved nothing and no other can have.
        Answer::Refused(failure) if others == 0 => Verdict::Failed(failure),
        // Such a ledger would have said `Duplicate`, had it executed an earlier attempt; it gets them in the order in which they
        // were sent, so that of the latest attempt all others are earlier.
        Answer::Refused(failure @ (Failure::InsufficientFunds { .. } | Failure::InsufficientAllowance { .. }))
            if dedup_first && latest =>
        {
            Verdict::Failed(failure)
        }
        // Its clock does not run back: it will say so for ever.
        Answer::Refused(Failure::TooOld) => Verdict::Quarantine,
        Answer::Refused(_) | Answer::NotExecuted | Answer::Unknown => Verdict::Retry,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn errors() -> Vec<Failure> {
        vec![
            Failure::BadFee { expected_fee: 1 },
            Failure::BadBurn { min_burn_amount: 1 },
            Failure::InsufficientFunds { balance: 1 },
            Failure::InsufficientAllowance { allowance: 1 },
            Failure::TooOld,
            Failure::CreatedInFuture { ledger_time: 1 },
            Failure::TemporarilyUnavailable,
            Failure::Generic {
                code: 1,
                message: "no".into(),
            },
        ]
    }

    #[test]
    fn should_take_ok_and_duplicate_as_paid_always() {
        for (others, latest, dedup_first) in [(0, true, true), (1, true, false), (9, false, false)] {
            let paid = verdict(Answer::Paid { block: 5 }, others, latest, dedup_first);
            assert_eq!(paid, Verdict::Paid { block: 5 });
        }
    }

    #[test]
    fn should_take_every_error_on_a_first_attempt_as_unpaid() {
        for error in errors() {
            for dedup_first in [true, false] {
                let answer = Answer::Refused(error.clone());
                assert_eq!(verdict(answer, 0, true, dedup_first), Verdict::Failed(error.clone()));
            }
        }
    }

    #[test]
    fn should_take_errors_on_a_repeated_attempt_as_the_rule_says() {
        for error in errors() {
            let poor = matches!(
                error,
                Failure::InsufficientFunds { .. } | Failure::InsufficientAllowance { .. }
            );
            let without_proof = if error == Failure::TooOld {
                Verdict::Quarantine
            } else {
                Verdict::Retry
            };
            let at_dedup_first = if poor {
                Verdict::Failed(error.clone())
            } else {
                without_proof.clone()
            };
            let answer = Answer::Refused(error);
            assert_eq!(verdict(answer.clone(), 1, true, true), at_dedup_first, "{answer:?}");
            assert_eq!(verdict(answer.clone(), 1, true, false), without_proof, "{answer:?}");
            assert_eq!(
                verdict(answer.clone(), 1, false, true),
                without_proof,
                "{answer:?}: a later attempt is under way"
            );
        }
    }

    #[test]
    fn should_never_settle_by_a_reject() {
        for answer in [Answer::NotExecuted, Answer::Unknown] {
            for others in [0, 1] {
                assert_eq!(verdict(answer.clone(), others, true, true), Verdict::Retry);
            }
        }
    }
}
