//! Models and reports, handed over only when they are proved.

use ddsx_merkle_log::Freshness;
use ddsx_types::federated_aggregator::{
    ModelChunk, ModelChunkArgs, ModelVersion, RoundKey, RoundReport, TaskError, TaskId,
};

use super::Aggregator;
use crate::content::ContentHasher;
use crate::ledger::now_ns;
use crate::verification::{Subject, VerificationError};
use crate::{CallError, NetworkError};

/// How often a download is begun anew because another version came into force meanwhile.
const RESTARTS: u32 = 10;
/// The largest file that is kept in memory: far above what governance can allow, far below what would hurt.
const MAX_MODEL_BYTES: u64 = 2 << 30;

/// A model whose every byte is certified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DownloadedModel {
    /// Which version.
    pub version: ModelVersion,
    /// When the network certified that it is in force, ns since the Unix epoch.
    pub certified_at: u64,
    /// The safetensors file.
    pub file: Vec<u8>,
}

/// A report that is certified.
#[derive(Clone, Debug, PartialEq)]
pub struct VerifiedReport {
    /// The report.
    pub report: RoundReport,
    /// When the network certified it, ns since the Unix epoch.
    pub certified_at: u64,
}

/// Why nothing was handed over.
#[derive(Debug, thiserror::Error)]
pub enum ProofFailure {
    /// The aggregator refused, or the network did not answer.
    #[error(transparent)]
    Call(#[from] CallError<TaskError>),
    /// There is no such task, or it has no model yet.
    #[error("there is no model of task {0}")]
    NoModel(TaskId),
    /// That round is not over, or there was none.
    #[error("there is no report of round {round} of task {task}")]
    NoReport {
        /// The task.
        task: TaskId,
        /// The round.
        round: u32,
    },
    /// What came is not proved, and was dropped.
    #[error("verification failed: {0}")]
    Verification(#[from] VerificationError),
}

impl From<NetworkError> for ProofFailure {
    fn from(error: NetworkError) -> Self {
        Self::Call(error.into())
    }
}

impl ProofFailure {
    /// Whether trying again later may help.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Call(error) => error.is_transient(),
            Self::Verification(error) => error.may_be_a_lagging_node(),
            Self::NoModel(_) | Self::NoReport { .. } => false,
        }
    }
}

impl Aggregator {
    /// The version in force, verified up to the root key, and when it was certified.
    pub async fn verified_model(&self, task: TaskId) -> Result<(ModelVersion, u64), ProofFailure> {
        let reply = self.model_info(task).await?.ok_or(ProofFailure::NoModel(task))?;
        Ok(self.anchor().verify_model(&reply, task, &Freshness::at(now_ns()))?)
    }

    /// A round's report, verified up to the root key.
    pub async fn verified_report(&self, key: RoundKey) -> Result<VerifiedReport, ProofFailure> {
        let RoundKey { task, round } = key;
        let reply = self.report(key).await?.ok_or(ProofFailure::NoReport { task, round })?;
        let (report, certified_at) = self.anchor().verify_report(&reply, key, &Freshness::at(now_ns()))?;
        Ok(VerifiedReport { report, certified_at })
    }

    /// Downloads the model in force, verified up to the root key: certificate, witness, version, and the content hash over every
    /// piece. `progress` hears how many bytes of how many are here. If another version comes into force meanwhile, that one is
    /// downloaded.
    pub async fn download_model(
        &self,
        task: TaskId,
        mut progress: impl FnMut(u64, u64),
    ) -> Result<DownloadedModel, ProofFailure> {
        let mut restarts = 0;
        'versions: loop {
            let (version, certified_at) = self.verified_model(task).await?;
            let mut file = Assembly::new(version)?;
            while let Some(args) = file.next() {
                match self.model_chunk(args).await {
                    Ok(chunk) => file.take(&chunk)?,
                    Err(CallError::Refused {
                        error: TaskError::VersionGone { .. },
                        ..
                    }) if restarts < RESTARTS => {
                        restarts += 1;
                        continue 'versions;
                    }
                    Err(error) => return Err(error.into()),
                }
                progress(file.hasher.received(), version.bytes);
            }
            return Ok(DownloadedModel {
                version,
                certified_at,
                file: file.finish()?,
            });
        }
    }
}

/// A model file that comes piece by piece.
struct Assembly {
    version: ModelVersion,
    hasher: ContentHasher,
    bytes: Vec<u8>,
}

impl Assembly {
    fn new(version: ModelVersion) -> Result<Self, VerificationError> {
        if version.bytes > MAX_MODEL_BYTES {
            return Err(VerificationError::PieceLength {
                subject: Subject::Model { task: version.task },
                offset: 0,
                given: version.bytes,
                expected: MAX_MODEL_BYTES,
            });
        }
        Ok(Self {
            version,
            hasher: ContentHasher::new(version.bytes),
            bytes: Vec::new(),
        })
    }

    fn subject(&self) -> Subject {
        Subject::Model {
            task: self.version.task,
        }
    }

    /// What to ask for next; none at the end.
    fn next(&self) -> Option<ModelChunkArgs> {
        (self.hasher.next_len() > 0).then(|| ModelChunkArgs {
            task: self.version.task,
            version: self.version.version,
            offset: self.hasher.received(),
        })
    }

    fn take(&mut self, chunk: &ModelChunk) -> Result<(), VerificationError> {
        let wrong = |given, expected, offset, subject| VerificationError::PieceLength {
            subject,
            offset,
            given,
            expected,
        };
        let (offset, subject) = (self.hasher.received(), self.subject());
        if chunk.total != self.version.bytes {
            return Err(wrong(chunk.total, self.version.bytes, offset, subject));
        }
        self.hasher
            .push(&chunk.bytes)
            .map_err(|expected| wrong(chunk.bytes.len() as u64, expected, offset, subject))?;
        self.bytes.extend_from_slice(&chunk.bytes);
        Ok(())
    }

    fn finish(self) -> Result<Vec<u8>, VerificationError> {
        let given = self.hasher.hash();
        if given != self.version.hash {
            return Err(VerificationError::ContentAltered {
                subject: self.subject(),
                given,
                certified: self.version.hash,
            });
        }
        Ok(self.bytes)
    }
}

#[cfg(test)]
mod tests;
