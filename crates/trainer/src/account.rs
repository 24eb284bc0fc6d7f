//! Money around a task: what must be approved, and a stake for clients that are simulated.

use candid::{Nat, Principal};
use ddsx_client::{Aggregator, AllowanceChange, CallError, Network, NetworkError, Payment, Short, amount, now_ns};
use icrc_ledger_types::icrc1::transfer::{TransferArg, TransferError};
use icrc_ledger_types::icrc2::approve::ApproveError;

use crate::state::{Funding, StateError, StateFolder};

/// Why money is not where it must be.
#[derive(Debug, thiserror::Error)]
pub enum MoneyError {
    /// The network does not answer.
    #[error(transparent)]
    Network(#[from] NetworkError),
    /// The ledger refuses the approval.
    #[error(transparent)]
    Approve(#[from] CallError<ApproveError>),
    /// The ledger refuses the transfer.
    #[error(transparent)]
    Transfer(#[from] CallError<TransferError>),
    /// The note of the transfer cannot be kept.
    #[error(transparent)]
    State(#[from] StateError),
    /// The account cannot pay; nothing was charged.
    #[error(transparent)]
    Short(#[from] Short),
    /// An amount that no ledger of ours holds.
    #[error("the amount is too large")]
    TooLarge,
}

/// What the aggregator may take from the caller's account.
pub struct Approval {
    payment: Payment,
    raised: bool,
}

impl Approval {
    /// What became of it, in words, if this approval was made for nothing: it is taken back.
    pub async fn take_back(&self) -> Option<String> {
        if self.raised {
            Some(self.payment.take_back().await)
        } else {
            None
        }
    }
}

/// Lets the aggregator take `amount` and the ledger's fee from the caller's account, after a look at whether the account can pay all of
/// it.
///
/// # Errors
/// See [`MoneyError`].
pub async fn approve(aggregator: &Aggregator, ledger: Principal, amount: &Nat) -> Result<Approval, MoneyError> {
    let ledger = aggregator.network().ledger(ledger).agreed();
    let payment = Payment::look(ledger, aggregator.id(), amount).await?;
    payment.check_funds()?;
    let raised = matches!(payment.approve().await?, AllowanceChange::Raised { .. });
    Ok(Approval { payment, raised })
}

/// How long a ledger knows a transfer again; after that its note is worth nothing. An hour less than the standard's day.
const REMEMBERED_NS: u64 = 23 * 3_600 * 1_000_000_000;

/// Sends a simulated client what it needs to pay its stake (stake, approval and transfer), if it has not got it. The transfer is noted before it is
/// sent, and sent again as the same one after a crash.
///
/// # Errors
/// See [`MoneyError`].
pub async fn provide_stake(
    payer: &Network,
    ledger: Principal,
    client: Principal,
    stake: &Nat,
    state: &mut StateFolder,
) -> Result<(), MoneyError> {
    let ledger = payer.ledger(ledger).agreed();
    let info = ledger.info().await?;
    let fee = Nat::from(info.fee);
    let needed = stake.clone() + fee.clone() + fee.clone();
    let (held, own) = tokio::try_join!(
        ledger.balance_of(client.into()),
        ledger.balance_of(payer.principal().into())
    )?;
    if held >= needed {
        return Ok(());
    }
    let now = now_ns();
    let known = state
        .funding()
        .filter(|funding| now.saturating_sub(funding.created_at) < REMEMBERED_NS && needed <= funding.amount);
    let funding = if let Some(funding) = known {
        funding
    } else {
        Short::check(&info, &own, &(needed.clone() + fee.clone()))?;
        Funding {
            amount: amount::units(&needed).ok_or(MoneyError::TooLarge)?,
            created_at: now,
        }
    };
    state.set_funding(Some(funding))?;
    let transfer = TransferArg {
        from_subaccount: None,
        to: client.into(),
        fee: Some(fee),
        created_at_time: Some(funding.created_at),
        memo: None,
        amount: funding.amount.into(),
    };
    match ledger.transfer(transfer).await {
        Ok(_)
        | Err(CallError::Refused {
            error: TransferError::Duplicate { .. },
            ..
        }) => Ok(()),
        Err(error) => Err(error.into()),
    }
}
