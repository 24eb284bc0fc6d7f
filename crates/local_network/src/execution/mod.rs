//! Wasm modules, canister memory, and running one message with exact rollback.

pub mod interface;

pub use interface::*;
