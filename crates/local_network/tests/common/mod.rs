//! What the integration tests share: a server to talk to, and canisters written in WAT.
//!
//! The tests use the public `pocket-ic` client only, so they run against a real PocketIC server too, if the user names
//! one in `POCKET_IC_BIN`.
#![allow(dead_code, reason = "each test file uses a part of it")]

use std::path::PathBuf;

use candid::Principal;
use pocket_ic::{PocketIc, PocketIcBuilder};

/// Cycles that test canisters start with: 100 T.
pub const CYCLES: u128 = 100_000_000_000_000;

/// The server under test: the user's, or the one just built.
pub fn server() -> PathBuf {
    std::env::var_os("POCKET_IC_BIN").map_or_else(|| PathBuf::from(env!("CARGO_BIN_EXE_local-network")), PathBuf::from)
}

/// A builder that starts the server under test.
pub fn builder() -> PocketIcBuilder {
    PocketIcBuilder::new().with_server_binary(server())
}

/// An instance with one application subnet.
pub fn pocket_ic() -> PocketIc {
    builder().with_application_subnet().build()
}

/// The anonymous principal.
pub fn anonymous() -> Principal {
    Principal::anonymous()
}

/// Wasm from its text.
pub fn wasm(wat: &str) -> Vec<u8> {
    wat::parse_str(wat).expect("the test's WAT is valid")
}

/// Creates a canister, gives it cycles, installs the module.
pub fn install(pic: &PocketIc, wat: &str) -> Principal {
    install_with(pic, wat, Vec::new())
}

/// As [`install`], with an argument.
pub fn install_with(pic: &PocketIc, wat: &str, arg: Vec<u8>) -> Principal {
    let canister = pic.create_canister();
    pic.add_cycles(canister, CYCLES);
    pic.install_canister(canister, wasm(wat), arg, None);
    canister
}

/// Little-endian bytes → number.
pub fn number(bytes: &[u8]) -> u64 {
    let mut padded = [0; 8];
    padded[..bytes.len().min(8)].copy_from_slice(&bytes[..bytes.len().min(8)]);
    u64::from_le_bytes(padded)
}
