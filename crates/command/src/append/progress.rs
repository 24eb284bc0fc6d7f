//! How far an `append` came, in a file: written before each call and after it, so that a run that was killed at any moment is
//! taken up by sending the very same chunks for the very same sequence number, which the registry stores once.
//!
//! It knows what was read by its hash, not by the file's name: a log that was rotated is finished under its new name, and another file under the
//! old name is not taken for it.

use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use candid::Principal;
use ddsx_client::{CreditRule, ReadSoFar, SplitLimits, write_atomically};
use ddsx_types::stream_registry::StreamId;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::failure::Failure;

const VERSION: u32 = 2;

/// What is appended where. Progress of another job is not taken up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    registry: Principal,
    stream: StreamId,
    credit: String,
    chunk_records: u64,
    chunk_bytes: u64,
}

impl Job {
    pub fn new(registry: Principal, stream: StreamId, rule: &CreditRule, limits: SplitLimits) -> Self {
        Self {
            registry,
            stream,
            credit: match rule {
                CreditRule::All(label) => format!("all to {label}"),
                CreditRule::Field(field) => format!("by {field}"),
            },
            chunk_records: limits.records,
            chunk_bytes: limits.bytes as u64,
        }
    }
}

fn canonical(file: &Path) -> String {
    let file = std::fs::canonicalize(file).unwrap_or_else(|_| file.to_path_buf());
    file.display().to_string()
}

/// A batch whose call may have been made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InFlight {
    /// The time in its chunks.
    pub provider_timestamp: u64,
    /// The file up to its end.
    pub end: ReadSoFar,
}

/// How far it came.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    version: u32,
    job: Job,
    /// Where the file was, for whoever looks.
    file: String,
    /// What of the file is appended.
    read: ReadSoFar,
    /// Sequence number of the next chunk: for a batch in flight the one that it was sent for.
    next: u64,
    in_flight: Option<InFlight>,
}

/// What version 1 wrote: it knew the file by its name, and no hash.
#[derive(Deserialize)]
struct First {
    job: FirstJob,
    line: u64,
    offset: u64,
    next: u64,
    in_flight: Option<FirstInFlight>,
}

#[derive(Deserialize)]
struct FirstJob {
    file: String,
    #[serde(flatten)]
    job: Job,
}

#[derive(Deserialize)]
struct FirstInFlight {
    provider_timestamp: u64,
    end_line: u64,
    end_offset: u64,
}

impl From<First> for Progress {
    fn from(first: First) -> Self {
        let read = |line, offset| ReadSoFar {
            line,
            offset,
            hash: None,
            open: false,
        };
        Self {
            version: VERSION,
            job: first.job.job,
            file: first.job.file,
            read: read(first.line, first.offset),
            next: first.next,
            in_flight: first.in_flight.map(|batch| InFlight {
                provider_timestamp: batch.provider_timestamp,
                end: read(batch.end_line, batch.end_offset),
            }),
        }
    }
}

impl Progress {
    pub fn start(job: Job, file: &Path, next: u64) -> Self {
        Self {
            version: VERSION,
            job,
            file: canonical(file),
            read: ReadSoFar::default(),
            next,
            in_flight: None,
        }
    }

    /// Reads what an earlier run wrote; refuses that of another job.
    fn parse(bytes: &[u8], job: &Job, file: &Path, any_file: bool) -> Result<Self, String> {
        const OTHER: &str =
            "this is the progress of another append (other file, stream, credits or chunk sizes); give another file";
        let written: Value = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
        let mut progress: Self = match written["version"].as_u64() {
            Some(1) => {
                let first: First = serde_json::from_value(written).map_err(|error| error.to_string())?;
                if !any_file && first.job.file != canonical(file) {
                    return Err(OTHER.into());
                }
                first.into()
            }
            Some(2) => serde_json::from_value(written).map_err(|error| error.to_string())?,
            other => return Err(format!("its version is {other:?}, this command knows up to {VERSION}")),
        };
        if progress.job != *job {
            return Err(OTHER.into());
        }
        if !any_file {
            progress.file = canonical(file);
        }
        Ok(progress)
    }

    /// What is said when it is given up for another file.
    pub fn farewell(&self) -> String {
        let doubt = if self.in_flight.is_some() {
            "; whether its last batch was appended is not known"
        } else {
            ""
        };
        format!(
            "{} was appended up to line {}{doubt}; the file given is another one",
            self.file, self.read.line
        )
    }

    pub fn next(&self) -> u64 {
        self.next
    }

    /// What of the file is appended.
    pub fn read(&self) -> ReadSoFar {
        self.read
    }

    pub fn in_flight(&self) -> Option<InFlight> {
        self.in_flight
    }

    /// A batch is about to be sent for this sequence number.
    pub fn begin(&mut self, next: u64, batch: InFlight) {
        self.next = next;
        self.in_flight = Some(batch);
    }

    /// The batch in flight is not in the log, and is about to be sent for another sequence number.
    pub fn move_to(&mut self, next: u64) {
        self.next = next;
    }

    /// The batch is in the log.
    pub fn settle(&mut self, next: u64) {
        if let Some(batch) = self.in_flight.take() {
            self.read = batch.end;
        }
        self.next = next;
    }
}

/// The file that keeps progress; one run at a time has it.
pub struct Kept {
    path: PathBuf,
    _lock: File,
}

