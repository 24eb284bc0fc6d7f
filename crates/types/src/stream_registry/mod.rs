//! The interface of `stream_registry`: streams, proof, licences, money.
//!
//! Every method that changes something refuses the anonymous principal; every list is paged; every error says what to do next.

mod governance;
mod licences;
mod log;
mod revenue;
mod storage;
mod streams;
mod terms;

pub use governance::*;
pub use licences::*;
pub use log::*;
pub use revenue::*;
pub use storage::*;
pub use streams::*;
pub use terms::Terms;

use candid::CandidType;
use serde::{Deserialize, Serialize};

/// Number of a stream, counted from 0 and never reused.
pub type StreamId = u64;
/// Number of a plan, counted from 0 over all streams and never reused.
pub type PlanId = u64;
/// Number of a licence, counted from 0 and never reused.
pub type LicenceId = u64;
/// Number of a contributor within its stream, counted from 0.
pub type ContributorNumber = u32;

/// A page of a list: what comes after `start_after`, at most `limit` entries (the default and the maximum is 100).
#[derive(CandidType, Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// The last key already seen; absent for the first page.
    pub start_after: Option<u64>,
    /// How many at most.
    pub limit: Option<u32>,
}

/// Limits of the interface, for clients that split their work.
pub mod limits {
    /// Chunks in one `append`.
    pub const MAX_CHUNKS_PER_APPEND: usize = 1_000;
    /// Bytes of all payloads in one `append`: below the 2 MiB of an ingress message.
    pub const MAX_APPEND_BYTES: usize = 1_900 * 1024;
    /// Distinct contributors credited by one chunk.
    pub const MAX_CREDITS_PER_CHUNK: usize = 1_000;
    /// Payload bytes in one `pull` reply by query (3 MiB is the platform's limit for the whole).
    pub const MAX_PULL_BYTES_QUERY: u64 = 2_600 * 1024;
    /// Payload bytes in one `pull` reply to a canister (2 MiB is the platform's limit for the whole).
    pub const MAX_PULL_BYTES_REPLICATED: u64 = 1_900 * 1024;
    /// Chunks in one `pull` reply.
    pub const MAX_PULL_CHUNKS: u64 = 2_000;
    /// Bytes of a stream's or plan's name, label or tag, contact.
    pub const MAX_NAME_BYTES: usize = 100;
    /// Bytes of a description or of licence terms.
    pub const MAX_TEXT_BYTES: usize = 8_000;
    /// Bytes of a JSON Schema.
    pub const MAX_SCHEMA_BYTES: usize = 64 * 1024;
    /// Tags of a stream.
    pub const MAX_TAGS: usize = 10;
    /// Contributors named in one call.
    pub const MAX_CONTRIBUTORS_PER_CALL: usize = 1_000;
    /// Publishers of a stream.
    pub const MAX_PUBLISHERS: usize = 50;
    /// Plans of a stream, retired ones included.
    pub const MAX_PLANS: usize = 50;
    /// Entries of a page.
    pub const MAX_PAGE: u32 = 100;
    /// Shortest and longest `request_id`, in bytes.
    pub const REQUEST_ID_BYTES: std::ops::RangeInclusive<usize> = 16..=32;
}
