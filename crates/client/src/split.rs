//! Cutting JSON Lines into chunks, and finding out who contributed each record.

use std::collections::BTreeMap;
use std::io::{self, BufRead};

use ddsx_types::stream_registry::limits;
use serde_json::Value;

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

/// Lines that make one chunk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineChunk {
    /// The lines, each with its end.
    pub payload: Vec<u8>,
    /// Records by contributor label.
    pub records: BTreeMap<String, u64>,
    /// Number of the input's last line in it, from 1.
    pub last_line: u64,
    /// Bytes of the input up to its end.
    pub end_offset: u64,
}

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
    /// The line is not JSON.
    #[error("line {line} is not JSON: {reason}")]
    NotJson {
        /// The line, from 1.
        line: u64,
        /// What the parser said.
        reason: String,
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
    #[error("line {line} has {bytes} bytes, the most that can be published is {max}")]
    TooLong {
        /// The line, from 1.
        line: u64,
        /// Its bytes.
        bytes: usize,
        /// The most allowed.
        max: usize,
    },
}

/// Reads JSON Lines and hands over chunk after chunk. Empty lines are left out.
pub struct LineSplitter<R> {
    input: R,
    limits: SplitLimits,
    rule: CreditRule,
    line: u64,
    offset: u64,
    /// A record read that did not fit into the chunk before.
    waiting: Option<Record>,
    ended: bool,
}

struct Record {
    bytes: Vec<u8>,
    label: String,
    line: u64,
    end_offset: u64,
}

impl<R: BufRead> LineSplitter<R> {
    /// Splits `input`, which begins at byte `offset` after `line` lines of the whole (both 0 unless it is resumed).
    pub fn new(input: R, rule: CreditRule, limits: SplitLimits, line: u64, offset: u64) -> Self {
        Self {
            input,
            limits,
            rule,
            line,
            offset,
            waiting: None,
            ended: false,
        }
    }

    fn read_record(&mut self) -> Result<Option<Record>, SplitError> {
        loop {
            let mut bytes = Vec::new();
            self.line += 1;
            let line = self.line;
            // One byte above the limit tells that a line is too long, without reading all of it into memory.
            let most = limits::MAX_APPEND_BYTES as u64 + 2;
            let read = io::Read::take(&mut self.input, most)
                .read_until(b'\n', &mut bytes)
                .map_err(|error| SplitError::Read { line, error })?;
            if read == 0 {
                return Ok(None);
            }
            self.offset += read as u64;
            if bytes.trim_ascii().is_empty() {
                continue;
            }
            if bytes.last() != Some(&b'\n') {
                bytes.push(b'\n');
            }
            if bytes.len() > limits::MAX_APPEND_BYTES {
                return Err(SplitError::TooLong {
                    line,
                    bytes: bytes.len(),
                    max: limits::MAX_APPEND_BYTES,
                });
            }
            let record: Value = serde_json::from_slice(&bytes).map_err(|error| SplitError::NotJson {
                line,
                reason: error.to_string(),
            })?;
            let label = self.rule.label(&record).ok_or_else(|| SplitError::NoLabel {
                line,
                field: match &self.rule {
                    CreditRule::Field(field) => field.clone(),
                    CreditRule::All(_) => String::new(),
                },
            })?;
            return Ok(Some(Record {
                bytes,
                label,
                line,
                end_offset: self.offset,
            }));
        }
    }