impl Kept {
    /// Takes the file for this run. Two runs at once would append the same records twice.
    pub fn open(path: &Path) -> Result<Self, Failure> {
        let local = |error: io::Error| Failure::local(format!("{}: {error}", path.display()));
        let mut beside = path.as_os_str().to_owned();
        beside.push(".lock");
        let lock = File::options()
            .write(true)
            .create(true)
            .truncate(false)
            .open(&beside)
            .map_err(local)?;
        match lock.try_lock() {
            Ok(()) => Ok(Self {
                path: path.to_path_buf(),
                _lock: lock,
            }),
            Err(TryLockError::WouldBlock) => Err(Failure::usage(format!(
                "{} is in use: another run of this append goes on; wait for its end, or stop it",
                path.display()
            ))),
            Err(TryLockError::Error(error)) => Err(local(error)),
        }
    }

    /// Reads the progress of an earlier run; refuses that of another job. The first version told files by their names, unless `any_file`.
    pub fn load(&self, job: &Job, file: &Path, any_file: bool) -> Result<Option<Progress>, Failure> {
        let named = |reason: &dyn std::fmt::Display| format!("{}: {reason}", self.path.display());
        match std::fs::read(&self.path) {
            Ok(bytes) => match Progress::parse(&bytes, job, file, any_file) {
                Ok(progress) => Ok(Some(progress)),
                Err(reason) => Err(Failure::usage(named(&reason))),
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Failure::local(named(&error))),
        }
    }

    pub fn save(&self, progress: &Progress) -> Result<(), Failure> {
        let local = |reason: String| Failure::local(format!("{}: {reason}", self.path.display()));
        let bytes = serde_json::to_vec_pretty(progress).map_err(|error| local(error.to_string()))?;
        write_atomically(&self.path, &bytes).map_err(|error| local(error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(stream: StreamId) -> Job {
        let rule = CreditRule::Field("net".into());
        Job::new(Principal::management_canister(), stream, &rule, SplitLimits::default())
    }

    fn file() -> &'static Path {
        Path::new("/nowhere/x.jsonl")
    }

    fn read(line: u64, offset: u64) -> ReadSoFar {
        ReadSoFar {
            line,
            offset,
            hash: Some([7; 32].into()),
            open: false,
        }
    }

    #[test]
    fn should_take_up_the_same_job_and_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state.json");
        let kept = Kept::open(&path).unwrap();
        assert_eq!(kept.load(&job(1), file(), false), Ok(None));

        let mut progress = Progress::start(job(1), file(), 7);
        let batch = InFlight {
            provider_timestamp: 5,
            end: read(10, 1_000),
        };
        progress.begin(8, batch);
        kept.save(&progress).unwrap();
        let mut again = kept
            .load(&job(1), Path::new("/elsewhere/x.jsonl.1"), false)
            .unwrap()
            .unwrap();
        assert_eq!(
            (again.next(), again.read(), again.in_flight()),
            (8, ReadSoFar::default(), Some(batch))
        );
        again.move_to(9);
        assert_eq!((again.next(), again.in_flight()), (9, Some(batch)));
        again.settle(11);
        assert_eq!((again.next(), again.read(), again.in_flight()), (11, batch.end, None));

        let other = kept.load(&job(2), file(), false).unwrap_err();
        assert!(other.message().contains("another append"), "{}", other.message());
        for damaged in ["{", "{\"version\": 3}", "{\"version\": 2}"] {
            std::fs::write(&path, damaged).unwrap();
            let failure = kept.load(&job(1), file(), false).unwrap_err();
            assert_eq!(failure.code(), crate::failure::USAGE);
            assert!(failure.message().contains("state.json"), "{}", failure.message());
        }
    }

    #[test]
    fn should_take_up_what_the_first_version_wrote() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state.json");
        // As released versions wrote it.
        let old = r#"{"version": 1,
            "job": {"registry": "aaaaa-aa", "stream": 1, "file": "/nowhere/x.jsonl", "credit": "by net", "chunk_records": 1000, "chunk_bytes": 65536},
            "line": 4, "offset": 90, "next": 3,
            "in_flight": {"provider_timestamp": 5, "end_line": 6, "end_offset": 140}}"#;
        std::fs::write(&path, old).unwrap();
        let kept = Kept::open(&path).unwrap();
        let progress = kept.load(&job(1), file(), false).unwrap().unwrap();
        let unknown = |line, offset| ReadSoFar {
            hash: None,
            ..read(line, offset)
        };
        assert_eq!((progress.next(), progress.read()), (3, unknown(4, 90)));
        let batch = progress.in_flight().unwrap();
        assert_eq!((batch.provider_timestamp, batch.end), (5, unknown(6, 140)));
        // It knew the file by its name alone.
        let elsewhere = kept.load(&job(1), Path::new("/nowhere/y.jsonl"), false).unwrap_err();
        assert!(
            elsewhere.message().contains("another append"),
            "{}",
            elsewhere.message()
        );
    }

    #[test]
    fn should_let_one_run_at_a_time_have_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state.json");
        let first = Kept::open(&path).unwrap();
        let second = Kept::open(&path).err().unwrap();
        assert_eq!(second.code(), crate::failure::USAGE);
        assert!(second.message().contains("is in use"), "{}", second.message());
        drop(first);
        Kept::open(&path).unwrap();
    }
}
