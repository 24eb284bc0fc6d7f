//! The last lines of what happened, for operators.

use ddsx_types::TimestampNs;
use std::collections::VecDeque;

/// The longest text of a line, in bytes; more is cut off.
const MAX_LINE_BYTES: usize = 500;

/// One line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Its number since the canister was installed or upgraded, from 0.
    pub number: u64,
    /// When it was written.
    pub time: TimestampNs,
    /// What it says.
    pub text: String,
}

/// Keeps the last lines on the heap: an upgrade forgets them. What must outlive it belongs into stable memory.
#[derive(Clone, Debug)]
pub struct RingLog {
    lines: VecDeque<Line>,
    capacity: usize,
    next: u64,
}

impl RingLog {
    /// An empty log that keeps the last `capacity` lines.
    pub const fn new(capacity: usize) -> Self {
        Self {
            lines: VecDeque::new(),
            capacity,
            next: 0,
        }
    }

    /// Appends a line, cut to 500 bytes, and forgets the oldest if there are too many.
    pub fn push(&mut self, time: TimestampNs, mut text: String) {
        text.truncate(text.floor_char_boundary(MAX_LINE_BYTES));
        if self.lines.len() >= self.capacity {
            self.lines.pop_front();
        }
        if self.capacity > 0 {
            self.lines.push_back(Line {
                number: self.next,
                time,
                text,
            });
        }
        self.next += 1;
    }

    /// The lines kept, oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Line> {
        self.lines.iter()
    }

    /// How many lines were ever pushed.
    pub fn pushed(&self) -> u64 {
        self.next
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn should_keep_the_last_lines_cut_to_size() {
        let mut log = RingLog::new(2);
        for (time, text) in [(1, "a".to_string()), (2, "b".to_string()), (3, "ü".repeat(400))] {
            log.push(time, text);
        }
        let kept: Vec<_> = log
            .iter()
            .map(|line| (line.number, line.time, line.text.len()))
            .collect();
        assert_eq!(kept, [(1, 2, 1), (2, 3, 500)]);
        assert_eq!(log.pushed(), 3);
    }
}
