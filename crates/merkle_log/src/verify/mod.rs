//! Everything a client checks before it believes a reply: pure, without network or clock.
//!
//! What comes before: the caller has checked the certificate's signature up to the root key, the delegation and canister ranges,
//! and the witness, and found the head's hash under `heads`/<stream>. What is then left to show is shown here: that the
//! certificate is fresh, that the head continues the one held, that each chunk is what its leaf says, and that the leaves are the
//! log's, complete and in order.
//!
//! Certification shows what the canister says *now*. That it never said anything else, in particular not before an upgrade by
//! its controllers, shows only the comparison with a head that the client itself kept: see `docs/proofs.md`.

mod chunk;
mod error;
#[cfg(test)]
mod tests;

pub use error::VerifyError;

use ddsx_types::Hash;
use serde::{Deserialize, Serialize};

use crate::compact::{CompactRange, RangeError};
use crate::hash::leaf_hash;
use crate::head::Head;
use crate::leaf::Leaf;
use crate::proof::{verify_consistency, verify_inclusion};
use chunk::check_chunk;

/// The oldest certificate accepted unless told otherwise: 5 minutes, in ns.
pub const DEFAULT_MAX_AGE: u64 = 5 * 60 * NANOS;
/// How far a certificate may be ahead of the verifier's clock unless told otherwise: 1 minute, in ns.
pub const DEFAULT_MAX_AHEAD: u64 = 60 * NANOS;
const NANOS: u64 = 1_000_000_000;

/// A head that the caller has found in a certificate it has checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CertifiedHead {
    /// The stream under whose id the head stood in the certified tree.
    pub stream: u64,
    /// The head.
    pub head: Head,
    /// The certificate's time, ns since the Unix epoch.
    pub certified_at: u64,
}

/// What a puller keeps between pulls: some hundred bytes, however long the stream is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// The stream.
    pub stream: u64,
    /// The last head that was believed.
    pub head: Head,
    /// The time of its certificate, ns since the Unix epoch.
    pub certified_at: u64,
    /// The compact range over the chunks before the next one to pull; it begins at 0.
    pub range: CompactRange,
}

impl Held {
    /// The sequence number of the next chunk to pull.
    pub fn next(&self) -> u64 {
        self.range.end()
    }
}

/// How fresh a certificate has to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Freshness {
    /// The verifier's clock, ns since the Unix epoch.
    pub now: u64,
    /// The oldest certificate accepted, in ns.
    pub max_age: u64,
    /// How far its time may be ahead of `now`, in ns.
    pub max_ahead: u64,
}

impl Freshness {
    /// The usual: not older than [`DEFAULT_MAX_AGE`], not more than [`DEFAULT_MAX_AHEAD`] in the future.
    pub const fn at(now: u64) -> Self {
        Self {
            now,
            max_age: DEFAULT_MAX_AGE,
            max_ahead: DEFAULT_MAX_AHEAD,
        }
    }

    fn check(&self, certified_at: u64) -> Result<(), VerifyError> {
        if certified_at > self.now.saturating_add(self.max_ahead) {
            return Err(VerifyError::CertificateFromFuture {
                certified_at,
                now: self.now,
            });
        }
        let age = self.now.saturating_sub(certified_at);
        if age > self.max_age {
            return Err(VerifyError::CertificateTooOld {
                certified_at,
                age_s: age / NANOS,
                max_age_s: self.max_age / NANOS,
            });
        }
        Ok(())
    }
}

/// One chunk as it came over the wire.
#[derive(Clone, Copy, Debug)]
pub struct ReceivedChunk<'a> {
    /// The canonical leaf.
    pub leaf: &'a [u8],
    /// The canonical credits list.
    pub credits: &'a [u8],
    /// The payload; `None` if it came without one, because retention dropped it.
    pub payload: Option<&'a [u8]>,
}

/// The chunks of one reply and the hashes that came with them.
#[derive(Clone, Copy, Debug)]
pub struct Pulled<'a> {
    /// The sequence number that was asked for, hence of the first chunk.
    pub from: u64,
    /// The chunks, without a gap.
    pub chunks: &'a [ReceivedChunk<'a>],
    /// The compact range over [0, `from`), if it came. Not needed when `from` is where the state ends, or 0.
    pub left: Option<&'a [Hash]>,
    /// The compact range from after the last chunk to the head's size; empty if the chunks reach the head.
    pub right: &'a [Hash],
    /// The consistency proof from the head held to this one, if it was asked for. Needed only when the chunks do not reach or
    /// pass the size of the head held, or start after it.
    pub consistency: Option<&'a [Hash]>,
    /// Whether a chunk may come without its payload; its leaf is then verified all the same.
    pub allow_missing_payloads: bool,
}

