//! How records are stored: a version byte, then CBOR. A field added later is read with serde's `default`; a change that this
//! cannot express is a new version.

use std::borrow::Cow;

use ic_stable_structures::Storable;
use ic_stable_structures::storable::Bound;
use serde::Serialize;
use serde::de::DeserializeOwned;

const VERSION: u8 = 1;

/// A record in stable memory.
#[derive(Clone, Debug, Default)]
pub struct Stored<T>(pub T);

impl<T: Serialize + DeserializeOwned> Storable for Stored<T> {
    fn to_bytes(&self) -> Cow<'_, [u8]> {
        Cow::Owned(encode(&self.0))
    }

    fn into_bytes(self) -> Vec<u8> {
        encode(&self.0)
    }

    /// Panics if these are not a record's bytes: what is read must have been written by us, and the message is undone.
    fn from_bytes(bytes: Cow<'_, [u8]>) -> Self {
        match decode(&bytes) {
            Some(value) => Self(value),
            None => panic!("a stored {} cannot be read", std::any::type_name::<T>()),
        }
    }

    const BOUND: Bound = Bound::Unbounded;
}

/// A record's bytes.
///
/// Panics if the type cannot be written, which its tests exclude.
pub fn encode<T: Serialize>(value: &T) -> Vec<u8> {
    let mut bytes = vec![VERSION];
    if let Err(error) = ciborium::into_writer(value, &mut bytes) {
        panic!("{}: {error}", std::any::type_name::<T>());
    }
    bytes
}

/// A value's Candid bytes, to be stored, hashed or certified.
///
/// Panics if it cannot be encoded, which the interface's types can: empty bytes must not pass for
/// it, and the message is undone.
pub fn candid_bytes<T: candid::CandidType>(value: &T) -> Vec<u8> {
    match candid::encode_one(value) {
        Ok(bytes) => bytes,
        Err(error) => panic!("{} cannot be encoded: {error}", std::any::type_name::<T>()),
    }
}

/// A record from its bytes.
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Option<T> {
    match bytes {
        [VERSION, record @ ..] => ciborium::from_reader(record).ok(),
        _ => None,
    }
}

/// A key of fixed length; keys sort as their bytes do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key<const N: usize>(pub [u8; N]);

impl<const N: usize> Key<N> {
    /// The parts side by side, zeros after them.
    ///
    /// Panics if they are longer than the key.
    pub fn of(parts: &[&[u8]]) -> Self {
        let mut bytes = [0; N];
        let mut at = 0;
        for part in parts {
            bytes[at..at + part.len()].copy_from_slice(part);
            at += part.len();
        }
        Self(bytes)
    }

    /// As [`Key::of`], ones after the parts: the last key that begins so.
    pub fn last_of(parts: &[&[u8]]) -> Self {
        let length: usize = parts.iter().map(|part| part.len()).sum();
        let mut key = Self::of(parts);
        key.0[length..].fill(u8::MAX);
        key
    }
}

impl<const N: usize> Storable for Key<N> {
    fn to_bytes(&self) -> Cow<'_, [u8]> {
        Cow::Borrowed(&self.0)
    }

    fn into_bytes(self) -> Vec<u8> {
        self.0.to_vec()
    }

    /// Panics if the bytes have another length.
    fn from_bytes(bytes: Cow<'_, [u8]>) -> Self {
        let Ok(key) = bytes.as_ref().try_into() else {
            panic!("a key of {} bytes where {N} are due", bytes.len());
        };
        Self(key)
    }

    #[allow(clippy::cast_possible_truncation, reason = "keys are shorter than 256 bytes")]
    const BOUND: Bound = Bound::Bounded {
        max_size: N as u32,
        is_fixed_size: true,
    };
}

/// A principal in 30 bytes: its length, then itself.
pub fn principal_key(principal: &candid::Principal) -> [u8; 30] {
    let bytes = principal.as_slice();
    let mut key = [0; 30];
    key[0] = u8::try_from(bytes.len()).unwrap_or(u8::MAX);
    key[1..=bytes.len()].copy_from_slice(bytes);
    key
}

/// The principal of such a key.
pub fn key_principal(key: &[u8]) -> candid::Principal {
    let length = usize::from(key[0]).min(29);
    candid::Principal::from_slice(&key[1..=length])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn should_keep_a_record_and_refuse_another_version() {
        let record = (u128::MAX, Some(f64::NEG_INFINITY), vec![candid::Principal::anonymous()]);
        let bytes = encode(&record);
        assert_eq!(decode(&bytes), Some(record));
        assert_eq!(
            decode::<(u128, Option<f64>, Vec<candid::Principal>)>(&[&[2], &bytes[1..]].concat()),
            None
        );
    }

    #[test]
    fn should_sort_keys_by_their_parts() {
        let key = |task: u64, round: u32| Key::<12>::of(&[&task.to_be_bytes(), &round.to_be_bytes()]);
        assert!(key(1, 9) < key(2, 0) && key(2, 1) < key(2, 256));
        assert_eq!(Key::<12>::last_of(&[&1_u64.to_be_bytes()]), key(1, u32::MAX));
        let principal = candid::Principal::from_slice(&[7; 29]);
        assert_eq!(key_principal(&principal_key(&principal)), principal);
    }
}
