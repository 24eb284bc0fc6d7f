//! What a puller keeps from one run to the next, in a file.
//!
//! A cursor names the network (by the hash of its root key), the registry and the stream, so that it cannot be used with
//! another one by mistake, and holds the last head believed with the compact range before the next chunk.

use std::io;
use std::path::Path;

use candid::Principal;
use ddsx_merkle_log::{Hash, Held, sha256};
use ddsx_types::stream_registry::StreamId;
use serde::{Deserialize, Serialize};

use crate::StreamSource;
use crate::files::write_atomically;

/// The version written.
const VERSION: u32 = 1;

/// Where to go on, and what was proved so far.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    version: u32,
    /// SHA-256 of the network's root key.
    root_key_sha256: Hash,
    /// The registry canister.
    registry: Principal,
    /// The stream.
    stream: StreamId,
    /// Sequence number of the next chunk.
    next: u64,
    /// What was proved; nothing before the first pull.
    held: Option<Held>,
}

/// Why a cursor cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CursorError {
    /// The file cannot be read or written.
    #[error("cursor file {path}: {error}")]
    File {
        /// The file.
        path: String,
        /// What the system said.
        error: io::Error,
    },
    /// The content is no cursor, or contradicts itself.
    #[error("the cursor is damaged: {0}")]
    Damaged(String),
    /// It was written by a newer version of this software.
    #[error("the cursor has version {0}, this software knows version {VERSION}")]
    Version(u32),
    /// It is not of this network, registry or stream.
    #[error("the cursor belongs to another {what}: {theirs}, not {ours}")]
    Foreign {
        /// `network (root key)`, `registry` or `stream`.
        what: &'static str,
        /// What the cursor says.
        theirs: String,
        /// What was asked for.
        ours: String,
    },
}

impl Cursor {
    pub(crate) fn new(source: &dyn StreamSource, stream: StreamId, next: u64, held: Option<Held>) -> Self {
        Self {
            version: VERSION,
            root_key_sha256: sha256(source.root_key()),
            registry: source.canister(),
            stream,
            next,
            held,
        }
    }

    /// Sequence number of the next chunk.
    pub fn next(&self) -> u64 {
        self.next
    }

    /// The stream.
    pub fn stream(&self) -> StreamId {
        self.stream
    }

    /// What was proved so far.
    pub fn held(&self) -> Option<&Held> {
        self.held.as_ref()
    }

    pub(crate) fn into_parts(self) -> (u64, Option<Held>) {
        (self.next, self.held)
    }

    /// Reads a cursor file; `None` if there is none yet.
    pub fn load(path: &Path) -> Result<Option<Self>, CursorError> {
        let bytes = match std::fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(file_error(path, error)),
        };
        Self::decode(&bytes).map(Some)
    }

    /// Writes the cursor so that a crash leaves the old one or the new one.
    pub fn save(&self, path: &Path) -> Result<(), CursorError> {
        let mut text = serde_json::to_vec_pretty(self).map_err(|error| CursorError::Damaged(error.to_string()))?;
        text.push(b'\n');
        write_atomically(path, &text).map_err(|error| file_error(path, error))
    }

    /// Reads a cursor from its text.
    pub fn decode(bytes: &[u8]) -> Result<Self, CursorError> {
        #[derive(Deserialize)]
        struct Versioned {
            version: u32,
        }
        let damaged = |error: serde_json::Error| CursorError::Damaged(error.to_string());
        let Versioned { version } = serde_json::from_slice(bytes).map_err(damaged)?;
        if version != VERSION {
            return Err(CursorError::Version(version));
        }
        let cursor: Self = serde_json::from_slice(bytes).map_err(damaged)?;
        cursor.check()?;
        Ok(cursor)
    }

    fn check(&self) -> Result<(), CursorError> {
        let damaged = |reason: &str| Err(CursorError::Damaged(reason.into()));
        let Some(held) = &self.held else {
            return Ok(());
        };
        let (range, head) = (&held.range, &held.head);
        if held.stream != self.stream {
            return damaged("its proof is of another stream");
        }
        if range.begin() != 0 || range.end() > head.tree_size {
            return damaged("its compact range is not one of its head's tree");
        }
        if range.end() == head.tree_size && range.root().ok() != Some(head.root) {
            return damaged("its compact range does not have its head's root");
        }
        Ok(())
    }

    /// Refuses a cursor of another network, registry or stream.
    pub(crate) fn fits(&self, source: &dyn StreamSource, stream: StreamId) -> Result<(), CursorError> {
        let foreign = |what, theirs: String, ours: String| Err(CursorError::Foreign { what, theirs, ours });
        let root_key = sha256(source.root_key());
        if self.root_key_sha256 != root_key {
            return foreign(
                "network (root key)",
                self.root_key_sha256.to_string(),
                root_key.to_string(),
            );
        }
        if self.registry != source.canister() {
            return foreign("registry", self.registry.to_string(), source.canister().to_string());
        }
        if self.stream != stream {
            return foreign("stream", self.stream.to_string(), stream.to_string());
        }
        Ok(())
    }
}

fn file_error(path: &Path, error: io::Error) -> CursorError {
    CursorError::File {
        path: path.display().to_string(),
        error,
    }
}
