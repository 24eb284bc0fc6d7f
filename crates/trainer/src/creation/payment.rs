//! What a task costs its owner, paid once.

use std::time::{Duration, Instant};

use candid::{Nat, Principal};
use ddsx_client::CallError;

use ddsx_types::Hash;
use ddsx_types::federated_aggregator::{FundArgs, PayStorageArgs, TaskError, TaskInfo, TaskTotal, TopUpError};
use serde_bytes::ByteBuf;

use super::{Creation, CreationFailure, Step};
use crate::account::{self, Approval, MoneyError};
use crate::retry::is_passing;
use crate::state::random;

/// What leaves the owner's account, ledger fees not counted.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outlay {
    /// For storage: the ledger and the amount.
    pub storage: Option<(Principal, Nat)>,
    /// For the budget: the ledger and the amount.
    pub budget: Option<(Principal, Nat)>,
    /// What one call pays, from the prepaid balance and for what that lacks from the account; the parts above are paid besides.
    pub total: Option<TaskTotal>,
}

impl Creation {
    /// What a task will cost before it is made: its budget, and for storage at least the room of its model and evaluation set.
    ///
    /// # Errors
    /// [`CreationFailure::CyclesOnly`], or no answer from the network.
    pub async fn foreseen(&mut self) -> Result<Outlay, CreationFailure> {
        let args = &self.prepared.args;
        let ledger = self.aggregator.agreed().parameters().await?.storage_fee.ledger;
        // One node's word, to foresee by: what the task then costs is the subnet's, and asked about again if it is more.
        let quote = self.aggregator.quote_task(args).await?;
        self.total = quote.total.clone().filter(|total| total.total > 0_u8);
        let fee = quote.fee.filter(|fee| *fee > 0_u8);
        let storage = match ledger.zip(fee) {
            Some(payable) => Some(payable),
            None if quote.fee_cycles > 0_u8 => return Err(CreationFailure::CyclesOnly(quote.fee_cycles)),
            None => None,
        };
        let budget = args.reward.as_ref().map(|reward| {
            let needed = reward.per_round.clone() * args.rounds.rounds;
            (reward.ledger, needed)
        });
        let budget = budget.filter(|(_, needed)| *needed > 0_u8);
        Ok(match &self.total {
            None => Outlay {
                storage,
                budget,
                total: None,
            },
            Some(total) => Outlay {
                storage: None,
                budget: budget.filter(|(ledger, _)| *ledger != total.ledger),
                total: Some(total.clone()),
            },
        })
    }

    /// What is still to be paid.
    ///
    /// # Errors
    /// [`CreationFailure::CyclesOnly`], or no answer from the network.
    pub async fn outlay(&self, info: &TaskInfo) -> Result<Outlay, CreationFailure> {
        let mut outlay = Outlay::default();
        if !info.storage_paid {
            let ledger = self.aggregator.agreed().parameters().await?.storage_fee.ledger;
            outlay.storage = match (ledger, &info.storage_fee) {
                (Some(ledger), Some(fee)) => Some((ledger, fee.clone())),
                _ => return Err(CreationFailure::CyclesOnly(info.storage_fee_cycles.clone())),
            };
        }
        if let Some(reward) = &info.args.reward {
            let needed = reward.per_round.clone() * info.args.rounds.rounds;
            if info.budget < needed {
                outlay.budget = Some((reward.ledger, needed - info.budget.clone()));
            }
        }
        Ok(outlay)
    }

