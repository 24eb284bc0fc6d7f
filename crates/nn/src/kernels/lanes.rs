//! Four `f32` side by side.

#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
mod imp {
    use core::arch::wasm32::{
        f32x4_add, f32x4_mul, f32x4_pmax, f32x4_pmin, f32x4_splat, f32x4_sub, v128, v128_load, v128_store,
    };

    /// Four lanes.
    #[derive(Clone, Copy)]
    pub struct F32x4(v128);

    impl F32x4 {
        #[inline(always)]
        pub fn splat(value: f32) -> Self {
            Self(f32x4_splat(value))
        }

        /// # Safety
        /// Four `f32` at `from` are readable.
        #[inline(always)]
        pub unsafe fn load(from: *const f32) -> Self {
            // SAFETY: the caller's promise; the instruction takes any alignment.
            Self(unsafe { v128_load(from.cast()) })
        }

        /// # Safety
        /// Four `f32` at `to` are writable.
        #[inline(always)]
        pub unsafe fn store(self, to: *mut f32) {
            // SAFETY: the caller's promise; the instruction takes any alignment.
            unsafe { v128_store(to.cast(), self.0) }
        }

        #[inline(always)]
        pub fn add(self, other: Self) -> Self {
            Self(f32x4_add(self.0, other.0))
        }

        #[inline(always)]
        pub fn sub(self, other: Self) -> Self {
            Self(f32x4_sub(self.0, other.0))
        }

        #[inline(always)]
        pub fn mul(self, other: Self) -> Self {
            Self(f32x4_mul(self.0, other.0))
        }

        /// `other < self ? other : self`, lane by lane.
        #[inline(always)]
        pub fn min(self, other: Self) -> Self {
            Self(f32x4_pmin(self.0, other.0))
        }

        /// `self < other ? other : self`, lane by lane.
        #[inline(always)]
        pub fn max(self, other: Self) -> Self {
            Self(f32x4_pmax(self.0, other.0))
        }
    }
}

#[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
mod imp {
    /// Four lanes.
    #[derive(Clone, Copy)]
    pub struct F32x4([f32; 4]);

    impl F32x4 {
        #[inline(always)]
        fn zip(self, other: Self, f: impl Fn(f32, f32) -> f32) -> Self {
            Self(core::array::from_fn(|lane| f(self.0[lane], other.0[lane])))
        }

        #[inline(always)]
        pub fn splat(value: f32) -> Self {
            Self([value; 4])
        }

        /// # Safety
        /// Four `f32` at `from` are readable.
        #[inline(always)]
        pub unsafe fn load(from: *const f32) -> Self {
            // SAFETY: the caller's promise.
            Self(unsafe { from.cast::<[f32; 4]>().read_unaligned() })
        }

        /// # Safety
        /// Four `f32` at `to` are writable.
        #[inline(always)]
        pub unsafe fn store(self, to: *mut f32) {
            // SAFETY: the caller's promise.
            unsafe { to.cast::<[f32; 4]>().write_unaligned(self.0) }
        }

        #[inline(always)]
        pub fn add(self, other: Self) -> Self {
            self.zip(other, |a, b| a + b)
        }

        #[inline(always)]
        pub fn sub(self, other: Self) -> Self {
            self.zip(other, |a, b| a - b)
        }

        #[inline(always)]
        pub fn mul(self, other: Self) -> Self {
            self.zip(other, |a, b| a * b)
        }

        /// `other < self ? other : self`, lane by lane.
        #[inline(always)]
        pub fn min(self, other: Self) -> Self {
            self.zip(other, |a, b| if b < a { b } else { a })
        }

        /// `self < other ? other : self`, lane by lane.
        #[inline(always)]
        pub fn max(self, other: Self) -> Self {
            self.zip(other, |a, b| if a < b { b } else { a })
        }
    }
}

pub use imp::F32x4;

/// Lanes of a register.
pub const LANES: usize = 4;
