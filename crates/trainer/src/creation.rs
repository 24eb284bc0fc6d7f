//! A task from its definition to its start: created, paid for, uploaded, funded, started. What was decided is written down before anything is
//! paid, so that a run that broke off is taken up, and nothing is paid twice.

use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use candid::{Nat, Principal};
use ddsx_client::content::PIECE;
use ddsx_client::{Aggregator, CallError, NetworkError, write_atomically};
use ddsx_merkle_log::sha256;
use ddsx_types::Hash;
use ddsx_types::federated_aggregator::{
    File, FundArgs, InitialWeights, PayStorageArgs, PutFileArgs, Stage, TaskError, TaskId, TaskInfo,
};
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

use crate::account::{self, MoneyError};
use crate::definition::Prepared;
use crate::retry::is_passing;
use crate::state::{StateError, random};

const VERSION: u32 = 1;

/// Why a task is not started.
#[derive(Debug, thiserror::Error)]
pub enum CreationFailure {
    /// The aggregator refused, or the network did not answer.
    #[error(transparent)]
    Call(#[from] CallError<TaskError>),
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
    #[error("the storage of the task costs {0} cycles, and no token: let a canister pay it (pay_storage_with_cycles)")]
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

impl From<NetworkError> for CreationFailure {
    fn from(error: NetworkError) -> Self {
        Self::Call(error.into())
    }
}

/// What is done next, for whoever watches.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// The task is there; `found` if an earlier run made it.
    Created {
        /// Its number.
        task: TaskId,
        /// Whether an earlier run made it.
        found: bool,
    },
    /// The storage fee is paid.
    StoragePaid(Nat),
    /// Bytes of a file that are there.
    Uploading {
        /// Which file.
        file: File,
        /// Bytes there.
        sent: u64,
        /// Bytes in all.
        bytes: u64,
    },
    /// The budget is paid in.
    Funded(Nat),
    /// The aggregator prepares it.
    Started,
}

/// What leaves the owner's account, ledger fees not counted.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outlay {
    /// For storage: the ledger and the amount.
    pub storage: Option<(Principal, Nat)>,
    /// For the budget: the ledger and the amount.
    pub budget: Option<(Principal, Nat)>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Note {
    version: u32,
    aggregator: Principal,
    owner: Principal,
    /// SHA-256 of the arguments in Candid.
    args: Hash,
    task: Option<TaskId>,
    storage_request: Hash,
    fund_request: Hash,
    /// What the funding request is for: the same id must name the same amount.
    fund_amount: Option<u128>,
}

impl Note {
    fn new(aggregator: Principal, owner: Principal, args: Hash) -> Result<Self, StateError> {
        Ok(Self {
            version: VERSION,
            aggregator,
            owner,
            args,
            task: None,
            storage_request: Hash(random()?),
            fund_request: Hash(random()?),
            fund_amount: None,
        })
    }
}

/// A task on its way.
pub struct Creation {
    aggregator: Aggregator,
    prepared: Prepared,
    note: Note,
    path: PathBuf,
    patience: Duration,
}

fn file_error(path: &Path) -> impl FnOnce(io::Error) -> CreationFailure + '_ {
    |error| CreationFailure::File {
        path: path.display().to_string(),
        error,
    }
}

impl Creation {
    /// Where the note of a definition lies in a folder: one for each aggregator, owner and definition file.
    pub fn note_path(folder: &Path, aggregator: &Aggregator, definition: &Path) -> PathBuf {
        let definition = std::fs::canonicalize(definition).unwrap_or_else(|_| definition.to_path_buf());
        let owner = aggregator.network().principal();
        let of = format!("{} {owner} {}", aggregator.id(), definition.display());
        folder.join(format!("task-{}.json", &sha256(of.as_bytes()).to_string()[..32]))
    }

