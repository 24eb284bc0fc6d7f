//! `sum += scale · update`: the whole of FedAvg, and most of what the other strategies do.

use super::lanes::{F32x4, LANES};
use super::unroll::unroll;

/// Registers handled by one call of [`accumulate_block`].
const UNROLL: usize = 32;
const BLOCK: usize = UNROLL * LANES;

/// Adds `scale · update[i]` to each `sum[i]`: one multiplication, one addition, both rounded to `f32`.
///
/// # Panics
/// If the lengths differ.
pub fn accumulate(sum: &mut [f32], scale: f32, update: &[f32]) {
    assert_eq!(sum.len(), update.len(), "an update is as long as the sum");
    let (blocks, rest) = sum.as_chunks_mut::<BLOCK>();
    let (update_blocks, update_rest) = update.as_chunks::<BLOCK>();
    for (sum, update) in blocks.iter_mut().zip(update_blocks) {
        accumulate_block(sum, scale, update);
    }
    for (sum, update) in rest.iter_mut().zip(update_rest) {
        *sum += scale * update;
    }
}

/// A function of its own, without a loop: there every address is a parameter plus a constant, which loads and stores hold themselves, and what is
/// left is 11 instructions for four parameters. In a loop the compiler rewrites addresses into sums that they cannot hold; a call
/// costs less than those additions.
#[inline(never)]
fn accumulate_block(sum: &mut [f32; BLOCK], scale: f32, update: &[f32; BLOCK]) {
    let factor = F32x4::splat(scale);
    let (to, from) = (sum.as_mut_ptr(), update.as_ptr());
    // SAFETY: both hold BLOCK numbers.
    unsafe {
        unroll!(32, REGISTER, {
            let at = to.add(REGISTER * LANES);
            let term = factor.mul(F32x4::load(from.add(REGISTER * LANES)));
            F32x4::load(at).add(term).store(at);
        });
    }
}
