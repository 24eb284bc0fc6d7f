//! Rules that combine the updates of a round: one small module each, plain functions over slices.
//!
//! An *update* is a delta, the client's weights minus those it started from; the result of a rule is the *step* that is added to
//! the global model. Every rule here gives the same model for deltas as for whole weights, up to rounding.
//!
//! A rule works on parameter ranges, so that a canister combines a large model in slices: what spans ranges (distances, norms) is
//! measured first, what survives a round (momentum) is a vector of its own that the caller keeps. In order:
//!
//! 1. [`check_parameters`] when a task is made, [`check_count`] when a round closes;
//! 2. [`measure`] says whether norms or distances must be gathered first, range by range;
//! 3. [`rule`] decides how the round is combined;
//! 4. [`combine`] gives the step for one range;
//! 5. [`apply`] moves the model by it for that range, and the [`state_vectors`] that the strategy keeps.
//!
//! Vectors in `tests/vectors/strategies.json` hold what Flower 1.41 gives for the same inputs.

pub mod bulyan;
pub mod check;
pub mod fed_adagrad;
pub mod fed_adam;
pub mod fed_avg;
pub mod fed_avg_m;
pub mod fed_buff;
pub mod fed_median;
pub mod fed_prox;
pub mod fed_yogi;
pub mod krum;
pub mod norm_clipping;
mod round;
pub mod trimmed_mean;

pub use check::{check_count, check_finite, check_parameters};
pub use ddsx_types::federated_aggregator::{Strategy, StrategyError};
pub use round::{Measured, Measurement, Rule, apply, combine, measure, rule, state_vectors};

#[cfg(test)]
mod tests;
