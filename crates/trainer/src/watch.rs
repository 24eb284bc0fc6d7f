//! Following a task: each round's verified report as it is published, and the money at the end.

use std::time::{Duration, Instant};

use candid::Principal;
use ddsx_client::{Aggregator, CallError, NetworkError, ProofFailure};
use ddsx_types::federated_aggregator::{Participant, RoundKey, Stage, TaskId, TaskInfo};

use crate::TrainerError;
use crate::event::{Event, Observer};
use crate::retry::{Backoff, Pace, is_passing};

/// Hands over a task's reports, in order, each once, each verified up to the root key.
pub struct Watcher {
    aggregator: Aggregator,
    task: TaskId,
    next: u32,
    pace: Pace,
    observer: Observer,
}

impl Watcher {
    /// From this round on.
    pub fn new(aggregator: Aggregator, task: TaskId, from_round: u32, pace: Pace, observer: Observer) -> Self {
        Self {
            aggregator,
            task,
            next: from_round.max(1),
            pace,
            observer,
        }
    }

    /// Follows until the task ends; the task then.
    ///
    /// # Errors
    /// If a report is not proved, or the network refuses for good.
    pub async fn run(mut self) -> Result<TaskInfo, TrainerError> {
        let mut backoff = Backoff::new(self.pace);
        loop {
            match self.look().await {
                Ok(info) => {
                    backoff.reset();
                    // That it is over is the subnet's word, not one node's; reports are verified one by one.
                    let over = matches!(info.stage.stage, Stage::Ended(_)) && self.is_over().await;
                    if let (Stage::Ended(reason), true) = (&info.stage.stage, over) {
                        (self.observer)(Event::Ended(reason.clone()));
                        return Ok(info);
                    }
                    tokio::time::sleep(self.pace.poll).await;
                }
                Err(error) if passes(&error) => tokio::time::sleep(backoff.pause()).await,
                Err(error) => return Err(error),
            }
        }
    }

    async fn is_over(&self) -> bool {
        let found = self.aggregator.agreed().task(self.task).await;
        matches!(found, Ok(Some(info)) if matches!(info.stage.stage, Stage::Ended(_)))
    }

    /// Hands over what was published since the last look.
    async fn look(&mut self) -> Result<TaskInfo, TrainerError> {
        let found = self.aggregator.task(self.task).await?;
        let info = found.ok_or(TrainerError::NoTask(self.task))?;
        while self.next <= info.rounds_held {
            let key = RoundKey {
                task: self.task,
                round: self.next,
            };
            let report = self.aggregator.verified_report(key).await?.report;
            self.next += 1;
            (self.observer)(Event::Round(Box::new(report)));
        }
        Ok(info)
    }
}

fn passes(error: &TrainerError) -> bool {
    match error {
        TrainerError::Network(error) | TrainerError::Proof(ProofFailure::Call(CallError::Network(error))) => {
            is_passing(error)
        }
        // The node that was asked for the report lags behind the one that was asked for the task.
        TrainerError::Proof(ProofFailure::NoReport { .. }) => true,
        TrainerError::Proof(error) => error.is_transient(),
        _ => false,
    }
}

/// Waits until stakes are back and rewards are paid, as far as they are more than the ledger's fee (in its smallest unit), but no longer than
/// `patience`; what the clients have then.
///
/// # Errors
/// If the network does not answer.
pub async fn settled(
    aggregator: &Aggregator,
    task: TaskId,
    clients: &[Principal],
    fee: u128,
    patience: Duration,
) -> Result<Vec<Participant>, NetworkError> {
    let began = Instant::now();
    loop {
        let mut found = Vec::with_capacity(clients.len());
        for client in clients {
            found.extend(aggregator.participant(task, *client).await?);
        }
        let open = |one: &Participant| one.in_flight > 0_u8 || one.due > fee || one.stake > 0_u8;
        if !found.iter().any(open) || began.elapsed() > patience {
            return Ok(found);
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}
