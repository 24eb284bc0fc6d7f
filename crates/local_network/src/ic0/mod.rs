//! The System API that a canister imports as `ic0`.