    fn read_chunk(&mut self) -> Result<Option<LineChunk>, SplitError> {
        let mut chunk: Option<LineChunk> = None;
        let mut records = 0;
        while records < self.limits.records {
            let next = match self.waiting.take() {
                Some(record) => Some(record),
                None => self.read_record()?,
            };
            let Some(record) = next else {
                self.ended = true;
                return Ok(chunk);
            };
            let full = chunk.as_ref().is_some_and(|chunk| {
                let new_label = !chunk.records.contains_key(&record.label);
                chunk.payload.len() + record.bytes.len() > self.limits.bytes
                    || (new_label && chunk.records.len() >= limits::MAX_CREDITS_PER_CHUNK)
            });
            if full {
                self.waiting = Some(record);
                return Ok(chunk);
            }
            let chunk = chunk.get_or_insert_with(|| LineChunk {
                payload: Vec::new(),
                records: BTreeMap::new(),
                last_line: 0,
                end_offset: 0,
            });
            chunk.payload.extend_from_slice(&record.bytes);
            *chunk.records.entry(record.label).or_insert(0) += 1;
            chunk.last_line = record.line;
            chunk.end_offset = record.end_offset;
            records += 1;
        }
        // A full chunk does not wait for the next record, which may be long in coming.
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
mod tests {
    use super::*;

    fn split(input: &str, rule: CreditRule, records: u64, bytes: usize) -> Vec<Result<LineChunk, SplitError>> {
        LineSplitter::new(input.as_bytes(), rule, SplitLimits { records, bytes }, 0, 0).collect()
    }

    fn by_net() -> CreditRule {
        CreditRule::Field("properties.net".into())
    }

    fn event(net: &str) -> String {
        format!("{{\"properties\":{{\"net\":\"{net}\"}}}}\n")
    }

    #[test]
    fn should_cut_by_records_and_keep_every_byte() {
        let input = [event("uw"), event("mb"), event("uw"), "\n".into(), event("ak")].concat();
        let chunks: Vec<_> = split(&input, by_net(), 2, 10_000)
            .into_iter()
            .map(Result::unwrap)
            .collect();
        assert_eq!(chunks.len(), 2);
        assert_eq!(chunks[0].records, BTreeMap::from([("mb".into(), 1), ("uw".into(), 1)]));
        assert_eq!((chunks[0].last_line, chunks[1].last_line), (2, 5));
        assert_eq!(chunks[1].end_offset, input.len() as u64);
        let joined: Vec<u8> = chunks.iter().flat_map(|chunk| chunk.payload.clone()).collect();
        assert_eq!(joined, input.replace("\n\n", "\n").into_bytes());
    }

    #[test]
    fn should_cut_by_bytes_and_give_a_long_line_a_chunk_of_its_own() {
        let long = format!("{{\"properties\":{{\"net\":\"uw\"}},\"x\":\"{}\"}}\n", "y".repeat(200));
        let input = [event("a"), long.clone(), event("b"), event("c")].concat();
        let chunks: Vec<_> = split(&input, by_net(), 100, 80)
            .into_iter()
            .map(Result::unwrap)
            .collect();
        let lines: Vec<u64> = chunks.iter().map(|chunk| chunk.records.values().sum()).collect();
        assert_eq!(lines, [1, 1, 2]);
        assert_eq!(chunks[1].payload, long.into_bytes());
    }

    #[test]
    fn should_add_the_line_end_that_the_last_line_lacks() {
        let chunks = split("{}\n{}", CreditRule::All("me".into()), 10, 1000);
        assert_eq!(chunks[0].as_ref().unwrap().payload, b"{}\n{}\n");
    }

    #[test]
    fn should_go_on_from_where_a_chunk_ended() {
        let input = [event("a"), event("b"), event("c")].concat();
        let first = split(&input, by_net(), 1, 1000).remove(0).unwrap();
        let offset = usize::try_from(first.end_offset).unwrap();
        let rest: Vec<_> = LineSplitter::new(
            &input.as_bytes()[offset..],
            by_net(),
            SplitLimits {
                records: 1,
                bytes: 1000,
            },
            first.last_line,
            first.end_offset,
        )
        .map(Result::unwrap)
        .collect();
        assert_eq!(rest.iter().map(|chunk| chunk.last_line).collect::<Vec<_>>(), [2, 3]);
        assert_eq!(rest[1].end_offset, input.len() as u64);
    }

    #[test]
    fn should_name_the_line_that_cannot_be_published() {
        let all = || CreditRule::All("me".into());
        for (input, rule, words) in [
            ("{}\nnot json\n".to_string(), all(), "line 2 is not JSON"),
            (
                event("a") + "{\"properties\":{}}\n",
                by_net(),
                "line 2: field \"properties.net\"",
            ),
            ("{\"properties\":{\"net\":1.5}}\n".into(), by_net(), "no label"),
            (
                format!("\"{}\"", "x".repeat(2_000_000)),
                all(),
                "the most that can be published",
            ),
        ] {
            let last = split(&input, rule, 1, 1000).pop().unwrap().unwrap_err().to_string();
            assert!(last.contains(words), "{last}");
        }
    }

    #[test]
    fn should_read_labels_by_path_and_by_pointer() {
        let record = serde_json::json!({"a": {"b.c": "x", "n": 7}});
        assert_eq!(CreditRule::Field("/a/b.c".into()).label(&record), Some("x".into()));
        assert_eq!(CreditRule::Field("a.n".into()).label(&record), Some("7".into()));
        assert_eq!(CreditRule::Field("a".into()).label(&record), None);
    }
}
