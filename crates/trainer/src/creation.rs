//! A task from its definition to its start: created, paid for, uploaded, funded, started. What was decided is written down before anything is
//! paid, so that a run that broke off is taken up, and nothing is paid twice.

mod failure;
mod note;
mod paid;
mod payment;
mod upload;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use candid::Nat;
use ddsx_client::{Aggregator, CallError};
use ddsx_merkle_log::sha256;
use ddsx_types::federated_aggregator::{File, Stage, TaskError, TaskId, TaskInfo, TaskTotal};

pub use self::failure::CreationFailure;
use self::note::Note;
pub use self::payment::Outlay;
use crate::definition::Prepared;

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

/// A task on its way.
pub struct Creation {
    aggregator: Aggregator,
    prepared: Prepared,
    note: Note,
    path: PathBuf,
    patience: Duration,
    /// What was foreseen, where one call can pay all of it.
    total: Option<TaskTotal>,
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
        let found = Note::read(note)?;
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
            total: None,
        })
    }

    fn save(&self) -> Result<(), CreationFailure> {
        self.note.write(&self.path)
    }

    /// Creates the task, or finds the one that an earlier run created. Where [`Creation::foreseen`] told a total, it is paid with it;
    /// otherwise this costs nothing.
    ///
    /// # Errors
    /// See [`CreationFailure`].
    pub async fn create(&mut self, mut tell: impl FnMut(Step)) -> Result<TaskInfo, CreationFailure> {
        // Written down before the call: a run whose reply is lost looks for its task instead of making another.
        let first = !self.path.exists();
        if first {
            self.note.paying = self.total.as_ref().map(paid::paying).transpose()?;
        }
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
            None => match self.make(first).await {
                Ok(task) => (task, false),
                Err((failure, over)) => {
                    if over {
                        // Nothing was made: there is nothing to go on with.
                        note::remove(&self.path)?;
                    }
                    return Err(failure);
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
        let found = self.aggregator.agreed().task(task).await?;
        Ok(found.is_some_and(|found| found.owner == self.note.owner && found.args == self.prepared.args))
    }

    /// A draft of this owner with these arguments.
    async fn look(&self) -> Result<Option<TaskId>, CreationFailure> {
        let tasks = self.aggregator.agreed().all_tasks(None).await?;
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
        // Money follows from it, and a node that lags does not know it yet.
        Ok(self.aggregator.agreed().task(task).await?.ok_or_else(missing)?)
    }

    /// Whether an earlier run made the task, or was about to.
    pub fn is_begun(&self) -> bool {
        self.path.exists()
    }

    /// Gives a task up that was just made: it is ended, and the note removed. Nothing may have been paid for it.
    ///
    /// # Errors
    /// See [`CreationFailure`].
    pub async fn withdraw(self) -> Result<(), CreationFailure> {
        if let Some(task) = self.note.task {
            match self.aggregator.stop_task(task).await {
                Ok(())
                | Err(CallError::Refused {
                    error: TaskError::WrongStage,
                    ..
                }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        note::remove(&self.path)
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
                    note::remove(&self.path)?;
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
        note::remove(&self.path)?;
        Ok(info)
    }
}
