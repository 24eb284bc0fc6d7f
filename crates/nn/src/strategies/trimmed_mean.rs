//! Trimmed mean: of each coordinate, the mean without the extremes (Yin et al. 2018, algorithm 1, option II). Samples do not count.

pub use crate::kernels::columns::trimmed_mean as combine;

/// How many values are cut on each side: `⌊beta·updates⌋`, as Flower computes it in double precision.
pub fn cut(beta: f32, updates: usize) -> usize {
    // 0.2 as `f32` is 0.2000…03; through its shortest decimal it is the number that was meant.
    let beta: f64 = beta.to_string().parse().unwrap_or(0.0);
    #[allow(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss
    )]
    let cut = (beta * updates as f64) as usize;
    cut.min(updates.saturating_sub(1) / 2)
}
