//! Rounds: updates in, a model out, and what each client did for it.

use super::{TaskId, UpdateEncoding};
use crate::{Hash, TimestampNs};
use candid::{CandidType, Nat, Principal};
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

/// What an update's numbers are.
#[derive(CandidType, Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub enum UpdateKind {
    /// The client's weights minus those it began from.
    Delta,
    /// The client's weights. Not with FedBuff.
    Weights,
}

/// A part of a stream that a client says it trained on.
#[derive(CandidType, Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub struct LineageStream {
    /// The registry.
    pub registry: Principal,
    /// The stream.
    pub stream: u64,
    /// The log's size then.
    pub size: u64,
    /// Its root then.
    pub root: Hash,
}

/// A round of a task.
#[derive(CandidType, Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub struct RoundKey {
    /// The task.
    pub task: TaskId,
    /// The round, from 1.
    pub round: u32,
}

/// Argument of `begin_update`. The same call again is answered with how far the upload has come.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct BeginUpdateArgs {
    /// The task.
    pub task: TaskId,
    /// The round that collects.
    pub round: u32,
    /// The version that was trained from. Without FedBuff it must be the one in force.
    pub base_version: u32,
    /// What the numbers are.
    pub kind: UpdateKind,
    /// How they are encoded.
    pub encoding: UpdateEncoding,
    /// How many they are: the model's parameters.
    pub numbers: u64,
    /// Samples trained on; 1 or more.
    pub samples: u64,
    /// Merkle tree hash over the pieces of the encoded bytes.
    pub hash: Hash,
    /// Streams trained on; at most 10.
    pub lineage: Vec<LineageStream>,
}

/// Argument of `put_update`.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct PutUpdateArgs {
    /// The task.
    pub task: TaskId,
    /// The round.
    pub round: u32,
    /// Where the piece begins: the bytes received so far.
    pub offset: u64,
    /// The piece: [`super::PIECE_BYTES`], or what is left.
    pub bytes: ByteBuf,
    /// The hash that this upload declared: a piece of another one is refused as `NotBegun`. Not looked at if absent.
    pub update: Option<Hash>,
}

/// How far an upload has come.
#[derive(CandidType, Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub struct UploadStatus {
    /// Bytes received.
    pub received: u64,
    /// Bytes in all.
    pub bytes: u64,
    /// Whether the update was accepted.
    pub finished: bool,
}

/// Answer of `finish_update`.
#[derive(CandidType, Serialize, Deserialize, Clone, Copy, Debug, PartialEq)]
pub struct UpdateReceipt {
    /// Its place among the round's updates, from 0.
    pub place: u32,
    /// Updates that the round has now.
    pub updates: u32,
    /// Euclidean norm of its delta.
    pub norm: f64,
    /// By how many versions it lags behind (FedBuff).
    pub staleness: u32,
}

/// Quality of a model on the held-out set.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq)]
pub struct Evaluated {
    /// Samples.
    pub samples: u64,
    /// Mean loss: cross-entropy in nats, or mean squared error.
    pub loss: f64,
    /// Part recognised, 0 to 1; absent for regression.
    pub accuracy: Option<f64>,
    /// For each class its samples and how many of them were recognised.
    pub per_class: Vec<(u64, u64)>,
}

/// What became of a round.
#[derive(CandidType, Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub enum RoundOutcome {
    /// The candidate is the model now.
    Accepted,
    /// The candidate was worse than the tolerance allows; the model stays.
    Rejected,
    /// Too few updates, even after an extension.
    Skipped,
}

/// Why an update earned nothing, or was no part of the scoring.
#[derive(CandidType, Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finding {
    /// A near copy of an update of the same round, declared earlier by this client.
    CopyOfClient(Principal),
    /// A near copy of its client's own update of this earlier round, made from another version.
    CopyOfRound(u32),
    /// A near copy of the public step to this version.
    CopyOfStep(u32),
    /// Its norm is next to nothing beside the others'.
    Negligible,
    /// The strategy looks at all updates together, and this one's norm is far beyond the others'.
    Outlier,
    /// The strategy took other updates: nothing is held against it.
    LeftOut,
    /// The round was rejected, and without this update it would have lowered the loss.
    Spoilt,
}

/// What a round's pay was measured by.
#[derive(CandidType, Serialize, Deserialize, Clone, Copy, Debug, PartialEq)]
pub struct Progress {
    /// The lowest loss paid for before it; absent where no loss was a number.
    pub before: Option<f64>,
    /// `ln(before / loss)`, zero where the loss is not lower.
    pub gain: f64,
    /// The part of the round's budget that could be earned, in millionths.
    pub part_ppm: u32,
}

