//! Pulling with proof: nothing leaves here that was not verified up to the network's root key.

mod diagnosis;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use ddsx_merkle_log as log;
use ddsx_merkle_log::{CompactRange, Credit, Freshness, Held, Leaf, decode_credits};
use ddsx_types::stream_registry::{
    ConsistencyProofArgs, Head, LicenceId, ProofError, PullArgs, PullError, Pulled, StreamId,
};

use crate::cursor::{Cursor, CursorError};
use crate::error::CallError;
use crate::follow::{FollowOptions, Follower};
use crate::ledger::now_ns;
use crate::verification::VerificationError;
use crate::witness::Anchor;
use crate::{Registry, StreamSource};

/// How to pull.
#[derive(Clone, Debug)]
pub struct PullOptions {
    /// Payload bytes wanted in one reply at most; the registry's limit if absent.
    pub max_bytes: Option<u64>,
    /// The licence under which to pull; the registry finds one of the caller's if absent.
    pub licence: Option<LicenceId>,
    /// The oldest certificate accepted. 5 minutes.
    pub max_age: Duration,
    /// How far a certificate's time may be ahead of this machine's clock. 1 minute.
    pub max_ahead: Duration,
    /// How often a reply that is older than one already seen is asked for again, since an honest node may lag behind. 3 times.
    pub lagging_retries: u32,
    /// The pause before asking again. 1 second.
    pub lagging_pause: Duration,
    /// Whether a failed verification asks for inclusion proofs, to name the very field that was altered.
    pub diagnose: bool,
}

impl Default for PullOptions {
    fn default() -> Self {
        Self {
            max_bytes: None,
            licence: None,
            max_age: Duration::from_nanos(log::verify::DEFAULT_MAX_AGE),
            max_ahead: Duration::from_nanos(log::verify::DEFAULT_MAX_AHEAD),
            lagging_retries: 3,
            lagging_pause: Duration::from_secs(1),
            diagnose: true,
        }
    }
}

/// A chunk whose leaf is in the certified log, whose payload and credits are the leaf's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedChunk {
    /// What the log holds of it.
    pub leaf: Leaf,
    /// The leaf's canonical bytes, for keeping.
    pub leaf_bytes: Vec<u8>,
    /// Who contributed how many of its records.
    pub credits: Vec<Credit>,
    /// The credits' canonical bytes, for keeping.
    pub credits_bytes: Vec<u8>,
    /// The data.
    pub payload: Vec<u8>,
}

/// What one pull proved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedBatch {
    /// Sequence number of the first chunk.
    pub first: u64,
    /// Consecutive chunks; empty at the end of the stream.
    pub chunks: Vec<VerifiedChunk>,
    /// Where to go on.
    pub next: u64,
    /// The head under which they are proved.
    pub head: Head,
    /// When the network certified it, ns since the Unix epoch.
    pub certified_at: u64,
    /// The compact range over all chunks before the first: with the leaves it proves the chunks again later.
    pub left: CompactRange,
}

impl VerifiedBatch {
    /// Whether the chunks reach the head.
    pub fn reaches_head(&self) -> bool {
        self.next >= self.head.tree_size
    }

    /// Payload bytes of all chunks.
    pub fn bytes(&self) -> u64 {
        self.chunks.iter().map(|chunk| chunk.leaf.payload_len).sum()
    }

    /// Records of all chunks.
    pub fn records(&self) -> u64 {
        self.chunks.iter().map(|chunk| chunk.leaf.records).sum()
    }
}

/// Why nothing was pulled.
#[derive(Debug, thiserror::Error)]
pub enum PullFailure {
    /// The registry refused, or the network did not answer.
    #[error(transparent)]
    Call(#[from] CallError<PullError>),
    /// The same for the proof that a new head continues the one held.
    #[error(transparent)]
    Proof(#[from] CallError<ProofError>),
    /// What came is not proved, and was dropped.
    #[error("verification failed: {0}")]
    Verification(#[from] VerificationError),
}

impl PullFailure {
    /// Whether trying again later may help.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Call(error) => error.is_transient(),
            Self::Proof(error) => error.is_transient(),
            Self::Verification(_) => false,
        }
    }
}

pub(crate) type Clock = Arc<dyn Fn() -> u64 + Send + Sync>;

/// Pulls one stream in order, and keeps what is needed to prove the next chunks: O(log n) hashes and the last head.
#[derive(Clone)]
pub struct Puller<S = Registry> {
    source: S,
    stream: StreamId,
    options: PullOptions,
    from: u64,
    held: Option<Held>,
    clock: Clock,
}

impl<S: StreamSource> Puller<S> {
    /// From the stream's first chunk on.
    pub fn new(source: S, stream: StreamId) -> Self {
        Self {
            source,
            stream,
            options: PullOptions::default(),
            from: 0,
            held: None,
            clock: Arc::new(now_ns),
        }
    }

