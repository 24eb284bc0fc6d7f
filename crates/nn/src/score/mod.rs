//! What a contribution is worth: leave-one-out, Shapley values, or a cheap proxy. Arithmetic only; who evaluates a model, and when, is the caller's.

pub mod evaluation;
pub mod leave_one_out;
pub mod proxy;
pub mod shapley;
pub mod sketch;

#[cfg(test)]
mod tests;
