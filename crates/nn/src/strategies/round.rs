//! One round in terms of the strategies' own functions: what to measure, how to combine, how to move the model.

use serde::{Deserialize, Serialize};

use super::fed_adam::Constants;
use super::krum::Distances;
use super::{
    Strategy, StrategyError, bulyan, check, fed_adagrad, fed_adam, fed_avg, fed_avg_m, fed_median, fed_yogi, krum,
    norm_clipping, trimmed_mean,
};
use crate::kernels::accumulate::accumulate;

/// What must be known about the updates as a whole before any range can be combined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measurement {
    /// Nothing.
    None,
    /// Each update's squared norm: [`crate::kernels::reduce::squared_norm`].
    Norms,
    /// All pairs' distances: [`Distances`].
    Distances,
}

/// What was measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Measured {
    /// Nothing was asked for.
    None,
    /// Squared norms, in the updates' order.
    Norms(Vec<f64>),
    /// Squared distances.
    Distances(Distances),
}

/// How a round's updates become a step; fixed once for the round, so that it survives an upgrade with the rest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Rule {
    /// The sum of the updates times these; zero for one that is left out.
    Weighted(Vec<f32>),
    /// The median of each coordinate.
    Median,
    /// The mean of each coordinate without so many on each side.
    TrimmedMean {
        /// Values cut on each side.
        cut: usize,
    },
    /// Of each coordinate of the selected updates, the mean of those nearest to the median.
    AroundMedian {
        /// Places of the updates that take part, ascending.
        selected: Vec<usize>,
        /// Values kept.
        keep: usize,
    },
}

/// What `strategy` must know first.
pub fn measure(strategy: &Strategy) -> Measurement {
    match strategy {
        Strategy::NormClipping { .. } => Measurement::Norms,
        Strategy::Krum { .. } | Strategy::MultiKrum { .. } | Strategy::Bulyan { .. } => Measurement::Distances,
        _ => Measurement::None,
    }
}

/// Decides how to combine a round of `samples.len()` updates.
///
/// For FedBuff it is the buffer's mean, staleness left out: the asynchronous path is [`super::fed_buff`] itself.
///
/// # Errors
/// If the strategy's parameters are wrong, the updates are too few or too many, or no update has samples where samples count.
///
/// # Panics
/// If `measured` is not what [`measure`] asked for, or not of so many updates.
pub fn rule(strategy: &Strategy, samples: &[u64], measured: &Measured) -> Result<Rule, StrategyError> {
    check::check_parameters(strategy)?;
    let updates = samples.len();
    check::check_count(strategy, u32::try_from(updates).unwrap_or(u32::MAX))?;
    Ok(match (strategy, measured) {
        (Strategy::FedMedian, _) => Rule::Median,
        (Strategy::TrimmedMean { beta }, _) => Rule::TrimmedMean {
            cut: trimmed_mean::cut(*beta, updates),
        },
        (Strategy::FedBuff { .. }, _) => Rule::Weighted(fed_avg::shares(&vec![1; updates])?),
        (Strategy::NormClipping { bound }, Measured::Norms(norms)) => {
            assert_eq!(norms.len(), updates, "a norm for each update");
            let mut coefficients = fed_avg::shares(samples)?;
            for (coefficient, norm) in coefficients.iter_mut().zip(norms) {
                *coefficient *= norm_clipping::factor(*bound, *norm);
            }
            Rule::Weighted(coefficients)
        }
        (Strategy::Krum { malicious }, Measured::Distances(distances)) => {
            let all = everyone(distances, updates);
            let mut coefficients = vec![0.0; updates];
            for best in krum::select(distances, &all, *malicious, 1) {
                coefficients[best] = 1.0;
            }
            Rule::Weighted(coefficients)
        }
        (Strategy::MultiKrum { malicious, keep }, Measured::Distances(distances)) => {
            let all = everyone(distances, updates);
            let chosen = krum::select(distances, &all, *malicious, *keep as usize);
            let kept: Vec<u64> = (0..updates)
                .map(|update| if chosen.contains(&update) { samples[update] } else { 0 })
                .collect();
            Rule::Weighted(fed_avg::shares(&kept)?)
        }
        (Strategy::Bulyan { malicious }, Measured::Distances(distances)) => {
            everyone(distances, updates);
            let selected = bulyan::select(distances, *malicious);
            let keep = selected.len().saturating_sub(2 * *malicious as usize).max(1);
            Rule::AroundMedian { selected, keep }
        }
        (
            Strategy::NormClipping { .. }
            | Strategy::Krum { .. }
            | Strategy::MultiKrum { .. }
            | Strategy::Bulyan { .. },
            _,
        ) => {
            panic!("{strategy:?} needs {:?}", measure(strategy))
        }
        _ => Rule::Weighted(fed_avg::shares(samples)?),
    })
}

