//! A model of the DST ledger made of plain maps, and random calls to run on it and on the real thing.
//!
//! It is written from the standards (ICRC-1, ICRC-2, ICRC-107) and from the order of checks that the ledger documents, not from the
//! ledger's code. `canisters/dst_ledger` compares its rules with it at every step, `tests/` the canister on a network.

mod answer;
mod ecosystem;
mod fields;
mod model;
mod replay;
mod steps;

pub use answer::{Answer, IntoAnswer};
pub use ecosystem::Index;
pub use model::Model;
pub use replay::{Replay, kind, replay};
pub use steps::{Call, DRIFT_NS, Step, WINDOW_NS, steps};

use candid::Principal;
use icrc_ledger_types::icrc1::account::Account;

/// The fee at the start, smallest units.
pub const FEE: u128 = 10_000;
/// The cap on the supply, smallest units.
pub const MAX_SUPPLY: u128 = 1_000_000_000;
/// The longest memo, bytes.
pub const MEMO_LIMIT: usize = 32;
/// Users 1 to this act; user 0 owns the minting account at the start and governs.
pub const USERS: u8 = 4;

/// The principal of user `n`.
pub fn user(n: u8) -> Principal {
    Principal::from_slice(&[n, 1, 2, 3])
}

/// The default account of user `n`.
pub fn account(n: u8) -> Account {
    Account::from(user(n))
}

/// What each user 1 to [`USERS`] has at the start, one `1mint` block each.
pub fn initial_balances() -> Vec<(Account, u128)> {
    (1..=USERS).map(|n| (account(n), 100 * FEE)).collect()
}
