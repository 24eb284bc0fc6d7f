//! The rules of the DST token ledger: ICRC-1, ICRC-2, ICRC-3, ICRC-10, ICRC-21, ICRC-103, ICRC-106 and ICRC-107.
//!
//! Nothing here asks the system for anything: time and caller are arguments, and storage is any stable memory, so every
//! rule runs in a unit test. `main.rs` holds the endpoints.
//!
//! - [`ledger`]: what a call does, in which order it is checked, and what it may answer.
//! - [`block`]: what a transaction leaves behind, as an ICRC-3 value, its hash and its stored bytes.
//! - [`storage`]: where everything lies in stable memory.
//! - [`config`]: the token's settings and the rules for arguments.
//! - [`tip`]: what the network certifies of the log.
//! - [`icrc3`]: the block log for readers. [`index_api`]: accounts' histories. [`icrc103`]: allowances given.
//! - [`consent`]: what a signer shows before a call is signed.
//! - [`inspect`]: what is refused before it costs anything.
//! - [`rounds`]: when housekeeping happens.
//! - [`http`]: what an operator reads: [`metrics`] and the [`log`](mod@log).

pub mod account;
pub mod amount;
pub mod block;
pub mod config;
pub mod consent;
pub mod http;
pub mod icrc103;
pub mod icrc3;
pub mod index_api;
pub mod inspect;
pub mod ledger;
pub mod log;
pub mod metrics;
pub mod rounds;
pub mod standards;
pub mod storage;
pub mod tip;
