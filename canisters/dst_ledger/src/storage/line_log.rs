//! The last lines of what happened, for operators: a ring of slots of fixed size. It lies in stable memory because the lines that
//! matter most are those before an upgrade; it takes 2 MiB, and only what writes a line touches it.
//!
//! ```text
//! 0 version (1) · 8 lines ever written (8 bytes) · 64 to 512 zero
//! 512 · (1 + number mod 4,096): a line's slot: time (8) · length (2) · text (at most 502 bytes)
//! ```
//! Numbers are little-endian.

use ic_stable_structures::Memory;

use super::raw;

/// Lines kept.
pub const CAPACITY: u64 = 4_096;
/// The longest text of a line, bytes; more is cut off.
pub const MAX_TEXT_BYTES: usize = SLOT_BYTES - 10;
const SLOT_BYTES: usize = 512;
const VERSION: u8 = 1;
const COUNT_AT: u64 = 8;

/// One line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Its number since the ledger was installed, from 0.
    pub number: u64,
    /// When it was written, nanoseconds.
    pub time: u64,
    /// What it says.
    pub text: String,
}

const fn slot(number: u64) -> u64 {
    SLOT_BYTES as u64 * (1 + number % CAPACITY)
}

/// The ring.
pub struct LineLog<M: Memory>(M);

impl<M: Memory> LineLog<M> {
    /// Opens the ring, or says that it is of a version that this code does not know.
    pub(super) fn open(memory: M) -> Result<Self, String> {
        let log = Self(memory);
        match log.version() {
            None | Some(VERSION) => Ok(log),
            Some(version) => Err(format!(
                "log lines of version {version}, this code knows version {VERSION}"
            )),
        }
    }

    /// `None` if nothing has been written yet.
    fn version(&self) -> Option<u8> {
        (self.0.size() > 0).then(|| raw::read::<1, _>(&self.0, 0)[0])
    }

    /// Lines ever written.
    pub fn written(&self) -> u64 {
        self.version()
            .map_or(0, |_| u64::from_le_bytes(raw::read(&self.0, COUNT_AT)))
    }

    /// Writes a line, cut to [`MAX_TEXT_BYTES`], over the oldest if there are too many.
    pub fn push(&self, time: u64, text: &str) {
        let number = self.written();
        let text = &text.as_bytes()[..text.floor_char_boundary(MAX_TEXT_BYTES)];
        let mut bytes = [0; SLOT_BYTES];
        bytes[..8].copy_from_slice(&time.to_le_bytes());
        bytes[8..10].copy_from_slice(&u16::try_from(text.len()).unwrap_or_default().to_le_bytes());
        bytes[10..10 + text.len()].copy_from_slice(text);
        raw::write(&self.0, slot(number), &bytes);
        raw::write(&self.0, 0, &[VERSION]);
        raw::write(&self.0, COUNT_AT, &(number + 1).to_le_bytes());
    }

    /// The lines kept with numbers below `before`, the newest first.
    pub fn newest_before(&self, before: u64) -> impl Iterator<Item = Line> + '_ {
        let written = self.written();
        let oldest = written.saturating_sub(CAPACITY);
        (oldest..before.min(written)).rev().map(|number| {
            let bytes: [u8; SLOT_BYTES] = raw::read(&self.0, slot(number));
            let length = usize::from(u16::from_le_bytes([bytes[8], bytes[9]])).min(MAX_TEXT_BYTES);
            Line {
                number,
                time: u64::from_le_bytes(std::array::from_fn(|i| bytes[i])),
                text: String::from_utf8_lossy(&bytes[10..10 + length]).into_owned(),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ic_stable_structures::VectorMemory;

    #[test]
    fn should_keep_the_last_lines_through_an_upgrade() {
        let memory = VectorMemory::default();
        let log = LineLog::open(memory.clone()).unwrap();
        assert_eq!((log.written(), log.newest_before(u64::MAX).count()), (0, 0));
        for n in 0..5_000_u64 {
            log.push(n * 10, &format!("line {n}"));
        }
        let log = LineLog::open(memory.clone()).unwrap();
        assert_eq!(log.written(), 5_000);
        let lines: Vec<Line> = log.newest_before(u64::MAX).collect();
        assert_eq!(lines.len() as u64, CAPACITY);
        for (line, n) in lines.iter().zip((0..5_000).rev()) {
            assert_eq!((line.number, line.time, &line.text), (n, n * 10, &format!("line {n}")));
        }
        let numbers: Vec<u64> = log.newest_before(907).map(|line| line.number).collect();
        assert_eq!(numbers, [906, 905, 904], "older ones have been written over");
        assert!(memory.size() * 65_536 < 3 << 20, "the ring does not grow");
    }

    #[test]
    fn should_cut_long_texts_between_characters() {
        let log = LineLog::open(VectorMemory::default()).unwrap();
        log.push(1, &"ü".repeat(300));
        log.push(2, "");
        let texts: Vec<String> = log.newest_before(u64::MAX).map(|line| line.text).collect();
        assert_eq!(texts, [String::new(), "ü".repeat(251)]);
    }

    /// Bytes as version 1 stores them. If this test fails, a new version is needed, and these must still be read.
    #[test]
    fn should_read_version_1_and_no_later_one() {
        let memory = VectorMemory::default();
        let log = LineLog::open(memory.clone()).unwrap();
        log.push(0x0807_0605_0403_0201, "one");
        let header: [u8; 16] = raw::read(&memory, 0);
        assert_eq!(header, [1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0]);
        let line: [u8; 14] = raw::read(&memory, 512);
        assert_eq!(line, [1, 2, 3, 4, 5, 6, 7, 8, 3, 0, b'o', b'n', b'e', 0]);
        raw::write(&memory, 0, &[2]);
        assert!(LineLog::open(memory).err().unwrap().contains("version 2"));
    }
}
