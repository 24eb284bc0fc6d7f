//! What makes a DDSX stream provable: one append-only Merkle log a stream, and the verifier that checks it.
//!
//! - [`leaf`], [`credits`], [`sources`], [`head`]: the canonical bytes that are hashed, fixed for ever (`docs/leaf-format.md`).
//! - [`log`](mod@log) over a [`store`]: the RFC 9162 tree (section 2.1) with O(1) amortised hashes an append; [`arena`] puts
//!   many logs into one stable memory.
//! - [`compact`]: compact ranges, the O(log n) hashes by which a puller extends what it holds without any proof bytes.
//! - [`proof`]: verification of inclusion and consistency proofs.
//! - [`map`]: an authenticated key → hash map with the Internet Computer's hash-tree hashes, its nodes in stable memory.
//! - [`verify`]: everything a client checks before it believes a reply, pure and without network.
//!
//! Nothing here knows `ic-cdk`, the network or a clock; certificates themselves are checked by `crates/client`.

pub mod arena;
mod bytes;
pub mod compact;
pub mod credits;
pub mod hash;
pub mod head;
pub mod leaf;
pub mod log;
pub mod map;
pub mod proof;
pub mod sources;
pub mod store;
pub mod verify;

pub use arena::{ArenaNodes, LogRecord, NodeArena, RecordError};
pub use compact::{CompactRange, RangeError};
pub use credits::{Credit, CreditsError, credited_records, credits_hash, decode_credits, encode_credits, label_hash};
pub use ddsx_types::Hash;
pub use hash::{empty_root, leaf_hash, node_hash, sha256};
pub use head::{HEADS_LABEL, Head, HeadError, stream_label};
pub use leaf::{ContentType, Leaf, LeafError, Verdict};
pub use log::{Log, LogError};
pub use map::{MapError, MapStore, MerkleMap, StableMapStore, VecMapStore};
pub use proof::{ProofError, verify_consistency, verify_inclusion};
pub use sources::{SourceRange, SourcesError, encode_sources, sources_hash};
pub use store::{MAX_TREE_SIZE, NodeStore, StoreError};
pub use verify::{
    CertifiedHead, DEFAULT_MAX_AGE, Freshness, Held, Pulled, ReceivedChunk, Verified, VerifyError, verify_chunk,
    verify_head, verify_pull,
};
