//! FedYogi: as FedAdam, but the second moment moves by the step's size alone (Reddi et al. 2021, algorithm 2).

use super::fed_adam::Constants;

/// `first ← β₁·first + (1-β₁)·step`, `second ← second - (1-β₂)·step²·sign(second - step²)`,
/// `model ← model + η·first / (√second + τ)`, for one range. Both moments start at zero.
///
/// # Panics
/// If lengths differ.
pub fn apply(constants: &Constants, model: &mut [f32], step: &[f32], first: &mut [f32], second: &mut [f32]) {
    assert!(
        model.len() == step.len() && step.len() == first.len() && first.len() == second.len(),
        "ranges of one length"
    );
    let Constants {
        eta,
        beta_1,
        beta_2,
        tau,
    } = *constants;
    let moments = first.iter_mut().zip(second);
    for ((model, step), (first, second)) in model.iter_mut().zip(step).zip(moments) {
        *first = beta_1 * *first + (1.0 - beta_1) * step;
        let square = step * step;
        *second -= (1.0 - beta_2) * square * sign(*second - square);
        *model += eta * *first / (second.sqrt() + tau);
    }
}

/// Zero has the sign zero, unlike `f32::signum`'s.
fn sign(value: f32) -> f32 {
    if value == 0.0 { 0.0 } else { value.signum() }
}
