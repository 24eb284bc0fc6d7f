//! Sums over parameters: dot products, norms, distances.
//!
//! Blocks of [`BLOCK`] are summed in `f32` in 32 lanes, the lanes and the blocks in `f64`: as fast as `f32`, and no sum of 50 M terms
//! loses the small ones. Sums over slices cut at multiples of [`BLOCK`] add up to the bits of one sum over everything.

use super::lanes::{F32x4, LANES};
use super::unroll::{fixed, unroll};

/// Slices cut at multiples of this many parameters give the same bits as one pass.
pub const BLOCK: usize = 1024;

/// Running sums side by side, so that one does not wait for the other.
const SUMS: usize = 8;

/// Registers handled between two steps of the pointers.
const UNROLL: usize = 32;

/// `Σ a·b`, starting from `sum`.
///
/// # Panics
/// If the lengths differ.
pub fn dot(sum: f64, a: &[f32], b: &[f32]) -> f64 {
    reduce(sum, a, b, F32x4::mul)
}

/// `Σ (a - b)²`, starting from `sum`.
///
/// # Panics
/// If the lengths differ.
pub fn squared_distance(sum: f64, a: &[f32], b: &[f32]) -> f64 {
    reduce(sum, a, b, |a, b| {
        let difference = a.sub(b);
        difference.mul(difference)
    })
}

/// `Σ a²`, starting from `sum`.
pub fn squared_norm(sum: f64, a: &[f32]) -> f64 {
    reduce(sum, a, a, F32x4::mul)
}

#[inline(always)]
fn reduce(sum: f64, a: &[f32], b: &[f32], term: impl Fn(F32x4, F32x4) -> F32x4) -> f64 {
    assert_eq!(a.len(), b.len(), "vectors have one length");
    let mut sum = sum;
    for (a, b) in a.chunks(BLOCK).zip(b.chunks(BLOCK)) {
        let whole = a.len() / (UNROLL * LANES) * (UNROLL * LANES);
        let mut sums = [F32x4::splat(0.0); SUMS];
        let range = a[..whole].as_ptr_range();
        let (mut at_a, end) = (range.start, range.end);
        let mut at_b = b.as_ptr();
        while at_a != end {
            // SAFETY: `b` is as long as `a`, and a multiple of UNROLL registers lies before `end`.
            unsafe {
                let (block_a, block_b) = (fixed(at_a), fixed(at_b));
                unroll!(32, N, {
                    let (a, b) = (F32x4::load(block_a.add(N * LANES)), F32x4::load(block_b.add(N * LANES)));
                    sums[N % SUMS] = sums[N % SUMS].add(term(a, b));
                });
                at_a = at_a.add(UNROLL * LANES);
                at_b = at_b.add(UNROLL * LANES);
            }
        }
        let mut lanes = [[0.0_f32; LANES]; SUMS];
        for (register, to) in sums.iter().zip(&mut lanes) {
            // SAFETY: the array has four lanes.
            unsafe { register.store(to.as_mut_ptr()) };
        }
        sum += lanes.as_flattened().iter().copied().map(f64::from).sum::<f64>();
        for (a, b) in a[whole..].iter().zip(&b[whole..]) {
            let mut lane = [0.0_f32; LANES];
            // SAFETY: the array has four lanes.
            unsafe { term(F32x4::splat(*a), F32x4::splat(*b)).store(lane.as_mut_ptr()) };
            sum += f64::from(lane[0]);
        }
    }
    sum
}
