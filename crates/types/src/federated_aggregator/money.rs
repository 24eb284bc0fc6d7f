//! What is due, and the books of an asset.

use super::TaskId;
pub use crate::stream_registry::{
    Claimed, PrepaidAudit, PrepaidBalance, TopUpArgs, TopUpError, WithdrawArgs, WithdrawError,
};
use candid::{CandidType, Nat, Principal};
use serde::{Deserialize, Serialize};

/// Arguments of `claim`, by the payee. (The timer pays what exceeds the ledger's fee by itself; a claim does not wait for it.)
#[derive(CandidType, Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClaimArgs {
    /// The task.
    pub task: TaskId,
    /// Which of its clients is paid: by the client, or the owner of its account. Absent for the task's owner.
    pub client: Option<Principal>,
}

/// Why nothing was paid now. What is due stays due.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClaimError {
    /// The anonymous principal is owed nothing.
    #[error("the anonymous principal cannot do this")]
    Anonymous,
    /// The canister is paused.
    #[error("the aggregator is paused")]
    Paused,
    /// No such task, no such client of it, or a task without an asset.
    #[error("there is no such task or client")]
    NotFound,
    /// Only the payee may claim.
    #[error("only who is paid may claim")]
    NotPayee,
    /// What is due does not exceed the ledger's fee.
    #[error("{due} is due, which does not exceed the ledger's fee of {ledger_fee}")]
    NothingDue {
        /// What is due.
        due: Nat,
        /// The ledger's fee.
        ledger_fee: Nat,
    },
    /// A payment to this payee is on its way; a timer goes on with it.
    #[error("a payment is under way")]
    Pending,
    /// The payment was not made; the amount is due again.
    #[error("not paid: {0}")]
    PaymentRefused(String),
}

/// The books of one asset over all tasks, by running sums.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct AssetAudit {
    /// Budgets, stakes and storage fees received.
    pub received: Nat,
    /// Paid to clients, owners and the treasury, ledger fees counted.
    pub paid: Nat,
    /// Budgets not assigned.
    pub budget_left: Nat,
    /// Stakes held.
    pub stakes: Nat,
    /// Due to clients and owners.
    pub owed: Nat,
    /// On its way to them.
    pub in_flight: Nat,
    /// Paid for the computing of rounds to come: earned by the treasury round by round, and what is left comes back.
    pub compute_held: Nat,
    /// Due to the treasury.
    pub treasury_due: Nat,
    /// On its way to it.
    pub treasury_in_flight: Nat,
    /// True if `received` equals the sum of the others.
    pub conserved: bool,
    /// What the aggregator's account at the ledger must hold at least: all that is neither paid nor gone.
    pub must_hold: Nat,
    /// Prepaid balances, which are part of it. (Absent from an older aggregator.)
    pub prepaid: Option<PrepaidAudit>,
}