fn everyone(distances: &Distances, updates: usize) -> Vec<usize> {
    assert_eq!(distances.updates(), updates, "distances of these updates");
    (0..updates).collect()
}

/// The step for one range: `updates` hold that range of every update, in the order that [`rule`] saw.
///
/// # Errors
/// [`StrategyError::WrongLength`] if a slice is not as long as `out`.
pub fn combine(rule: &Rule, updates: &[&[f32]], out: &mut [f32]) -> Result<(), StrategyError> {
    check::check_lengths(updates, out.len())?;
    match rule {
        Rule::Weighted(coefficients) => fed_avg::weighted_sum(coefficients, updates, out),
        Rule::Median => fed_median::combine(updates, out),
        Rule::TrimmedMean { cut } => trimmed_mean::combine(*cut, updates, out),
        Rule::AroundMedian { selected, keep } => {
            let chosen: Vec<&[f32]> = selected.iter().map(|&update| updates[update]).collect();
            bulyan::combine(*keep, &chosen, out);
        }
    }
    Ok(())
}

/// How many vectors as long as the model the strategy keeps from round to round; all start at zero.
pub fn state_vectors(strategy: &Strategy) -> usize {
    match strategy {
        Strategy::FedAvgM { .. } | Strategy::FedAdagrad { .. } => 1,
        Strategy::FedAdam { .. } | Strategy::FedYogi { .. } => 2,
        _ => 0,
    }
}

/// Moves one range of the model by its step, and the same range of the strategy's state. Rounds count from 1.
///
/// # Panics
/// If `state` does not hold [`state_vectors`] slices, or lengths differ.
pub fn apply(strategy: &Strategy, round: u32, model: &mut [f32], step: &[f32], state: &mut [&mut [f32]]) {
    match (strategy, state) {
        (
            Strategy::FedAvgM {
                server_learning_rate,
                server_momentum,
            },
            [velocity],
        ) => fed_avg_m::apply(*server_learning_rate, *server_momentum, model, step, velocity),
        (Strategy::FedAdagrad { eta, tau }, [second]) => fed_adagrad::apply(*eta, *tau, model, step, second),
        (
            &Strategy::FedAdam {
                eta,
                beta_1,
                beta_2,
                tau,
            },
            [first, second],
        ) => {
            let constants = Constants {
                eta,
                beta_1,
                beta_2,
                tau,
            };
            fed_adam::apply(&constants, round, model, step, first, second);
        }
        (
            &Strategy::FedYogi {
                eta,
                beta_1,
                beta_2,
                tau,
            },
            [first, second],
        ) => {
            let constants = Constants {
                eta,
                beta_1,
                beta_2,
                tau,
            };
            fed_yogi::apply(&constants, model, step, first, second);
        }
        (
            Strategy::FedBuff {
                server_learning_rate, ..
            },
            [],
        ) => accumulate(model, *server_learning_rate, step),
        (_, []) => accumulate(model, 1.0, step),
        (strategy, state) => panic!(
            "{strategy:?} keeps {} vectors, not {}",
            state_vectors(strategy),
            state.len()
        ),
    }
}
