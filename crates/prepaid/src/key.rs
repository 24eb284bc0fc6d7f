//! (owner, asset) as a fixed-width key: the principal's length and 29 bytes, zeros behind it, then the asset, big-endian.

use std::borrow::Cow;

use candid::Principal;
use ic_stable_structures::{Storable, storable::Bound};

const LEN: usize = 34;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key([u8; LEN]);

impl Key {
    pub fn new(owner: &Principal, asset: u32) -> Self {
        let bytes = owner.as_slice();
        let mut key = [0; LEN];
        // A principal has at most 29 bytes.
        key[0] = u8::try_from(bytes.len()).unwrap_or(29);
        key[1..=bytes.len()].copy_from_slice(bytes);
        key[30..].copy_from_slice(&asset.to_be_bytes());
        Self(key)
    }
}

impl Storable for Key {
    #[allow(clippy::cast_possible_truncation, reason = "34")]
    const BOUND: Bound = Bound::Bounded {
        max_size: LEN as u32,
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
            panic!("a key of a prepaid balance has {} bytes, not {LEN}", bytes.len());
        };
        Self(key)
    }
}