/// One client in a round's report.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq)]
pub struct ClientReport {
    /// Who.
    pub client: Principal,
    /// Samples that it counted for: those declared, at most the task's cap and four times the median of the round.
    pub samples: u64,
    /// Content hash of its encoded update.
    pub update: Hash,
    /// Norm of its delta.
    pub norm: f64,
    /// By how many versions it lagged behind.
    pub staleness: u32,
    /// Its worth, as exact as pay needs it: to a 512th of the greatest. Absent where the round was not scored, or scores are published later.
    pub score: Option<f64>,
    /// Its reward.
    pub reward: Nat,
    /// Streams that it declared.
    pub lineage: Vec<LineageStream>,
    /// What was found about it.
    pub finding: Option<Finding>,
}

/// A round's certified report.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq)]
pub struct RoundReport {
    /// The task.
    pub task: TaskId,
    /// The round.
    pub round: u32,
    /// What became of it.
    pub outcome: RoundOutcome,
    /// The model in force after it.
    pub version: u32,
    /// The one before.
    pub parent: u32,
    /// Content hash of the model in force after it.
    pub model: Hash,
    /// Content hash of the model before.
    pub parent_model: Hash,
    /// Content hash of the candidate, where there was one.
    pub candidate: Option<Hash>,
    /// Its quality.
    pub evaluated: Option<Evaluated>,
    /// The clients, in the order in which their updates were accepted.
    pub clients: Vec<ClientReport>,
    /// The seed of Shapley's orders, where one was drawn; that of privacy's noise stays unknown. Published after the round.
    pub seed: Option<Hash>,
    /// The round's budget.
    pub budget: Nat,
    /// What of it was assigned; the rest stays in the task's budget.
    pub rewarded: Nat,
    /// When the round opened.
    pub opened_at: TimestampNs,
    /// When this was published.
    pub published_at: TimestampNs,
    /// What its pay was measured by; absent where it was not accepted or nothing is paid.
    pub progress: Option<Progress>,
    /// Whether scores and single rewards are still kept back: the report is published again, with them, when the task ends.
    pub scores_later: Option<bool>,
}

/// A report with its proof.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct CertifiedReport {
    /// The report in Candid. Its SHA-256 stands under `reports`/<task, 8 bytes big-endian><round, 4 bytes big-endian>.
    pub report: ByteBuf,
    /// The network's certificate; absent in a replicated call.
    pub certificate: Option<ByteBuf>,
    /// The pruned hash tree (CBOR).
    pub witness: ByteBuf,
}

/// What a round that is not over is at.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub enum RoundState {
    /// Updates come in.
    Collecting {
        /// Until when.
        deadline: TimestampNs,
        /// Whether it was extended already.
        extended: bool,
    },
    /// Norms or distances are measured.
    Measuring,
    /// The step is computed.
    Combining,
    /// The candidate is hashed.
    Hashing,
    /// The candidate is evaluated.
    Evaluating,
    /// Contributions are scored.
    Scoring,
}

/// Answer of `round`.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq)]
pub enum RoundView {
    /// It is going on.
    Open {
        /// Where it is.
        state: RoundState,
        /// Updates accepted.
        updates: u32,
        /// Version to train from.
        version: u32,
        /// Since when.
        opened_at: TimestampNs,
    },
    /// It is over.
    Over(Box<RoundReport>),
}

/// A version of a task's model.
#[derive(CandidType, Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub struct ModelVersion {
    /// The task.
    pub task: TaskId,
    /// Its number; the first is 0.
    pub version: u32,
    /// The round it came from; 0 for the first.
    pub round: u32,
    /// Content hash of the safetensors file.
    pub hash: Hash,
    /// Content hash of its parent's; zeros for the first.
    pub parent: Hash,
    /// Bytes of the file.
    pub bytes: u64,
}

/// Answer of `model_info`.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct CertifiedModel {
    /// The model in force.
    pub model: ModelVersion,
    /// The bytes whose SHA-256 stands under `models`/<task, 8 bytes big-endian>: `model` in Candid.
    pub encoded: ByteBuf,
    /// The network's certificate; absent in a replicated call.
    pub certificate: Option<ByteBuf>,
    /// The pruned hash tree (CBOR).
    pub witness: ByteBuf,
}

/// Argument of `model_chunk`.
#[derive(CandidType, Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub struct ModelChunkArgs {
    /// The task.
    pub task: TaskId,
    /// The version; another than that in force is refused.
    pub version: u32,
    /// Where to begin: a multiple of [`super::PIECE_BYTES`].
    pub offset: u64,
}

/// Answer of `model_chunk` and `evaluation_chunk`.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct ModelChunk {
    /// One piece.
    pub bytes: ByteBuf,
    /// Bytes of the whole file.
    pub total: u64,
}

/// Argument of `predict`.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq)]
pub struct PredictArgs {
    /// The task.
    pub task: TaskId,
    /// Samples one after another.
    pub inputs: Vec<f32>,
}