    /// Takes up what the note says, or begins anew. Nothing is called or paid yet.
    ///
    /// # Errors
    /// [`CreationFailure::File`], [`CreationFailure::Damaged`], [`CreationFailure::Changed`].
    pub fn open(
        aggregator: Aggregator,
        prepared: Prepared,
        note: &Path,
        patience: Duration,
    ) -> Result<Self, CreationFailure> {
        let args = sha256(&candid::encode_one(&prepared.args).unwrap_or_default());
        let new = Note::new(aggregator.id(), aggregator.network().principal(), args)?;
        let found = match std::fs::read(note) {
            Ok(bytes) => Some(read_note(note, &bytes)?),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(file_error(note)(error)),
        };
        let changed = |found: &Note| (found.aggregator, found.owner, found.args) != (new.aggregator, new.owner, args);
        if found.as_ref().is_some_and(changed) {
            return Err(CreationFailure::Changed {
                path: note.display().to_string(),
            });
        }
        Ok(Self {
            aggregator,
            prepared,
            note: found.unwrap_or(new),
            path: note.to_path_buf(),
            patience,
        })
    }

    fn save(&self) -> Result<(), CreationFailure> {
        if let Some(folder) = self.path.parent() {
            std::fs::create_dir_all(folder).map_err(file_error(folder))?;
        }
        let bytes = serde_json::to_vec_pretty(&self.note).map_err(|error| CreationFailure::Damaged {
            path: self.path.display().to_string(),
            reason: error.to_string(),
        })?;
        write_atomically(&self.path, &bytes).map_err(file_error(&self.path))
    }

    /// Creates the task, or finds the one that an earlier run created. Costs nothing.
    ///
    /// # Errors
    /// See [`CreationFailure`].
    pub async fn create(&mut self, mut tell: impl FnMut(Step)) -> Result<TaskInfo, CreationFailure> {
        // Written down before the call: a run whose reply is lost looks for its task instead of making another.
        let first = !self.path.exists();
        self.save()?;
        if let Some(task) = self.note.task.filter(|_| !first)
            && !self.is_there(task).await?
        {
            return Err(CreationFailure::Gone {
                task,
                path: self.path.display().to_string(),
            });
        }
        let known = match self.note.task {
            None if !first => self.look().await?,
            known => known,
        };
        let (task, found) = match known {
            Some(task) => (task, true),
            None => match self.aggregator.create_task(&self.prepared.args).await {
                Ok(task) => (task, false),
                Err(error) => {
                    if error.refusal().is_some() {
                        // Nothing was made: there is nothing to go on with.
                        self.forget()?;
                    }
                    return Err(error.into());
                }
            },
        };
        self.note.task = Some(task);
        self.save()?;
        tell(Step::Created { task, found });
        self.info().await
    }

    /// Whether a task is this owner's and has these arguments. Were it forgotten on one node's word, the next would be paid for once more.
    async fn is_there(&self, task: TaskId) -> Result<bool, CreationFailure> {
        let found = self.aggregator.task(task).await?;
        Ok(found.is_some_and(|found| found.owner == self.note.owner && found.args == self.prepared.args))
    }

    /// A draft of this owner with these arguments.
    async fn look(&self) -> Result<Option<TaskId>, CreationFailure> {
        let tasks = self.aggregator.all_tasks(None).await?;
        let mine = |task: &&TaskInfo| {
            task.owner == self.note.owner && task.stage.stage == Stage::Draft && task.args == self.prepared.args
        };
        Ok(tasks.iter().rev().find(mine).map(|task| task.id))
    }

    async fn info(&self) -> Result<TaskInfo, CreationFailure> {
        let missing = || CallError::Refused {
            method: "task",
            error: TaskError::NotFound,
        };
        let task = self.note.task.ok_or_else(missing)?;
        Ok(self.aggregator.task(task).await?.ok_or_else(missing)?)
    }

