//! What one client must not forget: a folder of its own for each task, so that a run that was killed goes on where it was.

use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use candid::Principal;
use ddsx_client::{Aggregator, content, write_atomically};
use ddsx_types::federated_aggregator::{BeginUpdateArgs, TaskId, TaskInfo};
use ddsx_types::{Hash, TimestampNs};
use serde::{Deserialize, Serialize};

const VERSION: u32 = 1;
const NOTE: &str = "state.json";
const UPDATE: &str = "update.bin";
const LOCK: &str = "lock";

/// Why the folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// A file cannot be read or written.
    #[error("{path}: {error}")]
    File {
        /// Which.
        path: String,
        /// What the system said.
        error: io::Error,
    },
    /// A file is not as it was written.
    #[error("{path} is damaged: {reason}; remove it to begin anew")]
    Damaged {
        /// Which.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
    /// It is another client's, task's or aggregator's.
    #[error("{0} belongs to another client, task or aggregator")]
    Foreign(String),
    /// Another process has it open.
    #[error("{0} is in use: another run of this identity takes part in the task on this machine; stop one of them")]
    InUse(String),
    /// No random numbers.
    #[error("no random numbers: {0}")]
    Random(String),
}

/// Whose folder it is. A local network that is started anew has the same canister and task numbers again; its tasks are made at another time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Membership {
    /// The aggregator.
    pub aggregator: Principal,
    /// The task.
    pub task: TaskId,
    /// When it was made.
    pub created_at: TimestampNs,
    /// The client.
    pub client: Principal,
}

impl Membership {
    /// Of the identity as which the aggregator is called.
    pub fn new(aggregator: &Aggregator, task: &TaskInfo) -> Self {
        Self {
            aggregator: aggregator.id(),
            task: task.id,
            created_at: task.created_at,
            client: aggregator.network().principal(),
        }
    }
}

/// What is kept besides an update that is on its way.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Note {
    version: u32,
    of: Membership,
    /// Names the request to join: the same one never charges a stake twice.
    join_request: Hash,
    /// What every round's seed comes from.
    seed: u64,
    /// The newest version of the model that was verified: an older one is refused.
    model_version: Option<u32>,
    /// The last round that is done with, one way or another.
    done: u32,
    /// The stake's transfer by whoever simulates this client: its time makes it one transfer, however often it is sent.
    funding: Option<Funding>,
    /// An update that was encoded and may be under way.
    pending: Option<BeginUpdateArgs>,
    /// Bytes of it that this folder's runs sent, as far as they know; not known in what older versions wrote.
    #[serde(default)]
    sent: Option<u64>,
}

/// Money that was sent to this client for its stake.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Funding {
    /// How much, in the smallest unit.
    pub amount: u128,
    /// The transfer's time, ns since the Unix epoch.
    pub created_at: u64,
}

/// The folder of one client in one task.
#[derive(Debug)]
pub struct StateFolder {
    path: PathBuf,
    note: Note,
    /// Held as long as the folder is open: two runs would spoil each other's uploads.
    _lock: File,
}

fn file_error(path: &Path) -> impl FnOnce(io::Error) -> StateError + '_ {
    |error| StateError::File {
        path: path.display().to_string(),
        error,
    }
}

fn damaged(path: &Path, reason: &impl ToString) -> StateError {
    StateError::Damaged {
        path: path.display().to_string(),
        reason: reason.to_string(),
    }
}

/// Takes a folder for this process; the lock ends with it.
fn lock(folder: &Path) -> Result<File, StateError> {
    let path = folder.join(LOCK);
    let file = File::options()
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path)
        .map_err(file_error(&path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StateError::InUse(folder.display().to_string())),
        Err(TryLockError::Error(error)) => Err(file_error(&path)(error)),
    }
}

/// Random bytes.
pub fn random<const N: usize>() -> Result<[u8; N], StateError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| StateError::Random(error.to_string()))?;
    Ok(bytes)
}

