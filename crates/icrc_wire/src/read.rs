//! Values, read front to back by the sender's types.

// The outer option says whether the value is ours to read, the inner one is the value.
#![allow(clippy::option_option)]

use candid::Principal;
use icrc_ledger_types::icrc1::account::{Account, Subaccount};

use crate::header::Wire;

/// The bytes that are still to be read. A method that gives `None` has met something that is `candid`'s to judge; what
/// is left is of no use then.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub(crate) fn finished(&self) -> bool {
        self.rest.is_empty()
    }

    #[inline]
    pub(crate) fn byte(&mut self) -> Option<u8> {
        let (&byte, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(byte)
    }

    #[inline]
    fn array<const N: usize>(&mut self) -> Option<&'a [u8; N]> {
        let (array, rest) = self.rest.split_first_chunk::<N>()?;
        self.rest = rest;
        Some(array)
    }

    #[inline]
    fn slice(&mut self, len: usize) -> Option<&'a [u8]> {
        let (slice, rest) = self.rest.split_at_checked(len)?;
        self.rest = rest;
        Some(slice)
    }

    /// An unsigned LEB128 of at most five bytes, overlong forms included, below 2³²: field hashes and lengths.
    #[inline]
    pub(crate) fn leb_u32(&mut self) -> Option<u32> {
        let mut value = 0u64;
        for shift in [0, 7, 14, 21, 28] {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return u32::try_from(value).ok();
            }
        }
        None
    }

    /// A `nat` of at most 128 bits and nineteen bytes, overlong forms included.
    #[inline]
    pub(crate) fn nat(&mut self) -> Option<u128> {
        let mut low = 0u64;
        for group in 0..9 {
            let byte = self.byte()?;
            low |= u64::from(byte & 0x7f) << (7 * group);
            if byte < 0x80 {
                return Some(u128::from(low));
            }
        }
        self.wide_nat(low)
    }

    /// The rest of a `nat` whose first nine groups, 63 bits, are `low`.
    #[cold]
    fn wide_nat(&mut self, low: u64) -> Option<u128> {
        let mut value = u128::from(low);
        for group in 9..19 {
            let byte = self.byte()?;
            let bits = u128::from(byte & 0x7f);
            // Of the nineteenth group two bits are left: 126 and 127.
            if group == 18 && bits > 0b11 {
                return None;
            }
            value |= bits << (7 * group);
            if byte < 0x80 {
                return Some(value);
            }
        }
        None
    }

    #[inline]
    fn nat64(&mut self) -> Option<u64> {
        self.array().map(|bytes| u64::from_le_bytes(*bytes))
    }

    #[inline]
    fn blob(&mut self) -> Option<&'a [u8]> {
        let len = self.leb_u32()?;
        self.slice(usize::try_from(len).ok()?)
    }

    /// A blob of exactly 32 bytes. A longer one would make `candid` 0.10 read its tail as the fields that follow.
    #[inline]
    fn subaccount(&mut self) -> Option<Subaccount> {
        if self.byte()? != 32 {
            return None;
        }
        self.array().copied()
    }

    /// Flag 1 (not opaque), length, bytes: at most 29.
    #[inline]
    fn principal(&mut self) -> Option<Principal> {
        if self.byte()? != 1 {
            return None;
        }
        let len = usize::from(self.byte()?);
        if len > Principal::MAX_LENGTH_IN_BYTES {
            return None;
        }
        self.slice(len).map(Principal::from_slice)
    }

    /// A value of expected type `opt t`, where `value` reads a `t`.
    #[inline]
    fn opt<T>(&mut self, wire: Wire, value: impl FnOnce(&mut Self) -> Option<T>) -> Option<Option<T>> {
        match wire {
            Wire::Same => match self.byte()? {
                0 => Some(None),
                1 => value(self).map(Some),
                _ => None,
            },
            Wire::Bare => value(self).map(Some),
            Wire::OtherOpt => (self.byte()? == 0).then_some(None),
            Wire::Absent => Some(None),
        }
    }

    #[inline]
    pub(crate) fn opt_nat(&mut self, wire: Wire) -> Option<Option<u128>> {
        self.opt(wire, Self::nat)
    }

    #[inline]
    pub(crate) fn opt_nat64(&mut self, wire: Wire) -> Option<Option<u64>> {
        self.opt(wire, Self::nat64)
    }

    #[inline]
    pub(crate) fn opt_blob(&mut self, wire: Wire) -> Option<Option<&'a [u8]>> {
        self.opt(wire, Self::blob)
    }

    #[inline]
    pub(crate) fn opt_subaccount(&mut self, wire: Wire) -> Option<Option<Subaccount>> {
        self.opt(wire, Self::subaccount)
    }

    /// An account; `subaccount` is how its second field lies on the wire.
    #[inline]
    pub(crate) fn account(&mut self, subaccount: Wire) -> Option<Account> {
        let owner = self.principal()?;
        let subaccount = self.opt_subaccount(subaccount)?;
        Some(Account { owner, subaccount })
    }
}
