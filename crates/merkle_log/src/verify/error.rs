//! Everything that can be wrong with a reply, one variant each, with a text that names it.

use ddsx_types::Hash;

use crate::credits::CreditsError;
use crate::leaf::LeafError;
use crate::proof::ProofError;

/// Seconds from one time to a later one, both ns since the Unix epoch; a part of a second counts as one. Messages say how far times are apart, not
/// where they lie: a date is for those who format dates, and they have the fields.
fn seconds_between(earlier: u64, later: u64) -> u64 {
    later.saturating_sub(earlier).div_ceil(1_000_000_000)
}

/// Why a reply is not believed. Nothing of it may be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// The certificate is older than the verifier accepts.
    #[error("certificate too old: it was made {age_s} s ago; at most {max_age_s} s are accepted")]
    CertificateTooOld {
        /// The certificate's time, ns since the Unix epoch.
        certified_at: u64,
        /// Its age in seconds.
        age_s: u64,
        /// The most that is accepted, in seconds.
        max_age_s: u64,
    },
    /// The certificate's time lies in the future.
    #[error("certificate from the future: its time is {} s ahead of the clock here", seconds_between(*.now, *.certified_at))]
    CertificateFromFuture {
        /// The certificate's time, ns since the Unix epoch.
        certified_at: u64,
        /// The verifier's clock, ns since the Unix epoch.
        now: u64,
    },
    /// The certificate is older than one already seen.
    #[error("old reply: a certificate made {} s later was already seen", seconds_between(*.certified_at, *.held))]
    CertificateOlderThanHeld {
        /// The certificate's time, ns since the Unix epoch.
        certified_at: u64,
        /// The time of the one already seen.
        held: u64,
    },
    /// The head is another stream's.
    #[error("head of another stream: expected stream {expected}, got stream {got}")]
    HeadOfOtherStream {
        /// Whose head was expected.
        expected: u64,
        /// Whose it is.
        got: u64,
    },
    /// The head is smaller than one already seen.
    #[error("the stream shrank: its head has {got} chunks, {held} were already seen")]
    HeadShrank {
        /// The size already seen.
        held: u64,
        /// The size now.
        got: u64,
    },
    /// A head of the same size with another root was already seen.
    #[error("history rewritten: at {size} chunks the root was {held}, now it is {got}")]
    HeadForked {
        /// The size of both.
        size: u64,
        /// The root already seen.
        held: Hash,
        /// The root now.
        got: Hash,
    },
    /// The head's timestamp is before one already seen.
    #[error("the head's timestamp went back by {} s", seconds_between(*.got, *.held))]
    HeadTimeWentBack {
        /// The timestamp already seen.
        held: u64,
        /// The timestamp now.
        got: u64,
    },
    /// The head does not continue the one already seen, and the chunks show it.
    #[error("history rewritten: the first {size} chunks have the root {got}, it was {held} when they were first seen")]
    HistoryRewritten {
        /// The size of the head already seen.
        size: u64,
        /// Its root.
        held: Hash,
        /// The root of the same number of chunks now.
        got: Hash,
    },
    /// Nothing shows that the head continues the one already seen.
    #[error("no consistency proof between the head of {held} chunks already seen and the one of {got}")]
    ConsistencyMissing {
        /// The size already seen.
        held: u64,
        /// The size now.
        got: u64,
    },
    /// The consistency proof does not show that the head continues the one already seen.
    #[error("wrong consistency proof between the head of {held} chunks already seen and the one of {got}: {reason}")]
    Consistency {
        /// The size already seen.
        held: u64,
        /// The size now.
        got: u64,
        /// What is wrong with it.
        reason: ProofError,
    },
    /// The chunks start elsewhere than where the puller's state ends, and there is no left frontier.
    #[error("no left frontier: the chunks start at {from}, what is held ends at {held}")]
    LeftFrontierMissing {
        /// The first chunk.
        from: u64,
        /// Where the state ends.
        held: u64,
    },
    /// The left frontier has a wrong number of hashes.
    #[error("wrong left frontier: {expected} hashes stand for the chunks before {from}, not {got}")]
    LeftFrontierLength {
        /// The first chunk.
        from: u64,
        /// How many hashes there must be.
        expected: usize,
        /// How many there are.
        got: usize,
    },
    /// The right frontier has a wrong number of hashes.
    #[error("wrong right frontier: {expected} hashes stand for the chunks from {to} to the head's {size}, not {got}")]
    RightFrontierLength {
        /// One past the last chunk.
        to: u64,
        /// The head's size.
        size: u64,
        /// How many hashes there must be.
        expected: usize,
        /// How many there are.
        got: usize,
    },
    /// The chunks go past the head.
    #[error("chunks beyond the head: they end at {to}, the head has {size}")]
    BeyondHead {
        /// One past the last chunk.
        to: u64,
        /// The head's size.
        size: u64,
    },
    /// A leaf is not canonical.
    #[error("chunk {sequence}: malformed leaf: {reason}")]
    LeafMalformed {
        /// The chunk.
        sequence: u64,
        /// What is wrong with it.
        reason: LeafError,
    },
    /// A leaf is another stream's.
    #[error("chunk {sequence}: its leaf is of stream {got}, not of stream {expected}")]
    LeafOfOtherStream {
        /// The chunk.
        sequence: u64,
        /// The stream pulled.
        expected: u64,
        /// The stream in the leaf.
        got: u64,
    },
    /// A leaf has another sequence number than its place: a chunk was left out, put in, or two were swapped.
    #[error("chunk {expected}: in its place came chunk {got}; a chunk was dropped, inserted or swapped")]
    LeafOutOfSequence {
        /// The number its place calls for.
        expected: u64,
        /// The number in the leaf.
        got: u64,
    },
    /// The payload is not there, and the verifier was not told to go without.
    #[error("chunk {sequence}: its payload is missing")]
    PayloadMissing {
        /// The chunk.
        sequence: u64,
    },
    /// The payload has another length than the leaf says.
    #[error("chunk {sequence}: its payload has {got} bytes, the leaf says {expected}")]
    PayloadLength {
        /// The chunk.
        sequence: u64,
        /// The leaf's length.
        expected: u64,
        /// The payload's length.
        got: u64,
    },
    /// The payload has another hash than the leaf says.
    #[error("chunk {sequence}: its payload was altered: it hashes to {got}, the leaf says {expected}")]
    PayloadHash {
        /// The chunk.
        sequence: u64,
        /// The leaf's hash.
        expected: Hash,
        /// The payload's hash.
        got: Hash,
    },
    /// The credits list is not canonical.
    #[error("chunk {sequence}: malformed credits list: {reason}")]
    CreditsMalformed {
        /// The chunk.
        sequence: u64,
        /// What is wrong with it.
        reason: CreditsError,
    },
    /// The credits list has another hash than the leaf says.
    #[error("chunk {sequence}: its credits list was altered: it hashes to {got}, the leaf says {expected}")]
    CreditsHash {
        /// The chunk.
        sequence: u64,
        /// The leaf's hash.
        expected: Hash,
        /// The list's hash.
        got: Hash,
    },
    /// The credits do not sum to the leaf's record count.
    #[error("chunk {sequence}: its credits sum to {got} records, the leaf says {expected}")]
    CreditsSum {
        /// The chunk.
        sequence: u64,
        /// The leaf's record count.
        expected: u64,
        /// The credits' sum.
        got: u64,
    },
    /// The chunks, continuing what is held, do not lead to the head's root.
    #[error(
        "chunks {from} to {to} do not lead to the head's root: a field of a leaf was altered (root {got}, certified {expected})"
    )]
    ChunksRoot {
        /// The first chunk.
        from: u64,
        /// One past the last chunk.
        to: u64,
        /// The certified root.
        expected: Hash,
        /// The root that follows from the chunks.
        got: Hash,
    },
    /// What is held is the whole stream, but has another root than the head.
    #[error("what is held of the stream does not have the head's root (root {got}, certified {expected})")]
    HeldRoot {
        /// The certified root.
        expected: Hash,
        /// The root that follows from what is held.
        got: Hash,
    },
    /// The chunks and the frontiers that came with them do not lead to the head's root.
    #[error(
        "chunks {from} to {to} and the frontier hashes do not lead to the head's root: a field of a leaf or a frontier hash was altered (root {got}, certified {expected})"
    )]
    FrontierRoot {
        /// The first chunk.
        from: u64,
        /// One past the last chunk.
        to: u64,
        /// The certified root.
        expected: Hash,
        /// The root that follows from chunks and frontiers.
        got: Hash,
    },
    /// An inclusion proof does not show that the chunk is in the log.
    #[error("chunk {sequence}: wrong inclusion proof: {reason}")]
    Inclusion {
        /// The chunk.
        sequence: u64,
        /// What is wrong with it.
        reason: ProofError,
    },
}
