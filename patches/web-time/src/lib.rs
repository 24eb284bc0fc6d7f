//! `std::time` under the name `web-time`: what the real crate is everywhere but in a browser.
//!
//! In a canister the clocks of `std::time` panic when called, and nothing of ours calls them; the real crate would
//! import JavaScript's clock, and a canister with such an import does not install.

pub use std::time::*;
