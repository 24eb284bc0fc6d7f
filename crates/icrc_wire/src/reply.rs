//! The reply of a call that succeeded.

use std::ops::Deref;

/// `DIDL`, a table of one type, `variant { Ok : nat }`, one argument of that type, and its first case.
const PREFIX: [u8; 13] = *b"DIDL\x01\x6b\x01\xbc\x8a\x01\x7d\x01\x00";
/// Room for the case's index and the longest LEB128 of 64 bits.
const CAPACITY: usize = PREFIX.len() + 1 + 10;

/// An encoded reply, held without the heap: read it as a slice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OkReply {
    bytes: [u8; CAPACITY],
    len: usize,
}

impl Deref for OkReply {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

impl AsRef<[u8]> for OkReply {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

/// The reply `(variant { Ok = block_index : nat })`, 15 to 24 bytes.
///
/// Its type is `variant { Ok : nat }`, a subtype of each hot call's result: a client that expects
/// `variant { Ok : nat; Err : … }` decodes it as that, and the errors' types need not be sent.
pub fn encode_ok(block_index: u64) -> OkReply {
    let mut bytes = [0; CAPACITY];
    bytes[..PREFIX.len()].copy_from_slice(&PREFIX);
    // The byte after the prefix stays 0: the first case.
    let mut len = PREFIX.len() + 1;
    let mut left = block_index;
    loop {
        let [group, ..] = (left & 0x7f).to_le_bytes();
        left >>= 7;
        bytes[len] = if left == 0 { group } else { group | 0x80 };
        len += 1;
        if left == 0 {
            return OkReply { bytes, len };
        }
    }
}
