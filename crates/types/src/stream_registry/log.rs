//! Appending, pulling and proof.

use super::{ContributorNumber, LicenceId, StreamId};
use crate::{Hash, TimestampNs};
use candid::CandidType;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

/// Records of a chunk credited to one contributor.
#[derive(CandidType, Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub struct Credit {
    /// Whom.
    pub contributor: ContributorNumber,
    /// How many records of the chunk, at least 1.
    pub records: u64,
}

/// A chunk to append.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct NewChunk {
    /// The data: 1 byte or more.
    pub payload: ByteBuf,
    /// When the provider made the chunk; at most 2 minutes in the registry's future.
    pub provider_timestamp: TimestampNs,
    /// Who contributed how many of its records, by ascending contributor number, none twice. The sum is the chunk's record count,
    /// at most its payload's bytes.
    pub credits: Vec<Credit>,
}

/// Arguments of `append`, by the owner or a publisher.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct AppendArgs {
    /// The stream.
    pub stream: StreamId,
    /// The sequence number at which the caller expects the first chunk to be written.
    pub expected_sequence: u64,
    /// 1 to 1,000 chunks, together at most 1.9 MiB of payload.
    pub chunks: Vec<NewChunk>,
}

/// The chunks are in the log.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct Appended {
    /// Sequence number of the batch's first chunk.
    pub first_sequence: u64,
    /// The head now; it may be past the batch if the call was a retry.
    pub head: Head,
    /// True if this very batch was stored by an earlier call, so that nothing was written now.
    pub already_stored: bool,
}

/// Why nothing was appended.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub enum AppendError {
    /// Sign in: the anonymous principal changes nothing.
    AnonymousCaller,
    /// The canister is paused by governance; try again later.
    Paused,
    /// There is no such stream.
    StreamNotFound,
    /// The stream is closed for good.
    StreamClosed,
    /// The caller is neither the owner nor a publisher whose time has not run out.
    NotAPublisher,
    /// The batch has no chunk.
    EmptyBatch,
    /// More than 1,000 chunks.
    TooManyChunks {
        /// How many are allowed.
        max: u64,
    },
    /// The payloads are too large together.
    BatchTooLarge {
        /// Bytes allowed.
        max_bytes: u64,
    },
    /// The log stands elsewhere; read it, then append at `expected`.
    WrongSequence {
        /// The next free sequence number.
        expected: u64,
    },
    /// The sequence numbers are taken by other chunks.
    DifferentChunkStored {
        /// The first that differs.
        sequence: u64,
    },
    /// A chunk of the batch is not valid.
    InvalidChunk {
        /// Its position in the batch, from 0.
        index: u64,
        /// What is wrong with it.
        reason: String,
    },
    /// A chunk credits a contributor that is not in the table.
    UnknownContributor {
        /// The chunk's position in the batch, from 0.
        index: u64,
        /// The number credited.
        contributor: ContributorNumber,
    },
    /// A limit on what may be stored is reached.
    LimitReached {
        /// Which limit.
        limit: String,
        /// Its value.
        max: u64,
    },
}

/// The state of a stream's log.
#[derive(CandidType, Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Leaves in the tree.
    pub tree_size: u64,
    /// RFC 9162 root over them.
    pub root: Hash,
    /// The registry's time when the last leaf was added; the stream's creation for an empty tree.
    pub timestamp: TimestampNs,
}

/// A head with its proof up to the network's root key.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct CertifiedHead {
    /// What is proved.
    pub head: Head,
    /// The network's certificate over the canister's root hash (CBOR, IC interface specification "Certification"). Absent in a replicated call.
    pub certificate: Option<ByteBuf>,
    /// The pruned hash tree (CBOR) from the canister's root hash to `heads`/<stream id, 8 bytes big-endian>.
    pub witness: ByteBuf,
}

/// Arguments of `pull`.
#[derive(CandidType, Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub struct PullArgs {
    /// The stream.
    pub stream: StreamId,
    /// Sequence number of the first chunk wanted.
    pub from: u64,
    /// Payload bytes wanted at most; at least one chunk comes whatever its size.
    pub max_bytes: Option<u64>,
    /// The licence under which the caller pulls; if absent, one of the caller's that covers the stream is looked up.
    pub licence: Option<LicenceId>,
    /// Whether the reply must hold the left frontier: yes, unless the caller kept its compact range of `[0, from)`.
    pub with_left_frontier: bool,
}

/// A chunk as it lies in the log.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct PulledChunk {
    /// The canonical leaf.
    pub leaf: ByteBuf,
    /// The canonical encoding of the credits whose hash the leaf holds.
    pub credits: ByteBuf,
    /// The payload whose length and hash the leaf holds.
    pub payload: ByteBuf,
}

/// Chunks with proof.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct Pulled {
    /// Consecutive chunks from the sequence number asked; empty at the end of the stream.
    pub chunks: Vec<PulledChunk>,
    /// Compact range of `[0, from)`, if it was asked for.
    pub left_frontier: Vec<Hash>,
    /// Compact range from after the last chunk to the head's size; empty when the chunks reach the head.
    pub right_frontier: Vec<Hash>,
    /// The head under which the chunks are proved.
    pub head: CertifiedHead,
    /// Where to go on.
    pub next: u64,
}

/// Why nothing was pulled.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub enum PullError {
    /// There is no such stream.
    StreamNotFound,
    /// Buy a licence first: the caller has none for this stream.
    NoLicence,
    /// There is no such licence, or it is not the caller's or not for this stream.
    LicenceNotFound,
    /// The licence has run out; buy again.
    LicenceExpired {
        /// When it did.
        expired_at: TimestampNs,
    },
    /// The stream is not that long yet.
    BeyondHead {
        /// Chunks so far.
        tree_size: u64,
    },
    /// The payloads asked for were dropped: their storage is no longer paid for. Their leaves stay (`inclusion_proof`).
    PayloadsDropped {
        /// The first chunk whose payload is kept.
        kept_from: u64,
    },
}

/// Arguments of `inclusion_proof`.
#[derive(CandidType, Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub struct InclusionProofArgs {
    /// The stream.
    pub stream: StreamId,
    /// The leaf.
    pub sequence: u64,
    /// The tree's size for which the proof is wanted; the present one if absent.
    pub tree_size: Option<u64>,
}

/// A leaf and its inclusion proof (RFC 9162, 2.1.3).
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct InclusionProof {
    /// The canonical leaf.
    pub leaf: ByteBuf,
    /// The tree's size.
    pub tree_size: u64,
    /// The audit path, from the leaf up.
    pub path: Vec<Hash>,
    /// The present head.
    pub head: CertifiedHead,
}

/// Arguments of `consistency_proof`.
#[derive(CandidType, Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConsistencyProofArgs {
    /// The stream.
    pub stream: StreamId,
    /// The smaller size, at least 1.
    pub first: u64,
    /// The larger size; the present one if absent.
    pub second: Option<u64>,
}

/// A consistency proof (RFC 9162, 2.1.4).
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct ConsistencyProof {
    /// The larger size.
    pub second: u64,
    /// The proof's nodes.
    pub path: Vec<Hash>,
    /// The present head.
    pub head: CertifiedHead,
}

/// Why there is no proof.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub enum ProofError {
    /// There is no such stream.
    StreamNotFound,
    /// A size or sequence number is out of range.
    OutOfRange {
        /// Chunks so far.
        tree_size: u64,
    },
}