impl StateFolder {
    /// Opens or makes the folder. A new one draws its seed unless one is given; an old one keeps its own.
    ///
    /// # Errors
    /// See [`StateError`].
    pub fn open(path: &Path, of: Membership, seed: Option<u64>) -> Result<Self, StateError> {
        std::fs::create_dir_all(path).map_err(file_error(path))?;
        let lock = lock(path)?;
        let file = path.join(NOTE);
        let note: Note = match std::fs::read(&file) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(|error| damaged(&file, &error))?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let note = Note {
                    version: VERSION,
                    of,
                    join_request: Hash(random()?),
                    seed: match seed {
                        Some(seed) => seed,
                        None => u64::from_le_bytes(random()?),
                    },
                    model_version: None,
                    done: 0,
                    funding: None,
                    pending: None,
                    sent: None,
                };
                let folder = Self {
                    path: path.to_path_buf(),
                    note,
                    _lock: lock,
                };
                folder.save()?;
                return Ok(folder);
            }
            Err(error) => return Err(file_error(&file)(error)),
        };
        if note.version != VERSION {
            return Err(damaged(&file, &format!("its version is {}", note.version)));
        }
        if note.of != of {
            return Err(StateError::Foreign(path.display().to_string()));
        }
        Ok(Self {
            path: path.to_path_buf(),
            note,
            _lock: lock,
        })
    }

    fn save(&self) -> Result<(), StateError> {
        let file = self.path.join(NOTE);
        let bytes = serde_json::to_vec_pretty(&self.note).map_err(|error| damaged(&file, &error))?;
        write_atomically(&file, &bytes).map_err(file_error(&file))
    }

    /// The id of the request to join.
    pub fn join_request(&self) -> [u8; 32] {
        self.note.join_request.0
    }

    /// Another id for the request to join, after one that was answered for good with no.
    ///
    /// # Errors
    /// [`StateError::File`], [`StateError::Random`].
    pub fn renew_join_request(&mut self) -> Result<(), StateError> {
        self.note.join_request = Hash(random()?);
        self.save()
    }

    /// The seed of a round's training.
    pub fn round_seed(&self, round: u32) -> u64 {
        // Weyl's sequence: rounds of one client, and the same round of clients with near seeds, are far apart.
        self.note
            .seed
            .wrapping_add(1)
            .wrapping_mul(0x9e37_79b9_7f4a_7c15)
            .wrapping_add(u64::from(round).wrapping_mul(0xd1b5_4a32_d192_ed03))
    }

    /// The newest version seen.
    pub fn model_version(&self) -> Option<u32> {
        self.note.model_version
    }

    /// The last round that is done with.
    pub fn done(&self) -> u32 {
        self.note.done
    }

    /// Money that was sent for the stake.
    pub fn funding(&self) -> Option<Funding> {
        self.note.funding
    }

    /// Notes money before it is sent.
    ///
    /// # Errors
    /// [`StateError::File`].
    pub fn set_funding(&mut self, funding: Option<Funding>) -> Result<(), StateError> {
        self.note.funding = funding;
        self.save()
    }

    /// Notes an encoded update before its upload begins.
    ///
    /// # Errors
    /// [`StateError::File`].
    pub fn begin(&mut self, args: BeginUpdateArgs, bytes: &[u8]) -> Result<(), StateError> {
        let file = self.path.join(UPDATE);
        write_atomically(&file, bytes).map_err(file_error(&file))?;
        self.note.model_version = Some(self.note.model_version.unwrap_or(0).max(args.base_version));
        self.note.pending = Some(args);
        self.note.sent = Some(0);
        self.save()
    }

    /// Bytes of the pending update that this folder's runs sent; `None` if an older version began it.
    pub fn sent(&self) -> Option<u64> {
        self.note.sent
    }

    /// Notes bytes of the pending update that are sent, or about to be.
    ///
    /// # Errors
    /// [`StateError::File`].
    pub fn set_sent(&mut self, bytes: u64) -> Result<(), StateError> {
        if self.note.sent == Some(bytes) {
            return Ok(());
        }
        self.note.sent = Some(bytes);
        self.save()
    }

    /// The update of a round that is on its way, if its bytes are there as they were noted.
    pub fn pending(&self, round: u32) -> Option<(BeginUpdateArgs, Vec<u8>)> {
        let args = self.note.pending.as_ref().filter(|args| args.round == round)?;
        let bytes = std::fs::read(self.path.join(UPDATE)).ok()?;
        (content::content_hash(&bytes) == args.hash).then(|| (args.clone(), bytes))
    }

    /// Drops the update that is on its way; its round may be trained again.
    ///
    /// # Errors
    /// [`StateError::File`].
    pub fn discard(&mut self) -> Result<(), StateError> {
        self.note.pending = None;
        self.save()
    }

    /// Notes that a round is done with.
    ///
    /// # Errors
    /// [`StateError::File`].
    pub fn finish(&mut self, round: u32) -> Result<(), StateError> {
        self.note.done = self.note.done.max(round);
        self.note.pending = None;
        self.save()?;
        let file = self.path.join(UPDATE);
        match std::fs::remove_file(&file) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(file_error(&file)(error)),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ddsx_types::federated_aggregator::{UpdateEncoding, UpdateKind};

    const ME: Principal = Principal::from_slice(&[1; 29]);
    const OF: Membership = Membership {
        aggregator: Principal::from_slice(&[2; 10]),
        task: 7,
        created_at: 1,
        client: ME,
    };

    fn open(path: &Path, seed: Option<u64>) -> StateFolder {
        StateFolder::open(path, OF, seed).unwrap()
    }

    fn args(round: u32, bytes: &[u8]) -> BeginUpdateArgs {
        BeginUpdateArgs {
            task: 7,
            round,
            base_version: 4,
            kind: UpdateKind::Delta,
            encoding: UpdateEncoding::Int8,
            numbers: 9,
            samples: 8,
            hash: content::content_hash(bytes),
            lineage: vec![],
        }
    }

    #[test]
    fn should_go_on_where_a_killed_run_was() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/b");
        let mut state = open(&path, None);
        let (request, seed) = (state.join_request(), state.round_seed(3));
        state.begin(args(3, b"update"), b"update").unwrap();
        state.set_sent(4).unwrap();

        drop(state);
        let mut state = open(&path, Some(5));
        assert_eq!(state.sent(), Some(4));
        assert_eq!((state.join_request(), state.round_seed(3)), (request, seed));
        assert_eq!(state.pending(3), Some((args(3, b"update"), b"update".to_vec())));
        assert_eq!((state.pending(4), state.model_version()), (None, Some(4)));
        state.finish(3).unwrap();

        drop(state);
        let mut state = open(&path, None);
        assert_eq!((state.done(), state.pending(3)), (3, None));
        state.renew_join_request().unwrap();
        drop(state);
        assert_ne!(open(&path, None).join_request(), request);
    }

    #[test]
    fn should_be_open_once_and_read_what_older_versions_wrote() {
        let folder = tempfile::tempdir().unwrap();
        let mut state = open(folder.path(), None);
        state.begin(args(3, b"update"), b"update").unwrap();
        let second = StateFolder::open(folder.path(), OF, None).unwrap_err();
        assert!(matches!(second, StateError::InUse(_)), "{second}");
        drop(state);
        let note = folder.path().join(NOTE);
        let text = std::fs::read_to_string(&note).unwrap();
        let old = text.replace(",\n  \"sent\": 0", "");
        assert_ne!(old, text);
        std::fs::write(&note, old).unwrap();
        let state = open(folder.path(), None);
        assert_eq!((state.sent(), state.pending(3).is_some()), (None, true));
    }

    #[test]
    fn should_not_send_an_update_whose_bytes_are_not_those_noted() {
        let folder = tempfile::tempdir().unwrap();
        let mut state = open(folder.path(), None);
        state.begin(args(3, b"update"), b"update").unwrap();
        std::fs::write(folder.path().join(UPDATE), b"updatf").unwrap();
        assert_eq!(state.pending(3), None);
        std::fs::remove_file(folder.path().join(UPDATE)).unwrap();
        assert_eq!(state.pending(3), None);
    }

    #[test]
    fn should_refuse_the_folder_of_another_client_and_a_damaged_one() {
        let folder = tempfile::tempdir().unwrap();
        open(folder.path(), None);
        for of in [
            Membership { task: 8, ..OF },
            Membership { created_at: 2, ..OF },
            Membership {
                client: Principal::from_slice(&[3; 29]),
                ..OF
            },
        ] {
            let foreign = StateFolder::open(folder.path(), of, None);
            assert!(matches!(foreign, Err(StateError::Foreign(_))), "{of:?}");
        }
        std::fs::write(folder.path().join(NOTE), "{").unwrap();
        let broken = StateFolder::open(folder.path(), OF, None);
        assert!(matches!(broken, Err(StateError::Damaged { .. })));
    }

    #[test]
    fn should_give_every_round_and_client_another_seed() {
        let folder = tempfile::tempdir().unwrap();
        let mut seeds: Vec<u64> = (0..10)
            .flat_map(|seed| {
                let state = open(&folder.path().join(seed.to_string()), Some(seed));
                (1..=20).map(move |round| state.round_seed(round)).collect::<Vec<_>>()
            })
            .collect();
        seeds.sort_unstable();
        seeds.dedup();
        assert_eq!(seeds.len(), 200);
    }
}