    /// What is still to be paid.
    ///
    /// # Errors
    /// [`CreationFailure::CyclesOnly`], or no answer from the network.
    pub async fn outlay(&self, info: &TaskInfo) -> Result<Outlay, CreationFailure> {
        let mut outlay = Outlay::default();
        if !info.storage_paid {
            let ledger = self.aggregator.parameters().await?.storage_fee.ledger;
            outlay.storage = match (ledger, &info.storage_fee) {
                (Some(ledger), Some(fee)) => Some((ledger, fee.clone())),
                _ => return Err(CreationFailure::CyclesOnly(info.storage_fee_cycles.clone())),
            };
        }
        if let Some(reward) = &info.args.reward {
            let needed = reward.per_round.clone() * info.args.rounds.rounds;
            if info.budget < needed {
                outlay.budget = Some((reward.ledger, needed - info.budget.clone()));
            }
        }
        Ok(outlay)
    }

    /// Pays what is to be paid, uploads, starts, and waits until the task runs. The note is removed then.
    ///
    /// # Errors
    /// See [`CreationFailure`]. A run may be repeated.
    pub async fn complete(mut self, mut tell: impl FnMut(Step)) -> Result<TaskInfo, CreationFailure> {
        let mut info = self.info().await?;
        if info.stage.stage == Stage::Draft {
            self.pay_storage(&info, &mut tell).await?;
            self.upload(&info, &mut tell).await?;
            self.fund(&info, &mut tell).await?;
            match self.aggregator.start_task(info.id).await {
                // An earlier reply was lost: it is started.
                Ok(())
                | Err(CallError::Refused {
                    error: TaskError::WrongStage,
                    ..
                }) => tell(Step::Started),
                Err(error) => return Err(error.into()),
            }
        }
        let began = Instant::now();
        loop {
            info = self.info().await?;
            match &info.stage.stage {
                Stage::Running => break,
                Stage::Ended(reason) => {
                    self.forget()?;
                    return Err(CreationFailure::Failed {
                        task: info.id,
                        reason: format!("{reason:?}"),
                    });
                }
                Stage::Draft | Stage::Preparing if began.elapsed() > self.patience => {
                    return Err(CreationFailure::Slow(info.id));
                }
                Stage::Draft | Stage::Preparing => tokio::time::sleep(Duration::from_millis(500)).await,
            }
        }
        self.forget()?;
        Ok(info)
    }

    fn forget(&self) -> Result<(), CreationFailure> {
        match std::fs::remove_file(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(file_error(&self.path)(error)),
            _ => Ok(()),
        }
    }

