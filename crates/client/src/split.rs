//! Cutting JSON Lines into chunks, and finding out who contributed each record.

mod error;

use std::collections::BTreeMap;
use std::io::{self, BufRead, Read};

use ddsx_types::Hash;
use ddsx_types::stream_registry::limits;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::input::check_text;
pub use error::SplitError;

/// How large chunks become.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SplitLimits {
    /// Records in a chunk at most.
    pub records: u64,
    /// Payload bytes in a chunk at most; a longer line is a chunk of its own.
    pub bytes: usize,
}

impl Default for SplitLimits {
    fn default() -> Self {
        Self {
            records: 1_000,
            bytes: 64 * 1024,
        }
    }
}

/// Who is credited for a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CreditRule {
    /// The contributor of this label, for every record.
    All(String),
    /// The contributor whose label is in this field of the record: `properties.net`, or as a JSON Pointer `/properties/net`
    /// (RFC 6901). A string or a whole number.
    Field(String),
}

impl CreditRule {
    fn label(&self, record: &Value) -> Option<String> {
        let field = match self {
            Self::All(label) => return Some(label.clone()),
            Self::Field(field) => field,
        };
        let found = if field.starts_with('/') {
            record.pointer(field)
        } else {
            field.split('.').try_fold(record, |value, key| value.get(key))
        };
        match found? {
            Value::String(label) => Some(label.clone()),
            Value::Number(number) if !number.is_f64() => Some(number.to_string()),
            _ => None,
        }
    }
}

/// How much of an input was read, and what that was: whoever goes on after it knows whether the input is the same one still.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadSoFar {
    /// Lines.
    pub line: u64,
    /// Bytes of text: unpacked, without a mark.
    pub offset: u64,
    /// SHA-256 of these bytes; absent where it is not known, as in what older versions wrote down.
    pub hash: Option<Hash>,
    /// Whether the last line had no newline.
    #[serde(default)]
    pub open: bool,
}

/// Lines that make one chunk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineChunk {
    /// The lines, each with its end.
    pub payload: Vec<u8>,
    /// Records by contributor label.
    pub records: BTreeMap<String, u64>,
    /// The input up to its last line's end.
    pub end: ReadSoFar,
}

/// Where counting the bytes of a line ends: 1 GiB.
const LONGEST_COUNTED: u64 = 1 << 30;

/// Reads JSON Lines and hands over chunk after chunk. Empty lines are left out.
pub struct LineSplitter<R> {
    input: R,
    limits: SplitLimits,
    rule: CreditRule,
    line: u64,
    offset: u64,
    hasher: Sha256,
    /// Whether the last line waits for its newline.
    hold_back: bool,
    held_back: u64,
    /// A record read that did not fit into the chunk before.
    waiting: Option<Record>,
    ended: bool,
}

struct Record {
    bytes: Vec<u8>,
    label: String,
    line: u64,
    end_offset: u64,
    open: bool,
    /// Of everything up to its end.
    hasher: Sha256,
}

impl<R: BufRead> LineSplitter<R> {
    /// Splits `input`, which begins at byte `offset` after `line` lines of the whole (both 0 unless it is a part of one). Hashes are of what is
    /// read here.
    pub fn new(input: R, rule: CreditRule, limits: SplitLimits, line: u64, offset: u64) -> Self {
        Self {
            input,
            limits,
            rule,
            line,
            offset,
            hasher: Sha256::new(),
            hold_back: false,
            held_back: 0,
            waiting: None,
            ended: false,
        }
    }

    /// Splits what comes after `read` of an input that is here from its beginning.
    ///
    /// # Errors
    /// [`SplitError::Shorter`], [`SplitError::Changed`], [`SplitError::LineWentOn`]: it is not the input that was read.
    pub fn resume(input: R, rule: CreditRule, limits: SplitLimits, read: &ReadSoFar) -> Result<Self, SplitError> {
        let mut splitter = Self::new(input, rule, limits, read.line, 0);
        let last = splitter.read_over(read)?;
        let is = Hash(splitter.hasher.clone().finalize().into());
        // Where no hash was kept, what was read ended with a line at least.
        let same = read
            .hash
            .map_or(read.open || read.offset == 0 || last == b'\n', |hash| hash == is);
        if !same {
            return Err(SplitError::Changed(read.offset));
        }
        if read.open {
            splitter.close_line()?;
        }
        Ok(splitter)
    }

    /// A last line without a newline is not handed over: whoever writes the input may not be done with it.
    #[must_use]
    pub fn hold_back_open_line(mut self) -> Self {
        self.hold_back = true;
        self
    }

    /// Bytes of the last line that were held back.
    pub fn held_back(&self) -> u64 {
        self.held_back
    }

    fn read_error(&self) -> impl FnOnce(io::Error) -> SplitError + use<R> {
        let line = self.line + 1;
        move |error| SplitError::Read { line, error }
    }

    /// Reads over what was read before; the last byte of it.
    fn read_over(&mut self, read: &ReadSoFar) -> Result<u8, SplitError> {
        let mut last = 0;
        while self.offset < read.offset {
            let fail = self.read_error();
            let there = self.input.fill_buf().map_err(fail)?;
            let left = usize::try_from(read.offset - self.offset).unwrap_or(usize::MAX);
            let taken = &there[..there.len().min(left)];
            let Some(end) = taken.last() else {
                return Err(SplitError::Shorter {
                    found: self.offset,
                    expected: read.offset,
                });
            };
            last = *end;
            self.hasher.update(taken);
            let count = taken.len();
            self.input.consume(count);
            self.offset += count as u64;
        }
        Ok(last)
    }

