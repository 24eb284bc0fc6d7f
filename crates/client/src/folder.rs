//! Verified chunks in a folder: one file a chunk, each whole or not there, with what proves them again later.
//!
//! ```text
//! DIR/000000000017.jsonl            the payload of chunk 17, byte for byte
//! DIR/.ddsx/stream.json             of which network, registry and stream
//! DIR/.ddsx/000000000016.proof.json the leaves and credits of the chunks of one pull, and the hashes before them
//! ```

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use candid::Principal;
use ddsx_merkle_log::{
    self as log, CompactRange, ContentType, Hash, Leaf, ReceivedChunk, VerifyError, leaf_hash, sha256,
};
use ddsx_types::stream_registry::{ConsistencyProofArgs, ProofError, StreamId};
use serde::{Deserialize, Serialize};

use crate::StreamSource;
use crate::error::CallError;
use crate::files::{sync_folder, write_atomically, write_whole};
use crate::ledger::now_ns;
use crate::puller::{Clock, VerifiedBatch};
use crate::verification::VerificationError;
use crate::witness::Anchor;

const VERSION: u32 = 1;

/// A folder of one stream's verified chunks.
#[derive(Clone)]
pub struct Folder {
    path: PathBuf,
    proofs: PathBuf,
    binding: Binding,
    clock: Clock,
}

/// Of which stream the folder is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Binding {
    version: u32,
    root_key_sha256: Hash,
    registry: Principal,
    stream: StreamId,
}

/// What one pull proved, for proving it again.
#[derive(Serialize, Deserialize)]
struct Proofs {
    version: u32,
    left: CompactRange,
    chunks: Vec<Proof>,
}

#[derive(Serialize, Deserialize)]
struct Proof {
    leaf: String,
    credits: String,
}

/// What verifying a folder showed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct FolderReport {
    /// Chunks verified.
    pub chunks: u64,
    /// Their records.
    pub records: u64,
    /// Their payload bytes.
    pub bytes: u64,
    /// The first chunk.
    pub first: u64,
    /// One past the last chunk.
    pub end: u64,
    /// Chunks of the certified log now.
    pub log_size: u64,
}

impl FolderReport {
    fn empty(first: u64) -> Self {
        Self {
            chunks: 0,
            records: 0,
            bytes: 0,
            first,
            end: first,
            log_size: 0,
        }
    }

    /// Counts leaves once, though two pulls may have brought the same.
    fn count(&mut self, leaves: &[Leaf]) {
        for leaf in leaves {
            if leaf.sequence < self.end {
                continue;
            }
            self.chunks += 1;
            self.records = self.records.saturating_add(leaf.records);
            self.bytes = self.bytes.saturating_add(leaf.payload_len);
            self.end = leaf.sequence + 1;
        }
    }
}

