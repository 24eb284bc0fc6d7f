//! How an update's numbers travel.

use candid::CandidType;
use serde::{Deserialize, Serialize};

/// Format of an update's numbers; all little-endian, in the order of the model's flat vector.
#[derive(CandidType, Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum UpdateEncoding {
    /// Four bytes a number: exact.
    F32,
    /// Two bytes a number: IEEE 754 half precision, up to 65,504.
    F16,
    /// Blocks of 256 numbers: the scale as `f32`, then one signed byte a number, -127 to 127; the last block may be shorter.
    Int8,
}

/// Why an encoded update is refused, or cannot be encoded.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EncodingError {
    /// Not the length that so many numbers take.
    #[error("{found} bytes, {expected} are expected")]
    Length {
        /// Found.
        found: u64,
        /// Expected.
        expected: u64,
    },
    /// Infinity or not a number, or a number that would become one.
    #[error("value {index} is not finite, or too large for the format")]
    NotFinite {
        /// Where.
        index: u64,
    },
    /// A scale below zero or not finite, or the byte -128: no encoder of ours writes them.
    #[error("the block of value {index} is not canonical")]
    NotCanonical {
        /// Its first value.
        index: u64,
    },
}
