//! `stream_registry`: streams, proof, licences, money. The endpoints are in `main.rs`; the rules are here.
//!
//! - [`storage`]: everything that is kept, in stable memory.
//! - [`streams`], [`contributors`], [`publishers`], [`plans`]: what a provider sets up.
//! - [`log`](mod@log), [`pull`], [`quality`], [`certification`]: chunks in, chunks and proofs out.
//! - [`purchase`], [`licences`], [`revenue_book`], [`payout`], [`assets`], [`host`]: money. Across an `await` it goes through
//!   `ddsx_payments` only.
//! - [`balance`], [`creation`], [`upkeep`]: prepaid balances, and who pays for what is stored.
//! - [`door`], [`governance`], [`lifecycle`], [`metrics`], [`limits`].

pub mod amounts;
pub mod assets;
pub mod balance;
pub mod certification;
pub mod contributors;
pub mod creation;
pub mod door;
pub mod governance;
pub mod guard;
pub mod host;
pub mod licences;
pub mod lifecycle;
pub mod limits;
pub mod log;
pub mod metrics;
pub mod payout;
pub mod plans;
pub mod publishers;
pub mod pull;
pub mod purchase;
pub mod quality;
pub mod revenue_book;
pub mod schema;
pub mod selling;
pub mod storage;
pub mod streams;
pub mod upkeep;
pub mod validate;

#[cfg(test)]
mod model_tests;
#[cfg(test)]
mod testing;