/// What a reply was found to hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// What to keep for the next pull, in place of what was held.
    pub held: Held,
    /// The chunks' leaves.
    pub leaves: Vec<Leaf>,
}

/// Checks the freshness of a head and that it continues the one held; `consistency` is the proof between the two, needed when
/// their sizes differ and the one held is not of an empty stream.
///
/// # Errors
/// [`VerifyError`] names what is wrong.
pub fn verify_head(
    held: Option<&Held>,
    head: &CertifiedHead,
    consistency: Option<&[Hash]>,
    freshness: &Freshness,
) -> Result<(), VerifyError> {
    check_head(held, head, freshness)?;
    let Some(held) = held.filter(|held| needs_consistency(held, head)) else {
        return Ok(());
    };
    check_consistency(held, head, consistency)
}

/// Checks one chunk that came with an inclusion proof in the tree of the head. Of one that came without its payload, the leaf and
/// the credits are checked.
///
/// # Errors
/// [`VerifyError`] names what is wrong.
pub fn verify_chunk(
    head: &CertifiedHead,
    sequence: u64,
    chunk: &ReceivedChunk<'_>,
    inclusion: &[Hash],
    freshness: &Freshness,
) -> Result<Leaf, VerifyError> {
    check_head(None, head, freshness)?;
    let leaf = check_chunk(head.stream, sequence, chunk, chunk.payload.is_none())?;
    verify_inclusion(
        &leaf_hash(chunk.leaf),
        sequence,
        head.head.tree_size,
        inclusion,
        &head.head.root,
    )
    .map_err(|reason| VerifyError::Inclusion { sequence, reason })?;
    Ok(leaf)
}

/// Checks the chunks of a reply against its head, and its head against what is held.
///
/// `held` is what the last call answered, `None` on the first pull of a stream. Nothing of the reply may be written or shown
/// before this has answered `Ok`.
///
/// # Errors
/// [`VerifyError`] names what is wrong.
pub fn verify_pull(
    held: Option<&Held>,
    head: &CertifiedHead,
    pulled: &Pulled<'_>,
    freshness: &Freshness,
) -> Result<Verified, VerifyError> {
    check_head(held, head, freshness)?;
    let size = head.head.tree_size;
    let to = pulled.from.saturating_add(pulled.chunks.len() as u64);
    if to > size {
        return Err(VerifyError::BeyondHead { to, size });
    }
    let mut range = left_frontier(held, pulled)?;
    let held_head = held.map(|held| &held.head);
    let mut seen = crossing(held_head, &range);
    let mut leaves = Vec::with_capacity(pulled.chunks.len());
    for (sequence, chunk) in (pulled.from..).zip(pulled.chunks) {
        leaves.push(check_chunk(
            head.stream,
            sequence,
            chunk,
            pulled.allow_missing_payloads,
        )?);
        range
            .append(leaf_hash(chunk.leaf))
            .map_err(|_| VerifyError::BeyondHead { to, size })?;
        seen = seen.or_else(|| crossing(held_head, &range));
    }
    // Only now: a chunk left out is to be called that, and not a frontier of the wrong length.
    let right = right_frontier(to, size, pulled.right)?;
    check_root(head, pulled, to, &range, &right)?;
    if let Some(held) = held.filter(|held| needs_consistency(held, head)) {
        // The chunks themselves show it when the range passes through the size of the head held.
        match seen {
            Some(got) if got != held.head.root => {
                return Err(VerifyError::HistoryRewritten {
                    size: held.head.tree_size,
                    held: held.head.root,
                    got,
                });
            }
            Some(_) if pulled.consistency.is_none() => (),
            _ => check_consistency(held, head, pulled.consistency)?,
        }
    }
    Ok(Verified {
        held: Held {
            stream: head.stream,
            head: head.head,
            certified_at: head.certified_at,
            range,
        },
        leaves,
    })
}

