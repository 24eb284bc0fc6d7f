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
fn cbor(tree: &HashTree) -> ByteBuf {
    let mut bytes = Vec::new();
    match ciborium::into_writer(tree, &mut bytes) {
        Ok(()) => ByteBuf::from(bytes),
        // Writing to memory does not fail; a witness that is empty proves nothing.
        Err(_) => ByteBuf::new(),
    }
}

/// Shows a task's model.
pub fn model_witness(storage: &Storage, task: TaskId) -> Result<ByteBuf, MapError> {
    let others = pruned(reports(pruned(storage.reports_root())).digest());
    Ok(cbor(&fork(models(storage.model_witness(task)?), others)))
}

/// Shows a round's report.
pub fn report_witness(storage: &Storage, task: TaskId, round: u32) -> Result<ByteBuf, MapError> {
    let others = pruned(models(pruned(storage.models_root())).digest());
    Ok(cbor(&fork(others, reports(storage.report_witness(task, round)?))))
}
