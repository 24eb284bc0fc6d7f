//! Candid types of every DDSX canister's interface, one module a canister.
//!
//! Nothing here knows `ic-cdk`: the same types serve the canisters, the SDK, the command line and the tests.
//! Units, everywhere: time is nanoseconds since the Unix epoch as `u64`; token amounts are `Nat` on the wire, in the
//! asset's smallest unit, and at most `u128::MAX`; shares are basis points (1/10,000).

pub mod assets;
pub mod dst_ledger;
pub mod federated_aggregator;
pub mod governed;
pub mod hash;
pub mod stream_registry;
pub mod web;

pub use assets::AssetListing;
pub use governed::{MAX_EVIDENCE_PER_CALL, Validation};
pub use hash::Hash;
pub use icrc_ledger_types::icrc1::account::{Account, Subaccount};

/// Nanoseconds since the Unix epoch.
pub type TimestampNs = u64;

/// One basis point is 1/10,000; this is the whole.
pub const BASIS_POINTS: u16 = 10_000;
