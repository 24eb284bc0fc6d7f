//! The chunk store: `upload_chunk`, `stored_chunks`, `clear_chunk_store`.

use candid::Principal;
use ic_management_canister_types::{CanisterIdRecord, ChunkHash, UploadChunkArgs};
use sha2::{Digest, Sha256};

use super::access::{controlled, controlled_or_own};
use super::errors::chunk_store;
use super::{NOTHING, decode, reply};
use crate::execution::fees;
use crate::network::call::Answer;
use crate::network::subnet::Subnet;

/// Bytes of a chunk.
const CHUNK: usize = 1 << 20;
/// Chunks of a canister.
const CHUNKS: usize = 100;
/// Instructions that storing a chunk is charged for.
const UPLOAD_INSTRUCTIONS: u64 = 200_000;

/// `upload_chunk`.
pub fn upload(subnet: &mut Subnet, caller: Principal, arg: &[u8]) -> Answer {
    let arg: UploadChunkArgs = decode(arg)?;
    let canister = controlled_or_own(subnet, arg.canister_id, caller)?;
    if arg.chunk.len() > CHUNK {
        return Err(chunk_store(&format!(
            "Wasm chunk size {} exceeds the maximum chunk size of {CHUNK}",
            arg.chunk.len()
        )));
    }
    let hash: [u8; 32] = Sha256::digest(&arg.chunk).into();
    if !canister.chunks.contains_key(&hash) {
        if canister.chunks.len() >= CHUNKS {
            return Err(chunk_store(&format!(
                "Wasm chunk store has already reached maximum capacity of {CHUNKS} chunks"
            )));
        }
        let cost = subnet.price(|nodes| fees::scale(u128::from(UPLOAD_INSTRUCTIONS), nodes));
        if let Some(mut canister) = subnet.canisters.remove(&arg.canister_id) {
            let charged = subnet.charge(&mut canister, cost);
            if charged.is_ok() {
                canister.chunks.insert(hash, arg.chunk);
            }
            subnet.canisters.insert(canister.id, canister);
            charged?;
        }
    }
    reply((ChunkHash { hash: hash.to_vec() },))
}

/// `stored_chunks`.
pub fn stored(subnet: &Subnet, caller: Principal, arg: &[u8]) -> Answer {
    let CanisterIdRecord { canister_id } = decode(arg)?;
    let canister = controlled_or_own(subnet, canister_id, caller)?;
    let hashes: Vec<ChunkHash> = canister
        .chunks
        .keys()
        .map(|hash| ChunkHash { hash: hash.to_vec() })
        .collect();
    reply((hashes,))
}

/// `clear_chunk_store`.
pub fn clear(subnet: &mut Subnet, caller: Principal, arg: &[u8]) -> Answer {
    let CanisterIdRecord { canister_id } = decode(arg)?;
    if caller != canister_id {
        controlled(subnet, canister_id, caller)?;
    }
    subnet.canister_mut(canister_id)?.chunks.clear();
    Ok(NOTHING.to_vec())
}