    /// From where a cursor ends; refuses the cursor of another network, registry or stream.
    pub fn resume(source: S, stream: StreamId, cursor: Cursor) -> Result<Self, CursorError> {
        cursor.fits(&source, stream)?;
        let mut puller = Self::new(source, stream);
        (puller.from, puller.held) = cursor.into_parts();
        Ok(puller)
    }

    /// With other options.
    #[must_use]
    pub fn with_options(mut self, options: PullOptions) -> Self {
        self.options = options;
        self
    }

    /// With another clock (ns since the Unix epoch) for the certificates' age.
    #[must_use]
    pub fn with_clock(mut self, clock: impl Fn() -> u64 + Send + Sync + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Goes on at another chunk; the head believed so far is kept, so that history is still checked against it.
    #[must_use]
    pub fn starting_at(mut self, sequence: u64) -> Self {
        self.from = sequence;
        self
    }

    /// Sequence number of the next chunk.
    pub fn next_sequence(&self) -> u64 {
        self.from
    }

    /// The stream pulled.
    pub fn stream(&self) -> StreamId {
        self.stream
    }

    /// Where the chunks come from.
    pub fn source(&self) -> &S {
        &self.source
    }

    /// What is proved so far, for the next run. Save it after the chunks themselves are safe.
    pub fn cursor(&self) -> Cursor {
        Cursor::new(&self.source, self.stream, self.from, self.held.clone())
    }

    /// Follows the stream as it grows.
    pub fn follow(self, options: FollowOptions) -> Follower<S> {
        Follower::new(self, options)
    }

    /// Pulls the next chunks and verifies them: certificate, delegation, canister, witness, head, freshness, that the head
    /// continues the one held, leaves, payloads and credits. On any failure nothing is handed over and nothing is kept.
    pub async fn pull(&mut self) -> Result<VerifiedBatch, PullFailure> {
        let mut retries = self.options.lagging_retries;
        loop {
            let failure = match self.pull_once().await {
                Ok(batch) => return Ok(batch),
                Err(failure) => failure,
            };
            let lagging = match &failure {
                PullFailure::Verification(error) => error.may_be_a_lagging_node(),
                PullFailure::Call(error) => {
                    matches!(error.refusal(), Some(PullError::BeyondHead { .. })) && self.held.is_some()
                }
                PullFailure::Proof(_) => false,
            };
            if !lagging || retries == 0 {
                return Err(failure);
            }
            retries -= 1;
            tokio::time::sleep(self.options.lagging_pause).await;
        }
    }

    async fn pull_once(&mut self) -> Result<VerifiedBatch, PullFailure> {
        let from = self.from;
        let continues = from == 0 || self.held.as_ref().is_some_and(|held| held.next() == from);
        let reply = self
            .source
            .pull(PullArgs {
                stream: self.stream,
                from,
                max_bytes: self.options.max_bytes,
                licence: self.options.licence,
                with_left_frontier: !continues,
            })
            .await?;
        let left = (!continues).then_some(reply.left_frontier.as_slice());
        let verified = match self.verify(&reply, left).await {
            Ok(verified) => verified,
            Err(PullFailure::Verification(error)) if self.options.diagnose => {
                return Err(
                    diagnosis::name_the_fault(&self.source, self.stream, from, &reply, error)
                        .await
                        .into(),
                );
            }
            Err(failure) => return Err(failure),
        };
        let left = self.before(left)?;
        let (head, certified_at) = (verified.held.head.into(), verified.held.certified_at);
        self.from = verified.held.next();
        self.held = Some(verified.held);
        Ok(VerifiedBatch {
            first: from,
            next: self.from,
            chunks: unpack(reply, verified.leaves),
            head,
            certified_at,
            left,
        })
    }

    /// The range before the next chunk: what is held, or what came and was verified with the chunks.
    fn before(&self, left: Option<&[log::Hash]>) -> Result<CompactRange, VerificationError> {
        let held = self.held.as_ref().filter(|held| held.next() == self.from);
        let range = match (left, held) {
            (None, Some(held)) => Ok(held.range.clone()),
            (hashes, _) => CompactRange::new(0, self.from, hashes.unwrap_or_default().to_vec()),
        };
        range.map_err(|_| {
            VerificationError::Log(log::VerifyError::LeftFrontierMissing {
                from: self.from,
                held: 0,
            })
        })
    }

    async fn verify(&self, reply: &Pulled, left: Option<&[log::Hash]>) -> Result<log::Verified, PullFailure> {
        let anchor = Anchor {
            root_key: self.source.root_key(),
            canister: self.source.canister(),
        };
        let (certified, certified_at) = anchor.certified_head_hash(&reply.head, self.stream)?;
        let given = log::Head::from(reply.head.head);
        let received = received(reply);
        let mut pulled = log::Pulled {
            from: self.from,
            chunks: &received,
            left,
            right: &reply.right_frontier,
            consistency: None,
            allow_missing_payloads: false,
        };
        if given.hash() != certified {
            let error = diagnosis::name_the_head(self.held.as_ref(), &given, certified, &pulled);
            return Err(error.into());
        }
        let head = log::CertifiedHead {
            stream: self.stream,
            head: given,
            certified_at,
        };
        let end = self.from.saturating_add(reply.chunks.len() as u64);
        diagnosis::check_order(self.stream, self.from, reply)?;
        if reply.next != end {
            return Err(VerificationError::NextMismatch { end, next: reply.next }.into());
        }
        let proof = self.consistency(&head, end).await?;
        pulled.consistency = proof.as_deref();
        let freshness = Freshness {
            now: (self.clock)(),
            max_age: nanos(self.options.max_age),
            max_ahead: nanos(self.options.max_ahead),
        };
        let verified =
            log::verify_pull(self.held.as_ref(), &head, &pulled, &freshness).map_err(VerificationError::from)?;
        if reply.chunks.is_empty() && self.from < given.tree_size {
            let (from, size) = (self.from, given.tree_size);
            return Err(VerificationError::ChunksWithheld { from, size }.into());
        }
        Ok(verified)
    }

    /// The proof that a head continues the one held, where the chunks themselves do not show it.
    async fn consistency(&self, head: &log::CertifiedHead, end: u64) -> Result<Option<Vec<log::Hash>>, PullFailure> {
        let size = head.head.tree_size;
        let Some(held) = self.held.as_ref().map(|held| held.head.tree_size) else {
            return Ok(None);
        };
        if held == 0 || size <= held || (self.from..=end).contains(&held) {
            return Ok(None);
        }
        let args = ConsistencyProofArgs {
            stream: self.stream,
            first: held,
            second: Some(size),
        };
        Ok(Some(self.source.consistency_proof(args).await?.path))
    }
}

fn received(reply: &Pulled) -> Vec<log::ReceivedChunk<'_>> {
    let chunks = reply.chunks.iter();
    chunks
        .map(|chunk| log::ReceivedChunk {
            leaf: &chunk.leaf,
            credits: &chunk.credits,
            payload: Some(&chunk.payload),
        })
        .collect()
}

/// The chunks with their decoded leaves. The credits were decoded while they were verified, so that they decode again.
fn unpack(reply: Pulled, leaves: Vec<Leaf>) -> Vec<VerifiedChunk> {
    let chunks = reply.chunks.into_iter().zip(leaves);
    chunks
        .map(|(chunk, leaf)| VerifiedChunk {
            leaf,
            credits: decode_credits(&chunk.credits).unwrap_or_default(),
            leaf_bytes: chunk.leaf.into_vec(),
            credits_bytes: chunk.credits.into_vec(),
            payload: chunk.payload.into_vec(),
        })
        .collect()
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
