//! Why a client cannot go on.

use candid::Principal;
use ddsx_client::{CallError, ConnectError, NetworkError, ProofFailure};
use ddsx_nn::encoding::EncodingError;
use ddsx_nn::train::TrainError;
use ddsx_nn::weights::WeightsError;
use ddsx_types::federated_aggregator::{JoinError, SpecError, TaskId, UploadError};

use crate::account::MoneyError;
use crate::data::DataError;
use crate::state::StateError;

/// Why a client cannot go on. What time may mend is not among it: that is waited for.
#[derive(Debug, thiserror::Error)]
pub enum TrainerError {
    /// No such task.
    #[error("there is no task {0}")]
    NoTask(TaskId),
    /// The model's specification is none that is known here.
    #[error("the model of the task: {0}")]
    Model(#[from] SpecError),
    /// The data does not fit.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The aggregator does not let the client in.
    #[error(transparent)]
    Join(CallError<JoinError>),
    /// The aggregator does not let the client in, and the stake had been approved.
    #[error("{error}; {allowance}")]
    NotIn {
        /// Why not.
        error: CallError<JoinError>,
        /// What became of the approval.
        allowance: String,
    },
    /// The stake is more than the client's user agreed to.
    #[error(
        "the task asks for a stake of {stake} in the token's smallest unit, more than was agreed to; nothing was charged"
    )]
    Stake {
        /// What the task asks for.
        stake: String,
    },
    /// The task is not the one that the client was made for.
    #[error("the arguments of task {0} are not those that one node told at first; nothing of it is believed")]
    Altered(TaskId),
    /// The aggregator refuses the update for a reason that is this client's.
    #[error(transparent)]
    Upload(CallError<UploadError>),
    /// The client's stake is lost, or it has left.
    #[error("this client takes part no longer: {0}")]
    Out(String),
    /// Another run of the same identity uploads too. Nothing false was finished.
    #[error(
        "another run uploads as {client} in round {round}: what two runs of one identity upload gets mixed, and could cost the stake. \
         This one stops before its update is finished. Stop the other, or give each an identity of its own, and start again"
    )]
    Elsewhere {
        /// The identity.
        client: Principal,
        /// The round.
        round: u32,
    },
    /// The model could not be downloaded, or is not proved.
    #[error(transparent)]
    Proof(#[from] ProofFailure),
    /// The model's file is proved and is not one of its own specification.
    #[error("the model's weights: {0}")]
    Weights(#[from] WeightsError),
    /// Local training does not work.
    #[error("training: {0}")]
    Train(TrainError),
    /// The update cannot be written in the encoding chosen.
    #[error("encoding the update: {0}; choose another with --upload")]
    Encoding(#[from] EncodingError),
    /// The network refuses, or does not answer and will not.
    #[error(transparent)]
    Network(#[from] NetworkError),
    /// There is no connection.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The stake could not be approved or provided.
    #[error("the stake: {0}")]
    Money(#[from] MoneyError),
    /// The state folder cannot be used.
    #[error(transparent)]
    State(#[from] StateError),
    /// A thread that trained died.
    #[error("the training thread ended: {0}")]
    Thread(String),
}
