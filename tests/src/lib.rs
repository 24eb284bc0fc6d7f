//! The shared world of the integration tests: a network, canisters on it, typed calls, and the invariants that every flow
//! ends with.
//!
//! The network is PocketIC's server if `POCKET_IC_BIN` names one, and the workspace's own otherwise; no test knows which.
//! The modules come from `scripts/build`. Each test builds a [`World`] of its own, so tests neither share state nor order.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "this is test code: what goes wrong here fails the test that asked for it"
)]

pub mod candid_header;
pub mod conformance;
pub mod federated;
pub mod ledger;
pub mod ledger_cost;
pub mod registry;
pub mod silent_ledger;
pub mod world;

pub use ledger::Ledger;
pub use world::{World, built, nanos, user};
