//! Keys of the stable maps: fixed-width big-endian bytes, so that they sort as the numbers do and ranges are prefixes.

use std::borrow::Cow;

use candid::Principal;
use ic_stable_structures::Storable;
use ic_stable_structures::storable::Bound;

/// A principal padded to 30 bytes: its length, then its bytes, then zeros. Fixed width keeps what follows it aligned.
pub type PrincipalKey = [u8; 30];

/// See [`PrincipalKey`].
pub fn principal_key(principal: &Principal) -> PrincipalKey {
    let bytes = principal.as_slice();
    let mut key = [0; 30];
    // A principal has at most 29 bytes.
    key[0] = u8::try_from(bytes.len()).unwrap_or(29);
    key[1..=bytes.len()].copy_from_slice(bytes);
    key
}

/// The principal in a [`PrincipalKey`].
pub fn principal_of(key: &PrincipalKey) -> Principal {
    Principal::from_slice(&key[1..=usize::from(key[0]).min(29)])
}

/// A key of exactly `N` bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key<const N: usize>(pub [u8; N]);

impl<const N: usize> Storable for Key<N> {
    const BOUND: Bound = Bound::Bounded {
        #[allow(clippy::cast_possible_truncation, reason = "N is at most 70")]
        max_size: N as u32,
        is_fixed_size: true,
    };

    fn to_bytes(&self) -> Cow<'_, [u8]> {
        Cow::Borrowed(&self.0)
    }

    fn into_bytes(self) -> Vec<u8> {
        self.0.to_vec()
    }

    /// Panics if the map was written with another key width, which no version of this code does.
    fn from_bytes(bytes: Cow<'_, [u8]>) -> Self {
        let Ok(key) = bytes.as_ref().try_into() else {
            panic!("a key in stable memory has {} bytes, not {N}", bytes.len());
        };
        Self(key)
    }
}

impl<const N: usize> Key<N> {
    fn part<const M: usize>(&self, at: usize) -> [u8; M] {
        let mut part = [0; M];
        part.copy_from_slice(&self.0[at..at + M]);
        part
    }

    /// The `u64` that begins at a byte.
    pub fn u64_at(&self, at: usize) -> u64 {
        u64::from_be_bytes(self.part(at))
    }

    /// The `u32` that begins at a byte.
    pub fn u32_at(&self, at: usize) -> u32 {
        u32::from_be_bytes(self.part(at))
    }
}

/// Joins parts into a key.
pub fn key<const N: usize>(parts: &[&[u8]]) -> Key<N> {
    let mut bytes = [0; N];
    let mut at = 0;
    for part in parts {
        bytes[at..at + part.len()].copy_from_slice(part);
        at += part.len();
    }
    debug_assert_eq!(at, N, "the parts fill the key");
    Key(bytes)
}

/// Stream, then a number within it: contributors (as u32 widened) and plans.
pub fn stream_and(stream: u64, number: u64) -> Key<16> {
    key(&[&stream.to_be_bytes(), &number.to_be_bytes()])
}

/// Stream, then a 32-byte hash: contributor labels.
pub fn stream_and_hash(stream: u64, hash: &[u8; 32]) -> Key<40> {
    key(&[&stream.to_be_bytes(), hash])
}

/// Stream, then a principal: publishers.
pub fn stream_and_principal(stream: u64, principal: &Principal) -> Key<38> {
    key(&[&stream.to_be_bytes(), &principal_key(principal)])
}

/// Principal, then a 32-byte hash: stream names of an owner, request ids of a buyer.
pub fn principal_and_hash(principal: &Principal, hash: &[u8; 32]) -> Key<62> {
    key(&[&principal_key(principal), hash])
}

/// Principal, then a number: licences of an owner, and an owner's best licence for a stream.
pub fn principal_and(principal: &Principal, number: u64) -> Key<38> {
    key(&[&principal_key(principal), &number.to_be_bytes()])
}

/// Stream, then asset number: the stream's pools.
pub fn stream_and_asset(stream: u64, asset: u32) -> Key<12> {
    key(&[&stream.to_be_bytes(), &asset.to_be_bytes()])
}

/// Stream, asset number, contributor: positions.
pub fn position(stream: u64, asset: u32, contributor: u32) -> Key<16> {
    key(&[&stream.to_be_bytes(), &asset.to_be_bytes(), &contributor.to_be_bytes()])
}

/// Stream, asset number, day since the epoch: income by day.
pub fn stream_asset_and_day(stream: u64, asset: u32, day: u32) -> Key<16> {
    key(&[&stream.to_be_bytes(), &asset.to_be_bytes(), &day.to_be_bytes()])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn should_sort_as_the_numbers() {
        assert!(stream_and(1, 255) < stream_and(1, 256));
        assert!(stream_and(1, u64::MAX) < stream_and(2, 0));
        assert_eq!(stream_and(7, 9).u64_at(0), 7);
        assert_eq!(stream_and(7, 9).u64_at(8), 9);
        assert_eq!(position(1, 2, 3).u32_at(12), 3);
    }

    #[test]
    fn should_keep_principals_apart() {
        let short = Principal::from_slice(&[1, 2]);
        let long = Principal::from_slice(&[1, 2, 0]);
        assert_ne!(principal_key(&short), principal_key(&long));
        assert_eq!(principal_key(&Principal::from_slice(&[255; 29]))[0], 29);
    }
}