    /// Reads the newline of a line that was read without it, if it has come.
    fn close_line(&mut self) -> Result<(), SplitError> {
        let (fail, line) = (self.read_error(), self.line);
        let mut rest = Vec::new();
        let most = limits::MAX_APPEND_BYTES as u64;
        let read = Read::take(&mut self.input, most)
            .read_until(b'\n', &mut rest)
            .map_err(fail)?;
        if !rest.trim_ascii().is_empty() || read as u64 == most {
            return Err(SplitError::LineWentOn(line));
        }
        self.hasher.update(&rest);
        self.offset += read as u64;
        Ok(())
    }

    /// The length of a line of which `read` bytes are read; whether it is longer still.
    fn count_rest(&mut self, read: u64) -> Result<(u64, bool), SplitError> {
        let mut bytes = read;
        while bytes < LONGEST_COUNTED {
            let fail = self.read_error();
            let there = self.input.fill_buf().map_err(fail)?;
            let end = there.iter().position(|byte| *byte == b'\n');
            let count = end.map_or(there.len(), |at| at + 1);
            self.input.consume(count);
            bytes += count as u64;
            if end.is_some() || count == 0 {
                return Ok((bytes, false));
            }
        }
        Ok((bytes, true))
    }

    fn read_record(&mut self) -> Result<Option<Record>, SplitError> {
        loop {
            let mut bytes = Vec::new();
            // Beyond the limit a line is only counted, never held in memory.
            let most = limits::MAX_APPEND_BYTES as u64 + 1;
            let fail = self.read_error();
            let read = Read::take(&mut self.input, most)
                .read_until(b'\n', &mut bytes)
                .map_err(fail)? as u64;
            if read == 0 {
                return Ok(None);
            }
            let line = self.line + 1;
            let open = bytes.last() != Some(&b'\n');
            if bytes.len() + usize::from(open) > limits::MAX_APPEND_BYTES {
                let (bytes, more) = if open { self.count_rest(read)? } else { (read, false) };
                return Err(SplitError::TooLong {
                    line,
                    bytes,
                    more,
                    max: limits::MAX_APPEND_BYTES,
                });
            }
            if open && self.hold_back {
                self.held_back = read;
                return Ok(None);
            }
            self.line = line;
            self.offset += read;
            self.hasher.update(&bytes);
            if bytes.trim_ascii().is_empty() {
                continue;
            }
            let label = self.label(line, &bytes, open)?;
            if open {
                bytes.push(b'\n');
            }
            return Ok(Some(Record {
                bytes,
                label,
                line,
                end_offset: self.offset,
                open,
                hasher: self.hasher.clone(),
            }));
        }
    }

    /// Who contributed the record in a line, which must be one.
    fn label(&self, line: u64, bytes: &[u8], open: bool) -> Result<String, SplitError> {
        let text = check_text(line, bytes)?;
        let record: Value = serde_json::from_str(text).map_err(|error| {
            let said = error.to_string();
            SplitError::NotJson {
                line,
                column: error.column(),
                reason: said
                    .rsplit_once(" at line ")
                    .map_or(said.as_str(), |(reason, _)| reason)
                    .to_owned(),
                open,
            }
        })?;
        self.rule.label(&record).ok_or_else(|| SplitError::NoLabel {
            line,
            field: match &self.rule {
                CreditRule::Field(field) => field.clone(),
                CreditRule::All(_) => String::new(),
            },
        })
    }

    fn read_chunk(&mut self) -> Result<Option<LineChunk>, SplitError> {
        let mut chunk: Option<LineChunk> = None;
        let mut hasher = None;
        let mut records = 0;
        // A full chunk does not wait for the next record, which may be long in coming.
        while records < self.limits.records {
            let next = match self.waiting.take() {
                Some(record) => Some(record),
                None => self.read_record()?,
            };
            let Some(record) = next else {
                self.ended = true;
                break;
            };
            let full = chunk.as_ref().is_some_and(|chunk| {
                let new_label = !chunk.records.contains_key(&record.label);
                chunk.payload.len() + record.bytes.len() > self.limits.bytes
                    || (new_label && chunk.records.len() >= limits::MAX_CREDITS_PER_CHUNK)
            });
            if full {
                self.waiting = Some(record);
                break;
            }
            let chunk = chunk.get_or_insert_with(|| LineChunk {
                payload: Vec::new(),
                records: BTreeMap::new(),
                end: ReadSoFar::default(),
            });
            chunk.payload.extend_from_slice(&record.bytes);
            *chunk.records.entry(record.label).or_insert(0) += 1;
            chunk.end = ReadSoFar {
                line: record.line,
                offset: record.end_offset,
                hash: None,
                open: record.open,
            };
            hasher = Some(record.hasher);
            records += 1;
        }
        if let Some(chunk) = &mut chunk {
            chunk.end.hash = hasher.map(|hasher| Hash(hasher.finalize().into()));
        }
        Ok(chunk)
    }
}

impl<R: BufRead> Iterator for LineSplitter<R> {
    type Item = Result<LineChunk, SplitError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let chunk = self.read_chunk();
        if chunk.is_err() {
            self.ended = true;
        }
        chunk.transpose()
    }
}

#[cfg(test)]
mod tests;
