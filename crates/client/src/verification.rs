//! Everything that can be wrong between a reply and the network's root key, one variant each, with a text that names it.

use std::fmt;

use candid::Principal;
use ddsx_merkle_log::{Hash, VerifyError};

/// Why a reply is not believed. Nothing of it was handed over or written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VerificationError {
    /// Certificate and witness hold; the log, its leaves or the freshness do not.
    #[error(transparent)]
    Log(#[from] VerifyError),

    // The certificate.
    /// A replicated call has none, a query always has.
    #[error("the reply has no certificate")]
    CertificateMissing,
    /// It is not the CBOR that the interface specification says.
    #[error("the certificate cannot be read: {0}")]
    CertificateMalformed(String),
    /// Its signature is one, but not of this content by the subnet (or the root key).
    #[error("the certificate's signature is wrong: its content was altered, or another network signed it")]
    CertificateSignature,
    /// Its signature is not even a point of the curve's group (BLS12-381 G1).
    #[error("the certificate's signature is none: its bytes were altered")]
    CertificateSignatureMalformed,
    /// It comes without a delegation and the root key has not signed it.
    #[error("the certificate has no delegation, and the root key did not sign it: a subnet's certificate needs one")]
    DelegationMissing,
    /// It certifies nothing of this canister.
    #[error("the certificate is not about canister {canister}: it holds no certified data of it")]
    CertificateOfOtherCanister {
        /// The canister asked.
        canister: Principal,
    },
    /// The canister's certified data is not a hash.
    #[error("the canister's certified data has {0} bytes instead of 32")]
    CertifiedDataLength(usize),
    /// Every certificate holds its time.
    #[error("the certificate holds no time")]
    TimeMissing,

    // The delegation from the root key to the subnet.
    /// It is not the CBOR that the interface specification says.
    #[error("the delegation's certificate cannot be read: {0}")]
    DelegationMalformed(String),
    /// Its signature is one, but not of this content by the root key.
    #[error("the delegation's signature is wrong: the root key did not sign what it says")]
    DelegationSignature,
    /// Its signature is not even a point of the curve's group (BLS12-381 G1).
    #[error("the delegation's signature is none: its bytes were altered")]
    DelegationSignatureMalformed,
    /// A delegation must not rest on another.
    #[error("the delegation rests on another delegation, which is not allowed")]
    DelegationNested,
    /// It does not say which canisters the subnet has.
    #[error("the delegation holds no canister ranges of subnet {subnet}")]
    DelegationRangesMissing {
        /// The subnet.
        subnet: Principal,
    },
    /// The subnet that signed may not speak for this canister.
    #[error("the delegation does not cover canister {canister}: subnet {subnet} may not certify for it")]
    DelegationRange {
        /// The canister asked.
        canister: Principal,
        /// The subnet that signed.
        subnet: Principal,
    },
    /// The delegation holds no usable public key of the subnet.
    #[error("the delegation holds no public key of subnet {subnet}: {reason}")]
    SubnetKey {
        /// The subnet.
        subnet: Principal,
        /// What is wrong.
        reason: String,
    },
    /// The root key given here is none.
    #[error("the root key is not one: {0}")]
    RootKey(String),

    // The witness from the canister's certified data to an entry.
    /// It is not a hash tree in CBOR.
    #[error("the witness cannot be read: {0}")]
    WitnessMalformed(String),
    /// It belongs to another state of the canister, or was altered.
    #[error("the witness does not lead to the canister's certified data (its root is {root}, certified {certified})")]
    WitnessRoot {
        /// The root that follows from the witness.
        root: Hash,
        /// What the certificate holds.
        certified: Hash,
    },
    /// The canister certifies that it has no such stream.
    #[error("the registry certifies that it has no stream {stream}")]
    NoSuchStream {
        /// The stream asked for.
        stream: u64,
    },
    /// A valid proof, but of another stream's head.
    #[error("the reply is another stream's: the witness shows the head of stream {shown}, not of stream {stream}")]
    WitnessOfOtherStream {
        /// The stream asked for.
        stream: u64,
        /// The stream whose head the witness shows.
        shown: u64,
    },
    /// The witness leaves out what it should show.
    #[error("the witness shows no head of stream {stream}")]
    WitnessWithoutHead {
        /// The stream asked for.
        stream: u64,
    },

    // The head.
    /// The head's size is not the certified one.
    #[error("the head's size was altered: {given} chunks were given, {certified} are certified")]
    HeadSize {
        /// What came.
        given: u64,
        /// What is certified.
        certified: u64,
    },
    /// The head's root is not the certified one.
    #[error("the head's root was altered: {given} was given, {certified} is certified")]
    HeadRoot {
        /// What came.
        given: Hash,
        /// What is certified.
        certified: Hash,
    },
    /// The head's size and root are right, its time is not.
    #[error("the head's timestamp was altered: {given} ns is not what is certified")]
    HeadTimestamp {
        /// What came.
        given: u64,
    },
    /// The head is not the certified one, and more cannot be said.
    #[error("the head was altered: its hash is {given}, certified is {certified}")]
    HeadAltered {
        /// Hash of the head that came.
        given: Hash,
        /// The certified hash.
        certified: Hash,
    },

    // The chunks.
    /// A chunk that should be there is not.
    #[error("chunk {sequence} was dropped from the reply")]
    ChunkDropped {
        /// The one missing.
        sequence: u64,
    },
    /// Chunks came in another order than the log's.
    #[error("chunks {first} and {second} were swapped: the reply is not in the log's order")]
    ChunksSwapped {
        /// The chunk whose place was taken.
        first: u64,
        /// The chunk that came there.
        second: u64,
    },
    /// The reply says to go on elsewhere than after its last chunk.
    #[error("the reply ends at chunk {end}, but says that the next one is {next}: chunks were dropped at its end")]
    NextMismatch {
        /// One past the last chunk that came.
        end: u64,
        /// Where the reply says to go on.
        next: u64,
    },
    /// There is more, but nothing came.
    #[error("the reply holds no chunk, although the certified head has {size} and {from} was asked for")]
    ChunksWithheld {
        /// The chunk asked for.
        from: u64,
        /// The certified size.
        size: u64,
    },
    /// Fields of a leaf are not what the log holds (an inclusion proof shows the true leaf).
    #[error("chunk {sequence}: its leaf was altered: {fields}")]
    LeafAltered {
        /// The chunk.
        sequence: u64,
        /// Which fields, with what came and what is certified.
        fields: String,
    },
    /// Every leaf is the log's own, so that the fault is in a frontier hash.
    #[error(
        "a frontier hash was altered: chunks {from} to {to} are the log's own, but the frontier does not join them to the head"
    )]
    FrontierAltered {
        /// The first chunk.
        from: u64,
        /// One past the last chunk.
        to: u64,
    },

    // Federated learning.
    /// The witness does not show the entry that the reply is about.
    #[error("the witness does not show {0}")]
    NotShown(Subject),
    /// The bytes are not the certified ones.
    #[error("{subject}: its bytes hash to {given}, certified is {certified}")]
    EntryAltered {
        /// What came.
        subject: Subject,
        /// Hash of the bytes that came.
        given: Hash,
        /// The certified hash.
        certified: Hash,
    },
    /// What is told besides the certified bytes is not what they say, or they are about something else.
    #[error("{0}: what the reply says of it is not what is certified")]
    EntryDiffers(Subject),
    /// A piece of a file is too long, too short, or of a file of another length.
    #[error("the piece at byte {offset} of {subject} has {given} bytes instead of {expected}")]
    PieceLength {
        /// Of what.
        subject: Subject,
        /// Where it begins.
        offset: u64,
        /// Bytes that came.
        given: u64,
        /// Bytes that there should be.
        expected: u64,
    },
    /// All pieces came, and together they are not the certified file.
    #[error("the file of {subject} was altered: its content hash is {given}, certified is {certified}")]
    ContentAltered {
        /// Of what.
        subject: Subject,
        /// Content hash of what came.
        given: Hash,
        /// The certified content hash.
        certified: Hash,
    },
    /// A model that is older than one seen before.
    #[error("version {given} of task {task}'s model came after version {held}: an old state, or another network's")]
    VersionWentBack {
        /// The task.
        task: u64,
        /// The version that came.
        given: u32,
        /// The version seen before.
        held: u32,
    },

    // Licences.
    /// The encoded licence is not the certified one.
    #[error("licence {licence}: its bytes hash to {given}, certified is {certified}")]
    LicenceAltered {
        /// The licence.
        licence: u64,
        /// Hash of the bytes that came.
        given: Hash,
        /// The certified hash.
        certified: Hash,
    },
    /// The licence told is not the one encoded.
    #[error("licence {licence}: what the reply says of it is not what is certified")]
    LicenceDiffers {
        /// The licence.
        licence: u64,
    },
    /// The reply gives a licence that is certified not to exist, or denies one that is not certified to be absent.
    #[error("licence {licence}: the witness does not show what the reply says ({said})")]
    LicenceNotShown {
        /// The licence.
        licence: u64,
        /// What the reply said.
        said: &'static str,
    },
}

