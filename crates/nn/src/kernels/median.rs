//! The median of each coordinate over several updates.

use super::columns::{check, columns, spill};
use super::lanes::{F32x4, LANES};
use super::sort;

/// Registers of one update handled between two steps of the pointers.
const UNROLL: usize = 4;
const BLOCK: usize = UNROLL * LANES;

/// Writes the median of `updates[..][i]` to each `out[i]`: of an even number, the mean of the middle two. Values must not be NaN.
///
/// # Panics
/// If there is no update or more than [`super::columns::MAX_UPDATES`], or if a length differs from `out`'s.
pub fn median(updates: &[&[f32]], out: &mut [f32]) {
    check(updates, out.len());
    macro_rules! written_out {
        ($($count:literal $sort:ident),*) => {
            match updates.len() {
                1 => out.copy_from_slice(updates[0]),
                $($count => median_of(updates.try_into().expect("matched"), out, sort::$sort),)*
                count => columns(updates, |column, first, lanes| {
                    let (low, high) = (&column[(count - 1) / 2], &column[count / 2]);
                    let out = &mut out[first..first + lanes];
                    for (register, out) in out.chunks_mut(LANES).enumerate() {
                        let middle = if count % 2 == 1 { high[register] } else { mean(low[register], high[register]) };
                        spill(middle, out);
                    }
                }),
            }
        };
    }
    written_out!(
        2 sort_2, 3 sort_3, 4 sort_4, 5 sort_5, 6 sort_6, 7 sort_7, 8 sort_8, 9 sort_9, 10 sort_10,
        11 sort_11, 12 sort_12, 13 sort_13, 14 sort_14, 15 sort_15, 16 sort_16
    );
}

fn mean(low: F32x4, high: F32x4) -> F32x4 {
    // Halved first: the sum of two finite numbers may not be finite.
    let half = F32x4::splat(0.5);
    low.mul(half).add(high.mul(half))
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
