//! Whether all numbers are finite: asked of every update and every input, so it should cost next to nothing.

use super::lanes::{F32x4, LANES};
use super::unroll::{fixed, unroll};

const BLOCK: usize = 32 * LANES;

/// Where the first number that is not finite stands.
pub fn first_not_finite(values: &[f32]) -> Option<usize> {
    let whole = values.len() / BLOCK * BLOCK;
    let (blocks, rest) = values.split_at(whole);
    // SAFETY: BLOCK divides the length.
    if unsafe { all_finite(blocks) } && rest.iter().all(|value| value.is_finite()) {
        return None;
    }
    values.iter().position(|value| !value.is_finite())
}

/// Zero times a finite number is zero; times any other it is not a number, and so is every sum with it.
///
/// # Safety
/// The length is a multiple of [`BLOCK`].
unsafe fn all_finite(values: &[f32]) -> bool {
    let zero = F32x4::splat(0.0);
    let mut sum = zero;
    let range = values.as_ptr_range();
    let (mut from, end) = (range.start, range.end);
    while from != end {
        // SAFETY: a whole block lies between `from` and `end`.
        unsafe {
            let block = fixed(from);
            unroll!(32, N, {
                sum = sum.add(zero.mul(F32x4::load(block.add(N * LANES))));
            });
            from = from.add(BLOCK);
        }
    }
    let mut lanes = [0.0_f32; LANES];
    // SAFETY: the array has four lanes.
    unsafe { sum.store(lanes.as_mut_ptr()) };
    lanes.iter().all(|lane| !lane.is_nan())
}