fn check_head(held: Option<&Held>, head: &CertifiedHead, freshness: &Freshness) -> Result<(), VerifyError> {
    if let Some(held) = held.filter(|held| held.stream != head.stream) {
        return Err(VerifyError::HeadOfOtherStream {
            expected: held.stream,
            got: head.stream,
        });
    }
    freshness.check(head.certified_at)?;
    let Some(held) = held else {
        return Ok(());
    };
    let (before, now) = (&held.head, &head.head);
    if head.certified_at < held.certified_at {
        return Err(VerifyError::CertificateOlderThanHeld {
            certified_at: head.certified_at,
            held: held.certified_at,
        });
    }
    if now.tree_size < before.tree_size {
        return Err(VerifyError::HeadShrank {
            held: before.tree_size,
            got: now.tree_size,
        });
    }
    if now.tree_size == before.tree_size && now.root != before.root {
        return Err(VerifyError::HeadForked {
            size: now.tree_size,
            held: before.root,
            got: now.root,
        });
    }
    if now.timestamp < before.timestamp {
        return Err(VerifyError::HeadTimeWentBack {
            held: before.timestamp,
            got: now.timestamp,
        });
    }
    Ok(())
}

fn needs_consistency(held: &Held, head: &CertifiedHead) -> bool {
    held.head.tree_size != 0 && held.head.tree_size != head.head.tree_size
}

fn check_consistency(held: &Held, head: &CertifiedHead, proof: Option<&[Hash]>) -> Result<(), VerifyError> {
    let (before, now) = (held.head.tree_size, head.head.tree_size);
    let proof = proof.ok_or(VerifyError::ConsistencyMissing { held: before, got: now })?;
    verify_consistency(before, now, &held.head.root, &head.head.root, proof).map_err(|reason| {
        VerifyError::Consistency {
            held: before,
            got: now,
            reason,
        }
    })
}

/// The range over [0, from): what is held, or what came.
fn left_frontier(held: Option<&Held>, pulled: &Pulled<'_>) -> Result<CompactRange, VerifyError> {
    let from = pulled.from;
    if let Some(hashes) = pulled.left {
        return CompactRange::new(0, from, hashes.to_vec()).map_err(|error| VerifyError::LeftFrontierLength {
            from,
            expected: expected(&error),
            got: hashes.len(),
        });
    }
    // A state whose range does not begin at 0 (its file was altered) says nothing about what came before.
    match held.filter(|held| held.range.begin() == 0) {
        Some(held) if held.next() == from => Ok(held.range.clone()),
        _ if from == 0 => Ok(CompactRange::empty_at(0)),
        held => Err(VerifyError::LeftFrontierMissing {
            from,
            held: held.map_or(0, Held::next),
        }),
    }
}

fn right_frontier(to: u64, size: u64, hashes: &[Hash]) -> Result<CompactRange, VerifyError> {
    CompactRange::new(to, size, hashes.to_vec()).map_err(|error| VerifyError::RightFrontierLength {
        to,
        size,
        expected: expected(&error),
        got: hashes.len(),
    })
}

fn expected(error: &RangeError) -> usize {
    match error {
        RangeError::HashCount { expected, .. } => *expected,
        _ => 0,
    }
}

/// The root of the range if it ends exactly where the head held does.
fn crossing(held: Option<&Head>, range: &CompactRange) -> Option<Hash> {
    held.filter(|held| held.tree_size == range.end())
        .and_then(|_| range.root().ok())
}

/// Compares the root that follows from range and right frontier with the certified one, and tells who may be at fault.
fn check_root(
    head: &CertifiedHead,
    pulled: &Pulled<'_>,
    to: u64,
    range: &CompactRange,
    right: &CompactRange,
) -> Result<(), VerifyError> {
    let beyond = |_| VerifyError::BeyondHead {
        to,
        size: head.head.tree_size,
    };
    let mut whole = range.clone();
    whole.extend(right).map_err(beyond)?;
    let got = whole.root().map_err(beyond)?;
    let expected = head.head.root;
    if got == expected {
        return Ok(());
    }
    let from = pulled.from;
    let received = pulled.left.map_or(0, <[Hash]>::len) + pulled.right.len();
    Err(if received > 0 {
        VerifyError::FrontierRoot {
            from,
            to,
            expected,
            got,
        }
    } else if pulled.chunks.is_empty() {
        VerifyError::HeldRoot { expected, got }
    } else {
        VerifyError::ChunksRoot {
            from,
            to,
            expected,
            got,
        }
    })
}
