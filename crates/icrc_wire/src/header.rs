//! The part of a Candid message before its values: the type table and the argument types, matched against a record that
//! is expected. See the Candid specification, "Parameters and Results" and "Types" of the binary format.

use crate::read::Reader;

/// Type table entries that are read at most. Clients send four to ten for these calls.
const MAX_ENTRIES: usize = 32;
/// Record fields in the whole table that are read at most. Clients send eight to twelve.
const MAX_FIELDS: usize = 96;

const NULL: u8 = 0x7f;
const NAT: u8 = 0x7d;
const NAT8: u8 = 0x7b;
const NAT64: u8 = 0x78;
const RESERVED: u8 = 0x70;
const EMPTY: u8 = 0x6f;
const PRINCIPAL: u8 = 0x68;
const OPT: u8 = 0x6e;
const VEC: u8 = 0x6d;
const RECORD: u8 = 0x6c;

/// What a field is expected to be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    Nat,
    Principal,
    Account,
    OptNat,
    OptNat64,
    OptBlob,
}

impl Kind {
    const fn optional(self) -> bool {
        matches!(self, Self::OptNat | Self::OptNat64 | Self::OptBlob)
    }
}

/// A field of an expected record.
#[derive(Clone, Copy)]
pub(crate) struct Expected {
    id: u32,
    kind: Kind,
}

impl Expected {
    pub(crate) const fn new(name: &str, kind: Kind) -> Self {
        let id = field_id(name);
        Self { id, kind }
    }
}

/// A field's hash, by which it stands in a type table: Candid specification, "Shorthand: Symbolic Field Ids".
const fn field_id(name: &str) -> u32 {
    let bytes = name.as_bytes();
    let mut id = 0u32;
    let mut i = 0;
    while i < bytes.len() {
        id = id.wrapping_mul(223).wrapping_add(bytes[i] as u32);
        i += 1;
    }
    id
}

/// The fields as they are; evaluated at compile time, it refuses an order other than that of the wire.
pub(crate) const fn ascending<const N: usize>(fields: [Expected; N]) -> [Expected; N] {
    let mut i = 1;
    while i < N {
        assert!(fields[i - 1].id < fields[i].id, "fields out of order");
        i += 1;
    }
    fields
}

const ACCOUNT: [Expected; 2] = ascending([
    Expected::new("owner", Kind::Principal),
    Expected::new("subaccount", Kind::OptBlob),
]);

/// How the value of an expected field lies on the wire.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Wire {
    /// In the expected type.
    Same,
    /// `opt t` is expected, and a `t` is sent.
    Bare,
    /// `opt t` is expected, and an `opt` of another type is sent: absent when it is null; if not, `candid` decides.
    OtherOpt,
    /// `opt t` is expected, and nothing is sent: no field, or one of type `null` or `reserved`.
    Absent,
}

/// One entry for each expected field, in their order. An account's entry is that of its subaccount.
pub(crate) type Plan<const N: usize> = [Wire; N];

/// Parses the header of a message with one argument, a record of `expected` fields.
#[inline(never)]
pub(crate) fn parse<'a, const N: usize>(bytes: &'a [u8], expected: &[Expected; N]) -> Option<(Plan<N>, Reader<'a>)> {
    let mut reader = Reader::new(bytes.strip_prefix(b"DIDL")?);
    let table = Table::read(&mut reader)?;
    if reader.byte()? != 1 {
        return None;
    }
    let argument = reader.byte()?;
    // Written over for every field that is sent.
    let mut plan = [Wire::Absent; N];
    table.match_record(argument, expected, &mut plan)?;
    Some((plan, reader))
}

