//! The encoding of stored records: big-endian integers, length-prefixed bytes, a version byte in front.
//!
//! Written by hand rather than derived, because these bytes outlive the code: a field added is a new version with its
//! own reading, and every record type's tests hold bytes of the older ones.

use std::borrow::Cow;
use std::ops::{Deref, DerefMut};

use candid::Principal;
use ddsx_types::{Account, Hash};
use ic_stable_structures::Storable;
use ic_stable_structures::storable::Bound;

/// Stored bytes that are not a record: corrupt memory, or written by newer code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

/// Collects a record's bytes.
#[derive(Default)]
pub struct Writer(Vec<u8>);

impl Writer {
    /// The bytes so far.
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    /// Adds a byte.
    pub fn u8(&mut self, value: u8) -> &mut Self {
        self.0.push(value);
        self
    }

    /// Adds a flag as one byte.
    pub fn bool(&mut self, value: bool) -> &mut Self {
        self.u8(u8::from(value))
    }

    /// Adds 2 bytes.
    pub fn u16(&mut self, value: u16) -> &mut Self {
        self.raw(&value.to_be_bytes())
    }

    /// Adds 4 bytes.
    pub fn u32(&mut self, value: u32) -> &mut Self {
        self.raw(&value.to_be_bytes())
    }

    /// Adds 8 bytes.
    pub fn u64(&mut self, value: u64) -> &mut Self {
        self.raw(&value.to_be_bytes())
    }

    /// Adds 16 bytes.
    pub fn u128(&mut self, value: u128) -> &mut Self {
        self.raw(&value.to_be_bytes())
    }

    /// Adds bytes whose length the reader knows.
    pub fn raw(&mut self, bytes: &[u8]) -> &mut Self {
        self.0.extend_from_slice(bytes);
        self
    }

    /// Adds bytes with their length (4 bytes) before them. Everything stored is far below 4 GiB.
    pub fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.u32(u32::try_from(bytes.len()).unwrap_or(u32::MAX)).raw(bytes)
    }

    /// Adds text as its UTF-8 bytes.
    pub fn text(&mut self, text: &str) -> &mut Self {
        self.bytes(text.as_bytes())
    }

    /// Adds a principal: one byte of length, then its at most 29 bytes.
    pub fn principal(&mut self, principal: &Principal) -> &mut Self {
        let bytes = principal.as_slice();
        self.u8(u8::try_from(bytes.len()).unwrap_or(u8::MAX)).raw(bytes)
    }

    /// Adds an account.
    pub fn account(&mut self, account: &Account) -> &mut Self {
        self.principal(&account.owner);
        self.option(account.subaccount.as_ref(), |writer, subaccount| {
            writer.raw(subaccount);
        })
    }

    /// Adds a presence byte, and the value if there is one.
    pub fn option<T>(&mut self, value: Option<T>, write: impl FnOnce(&mut Self, T)) -> &mut Self {
        self.bool(value.is_some());
        if let Some(value) = value {
            write(self, value);
        }
        self
    }

    /// Adds a count (4 bytes) and the items.
    pub fn list<T>(&mut self, items: &[T], mut write: impl FnMut(&mut Self, &T)) -> &mut Self {
        self.u32(u32::try_from(items.len()).unwrap_or(u32::MAX));
        for item in items {
            write(self, item);
        }
        self
    }
}