/// Why a folder cannot be written or is not what it says.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// A file cannot be read or written.
    #[error("{path}: {error}")]
    File {
        /// Which.
        path: String,
        /// What the system said.
        error: io::Error,
    },
    /// It holds another stream.
    #[error("{path} holds the chunks of another {what}")]
    Foreign {
        /// The folder.
        path: String,
        /// `network (root key)`, `registry` or `stream`.
        what: &'static str,
    },
    /// A file of the folder's own is damaged.
    #[error("{path} is damaged: {reason}")]
    Damaged {
        /// Which.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
    /// There is nothing to verify.
    #[error("{0} holds no chunk")]
    Empty(String),
    /// The folder's chunks are not the log's.
    #[error("verification failed: {0}")]
    Verification(#[from] VerificationError),
    /// The registry did not give a proof.
    #[error(transparent)]
    Proof(#[from] CallError<ProofError>),
}

fn file_error(path: &Path) -> impl FnOnce(io::Error) -> FolderError + '_ {
    |error| FolderError::File {
        path: path.display().to_string(),
        error,
    }
}

impl Folder {
    /// Opens or makes the folder for one stream's chunks; refuses a folder of another stream. Made only when the first chunk
    /// is written.
    pub fn open(path: &Path, source: &impl StreamSource, stream: StreamId) -> Result<Self, FolderError> {
        let folder = Self {
            path: path.to_path_buf(),
            proofs: path.join(".ddsx"),
            binding: Binding {
                version: VERSION,
                root_key_sha256: sha256(source.root_key()),
                registry: source.canister(),
                stream,
            },
            clock: Arc::new(now_ns),
        };
        match fs::read(folder.binding_file()) {
            Ok(bytes) => folder.check_binding(&bytes)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(file_error(&folder.binding_file())(error)),
        }
        Ok(folder)
    }

    /// With another clock (ns since the Unix epoch) for the certificates' age.
    #[must_use]
    pub fn with_clock(mut self, clock: impl Fn() -> u64 + Send + Sync + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Writes a batch: the proofs, then each payload. What is there already is written again with the same content.
    pub fn write(&self, batch: &VerifiedBatch) -> Result<(), FolderError> {
        if batch.chunks.is_empty() {
            return Ok(());
        }
        fs::create_dir_all(&self.proofs).map_err(file_error(&self.proofs))?;
        let binding = self.binding_file();
        if !binding.exists() {
            write_json(&binding, &self.binding)?;
        }
        let proofs = Proofs {
            version: VERSION,
            left: batch.left.clone(),
            chunks: batch
                .chunks
                .iter()
                .map(|chunk| Proof {
                    leaf: hex::encode(&chunk.leaf_bytes),
                    credits: hex::encode(&chunk.credits_bytes),
                })
                .collect(),
        };
        write_json(&self.proofs.join(format!("{:012}.proof.json", batch.first)), &proofs)?;
        for chunk in &batch.chunks {
            let path = self.payload_file(&chunk.leaf);
            write_whole(&path, &chunk.payload).map_err(file_error(&path))?;
        }
        sync_folder(&self.path).map_err(file_error(&self.path))
    }

    /// Where a chunk's payload lies.
    pub fn payload_file(&self, leaf: &Leaf) -> PathBuf {
        let name = format!("{:012}.{}", leaf.sequence, extension(leaf.content_type));
        self.path.join(name)
    }

    /// Verifies every file anew: payloads and credits against the leaves, the leaves against the log, the log against its head
    /// as the network certifies it now.
    pub async fn verify(&self, source: &impl StreamSource) -> Result<FolderReport, FolderError> {
        let mut report: Option<FolderReport> = None;
        let mut range: Option<CompactRange> = None;
        for (path, proofs) in self.proof_files()? {
            let continues = range.as_ref().is_some_and(|range| *range == proofs.left);
            if !continues && let Some(range) = range.take() {
                self.check_log(source, &range).await?;
            }
            let (leaves, grown) = self.check_chunks(&path, &proofs)?;
            report
                .get_or_insert_with(|| FolderReport::empty(proofs.left.end()))
                .count(&leaves);
            range = Some(grown);
        }
        let (Some(range), Some(mut report)) = (range, report) else {
            return Err(FolderError::Empty(self.path.display().to_string()));
        };
        report.log_size = self.check_log(source, &range).await?;
        Ok(report)
    }

    /// The folder's proofs in the order of their chunks.
    fn proof_files(&self) -> Result<Vec<(PathBuf, Proofs)>, FolderError> {
        let mut paths = Vec::new();
        let entries = match fs::read_dir(&self.proofs) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(file_error(&self.proofs)(error)),
        };
        for entry in entries {
            let path = entry.map_err(file_error(&self.proofs))?.path();
            if path.to_string_lossy().ends_with(".proof.json") {
                paths.push(path);
            }
        }
        paths.sort();
        paths
            .into_iter()
            .map(|path| {
                let bytes = fs::read(&path).map_err(file_error(&path))?;
                let proofs = serde_json::from_slice(&bytes).map_err(|error| damaged(&path, &error))?;
                Ok((path, proofs))
            })
            .collect()
    }

    /// Checks payloads, credits and leaves of one pull against each other; the leaves, and the range up to their end. Whether
    /// that is the log's, [`Self::check_log`] shows.
    fn check_chunks(&self, path: &Path, proofs: &Proofs) -> Result<(Vec<Leaf>, CompactRange), FolderError> {
        let mut parts = Vec::with_capacity(proofs.chunks.len());
        let mut range = proofs.left.clone();
        for proof in &proofs.chunks {
            let leaf_bytes = hex::decode(&proof.leaf).map_err(|error| damaged(path, &error))?;
            let credits = hex::decode(&proof.credits).map_err(|error| damaged(path, &error))?;
            let leaf = Leaf::decode(&leaf_bytes).map_err(|error| damaged(path, &error))?;
            let file = self.payload_file(&leaf);
            let payload = fs::read(&file).map_err(file_error(&file))?;
            range
                .append(leaf_hash(&leaf_bytes))
                .map_err(|error| damaged(path, &error))?;
            parts.push((leaf_bytes, credits, payload));
        }
        let chunks: Vec<ReceivedChunk<'_>> = parts
            .iter()
            .map(|(leaf, credits, payload)| ReceivedChunk {
                leaf,
                credits,
                payload: Some(payload),
            })
            .collect();
        let own_head = log::CertifiedHead {
            stream: self.binding.stream,
            head: log::Head {
                tree_size: range.end(),
                root: range.root().map_err(|error| damaged(path, &error))?,
                timestamp: 0,
            },
            certified_at: 0,
        };
        let pulled = log::Pulled {
            from: proofs.left.end(),
            chunks: &chunks,
            left: Some(proofs.left.hashes()),
            right: &[],
            consistency: None,
            allow_missing_payloads: false,
        };
        let verified =
            log::verify_pull(None, &own_head, &pulled, &log::Freshness::at(0)).map_err(VerificationError::from)?;
        Ok((verified.leaves, verified.held.range))
    }

    /// Shows that the certified log begins with the chunks under this range; the log's size now.
    async fn check_log(&self, source: &impl StreamSource, range: &CompactRange) -> Result<u64, FolderError> {
        let args = ConsistencyProofArgs {
            stream: self.binding.stream,
            first: range.end(),
            second: None,
        };
        let reply = source.consistency_proof(args).await?;
        let anchor = Anchor {
            root_key: source.root_key(),
            canister: source.canister(),
        };
        let head = anchor.verify_head(&reply.head, self.binding.stream)?;
        let freshness = log::Freshness::at((self.clock)());
        log::verify_head(None, &head, None, &freshness).map_err(VerificationError::from)?;
        let (first, size) = (range.end(), head.head.tree_size);
        let root = range.root().map_err(|error| damaged(&self.proofs, &error))?;
        log::verify_consistency(first, size, &root, &head.head.root, &reply.path).map_err(|reason| {
            VerificationError::Log(VerifyError::Consistency {
                held: first,
                got: size,
                reason,
            })
        })?;
        Ok(size)
    }

    fn binding_file(&self) -> PathBuf {
        self.proofs.join("stream.json")
    }

    fn check_binding(&self, bytes: &[u8]) -> Result<(), FolderError> {
        let theirs: Binding = serde_json::from_slice(bytes).map_err(|error| damaged(&self.binding_file(), &error))?;
        let ours = &self.binding;
        let what = if theirs.version != ours.version {
            return Err(damaged(&self.binding_file(), &"its version is not known here"));
        } else if theirs.root_key_sha256 != ours.root_key_sha256 {
            "network (root key)"
        } else if theirs.registry != ours.registry {
            "registry"
        } else if theirs.stream != ours.stream {
            "stream"
        } else {
            return Ok(());
        };
        Err(FolderError::Foreign {
            path: self.path.display().to_string(),
            what,
        })
    }
}

fn write_json(path: &Path, value: &impl Serialize) -> Result<(), FolderError> {
    let bytes = serde_json::to_vec(value).map_err(|error| damaged(path, &error))?;
    write_atomically(path, &bytes).map_err(file_error(path))
}

fn damaged(path: &Path, reason: &dyn std::fmt::Display) -> FolderError {
    FolderError::Damaged {
        path: path.display().to_string(),
        reason: reason.to_string(),
    }
}

/// The file name's end for a payload's type.
fn extension(content_type: ContentType) -> &'static str {
    match content_type {
        ContentType::JSON => "json",
        ContentType::JSON_LINES => "jsonl",
        ContentType::CSV => "csv",
        ContentType::CBOR => "cbor",
        ContentType::ARROW => "arrow",
        ContentType::PARQUET => "parquet",
        ContentType::TEXT => "txt",
        _ => "bin",
    }
}
