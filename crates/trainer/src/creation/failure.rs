//! What keeps a task from being started.

use std::io;
use std::path::Path;

use candid::Nat;
use ddsx_client::{CallError, NetworkError};
use ddsx_types::federated_aggregator::{TaskError, TaskId};

use crate::account::MoneyError;
use crate::state::StateError;

/// Why a task is not started.
#[derive(Debug, thiserror::Error)]
pub enum CreationFailure {
    /// The aggregator refused, or the network did not answer.
    #[error(transparent)]
    Call(#[from] CallError<TaskError>),
    /// A payment was refused, and an approval had been made for it.
    #[error("{error}; {allowance}")]
    Unpaid {
        /// Why.
        error: CallError<TaskError>,
        /// What became of the approval.
        allowance: String,
    },
    /// The money is not where it must be.
    #[error(transparent)]
    Money(#[from] MoneyError),
    /// The note cannot be read or written.
    #[error("{path}: {error}")]
    File {
        /// The file.
        path: String,
        /// What the system said.
        error: io::Error,
    },
    /// The note is damaged.
    #[error("{path} is not the note of a task that is being created: {reason}; if none is, remove it")]
    Damaged {
        /// The file.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The definition has changed since the run that broke off.
    #[error(
        "{path} notes a task that is not started, from another version of the definition; undo the change, or remove the note"
    )]
    Changed {
        /// The note.
        path: String,
    },
    /// The task that the note names is not there, or is another: an old state of the network, or a local network that was started anew.
    #[error(
        "task {task}, which an earlier run made, is not there; try again, or, if the network was started anew, remove {path}"
    )]
    Gone {
        /// The task.
        task: TaskId,
        /// The note.
        path: String,
    },
    /// Storage costs cycles, which a person cannot send.
    #[error("the storage of the task costs {} cycles at least, and no token: let a canister pay it (pay_storage_with_cycles)", digits(.0))]
    CyclesOnly(Nat),
    /// The aggregator found that the task cannot begin.
    #[error("task {task} cannot begin: {reason}")]
    Failed {
        /// The task.
        task: TaskId,
        /// Why.
        reason: String,
    },
    /// It takes long; nothing is wrong.
    #[error("task {0} is not running yet; look again with `ddsx task show {0}`")]
    Slow(TaskId),
    /// No random numbers.
    #[error(transparent)]
    Random(#[from] StateError),
}

fn digits(units: &Nat) -> String {
    units.0.to_string()
}

impl From<NetworkError> for CreationFailure {
    fn from(error: NetworkError) -> Self {
        Self::Call(error.into())
    }
}

pub(super) fn file_error(path: &Path) -> impl FnOnce(io::Error) -> CreationFailure + '_ {
    |error| CreationFailure::File {
        path: path.display().to_string(),
        error,
    }
}