    async fn pay_storage(&mut self, info: &TaskInfo, tell: &mut impl FnMut(Step)) -> Result<(), CreationFailure> {
        let Some((ledger, fee)) = self.outlay(info).await?.storage else {
            return Ok(());
        };
        account::approve(&self.aggregator, ledger, &fee).await?;
        let args = PayStorageArgs {
            task: info.id,
            from_subaccount: None,
            request_id: ByteBuf::from(self.note.storage_request.0.to_vec()),
        };
        let began = Instant::now();
        loop {
            match self.aggregator.pay_storage(&args).await {
                Ok(()) => break,
                Err(error) if is_unsettled(&error) && began.elapsed() < self.patience => {
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
                Err(error) => {
                    if is_refused(&error) {
                        self.note.storage_request = Hash(random()?);
                        self.save()?;
                    }
                    return Err(error.into());
                }
            }
        }
        tell(Step::StoragePaid(fee));
        Ok(())
    }

    async fn upload(&self, info: &TaskInfo, tell: &mut impl FnMut(Step)) -> Result<(), CreationFailure> {
        if let (InitialWeights::Upload(_), Some(bytes)) = (info.args.initial, &self.prepared.weights) {
            let received = info.weights.map_or(0, |status| status.received);
            self.put(info.id, File::Weights, bytes, received, tell).await?;
        }
        let received = info.evaluation.received;
        self.put(info.id, File::Evaluation, &self.prepared.evaluation, received, tell)
            .await
    }

    async fn put(
        &self,
        task: TaskId,
        file: File,
        bytes: &[u8],
        mut at: u64,
        tell: &mut impl FnMut(Step),
    ) -> Result<(), CreationFailure> {
        let total = bytes.len() as u64;
        while at < total {
            tell(Step::Uploading {
                file,
                sent: at,
                bytes: total,
            });
            let first = usize::try_from(at).unwrap_or(usize::MAX).min(bytes.len());
            let piece = PutFileArgs {
                task,
                file,
                offset: at,
                bytes: ByteBuf::from(&bytes[first..bytes.len().min(first + PIECE)]),
            };
            at = match self.aggregator.put_file(&piece).await {
                Ok(status) => status.received,
                Err(CallError::Refused {
                    error: TaskError::WrongOffset { expected },
                    ..
                }) if expected != at => expected,
                Err(error) => return Err(error.into()),
            };
        }
        tell(Step::Uploading {
            file,
            sent: total,
            bytes: total,
        });
        Ok(())
    }

    async fn fund(&mut self, info: &TaskInfo, tell: &mut impl FnMut(Step)) -> Result<(), CreationFailure> {
        let Some((ledger, missing)) = self.outlay(info).await?.budget else {
            return Ok(());
        };
        let amount = match self.note.fund_amount {
            Some(amount) => Nat::from(amount),
            None => missing,
        };
        self.note.fund_amount = Some(ddsx_client::amount::units(&amount).ok_or(MoneyError::TooLarge)?);
        self.save()?;
        account::approve(&self.aggregator, ledger, &amount).await?;
        let args = FundArgs {
            task: info.id,
            amount: amount.clone(),
            from_subaccount: None,
            request_id: ByteBuf::from(self.note.fund_request.0.to_vec()),
        };
        let began = Instant::now();
        loop {
            match self.aggregator.fund(&args).await {
                Ok(_) => break,
                Err(error) if is_unsettled(&error) && began.elapsed() < self.patience => {
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
                Err(error) => {
                    if is_refused(&error) {
                        self.note.fund_request = Hash(random()?);
                        self.note.fund_amount = None;
                        self.save()?;
                    }
                    return Err(error.into());
                }
            }
        }
        tell(Step::Funded(amount));
        Ok(())
    }
}

fn read_note(path: &Path, bytes: &[u8]) -> Result<Note, CreationFailure> {
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

/// The payment may still be made: the same request is to be repeated.
fn is_unsettled(error: &CallError<TaskError>) -> bool {
    match error {
        CallError::Refused { error, .. } => matches!(error, TaskError::Pending { .. } | TaskError::PaymentUnderWay),
        CallError::Network(error) => is_passing(error),
    }
}

/// The payment was not made and will not be; another try needs another request.
fn is_refused(error: &CallError<TaskError>) -> bool {
    matches!(
        error.refusal(),
        Some(TaskError::PaymentRefused(_) | TaskError::RequestId(_))
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn should_repeat_a_request_that_may_be_paid_and_renew_one_that_is_not() {
        let refused = |error| CallError::Refused { method: "fund", error };
        let lost = CallError::Network(NetworkError::OutcomeUnknown {
            method: "fund".into(),
            reason: "lost".into(),
        });
        for (error, unsettled, renewed) in [
            (refused(TaskError::Pending { intent: 1 }), true, false),
            (refused(TaskError::PaymentUnderWay), true, false),
            (lost, true, false),
            (refused(TaskError::PaymentRefused("funds".into())), false, true),
            (refused(TaskError::RequestId("reused".into())), false, true),
            (refused(TaskError::Paused), false, false),
        ] {
            assert_eq!(
                (is_unsettled(&error), is_refused(&error)),
                (unsettled, renewed),
                "{error}"
            );
        }
    }

    #[test]
    fn should_refuse_a_damaged_note() {
        let path = Path::new("note.json");
        assert!(matches!(read_note(path, b"{"), Err(CreationFailure::Damaged { .. })));
    }
}
