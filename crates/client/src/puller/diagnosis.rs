//! After a verification has failed: what exactly is wrong. Nothing here makes a refused reply acceptable; it only finds the
//! words. Where the certified log itself can tell (an inclusion proof of the true leaf), it is asked.

use ddsx_merkle_log::leaf::{DERIVED_LEAF_LEN, LEAF_LEN};
use ddsx_merkle_log::{self as log, CompactRange, Hash, Held, VerifyError, leaf_hash, verify_inclusion};
use ddsx_types::stream_registry::{InclusionProofArgs, Pulled, StreamId};

use crate::StreamSource;
use crate::verification::VerificationError;
use crate::witness::altered_head;

/// Inclusion proofs asked for at most.
const MOST_PROOFS: usize = 64;

/// Finds dropped and swapped chunks by the sequence numbers in the leaves.
pub(super) fn check_order(stream: StreamId, from: u64, reply: &Pulled) -> Result<(), VerificationError> {
    let sequences: Option<Vec<u64>> = reply
        .chunks
        .iter()
        .map(|chunk| log::Leaf::decode(&chunk.leaf).ok())
        .map(|leaf| leaf.filter(|leaf| leaf.stream == stream).map(|leaf| leaf.sequence))
        .collect();
    // Leaves that are malformed or of another stream have errors of their own.
    let Some(sequences) = sequences else {
        return Ok(());
    };
    let Some((index, expected)) = (0..)
        .zip(from..)
        .take(sequences.len())
        .find(|(i, want)| sequences[*i] != *want)
    else {
        return Ok(());
    };
    let came = sequences[index];
    let short = reply.next != from.saturating_add(sequences.len() as u64);
    let goes_on = match sequences.get(index + 1) {
        Some(following) => *following == came.saturating_add(1),
        None => short,
    };
    if sequences[index + 1..].contains(&expected) {
        Err(VerificationError::ChunksSwapped {
            first: expected,
            second: came,
        })
    } else if came == expected.saturating_add(1) && goes_on {
        Err(VerificationError::ChunkDropped { sequence: expected })
    } else {
        // One leaf's own number was altered; the verifier says where.
        Ok(())
    }
}

/// Names what was altered in a head whose hash is not the certified one, with the help of the chunks that came with it.
pub(super) fn name_the_head(
    held: Option<&Held>,
    given: &log::Head,
    certified: Hash,
    pulled: &log::Pulled<'_>,
) -> VerificationError {
    let from_head = altered_head(given, certified);
    if !matches!(from_head, VerificationError::HeadAltered { .. }) {
        return from_head;
    }
    let Some(root) = root_of(held, given.tree_size, pulled) else {
        return from_head;
    };
    if root == given.root {
        return VerificationError::HeadTimestamp { given: given.timestamp };
    }
    if (log::Head { root, ..*given }).hash() == certified {
        return VerificationError::HeadRoot {
            given: given.root,
            certified: root,
        };
    }
    from_head
}

/// The root that follows from what is held and what came.
fn root_of(held: Option<&Held>, size: u64, pulled: &log::Pulled<'_>) -> Option<Hash> {
    let mut range = match (pulled.left, held) {
        (Some(hashes), _) => CompactRange::new(0, pulled.from, hashes.to_vec()).ok()?,
        (None, Some(held)) if held.next() == pulled.from => held.range.clone(),
        (None, _) => CompactRange::new(0, 0, Vec::new()).ok().filter(|_| pulled.from == 0)?,
    };
    for chunk in pulled.chunks {
        range.append(leaf_hash(chunk.leaf)).ok()?;
    }
    let right = CompactRange::new(range.end(), size, pulled.right.to_vec()).ok()?;
    range.extend(&right).ok()?;
    range.root().ok()
}

