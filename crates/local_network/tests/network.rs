//! The network through the `pocket-ic` client: messages, calls, cycles, time, the management canister.
#![allow(clippy::unwrap_used, reason = "a helper that fails fails its test")]

mod common;

#[path = "network/calls.rs"]
mod calls;
#[path = "network/code.rs"]
mod code;
#[path = "network/cycles.rs"]
mod cycles;
#[path = "network/lifecycle.rs"]
mod lifecycle;
#[path = "network/management.rs"]
mod management;
#[allow(dead_code, reason = "the unit tests use the rest of it")]
#[path = "network/program.rs"]
mod program;
#[path = "network/queries.rs"]
mod queries;
#[path = "network/settings.rs"]
mod settings;
#[path = "network/subnets.rs"]
mod subnets;
#[path = "network/time.rs"]
mod time;
#[path = "network/world.rs"]
mod world;
