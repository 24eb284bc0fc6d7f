//! The quality verdict of a chunk, as one byte.

/// The set of quality checks that were made on a chunk and passed. A chunk that fails a check is refused and never
/// reaches the log, so a bit that is 0 means only that this check was not made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Verdict(u8);

impl Verdict {
    /// No check was made: opaque content.
    pub const NONE: Self = Self(0);
    /// Bit 0: the payload parses as its content type and holds the stated number of records.
    pub const PARSES: Self = Self(1);
    /// Bit 1: every record obeys the stream's schema.
    pub const SCHEMA: Self = Self(1 << 1);
    /// Bit 2: no earlier chunk that was compared has the same payload.
    pub const UNIQUE: Self = Self(1 << 2);
    /// Bit 3: the provider's timestamp is within the bounds the stream sets.
    pub const TIMES: Self = Self(1 << 3);

    const KNOWN: u8 = 0b0000_1111;

    /// The set with these bits; `None` if one of them has no meaning yet.
    pub const fn from_bits(bits: u8) -> Option<Self> {
        if bits & !Self::KNOWN == 0 {
            Some(Self(bits))
        } else {
            None
        }
    }

    /// The set as the byte that stands in the leaf.
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// This set and the other's checks too.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether all of the other's checks are in this set.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}
