//! What a strategy needs: parameters in range, enough updates, finite numbers.

use super::{Strategy, StrategyError, bulyan, krum};
use crate::kernels::columns::MAX_UPDATES;
use crate::kernels::finite::first_not_finite;

/// Checks the parameters of a strategy.
///
/// # Errors
/// [`StrategyError::BadParameter`] names the first outside its range, NaN included.
pub fn check_parameters(strategy: &Strategy) -> Result<(), StrategyError> {
    let positive = |value: f32| value > 0.0 && value.is_finite();
    let fraction = |value: f32| (0.0..1.0).contains(&value);
    let checks: &[(&str, bool)] = match *strategy {
        Strategy::FedAvg | Strategy::FedMedian | Strategy::Krum { .. } | Strategy::Bulyan { .. } => &[],
        Strategy::FedAvgM {
            server_learning_rate,
            server_momentum,
        } => &[
            ("server_learning_rate", positive(server_learning_rate)),
            ("server_momentum", fraction(server_momentum)),
        ],
        Strategy::FedAdagrad { eta, tau } => &[("eta", positive(eta)), ("tau", positive(tau))],
        Strategy::FedAdam {
            eta,
            beta_1,
            beta_2,
            tau,
        }
        | Strategy::FedYogi {
            eta,
            beta_1,
            beta_2,
            tau,
        } => &[
            ("eta", positive(eta)),
            ("beta_1", fraction(beta_1)),
            ("beta_2", fraction(beta_2)),
            ("tau", positive(tau)),
        ],
        Strategy::FedProx { proximal_mu } => &[("proximal_mu", proximal_mu >= 0.0 && proximal_mu.is_finite())],
        Strategy::TrimmedMean { beta } => &[("beta", (0.0..0.5).contains(&beta))],
        Strategy::MultiKrum { keep, .. } => &[("keep", keep > 0)],
        Strategy::NormClipping { bound } => &[("bound", positive(bound))],
        Strategy::FedBuff {
            buffer,
            server_learning_rate,
            ..
        } => &[
            ("buffer", buffer > 0),
            ("server_learning_rate", positive(server_learning_rate)),
        ],
    };
    match checks.iter().find(|(_, good)| !good) {
        Some((field, _)) => Err(StrategyError::BadParameter { field: (*field).into() }),
        None => Ok(()),
    }
}

/// Fewest updates that a strategy can combine.
pub fn needed(strategy: &Strategy) -> u32 {
    match *strategy {
        Strategy::Krum { malicious } => krum::needed(malicious),
        Strategy::MultiKrum { malicious, keep } => krum::needed(malicious).max(keep),
        Strategy::Bulyan { malicious } => bulyan::needed(malicious),
        _ => 1,
    }
}

/// Most updates that a strategy combines at once: robust ones look at all of them together.
pub fn limit(strategy: &Strategy) -> u32 {
    match strategy {
        Strategy::FedMedian
        | Strategy::TrimmedMean { .. }
        | Strategy::Krum { .. }
        | Strategy::MultiKrum { .. }
        | Strategy::Bulyan { .. } => u32::try_from(MAX_UPDATES).unwrap_or(u32::MAX),
        _ => u32::MAX,
    }
}

/// Checks that a round with so many updates can be combined.
///
/// # Errors
/// Too few, or too many.
pub fn check_count(strategy: &Strategy, updates: u32) -> Result<(), StrategyError> {
    let (needed, limit) = (needed(strategy), limit(strategy));
    if updates < needed {
        Err(StrategyError::TooFewUpdates { found: updates, needed })
    } else if updates > limit {
        Err(StrategyError::TooManyUpdates { found: updates, limit })
    } else {
        Ok(())
    }
}

/// Checks that every value of a range is finite; `update` and `offset` (of the range in the flat vector) go into the error.
///
/// # Errors
/// [`StrategyError::NotFinite`].
pub fn check_finite(update: u32, offset: u64, values: &[f32]) -> Result<(), StrategyError> {
    match first_not_finite(values) {
        Some(index) => Err(StrategyError::NotFinite {
            update,
            index: offset + index as u64,
        }),
        None => Ok(()),
    }
}

/// Checks that every slice is `expected` long.
///
/// # Errors
/// [`StrategyError::WrongLength`] for the first that is not.
pub fn check_lengths(updates: &[&[f32]], expected: usize) -> Result<(), StrategyError> {
    match (0_u32..).zip(updates).find(|(_, values)| values.len() != expected) {
        Some((update, values)) => Err(StrategyError::WrongLength {
            update,
            found: values.len() as u64,
            expected: expected as u64,
        }),
        None => Ok(()),
    }
}
