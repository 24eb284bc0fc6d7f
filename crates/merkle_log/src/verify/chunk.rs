//! Whether one chunk is what its leaf says.

use crate::credits::{credited_records, decode_credits};
use crate::hash::{CREDITS, prefixed, sha256};
use crate::leaf::Leaf;

use super::{ReceivedChunk, VerifyError};

/// Decodes the leaf and checks stream, sequence number, payload and credits against it.
pub(super) fn check_chunk(
    stream: u64,
    sequence: u64,
    chunk: &ReceivedChunk<'_>,
    allow_missing_payload: bool,
) -> Result<Leaf, VerifyError> {
    let leaf = Leaf::decode(chunk.leaf).map_err(|reason| VerifyError::LeafMalformed { sequence, reason })?;
    if leaf.stream != stream {
        return Err(VerifyError::LeafOfOtherStream {
            sequence,
            expected: stream,
            got: leaf.stream,
        });
    }
    if leaf.sequence != sequence {
        return Err(VerifyError::LeafOutOfSequence {
            expected: sequence,
            got: leaf.sequence,
        });
    }
    check_payload(sequence, &leaf, chunk.payload, allow_missing_payload)?;
    check_credits(sequence, &leaf, chunk.credits)?;
    Ok(leaf)
}

fn check_payload(sequence: u64, leaf: &Leaf, payload: Option<&[u8]>, allow_missing: bool) -> Result<(), VerifyError> {
    let Some(payload) = payload else {
        return if allow_missing {
            Ok(())
        } else {
            Err(VerifyError::PayloadMissing { sequence })
        };
    };
    if payload.len() as u64 != leaf.payload_len {
        return Err(VerifyError::PayloadLength {
            sequence,
            expected: leaf.payload_len,
            got: payload.len() as u64,
        });
    }
    let got = sha256(payload);
    if got != leaf.payload_hash {
        return Err(VerifyError::PayloadHash {
            sequence,
            expected: leaf.payload_hash,
            got,
        });
    }
    Ok(())
}

fn check_credits(sequence: u64, leaf: &Leaf, bytes: &[u8]) -> Result<(), VerifyError> {
    let malformed = |reason| VerifyError::CreditsMalformed { sequence, reason };
    let credits = decode_credits(bytes).map_err(malformed)?;
    let got = prefixed(CREDITS, bytes);
    if got != leaf.credits {
        return Err(VerifyError::CreditsHash {
            sequence,
            expected: leaf.credits,
            got,
        });
    }
    // An empty list says that nobody is credited, however many records there are.
    let sum = credited_records(&credits).map_err(malformed)?;
    if sum != leaf.records && !credits.is_empty() {
        return Err(VerifyError::CreditsSum {
            sequence,
            expected: leaf.records,
            got: sum,
        });
    }
    Ok(())
}
