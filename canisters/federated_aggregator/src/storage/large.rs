//! What is large, and what is certified.

use ddsx_merkle_log::MapError;
use ddsx_types::Hash;
use ddsx_types::federated_aggregator::TaskId;
use ic_certification::HashTree;
use ic_stable_structures::Memory as _;

use super::Storage;
use super::extents::{Blob, Exhausted};

fn report_label(task: TaskId, round: u32) -> Vec<u8> {
    [&task.to_be_bytes()[..], &round.to_be_bytes()].concat()
}

impl Storage {
    /// Room for so many bytes; what lies there is arbitrary. Stable memory does not grow into the reserve for it.
    pub fn take(&mut self, bytes: u64) -> Result<Blob, Exhausted> {
        let used = self.whole.size() * 65_536;
        let most = super::stable_limit() - crate::limits::RESERVE_BYTES;
        if self.extents.grows_for(bytes) && used.saturating_add(Blob::reserved(bytes)) > most {
            return Err(Exhausted);
        }
        self.extents.take(bytes)
    }

    /// Gives room back.
    pub fn give_back(&mut self, blob: Blob) {
        self.extents.give_back(blob);
    }

    /// Writes into a blob.
    pub fn write(&self, blob: &Blob, offset: u64, bytes: &[u8]) {
        self.extents.write(blob, offset, bytes);
    }

    /// Reads from a blob.
    pub fn read(&self, blob: &Blob, offset: u64, length: u64) -> Vec<u8> {
        self.extents.read(blob, offset, length)
    }

    /// Numbers from a blob of little-endian `f32`.
    pub fn read_numbers(&self, blob: &Blob, first: u64, count: u64) -> Vec<f32> {
        let bytes = self.extents.read(blob, first * 4, count * 4);
        bytes
            .as_chunks::<4>()
            .0
            .iter()
            .map(|bytes| f32::from_le_bytes(*bytes))
            .collect()
    }

    /// Numbers into a blob of little-endian `f32`.
    pub fn write_numbers(&self, blob: &Blob, first: u64, numbers: &[f32]) {
        let mut bytes = vec![0; numbers.len() * 4];
        for (bytes, number) in bytes.as_chunks_mut::<4>().0.iter_mut().zip(numbers) {
            *bytes = number.to_le_bytes();
        }
        self.extents.write(blob, first * 4, &bytes);
    }

    /// Bytes of blobs, and bytes free between them.
    pub fn usage(&self) -> (u64, u64) {
        self.extents.usage()
    }

    /// Certifies a task's model from the next `publish` on.
    ///
    /// Panics if stable memory is full, so that the message is undone: a model that cannot be certified must not be in force.
    pub fn certify_model(&mut self, task: TaskId, hash: Hash) {
        if let Err(error) = self.models.insert(&task.to_be_bytes(), hash) {
            panic!("the model of task {task} cannot be certified: {error}");
        }
    }

    /// Certifies a round's report; panics as [`Storage::certify_model`].
    pub fn certify_report(&mut self, task: TaskId, round: u32, hash: Hash) {
        if let Err(error) = self.report_hashes.insert(&report_label(task, round), hash) {
            panic!("the report of round {round} of task {task} cannot be certified: {error}");
        }
    }

    /// Root of the models.
    pub fn models_root(&self) -> [u8; 32] {
        self.models.root_hash()
    }

    /// Root of the reports.
    pub fn reports_root(&self) -> [u8; 32] {
        self.report_hashes.root_hash()
    }

    /// Shows a task's model among the models.
    pub fn model_witness(&self, task: TaskId) -> Result<HashTree, MapError> {
        self.models.witness(&[task.to_be_bytes()])
    }

    /// Shows a report among the reports.
    pub fn report_witness(&self, task: TaskId, round: u32) -> Result<HashTree, MapError> {
        self.report_hashes.witness(&[report_label(task, round)])
    }
}
