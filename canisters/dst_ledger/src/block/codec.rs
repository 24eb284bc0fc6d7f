//! How a block lies in stable memory: any ICRC-3 value, losslessly, with the keys of [`super::keys`] as one byte each.
//!
//! ```text
//! block  = 1 value           as the first version of the ledger wrote it
//!        | 2 tag value       tag: 8 bytes, little-endian: under which the transaction is remembered for deduplication, 0 if it is not
//!        | 3 tag length minter value    the same of a `mint`: what is remembered is that this principal asked for it
//! value  = 0 length bytes        Blob
//!        | 1 length bytes        Text (UTF-8)
//!        | 2 leb128              Nat, at most 128 bits
//!        | 3 count value*        Array
//!        | 4 count (key value)*  Map, its keys each once
//! key    = code (1 to 127)       a key of `keys`
//!        | 0 length bytes        any other text
//! ```
//! Lengths and counts are LEB128. Int is not written: no block of this ledger has one.

use std::collections::BTreeMap;
use std::fmt;

use candid::{Nat, Principal};
use icrc_ledger_types::icrc::generic_value::ICRC3Value;
use icrc_ledger_types::icrc1::account::Account;
use serde_bytes::ByteBuf;

use super::keys::{self, Key};
use super::{Block, Field, Transaction};

const WITHOUT_TAG: u8 = 1;
const WITH_TAG: u8 = 2;
const WITH_MINTER: u8 = 3;
const BLOB: u8 = 0;
const TEXT: u8 = 1;
const NAT: u8 = 2;
const ARRAY: u8 = 3;
const MAP: u8 = 4;
/// `Map` of a block, `Map` of its `tx`, `Array` of an account, blob: no value of a block lies deeper.
const MAX_DEPTH: u8 = 8;

/// The unsigned LEB128 form of a number and its length.
pub fn leb128(mut value: u128) -> ([u8; 19], usize) {
    let mut bytes = [0; 19];
    let mut length = 0;
    loop {
        let byte = (value & 0x7f) as u8;
        value >>= 7;
        if value == 0 {
            bytes[length] = byte;
            return (bytes, length + 1);
        }
        bytes[length] = byte | 0x80;
        length += 1;
    }
}

fn put_number(out: &mut Vec<u8>, value: u128) {
    let (bytes, length) = leb128(value);
    out.extend_from_slice(&bytes[..length]);
}

fn put_bytes(out: &mut Vec<u8>, tag: u8, bytes: &[u8]) {
    out.push(tag);
    put_number(out, bytes.len() as u128);
    out.extend_from_slice(bytes);
}

fn put_account(out: &mut Vec<u8>, account: &Account) {
    out.push(ARRAY);
    out.push(1 + u8::from(account.subaccount.is_some()));
    put_bytes(out, BLOB, account.owner.as_slice());
    if let Some(subaccount) = &account.subaccount {
        put_bytes(out, BLOB, subaccount);
    }
}

/// Writes a map whose fields `fields` lists; a block's maps have far fewer than 128, so the count is one byte.
fn put_map<'a>(out: &mut Vec<u8>, fields: impl FnOnce(&mut dyn FnMut(&'static Key, Field<'a>))) {
    out.push(MAP);
    let count_at = out.len();
    out.push(0);
    let mut count = 0;
    fields(&mut |key, field| {
        count += 1;
        out.push(key.code);
        match field {
            Field::Constant(constant) => put_bytes(out, TEXT, constant.text.as_bytes()),
            Field::Nat(value) => {
                out.push(NAT);
                put_number(out, value);
            }
            Field::Blob(bytes) => put_bytes(out, BLOB, bytes),
            Field::Account(account) => put_account(out, account),
            Field::Transaction(transaction) => transaction.put(out),
        }
    });
    out[count_at] = count;
}

impl Transaction {
    fn put(&self, out: &mut Vec<u8>) {
        put_map(out, |visit| self.fields(visit));
    }
}

impl Block {
    /// The bytes to store, with the tag under which the transaction is remembered for deduplication, 0 if it is not, and the minter
    /// that is remembered with it, if one is: that is beside the block, never in it.
    pub fn encode(&self, dedup_tag: u64, minter: Option<&Principal>) -> Vec<u8> {
        let mut out = Vec::with_capacity(512);
        out.push(if minter.is_some() { WITH_MINTER } else { WITH_TAG });
        out.extend_from_slice(&dedup_tag.to_le_bytes());
        if let Some(minter) = minter {
            let bytes = minter.as_slice();
            put_number(&mut out, bytes.len() as u128);
            out.extend_from_slice(bytes);
        }
        put_map(&mut out, |visit| self.fields(visit));
        out
    }
}

