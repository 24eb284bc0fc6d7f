//! ICRC-3 "Block Log": blocks by ranges, the certified tip, the block types. Stable memory holds every block, so there are no
//! archives.
//!
//! An answer is bounded in blocks and in bytes, so that it fits a reply whichever way it is asked for: a query may answer 3 MiB, an
//! update call or another canister gets 2 MiB. What runs on all nodes this canister pays for, so there the bound is lower. A reader
//! that gets fewer blocks than it asked for asks again from where they end; the first block asked for always comes.

mod size;
#[cfg(test)]
mod tests;

use candid::Nat;
use ic_stable_structures::Memory;
use icrc_ledger_types::icrc3::archive::{GetArchivesArgs, GetArchivesResult};
use icrc_ledger_types::icrc3::blocks::{
    BlockWithId, GetBlocksRequest, GetBlocksResult, ICRC3DataCertificate, SupportedBlockType,
};
use serde_bytes::ByteBuf;

use crate::amount::to_u64;
use crate::block::{Sha256Hash, decode};
use crate::ledger::Ledger;
pub use crate::tip::root as tip_root;

/// Blocks in one answer, over all ranges.
pub const MAX_BLOCKS: usize = 2_000;
/// The same where all nodes run it: for other canisters, an index among them.
pub const MAX_BLOCKS_REPLICATED: usize = 500;
/// Bytes of blocks in one answer, as Candid writes them; what else is in the reply takes below 1 KiB.
pub const MAX_BYTES: usize = 1_900_000;

const ICRC_3_URL: &str = "https://github.com/dfinity/ICRC-1/tree/main/standards/ICRC-3";
const ICRC_107_URL: &str = "https://github.com/dfinity/ICRC/blob/main/ICRCs/ICRC-107/ICRC-107.md";

/// `icrc3_get_blocks`: the blocks of the ranges, in the order asked for, up to [`MAX_BLOCKS`], or [`MAX_BLOCKS_REPLICATED`] where all
/// nodes run it, and [`MAX_BYTES`].
pub fn get_blocks<M: Memory>(ledger: &Ledger<M>, ranges: &[GetBlocksRequest], replicated: bool) -> GetBlocksResult {
    let max_blocks = if replicated { MAX_BLOCKS_REPLICATED } else { MAX_BLOCKS };
    GetBlocksResult {
        log_length: ledger.log_length().into(),
        blocks: blocks_within(ledger, ranges, max_blocks, MAX_BYTES),
        archived_blocks: Vec::new(),
    }
}

fn blocks_within<M: Memory>(
    ledger: &Ledger<M>,
    ranges: &[GetBlocksRequest],
    max_blocks: usize,
    max_bytes: usize,
) -> Vec<BlockWithId> {
    let mut blocks = Vec::new();
    let mut bytes = 0;
    for range in ranges {
        // A start beyond 64 bits is beyond the log; a length beyond them is as good as the rest of it.
        let Some(start) = to_u64(&range.start) else { continue };
        let length = to_u64(&range.length).unwrap_or(u64::MAX);
        let end = start.saturating_add(length).min(ledger.log_length());
        for index in start..end {
            // What this ledger stored it can read: `decode` fails on memory that something else wrote.
            let Some(block) = ledger.block(index).and_then(|stored| decode(&stored).ok()) else {
                return blocks;
            };
            let id = Nat::from(index);
            bytes += size::of_nat(&id) + size::of_value(&block);
            if blocks.len() == max_blocks || (bytes > max_bytes && !blocks.is_empty()) {
                return blocks;
            }
            blocks.push(BlockWithId { id, block });
        }
    }
    blocks
}

/// `icrc3_get_archives`: none, whichever archive the caller has seen last.
pub const fn archives(_last_seen: &GetArchivesArgs) -> GetArchivesResult {
    Vec::new()
}

/// `icrc3_get_tip_certificate`: the network's certificate, if this is a query that has one, with the tree whose root it certifies.
pub fn tip_certificate(tip: Option<(u64, Sha256Hash)>, certificate: Option<Vec<u8>>) -> Option<ICRC3DataCertificate> {
    let ((index, hash), certificate) = tip.zip(certificate)?;
    Some(ICRC3DataCertificate {
        certificate: ByteBuf::from(certificate),
        hash_tree: ByteBuf::from(tip_tree_cbor(index, &hash)),
    })
}

/// The tree of a log whose last block has this index and hash, in CBOR (interface specification, "Certificates").
pub fn tip_tree_cbor(index: u64, hash: &Sha256Hash) -> Vec<u8> {
    let mut cbor = Vec::new();
    // Writing to a `Vec` does not fail, and a tree has nothing that CBOR cannot say.
    let _ = ciborium::into_writer(&crate::tip::tree(index, hash), &mut cbor);
    cbor
}

/// `icrc3_supported_block_types`: every type that a block may have, by its `btype` or, without one, by its `tx.op` (ICRC-3,
/// "Block Types").
pub fn supported_block_types() -> Vec<SupportedBlockType> {
    [
        ("1mint", ICRC_3_URL),
        ("1burn", ICRC_3_URL),
        ("1xfer", ICRC_3_URL),
        ("2approve", ICRC_3_URL),
        ("2xfer", ICRC_3_URL),
        ("107feecol", ICRC_107_URL),
    ]
    .map(|(block_type, url)| SupportedBlockType {
        block_type: block_type.into(),
        url: url.into(),
    })
    .into()
}
