//! Where in its source a row of numbers stands.

use std::fmt;

/// A row's place: the line that it begins in, in a file or in one chunk of a stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// The chunk's sequence number, where the source is a stream.
    pub chunk: Option<u64>,
    /// The line, from 1; 0 where rows share one, as in a list of records.
    pub line: u64,
    /// The row, from 1, a heading not counted.
    pub record: u64,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(chunk) = self.chunk {
            write!(f, "chunk {chunk}, ")?;
        }
        if self.line > 0 {
            write!(f, "line {} (record {})", self.line, self.record)
        } else {
            write!(f, "record {}", self.record)
        }
    }
}

/// A column by its number, and by its name where it has one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ColumnName {
    /// From 1.
    pub number: usize,
    /// What the heading calls it.
    pub name: Option<String>,
}

impl fmt::Display for ColumnName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => write!(f, "column {} ({name:?})", self.number),
            None => write!(f, "column {}", self.number),
        }
    }
}
