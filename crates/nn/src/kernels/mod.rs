//! The few loops in which a canister spends its instructions.
//!
//! Written once, on [`lanes::F32x4`]: a SIMD register in Wasm built with `simd128`, an array of four `f32` elsewhere. Both do
//! the same operations in the same order and IEEE 754 fixes each result, so natively and in a canister the bits are equal.
//!
//! `unsafe` is allowed in here because instructions a parameter are what federated learning on-chain costs: loads through
//! bounds-checked slices, or through an index that must be added to an address, cost more than the arithmetic. Every public function is safe: it checks
//! lengths once, then walks pointers inside what it checked.
#![allow(unsafe_code)]
#![allow(
    clippy::inline_always,
    reason = "one call in the hot loop costs more than the work: registers would go through memory"
)]

pub mod accumulate;
pub mod columns;
pub mod dense;
pub mod finite;
mod lanes;
pub mod median;
pub mod reduce;
mod sort;
mod unroll;

#[cfg(test)]
mod tests;
