//! Files as people have them. Whatever reads a person's file (records to append, samples, definitions, schemas) reads it here:
//!
//! | found | done |
//! |---|---|
//! | a UTF-8 byte order mark (Excel, PowerShell) | left out |
//! | gzip, of one member or several, told by its content | unpacked |
//! | gzip that is cut off or damaged | refused |
//! | UTF-16 or UTF-32 | refused by its name |
//! | a NUL byte, or bytes that are not UTF-8 | refused, with line and column |
//!
//! Line ends may be LF or CRLF; they are part of the text.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor, Read};
use std::path::Path;

use flate2::bufread::MultiGzDecoder;

/// What a whole text that is read at once (a definition, a schema) may have, in bytes: 16 MiB.
pub const MAX_TEXT_BYTES: u64 = 16 << 20;

/// Why a file cannot be used. It names the file, and the place where there is one.
#[derive(Debug, thiserror::Error)]
pub enum InputError {
    /// It is not there or cannot be read.
    #[error("{file}: {error}")]
    File {
        /// Which.
        file: String,
        /// What the system said.
        error: io::Error,
    },
    /// Gzip without its end.
    #[error("{file} is cut off: its gzip data ends after {bytes} bytes of text; fetch or compress it again")]
    Cut {
        /// Which.
        file: String,
        /// Bytes that could be unpacked.
        bytes: u64,
    },
    /// Gzip that was altered, or has something else behind it.
    #[error(
        "{file} is damaged: after {bytes} bytes of text its gzip data is wrong ({reason}); fetch or compress it again"
    )]
    Damaged {
        /// Which.
        file: String,
        /// Bytes that could be unpacked.
        bytes: u64,
        /// What is wrong with it.
        reason: String,
    },
    /// Text in another encoding than UTF-8.
    #[error(
        "{file} is written in {encoding}, UTF-8 is expected; convert it: iconv -f {encoding} -t UTF-8, or in an editor \"save as UTF-8\""
    )]
    Encoding {
        /// Which.
        file: String,
        /// Its encoding by its byte order mark.
        encoding: &'static str,
    },
    /// Something that is no text.
    #[error("{file}: {misplaced}")]
    Misplaced {
        /// Which file.
        file: String,
        /// What and where.
        misplaced: Misplaced,
    },
    /// More than is read at once.
    #[error("{file} has more than {most} bytes, the most that is read of such a file")]
    TooLarge {
        /// Which.
        file: String,
        /// Bytes allowed.
        most: u64,
    },
}

impl InputError {
    /// Whether the system could not read it; otherwise its content is wrong.
    pub fn is_unreadable(&self) -> bool {
        matches!(self, Self::File { .. })
    }

    /// The error that came through a reader of this module, or the system's own about `file`.
    pub fn from_io(file: &str, error: io::Error) -> Self {
        match error.downcast::<Self>() {
            Ok(own) => own,
            Err(error) => Self::File {
                file: file.to_owned(),
                error,
            },
        }
    }
}

/// A byte that does not belong into text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {what}")]
pub struct Misplaced {
    /// From 1.
    pub line: u64,
    /// In characters, from 1.
    pub column: u64,
    /// What is there, and what to do.
    pub what: String,
}

/// Checks one line, which begins as line number `line`; the text.
///
/// # Errors
/// The first NUL byte, or the first byte that is not UTF-8.
pub fn check_text(line: u64, bytes: &[u8]) -> Result<&str, Misplaced> {
    let (text, wrong) = match std::str::from_utf8(bytes) {
        Ok(text) => (text, None),
        Err(error) => {
            let good = &bytes[..error.valid_up_to()];
            (
                std::str::from_utf8(good).unwrap_or_default(),
                bytes.get(error.valid_up_to()),
            )
        }
    };
    let (before, what) = match (text.find('\0'), wrong) {
        (Some(at), _) => (
            &text[..at],
            "a NUL byte, which text does not have; the file was cut short by a crash, or is UTF-16 without a mark: remove the bytes or convert it"
                .to_owned(),
        ),
        (None, Some(byte)) => (
            text,
            format!("byte 0x{byte:02x} is not UTF-8; convert the file, for example: iconv -f WINDOWS-1252 -t UTF-8"),
        ),
        (None, None) => return Ok(text),
    };
    let last = before.rsplit('\n').next().unwrap_or_default();
    Err(Misplaced {
        line: line + before.bytes().filter(|byte| *byte == b'\n').count() as u64,
        column: last.chars().count() as u64 + 1,
        what,
    })
}

/// A file's text as it is read: unpacked, without a mark. Errors of reading are [`InputError`]s inside of [`io::Error`].
pub struct Input {
    reader: Box<dyn BufRead + Send>,
    gzip: bool,
}

impl Input {
    /// Opens a file.
    ///
    /// # Errors
    /// [`InputError::File`], [`InputError::Encoding`], and those of gzip.
    pub fn open(path: &Path) -> Result<Self, InputError> {
        let file = path.display().to_string();
        match File::open(path) {
            Ok(opened) => Self::new(&file, opened),
            Err(error) => Err(InputError::File { file, error }),
        }
    }

    /// Reads what comes; `file` is what errors call it. No more is waited for than tells what it is.
    ///
    /// # Errors
    /// See [`Input::open`].
    pub fn new(file: &str, reader: impl Read + Send + 'static) -> Result<Self, InputError> {
        let fail = |error| InputError::from_io(file, error);
        let (start, reader) = peek(BufReader::new(reader)).map_err(fail)?;
        if start.starts_with(GZIP) {
            let unpacked = Unpacked {
                file: file.to_owned(),
                bytes: 0,
                gzip: MultiGzDecoder::new(reader),
            };
            let (start, reader) = peek(BufReader::new(unpacked)).map_err(fail)?;
            return Ok(Self {
                reader: without_mark(file, &start, reader)?,
                gzip: true,
            });
        }
        Ok(Self {
            reader: without_mark(file, &start, reader)?,
            gzip: false,
        })
    }

