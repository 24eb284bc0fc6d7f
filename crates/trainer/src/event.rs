//! What is told while a task goes on.

use std::sync::Arc;

use candid::Principal;
use ddsx_types::federated_aggregator::{EndReason, RoundReport, UpdateReceipt};

/// Something that happened. `client` is whom it happened to.
#[derive(Clone, Debug)]
pub enum Event {
    /// The client takes part; `already` if it did before.
    Joined {
        /// Who.
        client: Principal,
        /// Whether it took part before.
        already: bool,
    },
    /// Bytes of the model that are here.
    Downloading {
        /// Who.
        client: Principal,
        /// Bytes here.
        received: u64,
        /// Bytes in all.
        bytes: u64,
    },
    /// An epoch of local training is done.
    Training {
        /// Who.
        client: Principal,
        /// The round.
        round: u32,
        /// Epochs done.
        epoch: u32,
        /// Epochs in all.
        epochs: u32,
        /// Mean loss of the epoch.
        loss: f64,
    },
    /// The update was longer than the task allows, and was shortened: beyond the bound the stake would be lost.
    Clipped {
        /// Who.
        client: Principal,
        /// The round.
        round: u32,
        /// Its Euclidean norm.
        norm: f64,
        /// What is allowed.
        bound: f64,
    },
    /// Bytes of the update that the aggregator has.
    Uploading {
        /// Who.
        client: Principal,
        /// The round.
        round: u32,
        /// Bytes there.
        sent: u64,
        /// Bytes in all.
        bytes: u64,
    },
    /// The update is in.
    Accepted {
        /// Who.
        client: Principal,
        /// The round.
        round: u32,
        /// The aggregator's receipt.
        receipt: UpdateReceipt,
    },
    /// The round goes on without this client.
    Missed {
        /// Who.
        client: Principal,
        /// The round.
        round: u32,
        /// Why.
        reason: String,
    },
    /// Something that time may mend; it is tried again after the pause.
    Waiting {
        /// Who.
        client: Principal,
        /// Why.
        reason: String,
        /// For how long, in seconds.
        pause_s: f32,
    },
    /// A round's verified report.
    Round(Box<RoundReport>),
    /// The task is over.
    Ended(EndReason),
}

/// Who listens. Called from several threads.
pub type Observer = Arc<dyn Fn(Event) + Send + Sync>;

/// Nobody.
pub fn silent() -> Observer {
    Arc::new(|_| ())
}
