//! Order statistics of each coordinate over several updates: median, and sorted columns for the rules that need more.

use super::lanes::{F32x4, LANES};
use super::sort;

/// Most updates that are sorted at once.
pub const MAX_UPDATES: usize = 128;

/// Registers of one update handled between two steps of the pointers.
const UNROLL: usize = 4;
const BLOCK: usize = UNROLL * LANES;

/// Writes the median of `updates[..][i]` to each `out[i]`: of an even number, the mean of the middle two. Values must not be NaN.
///
/// # Panics
/// If there is no update or more than [`MAX_UPDATES`], or if a length differs from `out`'s.
pub fn median(updates: &[&[f32]], out: &mut [f32]) {
    check(updates, out.len());
    macro_rules! written_out {
        ($($count:literal $sort:ident),*) => {
            match updates.len() {
                1 => out.copy_from_slice(updates[0]),
                $($count => median_of(updates.try_into().expect("matched"), out, sort::$sort),)*
                _ => columns(updates, |column, first, lanes| {
                    let half = column.len() / 2;
                    let high = column[half];
                    let middle = if column.len() % 2 == 1 { high } else { mean(column[half - 1], high) };
                    spill(middle, &mut out[first..first + lanes]);
                }),
            }
        };
    }
    written_out!(
        2 sort_2, 3 sort_3, 4 sort_4, 5 sort_5, 6 sort_6, 7 sort_7, 8 sort_8, 9 sort_9, 10 sort_10,
        11 sort_11, 12 sort_12, 13 sort_13, 14 sort_14, 15 sort_15, 16 sort_16
    );
}

/// Calls `visit(sorted, i)` for each coordinate `i` with that coordinate's values over all updates, ascending. Values must not be NaN.
///
/// # Panics
/// If there is no update or more than [`MAX_UPDATES`], or if lengths differ.
pub fn sorted_columns(updates: &[&[f32]], mut visit: impl FnMut(&[f32], usize)) {
    let len = updates.first().map_or(0, |update| update.len());
    check(updates, len);
    let mut values = [[0.0_f32; LANES]; MAX_UPDATES];
    let mut one = [0.0_f32; MAX_UPDATES];
    columns(updates, |column, first, lanes| {
        for (register, value) in column.iter().zip(&mut values) {
            spill(*register, value);
        }
        for lane in 0..lanes {
            for (value, to) in values[..column.len()].iter().zip(&mut one) {
                *to = value[lane];
            }
            visit(&one[..column.len()], first + lane);
        }
    });
}

fn check(updates: &[&[f32]], len: usize) {
    assert!((1..=MAX_UPDATES).contains(&updates.len()), "1 to {MAX_UPDATES} updates");
    assert!(
        updates.iter().all(|update| update.len() == len),
        "updates have one length"
    );
}

fn mean(low: F32x4, high: F32x4) -> F32x4 {
    // Halved first: the sum of two finite numbers may not be finite.
    let half = F32x4::splat(0.5);
    low.mul(half).add(high.mul(half))
}

/// The first lanes of a register.
fn spill(register: F32x4, to: &mut [f32]) {
    let mut lanes = [0.0; LANES];
    // SAFETY: the array has four lanes.
    unsafe { register.store(lanes.as_mut_ptr()) };
    to.copy_from_slice(&lanes[..to.len()]);
}

#[inline(always)]
fn middle<const N: usize>(v: &[F32x4; N]) -> F32x4 {
    if N % 2 == 1 {
        v[N / 2]
    } else {
        mean(v[N / 2 - 1], v[N / 2])
    }
}

/// The hot loop. `sort` is written out, and inlined here loses the comparisons that the median does not need.
#[inline(always)]
fn median_of<const N: usize>(updates: &[&[f32]; N], out: &mut [f32], sort: impl Fn(&mut [F32x4; N])) {
    let whole = out.len() / BLOCK * BLOCK;
    let mut from = updates.map(<[f32]>::as_ptr);
    let range = out[..whole].as_mut_ptr_range();
    let (mut to, end) = (range.start, range.end);
    while to != end {
        // SAFETY: `check` found every update as long as `out`, and a whole block lies between `to` and `end`.
        unsafe {
            for register in 0..UNROLL {
                let mut v = from.map(|from| F32x4::load(from.add(register * LANES)));
                sort(&mut v);
                middle(&v).store(to.add(register * LANES));
            }
            to = to.add(BLOCK);
            from = from.map(|from| from.add(BLOCK));
        }
    }
    for (i, out) in out.iter_mut().enumerate().skip(whole) {
        let mut v = updates.map(|update| F32x4::splat(update[i]));
        sort(&mut v);
        spill(middle(&v), std::slice::from_mut(out));
    }
}

/// Sorts four coordinates at a time in memory; `visit(sorted registers, first coordinate, how many lanes count)`.
fn columns(updates: &[&[f32]], mut visit: impl FnMut(&[F32x4], usize, usize)) {
    let len = updates[0].len();
    let mut registers = [F32x4::splat(0.0); MAX_UPDATES];
    let column = &mut registers[..updates.len()];
    for first in (0..len).step_by(LANES) {
        let lanes = LANES.min(len - first);
        for (register, update) in column.iter_mut().zip(updates) {
            let mut values = [0.0; LANES];
            values[..lanes].copy_from_slice(&update[first..first + lanes]);
            // SAFETY: the array has four lanes.
            *register = unsafe { F32x4::load(values.as_ptr()) };
        }
        sort::sort_any(column);
        visit(column, first, lanes);
    }
}
