//! What the canister certifies, and the witnesses for it. This module alone owns the root.
//!
//! The certified tree is `models`/<task, 8 bytes big-endian> → SHA-256 of the version in force, beside `reports`/<task, 8 bytes
//! big-endian><round, 4 bytes big-endian> → SHA-256 of the round's report. Both are Merkle maps in stable memory: after an
//! upgrade two stored roots are combined and nothing is rebuilt.

use ddsx_merkle_log::MapError;
use ddsx_runtime::Runtime;
use ddsx_types::federated_aggregator::TaskId;
use ic_certification::{HashTree, fork, label, pruned};
use serde_bytes::ByteBuf;

use crate::storage::Storage;

/// The label of models in force.
pub const MODELS_LABEL: &[u8] = b"models";
/// The label of reports.
pub const REPORTS_LABEL: &[u8] = b"reports";

fn models(content: HashTree) -> HashTree {
    label(MODELS_LABEL, content)
}

fn reports(content: HashTree) -> HashTree {
    label(REPORTS_LABEL, content)
}

/// The root that the subnet certifies.
pub fn root(storage: &Storage) -> [u8; 32] {
    fork(
        models(pruned(storage.models_root())),
        reports(pruned(storage.reports_root())),
    )
    .digest()
}

/// Hands the root to the subnet: after every change, and after an upgrade.
pub fn publish(storage: &Storage, runtime: &impl Runtime) {
    runtime.certified_data_set(&root(storage));
}

/// The CBOR of a witness, as the interface specification has it.
///
/// Panics if it cannot be written: an inner fault. An empty witness would look like an answer.
fn cbor(tree: &HashTree) -> ByteBuf {
    let mut bytes = Vec::new();
    match ciborium::into_writer(tree, &mut bytes) {
        Ok(()) => ByteBuf::from(bytes),
        Err(error) => panic!("a witness cannot be written: {error}"),
    }
}

/// Shows a task's model; panics as [`cbor`].
pub fn model_witness(storage: &Storage, task: TaskId) -> ByteBuf {
    let others = pruned(reports(pruned(storage.reports_root())).digest());
    cbor(&fork(models(sure(storage.model_witness(task))), others))
}

/// Shows a round's report; panics as [`cbor`].
pub fn report_witness(storage: &Storage, task: TaskId, round: u32) -> ByteBuf {
    let others = pruned(models(pruned(storage.models_root())).digest());
    cbor(&fork(others, reports(sure(storage.report_witness(task, round)))))
}

/// A map that cannot be read is a fault of ours, and no answer that something is not there.
fn sure(witness: Result<HashTree, MapError>) -> HashTree {
    match witness {
        Ok(witness) => witness,
        Err(error) => panic!("a certified map cannot be read: {error}"),
    }
}
