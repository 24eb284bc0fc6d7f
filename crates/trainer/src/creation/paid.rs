//! A task made, paid and funded in one call: what the owner's prepaid balance lacks is approved once and pulled.

use std::time::{Duration, Instant};

use candid::Nat;
use ddsx_client::{CallError, amount};
use ddsx_types::federated_aggregator::{TaskError, TaskId, TaskPayment, TaskTotal, TopUpError};
use serde_bytes::ByteBuf;

use super::note::Paying;
use super::payment::{is_unsettled, unpaid};
use super::{Creation, CreationFailure};
use crate::account::{self, Approval, MoneyError};

/// What is paid of a total that was told.
pub(super) fn paying(total: &TaskTotal) -> Result<Paying, MoneyError> {
    let units = |amount: &Nat| amount::units(amount).ok_or(MoneyError::TooLarge);
    Ok(Paying {
        ledger: total.ledger,
        max: units(&total.missing)?,
        budget: units(&total.budget)?,
    })
}

/// Why nothing was made, and whether that is the end of it: there is nothing then to go on with.
type NotMade = (CreationFailure, bool);

impl Creation {
    /// Makes the task, and pays it if that was agreed to.
    pub(super) async fn make(&self, first: bool) -> Result<TaskId, NotMade> {
        match self.note.paying {
            Some(paying) => self.make_paid(paying, first).await,
            None => match self.aggregator.create_task(&self.prepared.args).await {
                Ok(task) => Ok(task),
                Err(error) => {
                    let over = error.refusal().is_some();
                    Err((error.into(), over))
                }
            },
        }
    }

    async fn make_paid(&self, paying: Paying, first: bool) -> Result<TaskId, NotMade> {
        let payment = TaskPayment {
            ledger: paying.ledger,
            max: paying.max.into(),
            budget: Some(paying.budget.into()).filter(|budget: &Nat| *budget > 0_u8),
            prepay: None,
            request_id: ByteBuf::from(self.note.storage_request.0.to_vec()),
            from_subaccount: None,
        };
        // An earlier run may have paid already: it is asked before anything is approved again.
        let mut approval = if first { self.approve(paying).await? } else { None };
        let began = Instant::now();
        loop {
            let error = match self.aggregator.create_paid_task(&self.prepared.args, &payment).await {
                Ok(task) => return Ok(task),
                Err(error) => error,
            };
            if is_unsettled(&error) && began.elapsed() < self.patience {
                tokio::time::sleep(Duration::from_secs(1)).await;
            } else if lacks_approval(&error) && approval.is_none() && paying.max > 0 {
                approval = self.approve(paying).await?;
            } else {
                let over = error.refusal().is_some() && !is_unsettled(&error) && !is_quarantined(&error);
                let failure = match &approval {
                    Some(approval) => unpaid(error, approval).await,
                    None => error.into(),
                };
                return Err((failure, over));
            }
        }
    }

    async fn approve(&self, paying: Paying) -> Result<Option<Approval>, NotMade> {
        if paying.max == 0 {
            return Ok(None);
        }
        let approved = account::approve(&self.aggregator, paying.ledger, &paying.max.into()).await;
        // Nothing was called: the next run asks anew.
        approved.map(Some).map_err(|error| (error.into(), true))
    }
}

fn lacks_approval(error: &CallError<TaskError>) -> bool {
    matches!(
        error.refusal(),
        Some(TaskError::Payment(TopUpError::InsufficientAllowance { .. }))
    )
}

/// Governance has to find out what became of the payment.
fn is_quarantined(error: &CallError<TaskError>) -> bool {
    matches!(
        error.refusal(),
        Some(TaskError::Payment(TopUpError::Quarantined { .. }))
    )
}
