//! What the canister certifies, and the witnesses for it. This module alone owns the root.
//!
//! The certified tree is `heads`/<stream id, 8 bytes big-endian> → hash of the head, beside `licences`/<licence id, 8 bytes
//! big-endian> → hash of the licence's bytes. Both are Merkle maps in stable memory, so that after an upgrade two stored
//! roots are combined and nothing is rebuilt. A label added later (`http_expr`) goes beside them.

use ddsx_merkle_log::{HEADS_LABEL, Head, MapError};
use ddsx_runtime::Runtime;
use ddsx_types::stream_registry::{self as api, CertifiedHead, LicenceId, StreamId};
use ic_certification::{HashTree, fork, label, pruned};
use serde_bytes::ByteBuf;

use crate::storage::Storage;

/// The label of licences in the certified tree.
pub const LICENCES_LABEL: &[u8] = b"licences";

type Tree = HashTree;

fn licences(content: Tree) -> Tree {
    label(LICENCES_LABEL, content)
}

fn heads(content: Tree) -> Tree {
    label(HEADS_LABEL, content)
}

/// The root that the subnet certifies.
pub fn root(storage: &Storage) -> [u8; 32] {
    fork(
        heads(pruned(storage.heads_root())),
        licences(pruned(storage.licences_root())),
    )
    .digest()
}

/// Hands the root to the subnet: after every change of a head or a licence, and after an upgrade.
pub fn publish(storage: &Storage, runtime: &impl Runtime) {
    runtime.certified_data_set(&root(storage));
}

/// Sets a stream's head.
///
/// Panics if stable memory is full, so that the whole message is undone: an uncertified head must not stay.
pub fn set_head(storage: &mut Storage, stream: StreamId, head: &Head) {
    if let Err(error) = storage.set_head(stream, head.hash()) {
        panic!("the head of stream {stream} cannot be certified: {error}");
    }
}

/// The CBOR of a witness, as the interface specification has it.
///
/// Panics if it cannot be written, which to memory it can: an empty witness would be given as one.
fn cbor(tree: &Tree) -> ByteBuf {
    let mut bytes = Vec::new();
    match ciborium::into_writer(tree, &mut bytes) {
        Ok(()) => ByteBuf::from(bytes),
        Err(error) => panic!("the witness cannot be encoded: {error}"),
    }
}

/// A stream's head with its proof.
pub fn certified_head(
    storage: &Storage,
    runtime: &impl Runtime,
    stream: StreamId,
    head: Head,
) -> Result<CertifiedHead, MapError> {
    let others = pruned(licences(pruned(storage.licences_root())).digest());
    let witness = fork(heads(storage.head_witness(stream)?), others);
    Ok(CertifiedHead {
        head: api::Head {
            tree_size: head.tree_size,
            root: head.root,
            timestamp: head.timestamp,
        },
        certificate: runtime.data_certificate().map(ByteBuf::from),
        witness: cbor(&witness),
    })
}

/// Shows a licence's hash, or that there is no licence of this number.
pub fn licence_witness(storage: &Storage, licence: LicenceId) -> Result<ByteBuf, MapError> {
    let others = pruned(heads(pruned(storage.heads_root())).digest());
    Ok(cbor(&fork(others, licences(storage.licence_witness(licence)?))))
}

#[cfg(test)]
mod tests;
