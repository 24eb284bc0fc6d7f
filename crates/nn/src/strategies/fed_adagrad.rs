//! FedAdagrad: the server's step divided by the root of all squared steps (Reddi et al. 2021, algorithm 2).

/// `second ← second + step²`, `model ← model + eta·step / (√second + tau)`, for one range. `second` starts at zero.
///
/// # Panics
/// If lengths differ.
pub fn apply(eta: f32, tau: f32, model: &mut [f32], step: &[f32], second: &mut [f32]) {
    assert!(
        model.len() == step.len() && step.len() == second.len(),
        "ranges of one length"
    );
    for ((model, step), second) in model.iter_mut().zip(step).zip(second) {
        *second += step * step;
        *model += eta * step / (second.sqrt() + tau);
    }
}
