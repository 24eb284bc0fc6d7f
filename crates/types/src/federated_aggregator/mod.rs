//! Interface of `federated_aggregator`: the canister that referees federated learning.

mod errors;
mod governance;
mod model;
mod money;
mod rounds;
mod strategy;
mod tasks;
mod update;

pub use errors::{JoinError, TaskError, UploadError};
pub use governance::{
    AggregatorArgs, BanArgs, ComputeFee, Evidence, Limits, Parameters, QuarantinedPayment, SettleQuarantinedArgs,
    StorageFee,
};
pub use model::{Layer, ModelSpec, NamedLayer, OutputKind, Pair, SpecError};
pub use money::{
    AssetAudit, ClaimArgs, ClaimError, Claimed, PrepaidAudit, PrepaidBalance, TopUpArgs, TopUpError, WithdrawArgs,
    WithdrawError,
};
pub use rounds::{
    BeginUpdateArgs, CertifiedModel, CertifiedReport, ClientReport, Evaluated, Finding, LineageStream, ModelChunk,
    ModelChunkArgs, ModelVersion, PredictArgs, Progress, PutUpdateArgs, RoundKey, RoundOutcome, RoundReport,
    RoundState, RoundView, UpdateKind, UpdateReceipt, UploadStatus,
};
pub use strategy::{Strategy, StrategyError};
pub use tasks::{
    ComputeCost, CreateTaskArgs, Earning, EndReason, ExcludeClientArgs, Exclusion, File, FileDigest, FileStatus,
    FundArgs, InitialWeights, JoinArgs, JoinRule, KeepTaskArgs, Page, Participant, ParticipantArgs, ParticipantsArgs,
    PayStorageArgs, Privacy, PrivacySpent, PutFileArgs, Reward, RewardRule, RoundRules, Scoring, Stage, Standing,
    TaskAudit, TaskId, TaskInfo, TaskPayment, TaskQuote, TaskStage, TaskStorage, TaskTotal,
};
pub use update::{EncodingError, UpdateEncoding};

/// Bytes of a piece: files and updates travel in pieces of this size, the last may be shorter. It is a multiple of the units of every
/// [`UpdateEncoding`], so that a piece is decoded and checked by itself: 266,240 numbers as `F32`, 532,480 as `F16`, 1,048,576 as `Int8`.
///
/// A file's or update's **content hash** is the RFC 6962 Merkle tree hash over its pieces in order.
pub const PIECE_BYTES: u64 = 260 * 4_096;
