//! Who contributed how many of a chunk's records: the list that the leaf commits to by its hash.
//!
//! Version 1, all integers big-endian: `0x01`, the number of entries (4 bytes), then for each entry, contributor numbers
//! strictly ascending: contributor number (4), label hash (32), records (8, at least 1). The list's hash is
//! SHA-256(0x02 ‖ encoding); a label's hash is SHA-256(0x05 ‖ label in UTF-8). The credited records sum to
//! the leaf's record count, so that an empty list goes with 0 records.

use ddsx_types::Hash;

use crate::bytes::{Reader, Truncated};
use crate::hash::{CREDITS, LABEL, prefixed};

/// The encoding's version.
pub const CREDITS_VERSION: u8 = 1;
const HEADER: usize = 5;
const ENTRY: usize = 44;

/// One contributor's part of a chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Credit {
    /// The contributor's number in the stream's table.
    pub contributor: u32,
    /// [`label_hash`] of the contributor's label, so that the number cannot be given to somebody else later.
    pub label: Hash,
    /// How many of the chunk's records are this contributor's; at least 1.
    pub records: u64,
}

/// Why a credits list, or its bytes, is not canonical.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CreditsError {
    /// The bytes end inside a field.
    #[error("the credits list ends inside a field, after {0} bytes")]
    Truncated(usize),
    /// Bytes follow the last entry.
    #[error("{0} bytes follow the credits list")]
    Trailing(usize),
    /// A version this library does not know.
    #[error("the credits list's version is {0}, known is {CREDITS_VERSION}")]
    Version(u8),
    /// Contributor numbers do not ascend strictly.
    #[error("contributor {0} is out of order or named twice in the credits list")]
    Order(u32),
    /// An entry credits nothing.
    #[error("contributor {0} is credited with 0 records")]
    NoRecords(u32),
    /// The records sum to more than fits 64 bits, or the list has more than 2³² − 1 entries.
    #[error("the credited records do not fit 64 bits")]
    TooLarge,
}

/// The hash of a contributor's label: SHA-256(0x05 ‖ UTF-8).
pub fn label_hash(label: &str) -> Hash {
    prefixed(LABEL, label.as_bytes())
}

fn check(credits: &[Credit]) -> Result<(), CreditsError> {
    let mut previous = None;
    for credit in credits {
        if previous >= Some(credit.contributor) {
            return Err(CreditsError::Order(credit.contributor));
        }
        if credit.records == 0 {
            return Err(CreditsError::NoRecords(credit.contributor));
        }
        previous = Some(credit.contributor);
    }
    credited_records(credits).map(drop)
}

/// How many records the list credits in all.
///
/// # Errors
/// [`CreditsError::TooLarge`] if the sum does not fit 64 bits.
pub fn credited_records(credits: &[Credit]) -> Result<u64, CreditsError> {
    credits
        .iter()
        .try_fold(0_u64, |sum, credit| sum.checked_add(credit.records))
        .ok_or(CreditsError::TooLarge)
}

/// The list's canonical bytes.
///
/// # Errors
/// [`CreditsError`] if the list is not canonical: numbers out of order, an entry of 0 records, too large a sum.
pub fn encode_credits(credits: &[Credit]) -> Result<Vec<u8>, CreditsError> {
    check(credits)?;
    let count = u32::try_from(credits.len()).map_err(|_| CreditsError::TooLarge)?;
    let mut out = Vec::with_capacity(HEADER + ENTRY * credits.len());
    out.push(CREDITS_VERSION);
    out.extend_from_slice(&count.to_be_bytes());
    for credit in credits {
        out.extend_from_slice(&credit.contributor.to_be_bytes());
        out.extend_from_slice(&credit.label.0);
        out.extend_from_slice(&credit.records.to_be_bytes());
    }
    Ok(out)
}

/// Reads canonical bytes.
///
/// # Errors
/// [`CreditsError`] if a byte is missing or left over, or the list is not canonical.
pub fn decode_credits(bytes: &[u8]) -> Result<Vec<Credit>, CreditsError> {
    let truncated = |Truncated| CreditsError::Truncated(bytes.len());
    let mut reader = Reader::new(bytes);
    let version = reader.u8().map_err(truncated)?;
    if version != CREDITS_VERSION {
        return Err(CreditsError::Version(version));
    }
    let count = reader.u32().map_err(truncated)?;
    // The count is checked by reading on: never a reservation that the bytes do not pay for.
    let mut credits = Vec::with_capacity(reader.left() / ENTRY);
    for _ in 0..count {
        credits.push(Credit {
            contributor: reader.u32().map_err(truncated)?,
            label: reader.hash().map_err(truncated)?,
            records: reader.u64().map_err(truncated)?,
        });
    }
    if reader.left() != 0 {
        return Err(CreditsError::Trailing(reader.left()));
    }
    check(&credits)?;
    Ok(credits)
}

/// The list's hash, as it stands in the leaf: SHA-256(0x02 ‖ encoding).
///
/// # Errors
/// As [`encode_credits`].
pub fn credits_hash(credits: &[Credit]) -> Result<Hash, CreditsError> {
    Ok(prefixed(CREDITS, &encode_credits(credits)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn credit(contributor: u32, records: u64) -> Credit {
        Credit {
            contributor,
            label: label_hash(&format!("network {contributor}")),
            records,
        }
    }

    #[test]
    fn should_read_back_what_was_written() {
        for list in [
            vec![],
            vec![credit(0, 1)],
            vec![credit(0, 3), credit(7, 1), credit(u32::MAX, u64::MAX - 4)],
        ] {
            let bytes = encode_credits(&list).unwrap();
            assert_eq!(bytes.len(), HEADER + ENTRY * list.len());
            assert_eq!(decode_credits(&bytes), Ok(list));
        }
    }

    #[test]
    fn should_refuse_lists_that_are_not_canonical() {
        let cases = [
            (vec![credit(1, 1), credit(1, 1)], CreditsError::Order(1)),
            (vec![credit(2, 1), credit(1, 1)], CreditsError::Order(1)),
            (vec![credit(3, 0)], CreditsError::NoRecords(3)),
            (vec![credit(1, u64::MAX), credit(2, 1)], CreditsError::TooLarge),
        ];
        for (list, error) in cases {
            assert_eq!(encode_credits(&list), Err(error));
        }
    }

    #[test]
    fn should_refuse_bytes_that_are_not_canonical() {
        let bytes = encode_credits(&[credit(1, 2), credit(2, 3)]).unwrap();
        for end in 0..bytes.len() {
            assert_eq!(decode_credits(&bytes[..end]), Err(CreditsError::Truncated(end)));
        }
        let mut longer = bytes.clone();
        longer.push(0);
        assert_eq!(decode_credits(&longer), Err(CreditsError::Trailing(1)));
        let mut version = bytes.clone();
        version[0] = 2;
        assert_eq!(decode_credits(&version), Err(CreditsError::Version(2)));
        let mut order = bytes;
        order[HEADER + 3] = 2;
        assert_eq!(decode_credits(&order), Err(CreditsError::Order(2)));
    }

    #[test]
    fn should_not_reserve_what_a_false_count_promises() {
        let bytes = [1, 0xff, 0xff, 0xff, 0xff];
        assert_eq!(decode_credits(&bytes), Err(CreditsError::Truncated(5)));
    }
}