/// What the federated aggregator certifies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// The model in force.
    Model {
        /// The task.
        task: u64,
    },
    /// A round's report.
    Report {
        /// The task.
        task: u64,
        /// The round.
        round: u32,
    },
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Model { task } => write!(f, "the model of task {task}"),
            Self::Report { task, round } => write!(f, "the report of round {round} of task {task}"),
        }
    }
}

impl VerificationError {
    /// By how many seconds this machine's clock is behind the network's at least, if that is why a reply is not believed: its
    /// certificate is the network's own, and from the future.
    pub fn clock_behind_s(&self) -> Option<u64> {
        match self {
            Self::Log(VerifyError::CertificateFromFuture { certified_at, now }) => {
                Some(certified_at.saturating_sub(*now) / 1_000_000_000)
            }
            _ => None,
        }
    }

    /// What is said of such a clock.
    pub fn clock_words(&self) -> Option<String> {
        let behind = i64::try_from(self.clock_behind_s()?).unwrap_or(i64::MAX);
        Some(crate::clock::words(-behind))
    }

    /// Whether an honest node that lags behind the one asked before may be the cause. Asking again tells.
    pub fn may_be_a_lagging_node(&self) -> bool {
        matches!(
            self,
            Self::Log(
                VerifyError::CertificateOlderThanHeld { .. }
                    | VerifyError::HeadShrank { .. }
                    | VerifyError::HeadTimeWentBack { .. }
            ) | Self::VersionWentBack { .. }
        )
    }
}
