//! Loops written out, so that a load's address is a local plus a constant that the load itself holds.
//!
//! The compiler unrolls a loop of its own accord only in part. And where an address changes from turn to turn, its loop strength reduction
//! writes each as a sum of which it no longer knows that it cannot overflow; such a sum does not fit into a load, and costs two instructions.

/// The same pointer, of which the compiler does not know that it changes from turn to turn. Costs 8 instructions.
#[inline(always)]
pub(super) fn fixed(pointer: *const f32) -> *const f32 {
    std::hint::black_box(pointer)
}

/// `unroll!(32, N, { … })`: the block 32 times, with the constant `N` from 0 to 31.
macro_rules! unroll {
    (32, $name:ident, $body:block) => {
        unroll!(@ $name, $body, 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31)
    };
    (@ $name:ident, $body:block, $($value:literal)*) => {
        $({
            const $name: usize = $value;
            $body
        })*
    };
}

pub(super) use unroll;
