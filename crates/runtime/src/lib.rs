//! The one door to the system. Everything that a canister asks of the Internet Computer goes through [`Runtime`]: time, caller,
//! calls, timers, cycles, randomness, certified data. [`System`] is the real one; `testing::TestRuntime` (feature `testing`)
//! runs the same code on the host, where each call's fate is the test's to choose.
//!
//! The workspace's `clippy.toml` forbids the system's functions everywhere else, so that each rule of a canister can be tested
//! against every outcome a call may have. The endpoint macros of `ic-cdk` (`#[update]`, `#[query]`, …) stay where they are.
//!
//! Beside it are small things that every canister needs: [`join`](fn@join), two calls at once, [`Guards`], which keep one
//! thing from being done twice at once, [`RingLog`], the last lines of what happened, [`Metrics`], the page that an operator's
//! Prometheus reads over [`http`], [`cycles_days_left`], and [`inspect`], where ingress messages are turned away.
//!
//! ```no_run
//! use candid::{Nat, Principal};
//! use ddsx_runtime::{CallError, CallOptions, Runtime, System};
//! # async fn example(ledger: Principal) -> Result<(), CallError> {
//! let fee: Nat = System.call(ledger, "icrc1_fee", (), CallOptions::bounded(60)).await?;
//! # Ok(()) }
//! ```

mod call;
mod endurance;
mod guard;
pub mod http;
pub mod inspect;
mod join;
mod metrics;
mod ring_log;
mod runtime;
mod system;
#[cfg(any(test, feature = "testing"))]
pub mod testing;

pub use call::{CallError, CallOptions, RejectCode, Wait};
pub use endurance::{cycles_days_left, watch_cycles};
pub use guard::{Guard, GuardError, Guards};
pub use join::join;
pub use metrics::Metrics;
pub use ring_log::{Line, RingLog};
pub use runtime::{Runtime, TimerId};
pub use system::System;