    pub(super) async fn pay_storage(
        &mut self,
        info: &TaskInfo,
        tell: &mut impl FnMut(Step),
    ) -> Result<(), CreationFailure> {
        let Some((ledger, fee)) = self.outlay(info).await?.storage else {
            return Ok(());
        };
        let approval = account::approve(&self.aggregator, ledger, &fee).await?;
        let args = PayStorageArgs {
            task: info.id,
            from_subaccount: None,
            request_id: ByteBuf::from(self.note.storage_request.0.to_vec()),
        };
        let began = Instant::now();
        loop {
            match self.aggregator.pay_storage(&args).await {
                Ok(()) => break,
                Err(error) if is_unsettled(&error) && began.elapsed() < self.patience => {
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
                Err(error) => {
                    if is_refused(&error) {
                        self.note.storage_request = Hash(random()?);
                        self.save()?;
                    }
                    return Err(unpaid(error, &approval).await);
                }
            }
        }
        tell(Step::StoragePaid(fee));
        Ok(())
    }

    pub(super) async fn fund(&mut self, info: &TaskInfo, tell: &mut impl FnMut(Step)) -> Result<(), CreationFailure> {
        let Some((ledger, missing)) = self.outlay(info).await?.budget else {
            return Ok(());
        };
        let amount = match self.note.fund_amount {
            Some(amount) => Nat::from(amount),
            None => missing,
        };
        self.note.fund_amount = Some(ddsx_client::amount::units(&amount).ok_or(MoneyError::TooLarge)?);
        self.save()?;
        let approval = account::approve(&self.aggregator, ledger, &amount).await?;
        let args = FundArgs {
            task: info.id,
            amount: amount.clone(),
            from_subaccount: None,
            request_id: ByteBuf::from(self.note.fund_request.0.to_vec()),
        };
        let began = Instant::now();
        loop {
            match self.aggregator.fund(&args).await {
                Ok(_) => break,
                Err(error) if is_unsettled(&error) && began.elapsed() < self.patience => {
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
                Err(error) => {
                    if is_refused(&error) {
                        self.note.fund_request = Hash(random()?);
                        self.note.fund_amount = None;
                        self.save()?;
                    }
                    return Err(unpaid(error, &approval).await);
                }
            }
        }
        tell(Step::Funded(amount));
        Ok(())
    }
}

/// A payment that came to nothing; an approval that was made for it is taken back, unless the payment may still be made.
pub(super) async fn unpaid(error: CallError<TaskError>, approval: &Approval) -> CreationFailure {
    let over =
        error.refusal().is_some() && !is_unsettled(&error) && !matches!(error.refusal(), Some(TaskError::Paused));
    let allowance = if over { approval.take_back().await } else { None };
    match allowance {
        Some(allowance) => CreationFailure::Unpaid { error, allowance },
        None => error.into(),
    }
}

/// The payment may still be made: the same request is to be repeated.
pub(super) fn is_unsettled(error: &CallError<TaskError>) -> bool {
    match error {
        CallError::Refused { error, .. } => matches!(
            error,
            TaskError::Pending { .. } | TaskError::PaymentUnderWay | TaskError::Payment(TopUpError::Pending { .. })
        ),
        CallError::Network(error) => is_passing(error),
    }
}

/// The payment was not made and will not be; another try needs another request.
fn is_refused(error: &CallError<TaskError>) -> bool {
    matches!(
        error.refusal(),
        Some(TaskError::PaymentRefused(_) | TaskError::RequestId(_))
    )
}

#[cfg(test)]
mod tests {
    use ddsx_client::NetworkError;

    use super::*;

    #[test]
    fn should_repeat_a_request_that_may_be_paid_and_renew_one_that_is_not() {
        let refused = |error| CallError::Refused { method: "fund", error };
        let lost = CallError::Network(NetworkError::OutcomeUnknown {
            method: "fund".into(),
            reason: "lost".into(),
        });
        for (error, unsettled, renewed) in [
            (refused(TaskError::Pending { intent: 1 }), true, false),
            (refused(TaskError::PaymentUnderWay), true, false),
            (
                refused(TaskError::Payment(TopUpError::Pending { intent: 1 })),
                true,
                false,
            ),
            (lost, true, false),
            (refused(TaskError::PaymentRefused("funds".into())), false, true),
            (refused(TaskError::RequestId("reused".into())), false, true),
            (refused(TaskError::Paused), false, false),
        ] {
            assert_eq!(
                (is_unsettled(&error), is_refused(&error)),
                (unsettled, renewed),
                "{error}"
            );
        }
    }
}
