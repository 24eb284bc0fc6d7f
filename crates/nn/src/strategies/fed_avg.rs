//! FedAvg: the mean weighted by samples (McMahan et al. 2017, algorithm 1).

use super::StrategyError;
use crate::kernels::accumulate::accumulate;

/// Each client's part of the whole, `n_k / Σn`, rounded once to `f32`.
///
/// # Errors
/// [`StrategyError::NoSamples`] if the sum is zero.
pub fn shares(samples: &[u64]) -> Result<Vec<f32>, StrategyError> {
    let total: u128 = samples.iter().map(|&samples| u128::from(samples)).sum();
    if total == 0 {
        return Err(StrategyError::NoSamples);
    }
    #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation)]
    let share = |&samples: &u64| (samples as f64 / total as f64) as f32;
    Ok(samples.iter().map(share).collect())
}

/// `out = Σ coefficient·update`, in the updates' order; those with coefficient zero are left out.
///
/// # Panics
/// If there are not as many coefficients as updates, or lengths differ.
pub fn weighted_sum(coefficients: &[f32], updates: &[&[f32]], out: &mut [f32]) {
    assert_eq!(coefficients.len(), updates.len(), "a coefficient for each update");
    out.fill(0.0);
    for (coefficient, update) in coefficients.iter().zip(updates) {
        if *coefficient != 0.0 {
            accumulate(out, *coefficient, update);
        }
    }
}
