//! Each coordinate's values over several updates, sorted: for the rules that need more than a median of a few.

use super::lanes::{F32x4, LANES};
use super::sort;

/// Most updates that are sorted at once.
pub const MAX_UPDATES: usize = 128;

/// Registers of one update that are sorted together: looking a comparison up serves 16 coordinates.
pub(super) const TILE: usize = 4;

/// Coordinates of a tile.
const WIDTH: usize = TILE * LANES;

/// Calls `visit(sorted, i)` for each coordinate `i` with that coordinate's values over all updates, ascending. Values must not be NaN.
///
/// # Panics
/// If there is no update or more than [`MAX_UPDATES`], or if lengths differ.
pub fn sorted_columns(updates: &[&[f32]], mut visit: impl FnMut(&[f32], usize)) {
    check(updates, updates.first().map_or(0, |update| update.len()));
    let mut values = [[0.0_f32; WIDTH]; MAX_UPDATES];
    let mut one = [0.0_f32; MAX_UPDATES];
    columns(updates, |column, first, lanes| {
        for (tile, values) in column.iter().zip(&mut values) {
            for (register, values) in tile.iter().zip(values.chunks_mut(LANES)) {
                spill(*register, values);
            }
        }
        for lane in 0..lanes {
            for (value, to) in values[..column.len()].iter().zip(&mut one) {
                *to = value[lane];
            }
            visit(&one[..column.len()], first + lane);
        }
    });
}

/// Writes, of each coordinate, the mean of what is left when `cut` values are taken away at either end. Values must not be NaN.
///
/// # Panics
/// If there is no update or more than [`MAX_UPDATES`], if a length differs from `out`'s, or if nothing would be left.
pub fn trimmed_mean(cut: usize, updates: &[&[f32]], out: &mut [f32]) {
    check(updates, out.len());
    let left = updates.len().saturating_sub(2 * cut);
    assert!(left > 0, "something is left");
    #[allow(clippy::cast_precision_loss)]
    let share = F32x4::splat(1.0 / left as f32);
    columns(updates, |column, first, lanes| {
        let out = &mut out[first..first + lanes];
        for (register, out) in out.chunks_mut(LANES).enumerate() {
            // Each value's share, then the sum: the sum of finite numbers may not be finite.
            let mut mean = F32x4::splat(0.0);
            for tile in &column[cut..cut + left] {
                mean = mean.add(tile[register].mul(share));
            }
            spill(mean, out);
        }
    });
}

pub(super) fn check(updates: &[&[f32]], len: usize) {
    assert!((1..=MAX_UPDATES).contains(&updates.len()), "1 to {MAX_UPDATES} updates");
    assert!(
        updates.iter().all(|update| update.len() == len),
        "updates have one length"
    );
}

/// The first lanes of a register.
pub(super) fn spill(register: F32x4, to: &mut [f32]) {
    let mut lanes = [0.0; LANES];
    // SAFETY: the array has four lanes.
    unsafe { register.store(lanes.as_mut_ptr()) };
    to.copy_from_slice(&lanes[..to.len()]);
}

/// Sorts tile after tile in memory; `visit(sorted tiles, first coordinate, how many coordinates count)`.
#[inline(always)]
pub(super) fn columns(updates: &[&[f32]], mut visit: impl FnMut(&[[F32x4; TILE]], usize, usize)) {
    let len = updates[0].len();
    let comparisons = sort::merge_exchange(updates.len());
    let mut tiles = [[F32x4::splat(0.0); TILE]; MAX_UPDATES];
    let column = &mut tiles[..updates.len()];
    for first in (0..len).step_by(WIDTH) {
        let lanes = WIDTH.min(len - first);
        for (tile, update) in column.iter_mut().zip(updates) {
            *tile = load(&update[first..first + lanes]);
        }
        for &(low, high) in &comparisons {
            #[allow(clippy::needless_range_loop, reason = "two places of one slice")]
            for register in 0..TILE {
                let (a, b) = (column[low][register], column[high][register]);
                column[low][register] = a.min(b);
                column[high][register] = a.max(b);
            }
        }
        visit(column, first, lanes);
    }
}

/// Up to a tile of numbers; zeros beyond.
fn load(values: &[f32]) -> [F32x4; TILE] {
    let mut padded = [0.0; WIDTH];
    let from = if let Some(whole) = values.first_chunk::<WIDTH>() {
        whole
    } else {
        padded[..values.len()].copy_from_slice(values);
        &padded
    };
    // SAFETY: a tile's numbers lie behind `from`.
    std::array::from_fn(|register| unsafe { F32x4::load(from.as_ptr().add(register * LANES)) })
}