    /// Whether it is compressed.
    pub fn is_gzip(&self) -> bool {
        self.gzip
    }
}

impl Read for Input {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.reader.read(buffer)
    }
}

impl BufRead for Input {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.reader.fill_buf()
    }

    fn consume(&mut self, count: usize) {
        self.reader.consume(count);
    }
}

/// A whole text, unpacked, without a mark.
///
/// # Errors
/// See [`InputError`].
pub fn read_text(path: &Path) -> Result<String, InputError> {
    let file = path.display().to_string();
    let mut bytes = Vec::new();
    Input::open(path)?
        .take(MAX_TEXT_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| InputError::from_io(&file, error))?;
    if bytes.len() as u64 > MAX_TEXT_BYTES {
        return Err(InputError::TooLarge {
            file,
            most: MAX_TEXT_BYTES,
        });
    }
    into_text(&file, bytes)
}

/// Bytes as text.
///
/// # Errors
/// [`InputError::Misplaced`].
pub fn into_text(file: &str, bytes: Vec<u8>) -> Result<String, InputError> {
    check_text(1, &bytes).map_err(|misplaced| InputError::Misplaced {
        file: file.to_owned(),
        misplaced,
    })?;
    // It was just found to be text.
    String::from_utf8(bytes).map_err(|error| InputError::from_io(file, io::Error::other(error)))
}

/// A whole file of records, unpacked, without a mark, however large.
///
/// # Errors
/// See [`InputError`].
pub fn read_records(path: &Path) -> Result<String, InputError> {
    let file = path.display().to_string();
    let mut bytes = Vec::new();
    Input::open(path)?
        .read_to_end(&mut bytes)
        .map_err(|error| InputError::from_io(&file, error))?;
    into_text(&file, bytes)
}

/// A whole file that is no text: unpacked if its name ends with `.gz`, since any bytes may come first in it.
///
/// # Errors
/// [`InputError::File`], and those of gzip.
pub fn read_binary(path: &Path) -> Result<Vec<u8>, InputError> {
    let file = path.display().to_string();
    let mut bytes = Vec::new();
    let fail = |error| InputError::from_io(&file, error);
    let mut opened = File::open(path).map_err(fail)?;
    let packed = path
        .extension()
        .is_some_and(|extension| extension.eq_ignore_ascii_case("gz"));
    if packed {
        let mut unpacked = Unpacked {
            file: file.clone(),
            bytes: 0,
            gzip: MultiGzDecoder::new(BufReader::new(opened)),
        };
        unpacked.read_to_end(&mut bytes).map_err(fail)?;
    } else {
        opened.read_to_end(&mut bytes).map_err(fail)?;
    }
    Ok(bytes)
}

const GZIP: &[u8] = &[0x1f, 0x8b, 0x08];
const UTF_8_MARK: &[u8] = &[0xef, 0xbb, 0xbf];
/// The longer ones first: one begins with the other.
const OTHER_MARKS: [(&[u8], &str); 4] = [
    (&[0xff, 0xfe, 0, 0], "UTF-32"),
    (&[0, 0, 0xfe, 0xff], "UTF-32"),
    (&[0xff, 0xfe], "UTF-16"),
    (&[0xfe, 0xff], "UTF-16"),
];
const LONGEST_MARK: usize = 4;

type Peeked<R> = io::Chain<Cursor<Vec<u8>>, R>;

/// The first bytes, as far as they may be a mark or gzip's, and a reader of everything.
fn peek<R: BufRead>(mut reader: R) -> io::Result<(Vec<u8>, Peeked<R>)> {
    let may_be = |start: &[u8]| {
        let marks = OTHER_MARKS.iter().map(|(mark, _)| *mark);
        marks
            .chain([GZIP, UTF_8_MARK])
            .any(|mark| mark.len() > start.len() && mark.starts_with(start))
    };
    let mut start = Vec::with_capacity(LONGEST_MARK);
    while may_be(&start) {
        let mut byte = [0];
        if reader.read(&mut byte)? == 0 {
            break;
        }
        start.push(byte[0]);
    }
    Ok((start.clone(), Cursor::new(start).chain(reader)))
}

fn without_mark<R: BufRead + Send + 'static>(
    file: &str,
    start: &[u8],
    mut reader: R,
) -> Result<Box<dyn BufRead + Send>, InputError> {
    if let Some((_, encoding)) = OTHER_MARKS.iter().find(|(mark, _)| start.starts_with(mark)) {
        return Err(InputError::Encoding {
            file: file.to_owned(),
            encoding,
        });
    }
    if start.starts_with(UTF_8_MARK) {
        let mut mark = [0; UTF_8_MARK.len()];
        reader
            .read_exact(&mut mark)
            .map_err(|error| InputError::from_io(file, error))?;
    }
    Ok(Box::new(reader))
}

/// Gzip whose errors say what they mean.
struct Unpacked<R> {
    file: String,
    bytes: u64,
    gzip: MultiGzDecoder<R>,
}

impl<R: BufRead> Read for Unpacked<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.gzip.read(buffer).map_err(|error| {
            let (file, bytes) = (self.file.clone(), self.bytes);
            match error.kind() {
                io::ErrorKind::UnexpectedEof => io::Error::other(InputError::Cut { file, bytes }),
                io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData => io::Error::other(InputError::Damaged {
                    file,
                    bytes,
                    reason: error.to_string(),
                }),
                _ => error,
            }
        })?;
        self.bytes += read as u64;
        Ok(read)
    }
}

#[cfg(test)]
mod tests;
