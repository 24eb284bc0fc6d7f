//! FedBuff: updates gather in a buffer as they come, whatever version they started from, and move the model when it is full
//! (Nguyen et al. 2022, algorithm 1). Samples do not count, as in the paper.

use crate::kernels::accumulate::accumulate;

/// `1/√(1 + staleness)`, where staleness is how many versions the model has moved on since the client took it (section 5.2); 1 where staleness is not to count.
pub fn scale(staleness: u64, scale_by_staleness: bool) -> f32 {
    #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation)]
    if scale_by_staleness {
        (1.0 / (1.0 + staleness as f64).sqrt()) as f32
    } else {
        1.0
    }
}

/// `buffer ← buffer + scale·update`, for one range (line 8). A buffer starts at zero.
///
/// # Panics
/// If lengths differ.
pub fn add(scale: f32, update: &[f32], buffer: &mut [f32]) {
    accumulate(buffer, scale, update);
}

/// `model ← model + learning_rate·buffer/updates` and an empty buffer, for one range (lines 11 and 12; our updates point
/// forward, the paper's back).
///
/// # Panics
/// If lengths differ.
pub fn apply(learning_rate: f32, updates: u32, model: &mut [f32], buffer: &mut [f32]) {
    #[allow(clippy::cast_possible_truncation)]
    let rate = (f64::from(learning_rate) / f64::from(updates.max(1))) as f32;
    accumulate(model, rate, buffer);
    buffer.fill(0.0);
}