/// Why stored bytes are no block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecodeError {
    /// The first byte is not a version that this code knows.
    UnknownVersion,
    /// The bytes end early, go on after the value, or do not follow the grammar.
    Malformed,
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::UnknownVersion => "a block of an unknown version",
            Self::Malformed => "malformed block bytes",
        })
    }
}

impl std::error::Error for DecodeError {}

/// Reads a stored block back as the value that ICRC-3 serves and hashes.
pub fn decode(bytes: &[u8]) -> Result<ICRC3Value, DecodeError> {
    let mut reader = split(bytes)?.value;
    let value = reader.value(0)?;
    if reader.rest.is_empty() {
        Ok(value)
    } else {
        Err(DecodeError::Malformed)
    }
}

/// The tag under which a stored block's transaction is remembered for deduplication, 0 if it is not.
pub fn dedup_tag(bytes: &[u8]) -> Result<u64, DecodeError> {
    split(bytes).map(|stored| stored.tag)
}

/// The minter that a stored block's transaction is remembered with, `None` if it is no `mint` or is not remembered.
pub fn dedup_minter(bytes: &[u8]) -> Result<Option<Principal>, DecodeError> {
    split(bytes).map(|stored| stored.minter)
}

/// A stored block's parts.
struct Stored<'a> {
    tag: u64,
    minter: Option<Principal>,
    value: Reader<'a>,
}

fn split(bytes: &[u8]) -> Result<Stored<'_>, DecodeError> {
    let (&version, rest) = bytes.split_first().ok_or(DecodeError::Malformed)?;
    let (tag, rest) = match version {
        WITHOUT_TAG => (0, rest),
        WITH_TAG | WITH_MINTER => {
            let (tag, rest) = rest.split_first_chunk().ok_or(DecodeError::Malformed)?;
            (u64::from_le_bytes(*tag), rest)
        }
        _ => return Err(DecodeError::UnknownVersion),
    };
    let mut value = Reader { rest };
    let minter = if version == WITH_MINTER {
        Some(Principal::try_from_slice(value.bytes()?).map_err(|_| DecodeError::Malformed)?)
    } else {
        None
    };
    Ok(Stored { tag, minter, value })
}

struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    fn byte(&mut self) -> Result<u8, DecodeError> {
        let (&byte, rest) = self.rest.split_first().ok_or(DecodeError::Malformed)?;
        self.rest = rest;
        Ok(byte)
    }

    fn number(&mut self) -> Result<u128, DecodeError> {
        let mut value: u128 = 0;
        for shift in (0..128).step_by(7) {
            let byte = self.byte()?;
            let bits = u128::from(byte & 0x7f);
            if bits << shift >> shift != bits {
                return Err(DecodeError::Malformed);
            }
            value |= bits << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(DecodeError::Malformed)
    }

    fn bytes(&mut self) -> Result<&'a [u8], DecodeError> {
        let length = usize::try_from(self.number()?).map_err(|_| DecodeError::Malformed)?;
        let (bytes, rest) = self.rest.split_at_checked(length).ok_or(DecodeError::Malformed)?;
        self.rest = rest;
        Ok(bytes)
    }

    fn text(&mut self) -> Result<String, DecodeError> {
        String::from_utf8(self.bytes()?.to_vec()).map_err(|_| DecodeError::Malformed)
    }

    fn key(&mut self) -> Result<String, DecodeError> {
        match self.byte()? {
            0 => self.text(),
            code => {
                let key = keys::ALL
                    .iter()
                    .find(|key| key.code == code)
                    .ok_or(DecodeError::Malformed)?;
                Ok(key.text.to_owned())
            }
        }
    }

    fn value(&mut self, depth: u8) -> Result<ICRC3Value, DecodeError> {
        if depth > MAX_DEPTH {
            return Err(DecodeError::Malformed);
        }
        Ok(match self.byte()? {
            BLOB => ICRC3Value::Blob(ByteBuf::from(self.bytes()?)),
            TEXT => ICRC3Value::Text(self.text()?),
            NAT => ICRC3Value::Nat(Nat::from(self.number()?)),
            ARRAY => {
                let mut values = Vec::new();
                for _ in 0..self.number()? {
                    values.push(self.value(depth + 1)?);
                }
                ICRC3Value::Array(values)
            }
            MAP => {
                let mut map = BTreeMap::new();
                for _ in 0..self.number()? {
                    if map.insert(self.key()?, self.value(depth + 1)?).is_some() {
                        return Err(DecodeError::Malformed);
                    }
                }
                ICRC3Value::Map(map)
            }
            _ => return Err(DecodeError::Malformed),
        })
    }
}
