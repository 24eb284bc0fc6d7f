//! The canonical leaf: the bytes that a chunk contributes to its stream's log, fixed for ever by the first append.
//!
//! Version 1, all integers big-endian (`docs/leaf-format.md` says why each field is as it is):
//!
//! | offset | bytes | field |
//! |---|---|---|
//! | 0 | 1 | version, 0x01 |
//! | 1 | 1 | flags: bit 0 set if the stream is derived, so that `sources` follows; all other bits 0 |
//! | 2 | 8 | stream id |
//! | 10 | 8 | sequence number, from 0 |
//! | 18 | 8 | provider's timestamp, ns since the Unix epoch |
//! | 26 | 8 | registry's timestamp, ns since the Unix epoch |
//! | 34 | 2 | content type, a code of [`ContentType`] |
//! | 36 | 8 | record count |
//! | 44 | 1 | quality verdict, a set of [`Verdict`] bits |
//! | 45 | 32 | hash of the credits list ([`crate::credits`]) |
//! | 77 | 8 | payload length in bytes |
//! | 85 | 32 | SHA-256 of the payload |
//! | 117 | 32 | derived streams only: hash of the source ranges ([`crate::sources`]) |
//!
//! A leaf is 117 bytes, 149 in a derived stream. With the tree's 0x00 before it, 118 bytes are hashed, which is two
//! blocks of SHA-256: one more field byte or two would still fit, a third block would not pay.

mod content_type;
#[cfg(test)]
mod tests;
mod verdict;

pub use content_type::ContentType;
pub use verdict::Verdict;

use ddsx_types::Hash;

use crate::bytes::{Reader, Truncated};
use crate::hash::leaf_hash;

/// The leaf layout's version.
pub const LEAF_VERSION: u8 = 1;
/// Bytes of a leaf of a stream that is not derived.
pub const LEAF_LEN: usize = 117;
/// Bytes of a leaf of a derived stream.
pub const DERIVED_LEAF_LEN: usize = LEAF_LEN + 32;

const DERIVED: u8 = 0b0000_0001;

/// One chunk's leaf.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leaf {
    /// The stream's id in its registry.
    pub stream: u64,
    /// The chunk's number in the stream, from 0: also its index in the tree.
    pub sequence: u64,
    /// When the provider says the chunk was made, ns since the Unix epoch.
    pub provider_time: u64,
    /// When the registry accepted it, ns since the Unix epoch.
    pub registry_time: u64,
    /// What the payload's bytes are.
    pub content_type: ContentType,
    /// How many records the payload holds.
    pub records: u64,
    /// Which quality checks were made and passed.
    pub verdict: Verdict,
    /// Hash of the credits list: who contributed how many of the records.
    pub credits: Hash,
    /// The payload's length in bytes.
    pub payload_len: u64,
    /// SHA-256 of the payload.
    pub payload_hash: Hash,
    /// In a derived stream, and only there, the hash of the source ranges that the chunk was computed from.
    pub sources: Option<Hash>,
}

/// Why bytes are not a canonical leaf.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LeafError {
    /// The bytes end inside a field.
    #[error("the leaf ends inside a field, after {0} bytes")]
    Truncated(usize),
    /// Bytes follow the last field.
    #[error("{0} bytes follow the leaf's last field")]
    Trailing(usize),
    /// A version this library does not know.
    #[error("the leaf's version is {0}, known is {LEAF_VERSION}")]
    Version(u8),
    /// A flag is set whose meaning this library does not know.
    #[error("the leaf's flags {0:#010b} have bits set that must be 0")]
    Flags(u8),
    /// A verdict bit is set whose meaning this library does not know.
    #[error("the leaf's verdict {0:#010b} has bits set that must be 0")]
    Verdict(u8),
}

impl Leaf {
    /// The canonical bytes: [`LEAF_LEN`] of them, [`DERIVED_LEAF_LEN`] in a derived stream.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(DERIVED_LEAF_LEN);
        out.push(LEAF_VERSION);
        out.push(if self.sources.is_some() { DERIVED } else { 0 });
        out.extend_from_slice(&self.stream.to_be_bytes());
        out.extend_from_slice(&self.sequence.to_be_bytes());
        out.extend_from_slice(&self.provider_time.to_be_bytes());
        out.extend_from_slice(&self.registry_time.to_be_bytes());
        out.extend_from_slice(&self.content_type.0.to_be_bytes());
        out.extend_from_slice(&self.records.to_be_bytes());
        out.push(self.verdict.bits());
        out.extend_from_slice(&self.credits.0);
        out.extend_from_slice(&self.payload_len.to_be_bytes());
        out.extend_from_slice(&self.payload_hash.0);
        if let Some(sources) = &self.sources {
            out.extend_from_slice(&sources.0);
        }
        out
    }

    /// Reads canonical bytes. Exactly one byte string decodes to a given leaf.
    ///
    /// # Errors
    /// [`LeafError`] if a byte is missing or left over, or the version, a flag or a verdict bit is unknown.
    pub fn decode(bytes: &[u8]) -> Result<Self, LeafError> {
        let mut reader = Reader::new(bytes);
        let leaf = Self::read(&mut reader)
            .map_err(|Truncated| LeafError::Truncated(bytes.len()))
            .flatten()?;
        match reader.left() {
            0 => Ok(leaf),
            left => Err(LeafError::Trailing(left)),
        }
    }

    fn read(reader: &mut Reader<'_>) -> Result<Result<Self, LeafError>, Truncated> {
        let version = reader.u8()?;
        if version != LEAF_VERSION {
            return Ok(Err(LeafError::Version(version)));
        }
        let flags = reader.u8()?;
        if flags & !DERIVED != 0 {
            return Ok(Err(LeafError::Flags(flags)));
        }
        let stream = reader.u64()?;
        let sequence = reader.u64()?;
        let provider_time = reader.u64()?;
        let registry_time = reader.u64()?;
        let content_type = ContentType(reader.u16()?);
        let records = reader.u64()?;
        let verdict = reader.u8()?;
        let Some(verdict) = Verdict::from_bits(verdict) else {
            return Ok(Err(LeafError::Verdict(verdict)));
        };
        Ok(Ok(Self {
            stream,
            sequence,
            provider_time,
            registry_time,
            content_type,
            records,
            verdict,
            credits: reader.hash()?,
            payload_len: reader.u64()?,
            payload_hash: reader.hash()?,
            sources: if flags & DERIVED == 0 {
                None
            } else {
                Some(reader.hash()?)
            },
        }))
    }

    /// The leaf's hash in the tree: SHA-256(0x00 ‖ [`Leaf::encode`]).
    pub fn hash(&self) -> Hash {
        leaf_hash(&self.encode())
    }
}
