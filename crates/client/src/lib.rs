//! The Rust SDK of DDSX: typed clients of the registry, of the federated aggregator and of ICRC ledgers, and pulling with proof.
//!
//! - [`Network`] connects to the Internet Computer or to a local network, and knows the root key that everything is proved to.
//! - [`Registry`], [`Aggregator`] and [`Ledger`] have a method for every method of the canisters; a call whose reply was lost is sent again
//!   as the very same signed message, which the network executes once.
//! - [`Puller`] pulls a stream chunk by chunk and hands over only what it has verified up to the root key: certificate,
//!   witness, head, log, leaves, payloads, freshness ([`VerificationError`] names what failed). [`Puller::follow`] goes on
//!   while the stream grows; a [`Cursor`] keeps what was proved, so that the next run goes on where this one ended.
//! - [`Aggregator::download_model`] and [`Aggregator::verified_report`] prove models and rounds of federated learning in the same way.
//! - [`Appender`] publishes, [`Purchase`] buys: both may be repeated after a crash without doing anything twice.
//! - What money or work follows from is not one node's word: [`Registry::agreed`], [`Aggregator::agreed`] and [`Ledger::agreed`] ask the whole
//!   subnet, [`Offer`] is checked against its terms' hash, [`Payment`] is looked at whole before its first step.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use ddsx_client::{Anonymous, Network, Puller, RootKey};
//!
//! let network = Network::connect("https://icp-api.io", RootKey::Mainnet, Anonymous).await?;
//! let registry = network.registry("rrkah-fqaaa-aaaaa-aaaaq-cai".parse()?);
//! let mut puller = Puller::new(registry, 7);
//! let batch = puller.pull().await?;
//! for chunk in &batch.chunks {
//!     println!("{}: {} bytes", chunk.leaf.sequence, chunk.payload.len());
//! }
//! puller.cursor().save(std::path::Path::new("stream-7.cursor"))?;
//! # Ok(())
//! # }
//! ```

mod aggregator;
pub mod amount;
mod append;
pub mod certificate;
mod clock;
pub mod content;
mod cursor;
mod error;
mod explain;
mod files;
mod folder;
mod follow;
mod governance;
pub mod identity;
mod ledger;
mod network;
mod offer;
mod payment;
mod puller;
mod purchase;
mod registry;
pub mod root_key;
mod seen;
mod source;
mod split;
#[cfg(test)]
mod testing;
pub mod verification;
pub mod witness;
pub mod words;

pub use aggregator::{Aggregator, DownloadedModel, MODELS_LABEL, ProofFailure, REPORTS_LABEL, VerifiedReport};
pub use append::{AppendFailure, Appender};
pub use cursor::{Cursor, CursorError};
pub use error::{CallError, ConnectError, NetworkError};
pub use explain::Explain;
pub use files::write_atomically;
pub use folder::{Folder, FolderError, FolderReport};
pub use follow::{FollowOptions, Follower};
pub use governance::GovernedChange;
pub use ic_agent::identity::AnonymousIdentity as Anonymous;
pub use ic_agent::{Agent, Identity};
pub use ledger::{AllowanceChange, Ledger, LedgerInfo, Standard, is_enough, now_ns};
pub use network::{Network, Patience};
pub use offer::{Offer, OfferFailure};
pub use payment::{Payment, Short};
pub use puller::{PullFailure, PullOptions, Puller, VerifiedBatch, VerifiedChunk};
pub use purchase::{Purchase, PurchaseFailure, request_id};
pub use registry::{Registry, all_pages};
pub use root_key::{RootKey, RootKeyError};
pub use seen::{CATCH_UP, until_seen};
pub use source::StreamSource;
pub use split::{CreditRule, LineChunk, LineSplitter, SplitError, SplitLimits};
pub use verification::{Subject, VerificationError};
