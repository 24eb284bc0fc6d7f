//! How the updates of a round become one step of the model, and why a strategy is refused.

use candid::CandidType;
use serde::{Deserialize, Serialize};

/// The rule that combines updates. Every `f32` is a plain number in the unit its paper gives it; names and defaults are Flower's.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq)]
pub enum Strategy {
    /// Mean weighted by samples (`McMahan` et al. 2017).
    FedAvg,
    /// `FedAvg` with momentum on the server (Hsu et al. 2019).
    FedAvgM {
        /// η; Flower: 1.
        server_learning_rate: f32,
        /// β in [0, 1); Flower: 0.
        server_momentum: f32,
    },
    /// Adaptive server optimiser (Reddi et al. 2021).
    FedAdagrad {
        /// η; Flower: 0.1.
        eta: f32,
        /// τ; Flower: 1e-9.
        tau: f32,
    },
    /// As above.
    FedAdam {
        /// η; Flower: 0.1.
        eta: f32,
        /// β₁; Flower: 0.9.
        beta_1: f32,
        /// β₂; Flower: 0.99.
        beta_2: f32,
        /// τ; Flower: 1e-9.
        tau: f32,
    },
    /// As above.
    FedYogi {
        /// η; Flower: 0.01.
        eta: f32,
        /// β₁; Flower: 0.9.
        beta_1: f32,
        /// β₂; Flower: 0.99.
        beta_2: f32,
        /// τ; Flower: 1e-3.
        tau: f32,
    },
    /// `FedAvg` whose clients add μ/2·‖w − w₀‖² to their loss (Li et al. 2020).
    FedProx {
        /// μ, 0 or more.
        proximal_mu: f32,
    },
    /// Median of each coordinate (Yin et al. 2018).
    FedMedian,
    /// Mean of each coordinate without the lowest and highest `⌊β·n⌋` (Yin et al. 2018).
    TrimmedMean {
        /// β in [0, 0.5); Flower: 0.2.
        beta: f32,
    },
    /// The one update nearest to its neighbours (Blanchard et al. 2017).
    Krum {
        /// f: how many clients may be hostile.
        malicious: u32,
    },
    /// Weighted mean of the `keep` updates nearest to their neighbours.
    MultiKrum {
        /// f: how many clients may be hostile.
        malicious: u32,
        /// m: how many updates are averaged.
        keep: u32,
    },
    /// Krum over and over, then a mean of each coordinate around the median (El Mhamdi et al. 2018).
    Bulyan {
        /// f: how many clients may be hostile.
        malicious: u32,
    },
    /// `FedAvg` of steps whose Euclidean norm is cut to a bound (Sun et al. 2019).
    NormClipping {
        /// Bound, above 0.
        bound: f32,
    },
    /// Buffered asynchronous (Nguyen et al. 2022, algorithm 1).
    FedBuff {
        /// K: updates in a full buffer.
        buffer: u32,
        /// η of the server.
        server_learning_rate: f32,
        /// Whether a stale update is divided by √(1 + staleness).
        scale_by_staleness: bool,
    },
}

/// Why a strategy cannot be used, with these parameters or for so many updates.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StrategyError {
    /// A parameter outside its range or not a number.
    #[error("strategy parameter {field} is out of range")]
    BadParameter {
        /// Which.
        field: String,
    },
    /// The rule needs more updates than there are.
    #[error("{found} updates, the strategy needs at least {needed}")]
    TooFewUpdates {
        /// There are.
        found: u32,
        /// Needed.
        needed: u32,
    },
    /// More updates than the implementation takes at once.
    #[error("{found} updates, at most {limit} are combined at once")]
    TooManyUpdates {
        /// There are.
        found: u32,
        /// Taken.
        limit: u32,
    },
    /// An update of another length than the model.
    #[error("update {update} has {found} values, {expected} are expected")]
    WrongLength {
        /// Its place among the updates.
        update: u32,
        /// Found.
        found: u64,
        /// Expected.
        expected: u64,
    },
    /// Infinity or not a number in an update.
    #[error("update {update} is not finite at {index}")]
    NotFinite {
        /// Its place among the updates.
        update: u32,
        /// Where.
        index: u64,
    },
    /// All weights are zero.
    #[error("the updates have no samples")]
    NoSamples,
}
