//! FedAdam: Adam on the server (Reddi et al. 2021, algorithm 2), with Flower's correction of the learning rate in early rounds.

/// Constants of FedAdam and FedYogi.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Constants {
    /// Learning rate η.
    pub eta: f32,
    /// Memory of the first moment, in [0, 1).
    pub beta_1: f32,
    /// Memory of the second moment, in [0, 1).
    pub beta_2: f32,
    /// Adaptivity τ, above zero.
    pub tau: f32,
}

/// `first ← β₁·first + (1-β₁)·step`, `second ← β₂·second + (1-β₂)·step²`, `model ← model + η'·first / (√second + τ)`, for one
/// range, with `η' = η·√(1-β₂^(round+1)) / (1-β₁^(round+1))`. Rounds count from 1; both moments start at zero.
///
/// # Panics
/// If lengths differ.
pub fn apply(
    constants: &Constants,
    round: u32,
    model: &mut [f32],
    step: &[f32],
    first: &mut [f32],
    second: &mut [f32],
) {
    assert!(
        model.len() == step.len() && step.len() == first.len() && first.len() == second.len(),
        "ranges of one length"
    );
    let Constants {
        beta_1, beta_2, tau, ..
    } = *constants;
    let rate = corrected(constants, round);
    let moments = first.iter_mut().zip(second);
    for ((model, step), (first, second)) in model.iter_mut().zip(step).zip(moments) {
        *first = beta_1 * *first + (1.0 - beta_1) * step;
        *second = beta_2 * *second + (1.0 - beta_2) * (step * step);
        *model += rate * *first / (second.sqrt() + tau);
    }
}

/// Learning rate of a round.
fn corrected(constants: &Constants, round: u32) -> f32 {
    let exponent = u64::from(round) + 1;
    let left = |beta: f32| 1.0 - power(f64::from(beta), exponent);
    #[allow(clippy::cast_possible_truncation)]
    let rate = (f64::from(constants.eta) * left(constants.beta_2).sqrt() / left(constants.beta_1)) as f32;
    rate
}

/// By squaring: `powi` may be another sequence of multiplications on another platform, and so other bits.
fn power(base: f64, exponent: u64) -> f64 {
    let (mut result, mut base, mut exponent) = (1.0, base, exponent);
    while exponent > 0 {
        if exponent & 1 == 1 {
            result *= base;
        }
        base *= base;
        exponent >>= 1;
    }
    result
}
