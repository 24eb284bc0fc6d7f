//! Wasm modules, canister memory, and running one message with exact rollback.
//!
//! Interface specification: *Canister module format*, *Canister interface (System API)*, *Abstract behaviour*.
//!
//! A module is validated, rewritten so that its state can be taken out ([`instrument`]), and compiled once ([`cache`]).
//! Each message runs in an instance of its own, on a copy-on-write view of the canister's heap ([`heap`]) and a cheap
//! copy of its stable memory ([`stable`]); [`run`] keeps the changes if the message succeeds.

mod cache;
mod dirty;
mod engine;
pub mod fees;
mod heap;
mod install;
mod instrument;
pub mod interface;
mod memory;
pub mod metering;
mod module;
mod run;
pub(crate) mod stable;

pub(crate) use engine::engine;
pub use install::install;
pub use interface::*;
pub use memory::CanisterMemory;
pub use module::{Module, compile, compile_hashed};
pub use run::{run, run_query};
