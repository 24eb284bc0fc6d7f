//! Interface of `federated_aggregator`: the canister that referees federated learning.

mod model;
mod strategy;
mod update;

pub use model::{Layer, ModelSpec, NamedLayer, OutputKind, Pair, SpecError};
pub use strategy::{Strategy, StrategyError};
pub use update::{EncodingError, UpdateEncoding};
