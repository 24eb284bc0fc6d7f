//! Fixed-size records: a version byte, then big-endian integers.

use primitive_types::U256;

use crate::error::RecordError;

pub(crate) struct Writer(Vec<u8>);

impl Writer {
    pub(crate) fn new(version: u8, length: usize) -> Self {
        let mut bytes = Vec::with_capacity(length);
        bytes.push(version);
        Self(bytes)
    }

    pub(crate) fn u64(&mut self, number: u64) {
        self.0.extend_from_slice(&number.to_be_bytes());
    }

    pub(crate) fn u128(&mut self, number: u128) {
        self.0.extend_from_slice(&number.to_be_bytes());
    }

    pub(crate) fn u256(&mut self, number: U256) {
        self.0.extend_from_slice(&number.to_big_endian());
    }

    pub(crate) fn finish(self) -> Vec<u8> {
        self.0
    }
}

/// Reads a record whose length was checked, so that no field can be missing.
pub(crate) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// After the version byte of a record of `version` with `length` bytes.
    pub(crate) fn new(bytes: &'a [u8], version: u8, length: usize) -> Result<Self, RecordError> {
        let (found, rest) = bytes.split_first().ok_or(RecordError::Empty)?;
        if *found != version {
            return Err(RecordError::Version(*found));
        }
        if bytes.len() != length {
            return Err(RecordError::Length {
                version,
                expected: length,
                got: bytes.len(),
            });
        }
        Ok(Self(rest))
    }

    fn array<const N: usize>(&mut self) -> [u8; N] {
        let (field, rest) = self.0.split_first_chunk().expect("the record's length was checked");
        self.0 = rest;
        *field
    }

    pub(crate) fn u64(&mut self) -> u64 {
        u64::from_be_bytes(self.array())
    }

    pub(crate) fn u128(&mut self) -> u128 {
        u128::from_be_bytes(self.array())
    }

    pub(crate) fn u256(&mut self) -> U256 {
        U256::from_big_endian(&self.array::<32>())
    }
}
