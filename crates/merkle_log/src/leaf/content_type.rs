//! What a payload's bytes are, as a code of two bytes.

/// A content type's code. Codes below 0x8000 are assigned here and never change their meaning; codes from 0x8000 on
/// mean what the stream's own metadata says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContentType(pub u16);

impl ContentType {
    /// `application/octet-stream`: opaque bytes.
    pub const OCTET_STREAM: Self = Self(0);
    /// `application/json`: one JSON text.
    pub const JSON: Self = Self(1);
    /// `application/jsonl`: JSON Lines, one record a line.
    pub const JSON_LINES: Self = Self(2);
    /// `text/csv`: RFC 4180, the header line included.
    pub const CSV: Self = Self(3);
    /// `application/cbor`: a CBOR sequence (RFC 8742) or one item.
    pub const CBOR: Self = Self(4);
    /// `application/vnd.apache.arrow.stream`: Arrow's IPC streaming format.
    pub const ARROW: Self = Self(5);
    /// `application/vnd.apache.parquet`: a Parquet file.
    pub const PARQUET: Self = Self(6);
    /// `text/plain; charset=utf-8`.
    pub const TEXT: Self = Self(7);
    /// The first code whose meaning the stream's metadata gives.
    pub const FIRST_PRIVATE: Self = Self(0x8000);

    const NAMES: [(Self, &'static str); 8] = [
        (Self::OCTET_STREAM, "application/octet-stream"),
        (Self::JSON, "application/json"),
        (Self::JSON_LINES, "application/jsonl"),
        (Self::CSV, "text/csv"),
        (Self::CBOR, "application/cbor"),
        (Self::ARROW, "application/vnd.apache.arrow.stream"),
        (Self::PARQUET, "application/vnd.apache.parquet"),
        (Self::TEXT, "text/plain"),
    ];

    /// The code of a media type, its parameters (`; charset=…`) and letter case put aside; `application/x-ndjson` and
    /// `application/jsonlines` are taken for JSON Lines. `None` if no code is assigned.
    pub fn from_media_type(media_type: &str) -> Option<Self> {
        let essence = media_type.split(';').next()?.trim().to_ascii_lowercase();
        if ["application/x-ndjson", "application/jsonlines"].contains(&essence.as_str()) {
            return Some(Self::JSON_LINES);
        }
        Self::NAMES
            .iter()
            .find_map(|(code, name)| (*name == essence).then_some(*code))
    }

    /// The media type of an assigned code; `None` for a code that this library does not know.
    pub fn media_type(self) -> Option<&'static str> {
        Self::NAMES
            .iter()
            .find_map(|(code, name)| (*code == self).then_some(*name))
    }
}