/// Asks the certified log for the true leaves, and names the first that differs from the one that came.
pub(super) async fn name_the_fault<S: StreamSource>(
    source: &S,
    stream: StreamId,
    from: u64,
    reply: &Pulled,
    error: VerificationError,
) -> VerificationError {
    let suspects = match &error {
        VerificationError::Log(fault) => suspects(fault, from, reply.chunks.len()),
        _ => return error,
    };
    let checked = suspects.len().min(MOST_PROOFS);
    for index in suspects.iter().take(MOST_PROOFS) {
        let Some(chunk) = reply.chunks.get(*index) else {
            return error;
        };
        let sequence = from.saturating_add(*index as u64);
        let Some(true_leaf) = proved_leaf(source, stream, sequence, &reply.head.head).await else {
            return error;
        };
        if true_leaf != *chunk.leaf {
            return VerificationError::LeafAltered {
                sequence,
                fields: differences(&chunk.leaf, &true_leaf),
            };
        }
    }
    match error {
        VerificationError::Log(VerifyError::FrontierRoot { from, to, .. }) if checked == suspects.len() => {
            VerificationError::FrontierAltered { from, to }
        }
        _ => error,
    }
}

/// Positions in the reply of the chunks that may be at fault.
fn suspects(fault: &VerifyError, from: u64, chunks: usize) -> Vec<usize> {
    let one = |sequence: &u64| {
        let index = sequence.checked_sub(from).and_then(|index| usize::try_from(index).ok());
        index.into_iter().collect()
    };
    match fault {
        VerifyError::ChunksRoot { .. } | VerifyError::FrontierRoot { .. } => (0..chunks).collect(),
        VerifyError::LeafMalformed { sequence, .. }
        | VerifyError::LeafOfOtherStream { sequence, .. }
        | VerifyError::LeafOutOfSequence { expected: sequence, .. }
        | VerifyError::PayloadLength { sequence, .. }
        | VerifyError::PayloadHash { sequence, .. }
        | VerifyError::CreditsHash { sequence, .. }
        | VerifyError::CreditsMalformed { sequence, .. }
        | VerifyError::CreditsSum { sequence, .. } => one(sequence),
        _ => Vec::new(),
    }
}

/// The leaf that the log holds there, if it comes with a proof under the head that was certified.
async fn proved_leaf<S: StreamSource>(
    source: &S,
    stream: StreamId,
    sequence: u64,
    head: &ddsx_types::stream_registry::Head,
) -> Option<Vec<u8>> {
    let args = InclusionProofArgs {
        stream,
        sequence,
        tree_size: Some(head.tree_size),
    };
    let proof = source.inclusion_proof(args).await.ok()?;
    verify_inclusion(
        &leaf_hash(&proof.leaf),
        sequence,
        head.tree_size,
        &proof.path,
        &head.root,
    )
    .ok()?;
    Some(proof.leaf.into_vec())
}

/// The leaf's fields and where they lie (`docs/leaf-format.md`).
const FIELDS: [(&str, usize, usize); 13] = [
    ("version", 0, 1),
    ("flags", 1, 2),
    ("stream id", 2, 10),
    ("sequence number", 10, 18),
    ("provider's timestamp", 18, 26),
    ("registry's timestamp", 26, 34),
    ("content type", 34, 36),
    ("record count", 36, 44),
    ("quality verdict", 44, 45),
    ("credits hash", 45, 77),
    ("payload length", 77, 85),
    ("payload hash", 85, LEAF_LEN),
    ("sources hash", LEAF_LEN, DERIVED_LEAF_LEN),
];

fn differences(given: &[u8], certified: &[u8]) -> String {
    let mut found: Vec<String> = FIELDS
        .iter()
        .map(|(name, start, end)| (name, field(given, *start, *end), field(certified, *start, *end)))
        .filter(|(_, given, certified)| given != certified)
        .map(|(name, given, certified)| format!("{name} {given}, certified {certified}"))
        .collect();
    if given.len() != certified.len() {
        found.push(format!("{} bytes, certified {}", given.len(), certified.len()));
    }
    found.join("; ")
}

/// A field as people read it: a number up to 8 bytes, hexadecimal digits beyond.
fn field(leaf: &[u8], start: usize, end: usize) -> String {
    let Some(bytes) = leaf.get(start..end) else {
        return "absent".into();
    };
    if bytes.len() > 8 {
        return hex::encode(bytes);
    }
    bytes
        .iter()
        .fold(0u64, |number, byte| (number << 8) | u64::from(*byte))
        .to_string()
}