/// Reads a record's bytes.
pub struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// Reads from the first byte on.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// Fails unless everything was read.
    pub fn end(&self) -> Result<(), Malformed> {
        if self.0.is_empty() { Ok(()) } else { Err(Malformed) }
    }

    /// The next bytes, as they are.
    pub fn raw(&mut self, length: usize) -> Result<&'a [u8], Malformed> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or(Malformed)?;
        self.0 = rest;
        Ok(taken)
    }

    /// The next bytes of a fixed count.
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let (taken, rest) = self.0.split_first_chunk::<N>().ok_or(Malformed)?;
        self.0 = rest;
        Ok(*taken)
    }

    /// A byte.
    pub fn u8(&mut self) -> Result<u8, Malformed> {
        Ok(u8::from_be_bytes(self.array()?))
    }

    /// A flag.
    pub fn bool(&mut self) -> Result<bool, Malformed> {
        match self.u8()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(Malformed),
        }
    }

    /// 2 bytes.
    pub fn u16(&mut self) -> Result<u16, Malformed> {
        Ok(u16::from_be_bytes(self.array()?))
    }

    /// 4 bytes.
    pub fn u32(&mut self) -> Result<u32, Malformed> {
        Ok(u32::from_be_bytes(self.array()?))
    }

    /// 8 bytes.
    pub fn u64(&mut self) -> Result<u64, Malformed> {
        Ok(u64::from_be_bytes(self.array()?))
    }

    /// 16 bytes.
    pub fn u128(&mut self) -> Result<u128, Malformed> {
        Ok(u128::from_be_bytes(self.array()?))
    }

    /// Bytes with their length before them.
    pub fn bytes(&mut self) -> Result<&'a [u8], Malformed> {
        let length = self.u32()?;
        self.raw(usize::try_from(length).map_err(|_| Malformed)?)
    }

    /// Text.
    pub fn text(&mut self) -> Result<String, Malformed> {
        String::from_utf8(self.bytes()?.to_vec()).map_err(|_| Malformed)
    }

    /// A digest.
    pub fn hash(&mut self) -> Result<Hash, Malformed> {
        Ok(Hash(self.array()?))
    }

    /// A principal.
    pub fn principal(&mut self) -> Result<Principal, Malformed> {
        let length = self.u8()?;
        Principal::try_from_slice(self.raw(usize::from(length))?).map_err(|_| Malformed)
    }

    /// An account.
    pub fn account(&mut self) -> Result<Account, Malformed> {
        Ok(Account {
            owner: self.principal()?,
            subaccount: self.option(Self::array)?,
        })
    }

    /// A value if its presence byte says so.
    pub fn option<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T, Malformed>) -> Result<Option<T>, Malformed> {
        if self.bool()? { read(self).map(Some) } else { Ok(None) }
    }

    /// Counted items.
    pub fn list<T>(&mut self, mut read: impl FnMut(&mut Self) -> Result<T, Malformed>) -> Result<Vec<T>, Malformed> {
        let count = self.u32()?;
        (0..count).map(|_| read(self)).collect()
    }
}

/// Something kept in stable memory.
pub trait Record: Sized {
    /// Written as the first byte; every smaller one can still be read.
    const VERSION: u8;

    /// Writes the present version's fields.
    fn write(&self, to: &mut Writer);

    /// Reads the fields of `version`, which is at most [`Self::VERSION`].
    fn read(version: u8, from: &mut Reader<'_>) -> Result<Self, Malformed>;

    /// The bytes as they are stored.
    fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::default();
        writer.u8(Self::VERSION);
        self.write(&mut writer);
        writer.into_bytes()
    }

    /// Reads stored bytes of this version or an older one.
    fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(bytes);
        let version = reader.u8()?;
        if version == 0 || version > Self::VERSION {
            return Err(Malformed);
        }
        let record = Self::read(version, &mut reader)?;
        reader.end()?;
        Ok(record)
    }
}

/// A record as the stable maps hold it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stored<T>(pub T);

impl<T> Deref for Stored<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> DerefMut for Stored<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}

impl<T: Record> Storable for Stored<T> {
    const BOUND: Bound = Bound::Unbounded;

    fn to_bytes(&self) -> Cow<'_, [u8]> {
        Cow::Owned(self.0.encode())
    }

    fn into_bytes(self) -> Vec<u8> {
        self.0.encode()
    }

    /// Panics on bytes that this code never wrote: going on with a wrong record would be worse than stopping.
    fn from_bytes(bytes: Cow<'_, [u8]>) -> Self {
        match T::decode(&bytes) {
            Ok(record) => Self(record),
            Err(Malformed) => panic!("{} in stable memory cannot be read", std::any::type_name::<T>()),
        }
    }
}
