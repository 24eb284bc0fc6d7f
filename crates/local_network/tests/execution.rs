//! Execution without a network: one canister's messages, one after the other.
//!
//! One file a family of the System API; `harness` holds what they share.
#![allow(clippy::unwrap_used, reason = "helpers of tests may fail as tests do")]

#[path = "execution/harness.rs"]
mod harness;

#[path = "execution/calls.rs"]
mod calls;
#[path = "execution/canister.rs"]
mod canister;
#[path = "execution/cycles.rs"]
mod cycles;
#[path = "execution/installing.rs"]
mod installing;
#[path = "execution/limits.rs"]
mod limits;
#[path = "execution/messages.rs"]
mod messages;
#[path = "execution/metering.rs"]
mod metering;
#[path = "execution/model.rs"]
mod model;
#[path = "execution/modules.rs"]
mod modules;
#[path = "execution/rollback.rs"]
mod rollback;
#[path = "execution/stable.rs"]
mod stable;
