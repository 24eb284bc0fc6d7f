//! Bulyan: Krum's choice again and again, then of each coordinate the mean around the median (El Mhamdi et al. 2018).

use super::krum::{self, Distances};
use crate::kernels::columns::sorted_columns;

/// Fewest updates for `malicious` hostile ones: `4f + 3`.
pub fn needed(malicious: u32) -> u32 {
    malicious.saturating_mul(4).saturating_add(3)
}

/// The `θ = n - 2f` updates that Krum picks one after another, each time among those left; ascending.
pub fn select(distances: &Distances, malicious: u32) -> Vec<usize> {
    let mut left: Vec<usize> = (0..distances.updates()).collect();
    let chosen = left.len().saturating_sub(2 * malicious as usize);
    let mut selected = Vec::with_capacity(chosen);
    while selected.len() < chosen {
        let best = krum::select(distances, &left, malicious, 1);
        left.retain(|update| !best.contains(update));
        selected.extend(best);
    }
    selected.sort_unstable();
    selected
}

/// Writes, of each coordinate, the mean of the `keep` values nearest to the median; `keep` is `θ - 2f`, at least one. Of two equally far, the lower stays.
///
/// # Panics
/// If lengths differ, or `keep` is not between 1 and the number of updates.
pub fn combine(keep: usize, updates: &[&[f32]], out: &mut [f32]) {
    assert!((1..=updates.len()).contains(&keep), "some of the updates are kept");
    #[allow(clippy::cast_precision_loss)]
    let count = keep as f32;
    sorted_columns(updates, |column, i| {
        let half = column.len() / 2;
        let median = if column.len() % 2 == 1 {
            column[half]
        } else {
            column[half - 1] * 0.5 + column[half] * 0.5
        };
        // Sorted, so the nearest lie side by side: drop the farther end until as many as wanted are left.
        let mut kept = column;
        while kept.len() > keep {
            let (low, high) = (kept[0], kept[kept.len() - 1]);
            kept = if high - median >= median - low {
                &kept[..kept.len() - 1]
            } else {
                &kept[1..]
            };
        }
        out[i] = kept.iter().map(|value| value / count).sum();
    });
}
