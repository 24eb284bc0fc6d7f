//! A look at a payer's means before an order is stored: whoever cannot pay fills no journal. It
//! proves nothing (an allowance may be gone a moment later); what the transfer is answered counts.

use crate::asset::Asset;
use crate::engine::Host;
use crate::ledger::{WAIT, number};
use candid::{Nat, Principal};
use ddsx_runtime::{CallError, GuardError, Runtime, join};
use ddsx_types::Account;
use icrc_ledger_types::icrc2::allowance::{Allowance, AllowanceArgs};
use std::fmt;

/// The number to give for a payment that is pending before it has one: the ledger is being asked
/// for the payer's means.
pub const NO_INTENT_YET: u64 = u64::MAX;

/// Why a payer is not let order a pull. Nothing was stored and nothing is charged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoMeans {
    /// Too little is approved.
    Allowance {
        /// What is approved.
        allowance: u128,
        /// Amount and fee.
        needed: u128,
    },
    /// The account holds too little.
    Funds {
        /// What it holds.
        balance: u128,
        /// Amount and fee.
        needed: u128,
    },
    /// The ledger is being asked for this caller's means already, perhaps for this very request: it
    /// is pending, not refused.
    UnderWay,
    /// The ledger is being asked for as many callers' means as it may.
    Busy,
    /// The ledger did not say.
    Silent(CallError),
}

impl fmt::Display for NoMeans {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Allowance { allowance, needed } => write!(f, "only {allowance} is approved, {needed} is needed"),
            Self::Funds { balance, needed } => write!(f, "the account holds only {balance}, {needed} is needed"),
            Self::UnderWay => f.write_str("another call of yours is being looked at; try again"),
            Self::Busy => f.write_str("the ledger is busy; try again later"),
            Self::Silent(error) => write!(
                f,
                "the ledger does not answer, nothing was charged; try again later: {error}"
            ),
        }
    }
}

impl std::error::Error for NoMeans {}

/// Asks the ledger whether `from` has approved and holds `amount` and the fee. One look of a caller
/// at a time, and a limited number at one ledger, which has a bounded time to answer.
///
/// # Errors
/// As [`NoMeans`].
pub async fn look<H: Host>(
    host: &H,
    caller: Principal,
    from: Account,
    asset: &Asset,
    amount: u128,
) -> Result<(), NoMeans> {
    let ledger = asset.ledger;
    let guard = host.with_journal(|journal| journal.looks.enter(ledger, caller));
    let _guard = guard.map_err(|error| match error {
        GuardError::Busy => NoMeans::UnderWay,
        GuardError::Full => NoMeans::Busy,
    })?;
    let runtime = host.runtime();
    let arguments = AllowanceArgs {
        account: from,
        spender: runtime.canister_self().into(),
    };
    let (allowance, balance): (Result<Allowance, CallError>, Result<Nat, CallError>) = join(
        runtime.call(ledger, "icrc2_allowance", (arguments,), WAIT),
        runtime.call(ledger, "icrc1_balance_of", (from,), WAIT),
    )
    .await;
    let allowance = number(allowance.map_err(NoMeans::Silent)?.allowance);
    let balance = number(balance.map_err(NoMeans::Silent)?);
    let needed = amount.saturating_add(asset.fee);
    if allowance < needed {
        return Err(NoMeans::Allowance { allowance, needed });
    }
    if balance < needed {
        return Err(NoMeans::Funds { balance, needed });
    }
    Ok(())
}
