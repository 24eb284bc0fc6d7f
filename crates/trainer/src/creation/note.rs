//! What was decided, written down before anything is paid.

use std::io;
use std::path::Path;

use candid::Principal;
use ddsx_client::write_atomically;
use ddsx_types::Hash;
use ddsx_types::federated_aggregator::TaskId;
use serde::{Deserialize, Serialize};

use super::failure::{CreationFailure, file_error};
use crate::state::{StateError, random};

const VERSION: u32 = 1;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Note {
    pub version: u32,
    pub aggregator: Principal,
    pub owner: Principal,
    /// SHA-256 of the arguments in Candid.
    pub args: Hash,
    pub task: Option<TaskId>,
    pub storage_request: Hash,
    pub fund_request: Hash,
    /// What the funding request is for: the same id must name the same amount.
    pub fund_amount: Option<u128>,
    /// With what payment the task is made, where one call makes, pays and funds it: a repeated call must name the same.
    #[serde(default)]
    pub paying: Option<Paying>,
}

/// A payment that was agreed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Paying {
    pub ledger: Principal,
    /// The most that leaves the account, the ledger's fee not counted.
    pub max: u128,
    pub budget: u128,
}

impl Note {
    pub fn new(aggregator: Principal, owner: Principal, args: Hash) -> Result<Self, StateError> {
        Ok(Self {
            version: VERSION,
            aggregator,
            owner,
            args,
            task: None,
            storage_request: Hash(random()?),
            fund_request: Hash(random()?),
            fund_amount: None,
            paying: None,
        })
    }

    /// What a file says; none if there is none.
    pub fn read(path: &Path) -> Result<Option<Self>, CreationFailure> {
        match std::fs::read(path) {
            Ok(bytes) => parse(path, &bytes).map(Some),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(file_error(path)(error)),
        }
    }

    /// Writes it, in one step.
    pub fn write(&self, path: &Path) -> Result<(), CreationFailure> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(file_error(folder))?;
        }
        let bytes = serde_json::to_vec_pretty(self).map_err(|error| CreationFailure::Damaged {
            path: path.display().to_string(),
            reason: error.to_string(),
        })?;
        write_atomically(path, &bytes).map_err(file_error(path))
    }
}

/// Removes a note, if there is one.
pub(super) fn remove(path: &Path) -> Result<(), CreationFailure> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(file_error(path)(error)),
        _ => Ok(()),
    }
}

fn parse(path: &Path, bytes: &[u8]) -> Result<Note, CreationFailure> {
    let damaged = |reason: String| CreationFailure::Damaged {
        path: path.display().to_string(),
        reason,
    };
    let note: Note = serde_json::from_slice(bytes).map_err(|error| damaged(error.to_string()))?;
    if note.version == VERSION {
        Ok(note)
    } else {
        Err(damaged(format!("its version is {}", note.version)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn should_refuse_a_damaged_note() {
        let path = Path::new("note.json");
        assert!(matches!(parse(path, b"{"), Err(CreationFailure::Damaged { .. })));
    }
}
