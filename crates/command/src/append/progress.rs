//! How far an `append` came, in a file: written before each call and after it, so that a run that was killed at any moment is
//! taken up by sending the very same chunks for the very same sequence number, which the registry stores once.

use std::io;
use std::path::Path;

use candid::Principal;
use ddsx_client::{CreditRule, Registry, SplitLimits, write_atomically};
use ddsx_types::stream_registry::StreamId;
use serde::{Deserialize, Serialize};

use crate::failure::Failure;

const VERSION: u32 = 1;

/// What is appended where. Progress of another job is not taken up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    registry: Principal,
    stream: StreamId,
    file: String,
    credit: String,
    chunk_records: u64,
    chunk_bytes: u64,
}

impl Job {
    pub fn new(registry: &Registry, stream: StreamId, file: &Path, rule: &CreditRule, limits: SplitLimits) -> Self {
        Self::of(registry.id(), stream, file, rule, limits)
    }

    fn of(registry: Principal, stream: StreamId, file: &Path, rule: &CreditRule, limits: SplitLimits) -> Self {
        let file = std::fs::canonicalize(file).unwrap_or_else(|_| file.to_path_buf());
        Self {
            registry,
            stream,
            file: file.display().to_string(),
            credit: match rule {
                CreditRule::All(label) => format!("all to {label}"),
                CreditRule::Field(field) => format!("by {field}"),
            },
            chunk_records: limits.records,
            chunk_bytes: limits.bytes as u64,
        }
    }
}

/// A batch whose call may have been made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InFlight {
    /// The time in its chunks.
    pub provider_timestamp: u64,
    /// The last line in it.
    pub end_line: u64,
    /// Bytes of the file up to its end.
    pub end_offset: u64,
}

/// How far it came.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    version: u32,
    job: Job,
    /// Lines and bytes of the file that are appended.
    line: u64,
    offset: u64,
    /// Sequence number of the next chunk.
    next: u64,
    in_flight: Option<InFlight>,
}

impl Progress {
    pub fn start(job: Job, next: u64) -> Self {
        Self {
            version: VERSION,
            job,
            line: 0,
            offset: 0,
            next,
            in_flight: None,
        }
    }

    /// Reads the progress of an earlier run; refuses that of another job.
    pub fn load(path: &Path, job: &Job) -> Result<Option<Self>, Failure> {
        let wrong = |reason: String| Failure::usage(format!("{}: {reason}", path.display()));
        let bytes = match std::fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Failure::local(format!("{}: {error}", path.display()))),
        };
        let progress: Self = serde_json::from_slice(&bytes).map_err(|error| wrong(error.to_string()))?;
        if progress.version != VERSION {
            return Err(wrong(format!("its version is {}", progress.version)));
        }
        if progress.job != *job {
            return Err(wrong(
                "this is the progress of another append (other file, stream, credits or chunk sizes); give another file".into(),
            ));
        }
        Ok(Some(progress))
    }

    pub fn save(&self, path: &Path) -> Result<(), Failure> {
        let bytes = serde_json::to_vec_pretty(self).map_err(|error| Failure::local(error.to_string()))?;
        write_atomically(path, &bytes).map_err(|error| Failure::local(format!("{}: {error}", path.display())))
    }

    pub fn next(&self) -> u64 {
        self.next
    }

    /// Lines and bytes of the file that are appended.
    pub fn position(&self) -> (u64, u64) {
        (self.line, self.offset)
    }

    pub fn in_flight(&self) -> Option<InFlight> {
        self.in_flight
    }

    /// A batch is about to be sent.
    pub fn begin(&mut self, batch: InFlight) {
        self.in_flight = Some(batch);
    }

    /// The batch is in the log.
    pub fn settle(&mut self, next: u64) {
        if let Some(batch) = self.in_flight.take() {
            self.line = batch.end_line;
            self.offset = batch.end_offset;
        }
        self.next = next;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(stream: StreamId) -> Job {
        let rule = CreditRule::Field("net".into());
        Job::of(
            Principal::management_canister(),
            stream,
            Path::new("/nowhere/x.jsonl"),
            &rule,
            SplitLimits::default(),
        )
    }

    #[test]
    fn should_take_up_the_same_job_and_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state.json");
        assert_eq!(Progress::load(&path, &job(1)), Ok(None));

        let mut progress = Progress::start(job(1), 7);
        let batch = InFlight {
            provider_timestamp: 5,
            end_line: 10,
            end_offset: 1_000,
        };
        progress.begin(batch);
        progress.save(&path).unwrap();
        let mut again = Progress::load(&path, &job(1)).unwrap().unwrap();
        assert_eq!(
            (again.next(), again.position(), again.in_flight()),
            (7, (0, 0), Some(batch))
        );
        again.settle(9);
        assert_eq!(
            (again.next(), again.position(), again.in_flight()),
            (9, (10, 1_000), None)
        );

        assert!(
            Progress::load(&path, &job(2))
                .unwrap_err()
                .message()
                .contains("another append")
        );
        std::fs::write(&path, "{").unwrap();
        assert_eq!(
            Progress::load(&path, &job(1)).unwrap_err().code(),
            crate::failure::USAGE
        );
    }
}
