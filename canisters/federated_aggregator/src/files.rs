//! A model as its safetensors file: the plan's header, then the flat weights as they are stored. Nothing is copied to make it.

use ddsx_nn::spec::Plan;
use ddsx_nn::weights;
use ddsx_types::federated_aggregator::PIECE_BYTES;

use crate::content::Content;
use crate::limits::PIECES_PER_STEP;
use crate::storage::Storage;
use crate::storage::extents::Blob;

/// Bytes `offset..offset + length` of the file, which must lie within it.
pub fn read(storage: &Storage, plan: &Plan, blob: &Blob, offset: u64, length: u64) -> Vec<u8> {
    let header = weights::header(plan);
    let begin = usize::try_from(offset).unwrap_or(usize::MAX).min(header.len());
    let end = usize::try_from(offset + length).unwrap_or(usize::MAX).min(header.len());
    let mut bytes = header[begin..end].to_vec();
    let left = length - bytes.len() as u64;
    if left > 0 {
        let first = offset + bytes.len() as u64 - header.len() as u64;
        bytes.extend(storage.read(blob, first, left));
    }
    bytes
}

/// Bytes of the file.
pub fn bytes(plan: &Plan, blob: &Blob) -> u64 {
    weights::header(plan).len() as u64 + blob.len()
}

/// Hashes a few more pieces. Says whether that was all.
pub fn hash_some(storage: &Storage, plan: &Plan, blob: &Blob, content: &mut Content) -> bool {
    for _ in 0..PIECES_PER_STEP {
        if content.is_complete() {
            break;
        }
        let piece = read(
            storage,
            plan,
            blob,
            content.received(),
            content.next_len().min(PIECE_BYTES),
        );
        content.push(&piece);
    }
    content.is_complete()
}
