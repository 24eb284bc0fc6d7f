//! FedAvgM: FedAvg with momentum on the server (Hsu, Qi, Brown 2019).

/// `velocity ← momentum·velocity + step`, `model ← model + learning_rate·velocity`, for one range. The velocity starts at zero.
///
/// # Panics
/// If lengths differ.
pub fn apply(learning_rate: f32, momentum: f32, model: &mut [f32], step: &[f32], velocity: &mut [f32]) {
    assert!(
        model.len() == step.len() && step.len() == velocity.len(),
        "ranges of one length"
    );
    for ((model, step), velocity) in model.iter_mut().zip(step).zip(velocity) {
        *velocity = momentum * *velocity + step;
        *model += learning_rate * *velocity;
    }
}
