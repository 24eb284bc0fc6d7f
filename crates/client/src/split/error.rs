//! Why lines cannot be cut into chunks.

use std::io;

use crate::input::Misplaced;

/// Why a line cannot be published.
#[derive(Debug, thiserror::Error)]
pub enum SplitError {
    /// The input cannot be read.
    #[error("line {line}: {error}")]
    Read {
        /// The line, from 1.
        line: u64,
        /// What the system said.
        error: io::Error,
    },
    /// A NUL byte, or bytes that are not UTF-8.
    #[error(transparent)]
    Misplaced(#[from] Misplaced),
    /// The line is not JSON.
    #[error("line {line}, column {column} is not JSON: {reason}{}", if *.open {
        "; the line has no newline at its end: perhaps it is still being written"
    } else {
        ""
    })]
    NotJson {
        /// The line, from 1.
        line: u64,
        /// The byte in it, from 1.
        column: usize,
        /// What the parser said.
        reason: String,
        /// Whether it is the last line and has no end.
        open: bool,
    },
    /// The record does not say who contributed it.
    #[error("line {line}: field {field:?} holds no label of a contributor (a string or a whole number)")]
    NoLabel {
        /// The line, from 1.
        line: u64,
        /// The field.
        field: String,
    },
    /// The line is larger than a chunk can be.
    #[error("line {line} has {}{bytes} bytes, the most that can be published is {max}; cut the record into several", if *.more {
        "more than "
    } else {
        ""
    })]
    TooLong {
        /// The line, from 1.
        line: u64,
        /// Its bytes, the newline counted.
        bytes: u64,
        /// Whether it goes on after so many.
        more: bool,
        /// The most allowed.
        max: usize,
    },
    /// The input ends before what was read of it.
    #[error(
        "it has {found} bytes of text now, and {expected} were read of it: it was cut or replaced by another (a rotated log?)"
    )]
    Shorter {
        /// Bytes there.
        found: u64,
        /// Bytes that were read.
        expected: u64,
    },
    /// The input does not begin with what was read of it.
    #[error(
        "its first {0} bytes of text are not those that were read: it was replaced by another, or changed (a rotated log?)"
    )]
    Changed(u64),
    /// What was read ended in the middle of a line.
    #[error(
        "line {0} was read before its end was there, and has gone on since: with the rest, one record would become two"
    )]
    LineWentOn(u64),
}
