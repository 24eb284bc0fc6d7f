//! Trimmed mean: of each coordinate, the mean without the extremes (Yin et al. 2018, algorithm 1, option II). Samples do not count.

use crate::kernels::median::sorted_columns;

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

/// Writes the mean of what is left of each coordinate, summed from low to high.
///
/// # Panics
/// If lengths differ, there is no update, or nothing would be left.
pub fn combine(cut: usize, updates: &[&[f32]], out: &mut [f32]) {
    let left = updates
        .len()
        .checked_sub(2 * cut)
        .filter(|left| *left > 0)
        .expect("something is left");
    #[allow(clippy::cast_precision_loss)]
    let count = left as f32;
    sorted_columns(updates, |column, i| {
        out[i] = column[cut..cut + left].iter().map(|value| value / count).sum();
    });
}
