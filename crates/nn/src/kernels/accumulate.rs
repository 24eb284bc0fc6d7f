//! `sum += scale · update`: the whole of FedAvg, and most of what the other strategies do.

use super::lanes::{F32x4, LANES};

/// Registers handled between two steps of the pointers. Their addresses fold into the offsets of loads and stores, which leaves
/// 11 instructions for four parameters and spreads the loop's own over 128.
const UNROLL: usize = 32;
const BLOCK: usize = UNROLL * LANES;

/// Adds `scale · update[i]` to each `sum[i]`: one multiplication, one addition, both rounded to `f32`.
///
/// # Panics
/// If the lengths differ.
pub fn accumulate(sum: &mut [f32], scale: f32, update: &[f32]) {
    assert_eq!(sum.len(), update.len(), "an update is as long as the sum");
    let whole = sum.len() / BLOCK * BLOCK;
    let (blocks, rest) = sum.split_at_mut(whole);
    let (update_blocks, update_rest) = update.split_at(whole);
    // SAFETY: both are `whole` long, which BLOCK divides.
    unsafe { accumulate_blocks(blocks, scale, update_blocks) };
    for (sum, update) in rest.iter_mut().zip(update_rest) {
        *sum += scale * update;
    }
}

/// # Safety
/// Both slices have one length, a multiple of [`BLOCK`].
unsafe fn accumulate_blocks(sum: &mut [f32], scale: f32, update: &[f32]) {
    let factor = F32x4::splat(scale);
    let range = sum.as_mut_ptr_range();
    let (mut to, end) = (range.start, range.end);
    let mut from = update.as_ptr();
    while to != end {
        // SAFETY: a whole block lies between `to` and `end`, and another behind `from`.
        unsafe {
            for register in 0..UNROLL {
                let at = to.add(register * LANES);
                let term = factor.mul(F32x4::load(from.add(register * LANES)));
                F32x4::load(at).add(term).store(at);
            }
            to = to.add(BLOCK);
            from = from.add(BLOCK);
        }
    }
}