/// A type table that has been checked: every type it names is one that `candid` knows, every record's fields ascend.
struct Table<'a> {
    /// For each entry, what follows its opcode, and the opcode.
    entries: [(u8, Reader<'a>); MAX_ENTRIES],
    len: u8,
}

impl<'a> Table<'a> {
    fn read(reader: &mut Reader<'a>) -> Option<Self> {
        let len = reader.byte()?;
        if usize::from(len) > MAX_ENTRIES {
            return None;
        }
        let mut table = Self {
            entries: [(EMPTY, Reader::new(&[])); MAX_ENTRIES],
            len,
        };
        let mut fields_left = MAX_FIELDS;
        for entry in table.entries.iter_mut().take(usize::from(len)) {
            let opcode = reader.byte()?;
            *entry = (opcode, *reader);
            match opcode {
                OPT | VEC => check_type(reader.byte()?, len)?,
                RECORD => {
                    let count = usize::from(reader.byte()?);
                    fields_left = fields_left.checked_sub(count)?;
                    check_fields(reader, count, len)?;
                }
                _ => return None,
            }
        }
        Some(table)
    }

    /// The opcode of the entry `ty` and what follows it; `None` for a type that is not in the table.
    #[inline]
    fn entry(&self, ty: u8) -> Option<(u8, Reader<'a>)> {
        if ty >= self.len {
            return None;
        }
        self.entries.get(usize::from(ty)).copied()
    }

    /// Whether entry `ty` is a `vec nat8`.
    fn is_blob(&self, ty: u8) -> bool {
        self.entry(ty)
            .is_some_and(|(opcode, mut inner)| opcode == VEC && inner.byte() == Some(NAT8))
    }

    /// Matches the record `ty` with the expected fields, both ascending. `plan` enters with every field absent.
    fn match_record(&self, ty: u8, expected: &[Expected], plan: &mut [Wire]) -> Option<()> {
        let (RECORD, mut sent) = self.entry(ty)? else {
            return None;
        };
        let count = sent.byte()?;
        let mut awaited = expected.iter().zip(plan);
        for _ in 0..count {
            let id = sent.leb_u32()?;
            let ty = sent.byte()?;
            loop {
                // Where nothing is awaited any more, or only later fields are, this one is not expected. What skipping
                // it takes is for candid to find out.
                let (field, wire) = awaited.next()?;
                if field.id == id {
                    *wire = self.match_type(ty, field.kind)?;
                    break;
                }
                if field.id > id || !field.kind.optional() {
                    return None;
                }
            }
        }
        awaited.all(|(field, _)| field.kind.optional()).then_some(())
    }

    fn match_type(&self, ty: u8, kind: Kind) -> Option<Wire> {
        match kind {
            Kind::Nat => (ty == NAT).then_some(Wire::Same),
            Kind::Principal => (ty == PRINCIPAL).then_some(Wire::Same),
            Kind::Account => {
                let mut plan = [Wire::Absent; 2];
                self.match_record(ty, &ACCOUNT, &mut plan)?;
                Some(plan[1])
            }
            Kind::OptNat => self.match_opt(ty, |inner| inner == NAT),
            Kind::OptNat64 => self.match_opt(ty, |inner| inner == NAT64),
            Kind::OptBlob => self.match_opt(ty, |inner| self.is_blob(inner)),
        }
    }

    /// Matches `ty` with `opt t`, where `is_value` tells whether a type is `t`.
    #[inline]
    fn match_opt(&self, ty: u8, is_value: impl Fn(u8) -> bool) -> Option<Wire> {
        if let Some((OPT, mut inner)) = self.entry(ty) {
            return Some(if is_value(inner.byte()?) {
                Wire::Same
            } else {
                Wire::OtherOpt
            });
        }
        match ty {
            NULL | RESERVED => Some(Wire::Absent),
            _ => is_value(ty).then_some(Wire::Bare),
        }
    }
}

/// Reads past the fields of a record in a table of `len` entries. Their hashes ascend, or `candid` refuses the table.
fn check_fields(reader: &mut Reader<'_>, count: usize, len: u8) -> Option<()> {
    let mut next = 0u64;
    for _ in 0..count {
        let id = u64::from(reader.leb_u32()?);
        if id < next {
            return None;
        }
        next = id + 1;
        check_type(reader.byte()?, len)?;
    }
    Some(())
}

/// Whether `ty`, the one byte of a signed LEB128, is an entry of a table of `len` entries or a primitive type.
#[inline]
fn check_type(ty: u8, len: u8) -> Option<()> {
    (ty < len || (EMPTY..=NULL).contains(&ty) || ty == PRINCIPAL).then_some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn should_hash_fields_as_candid_does() {
        for name in [
            "to",
            "fee",
            "memo",
            "amount",
            "owner",
            "subaccount",
            "expected_allowance",
        ] {
            assert_eq!(field_id(name), candid::idl_hash(name), "{name}");
        }
    }
}
