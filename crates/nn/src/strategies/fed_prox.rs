//! FedProx: the server combines as FedAvg; the client pulls its weights towards the global ones (Li et al. 2020, algorithm 2).

/// Adds the gradient of `μ/2·‖w - w₀‖²` to `gradient`. [`crate::train`] does the same on Burn's tensors.
///
/// # Panics
/// If lengths differ.
pub fn add_proximal_gradient(mu: f32, weights: &[f32], global: &[f32], gradient: &mut [f32]) {
    assert!(
        weights.len() == global.len() && global.len() == gradient.len(),
        "vectors of one length"
    );
    for ((weight, global), gradient) in weights.iter().zip(global).zip(gradient) {
        *gradient += mu * (weight - global);
    }
}
