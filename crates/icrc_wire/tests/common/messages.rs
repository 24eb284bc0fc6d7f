//! Messages as no client writes them but Candid allows, or nearly: type tables in any order with entries twice or
//! unused, fields left out, added, or of other types, LEB128 of any length, blobs and principals of any length.
//!
//! Every choice is a byte of the caller's, so that both a property test and a coverage-guided fuzzer can steer. Where
//! the bytes run out, the plain choice is made: what is left of the message is then as a client writes it.

// Bytes are cut off numbers on purpose.
#![allow(clippy::cast_possible_truncation)]

/// The name of every field of the three arguments, and what is expected of it, by method.
const METHODS: [&[(&str, Expected)]; 3] = [
    &[
        ("to", Expected::Account),
        ("fee", Expected::OptNat),
        ("memo", Expected::OptBlob),
        ("from_subaccount", Expected::OptSubaccount),
        ("created_at_time", Expected::OptNat64),
        ("amount", Expected::Nat),
    ],
    &[
        ("fee", Expected::OptNat),
        ("memo", Expected::OptBlob),
        ("from_subaccount", Expected::OptSubaccount),
        ("created_at_time", Expected::OptNat64),
        ("amount", Expected::Nat),
        ("expected_allowance", Expected::OptNat),
        ("expires_at", Expected::OptNat64),
        ("spender", Expected::Account),
    ],
    &[
        ("to", Expected::Account),
        ("fee", Expected::OptNat),
        ("spender_subaccount", Expected::OptSubaccount),
        ("from", Expected::Account),
        ("memo", Expected::OptBlob),
        ("created_at_time", Expected::OptNat64),
        ("amount", Expected::Nat),
    ],
];

#[derive(Clone, Copy)]
enum Expected {
    Nat,
    Principal,
    Account,
    OptNat,
    OptNat64,
    OptBlob,
    OptSubaccount,
}

/// A sender's type, still a tree.
#[derive(Clone, PartialEq)]
enum Type {
    Null,
    Bool,
    Nat,
    Int,
    Nat8,
    Nat64,
    Text,
    Reserved,
    Empty,
    Principal,
    Blob32,
    Opt(Box<Type>),
    Vec(Box<Type>),
    Record(Vec<(u32, Type)>),
}

struct Choices<'a>(&'a [u8]);

impl Choices<'_> {
    fn byte(&mut self) -> u8 {
        match self.0.split_first() {
            Some((&byte, rest)) => {
                self.0 = rest;
                byte
            }
            None => 255,
        }
    }

    /// True once in `n` bytes, never when none is left.
    fn once_in(&mut self, n: u8) -> bool {
        let byte = self.byte();
        byte != 255 && byte.is_multiple_of(n)
    }
}

/// A message that `choices` describe.
pub fn message(choices: &[u8]) -> Vec<u8> {
    let mut choices = Choices(choices);
    let method = METHODS[usize::from(choices.byte()) % METHODS.len()];
    let argument = record(method, &mut choices);

    let mut table = Table::default();
    if choices.once_in(4) {
        // An entry that nothing refers to, in front of all others.
        let unused = any_type(&mut choices, 2);
        table.index(&unused, &mut choices);
    }
    let argument_type = table.index(&argument, &mut choices);

    let mut out = b"DIDL".to_vec();
    let entries: Vec<Vec<u8>> = table.entries.into_iter().map(|(_, bytes)| bytes).collect();
    leb(entries.len() as u128, &mut out);
    out.extend(entries.into_iter().flatten());
    let arguments = if choices.once_in(16) { 2 } else { 1 };
    leb(arguments, &mut out);
    for _ in 0..arguments {
        out.extend(&argument_type);
    }
    for _ in 0..arguments {
        value(&argument, &mut choices, &mut out);
    }
    if choices.once_in(16) {
        out.push(choices.byte());
    }
    out
}

fn record(expected: &[(&str, Expected)], choices: &mut Choices<'_>) -> Type {
    let mut fields = Vec::new();
    for (name, expected) in expected {
        if choices.once_in(11) {
            continue;
        }
        fields.push((candid::idl_hash(name), field_type(*expected, choices)));
    }
    if choices.once_in(8) {
        let name = ["a", "extra", "zz", "icrc", "to", "fee"][usize::from(choices.byte()) % 6];
        fields.push((candid::idl_hash(name), any_type(choices, 2)));
    }
    if !choices.once_in(32) {
        fields.sort_by_key(|(id, _)| *id);
    }
    Type::Record(fields)
}

fn field_type(expected: Expected, choices: &mut Choices<'_>) -> Type {
    let required = match expected {
        Expected::Nat | Expected::OptNat => Type::Nat,
        Expected::OptNat64 => Type::Nat64,
        Expected::Principal => Type::Principal,
        Expected::OptBlob => Type::Vec(Box::new(Type::Nat8)),
        Expected::OptSubaccount => Type::Blob32,
        Expected::Account => record(
            &[("owner", Expected::Principal), ("subaccount", Expected::OptSubaccount)],
            choices,
        ),
    };
    let optional = !matches!(expected, Expected::Nat | Expected::Principal | Expected::Account);
    match choices.byte() {
        0..8 => any_type(choices, 3),
        8..12 => Type::Null,
        12..16 => Type::Reserved,
        16..24 => Type::Opt(Box::new(any_type(choices, 2))),
        24..48 => required,
        _ if optional => Type::Opt(Box::new(required)),
        _ => required,
    }
}

fn any_type(choices: &mut Choices<'_>, depth: u8) -> Type {
    let kinds = if depth == 0 { 11 } else { 14 };
    match choices.byte() % kinds {
        0 => Type::Null,
        1 => Type::Bool,
        2 => Type::Nat,
        3 => Type::Int,
        4 => Type::Nat8,
        5 => Type::Nat64,
        6 => Type::Text,
        7 => Type::Reserved,
        8 => Type::Empty,
        9 => Type::Principal,
        10 => Type::Blob32,
        11 => Type::Opt(Box::new(any_type(choices, depth - 1))),
        12 => Type::Vec(Box::new(any_type(choices, depth - 1))),
        _ => Type::Record(
            (0..choices.byte() % 3)
                .map(|i| {
                    (
                        u32::from(i) + u32::from(choices.byte()) * 3,
                        any_type(choices, depth - 1),
                    )
                })
                .collect(),
        ),
    }
}

/// The entries so far, with the types that they stand for.
#[derive(Default)]
struct Table {
    entries: Vec<(Type, Vec<u8>)>,
}

impl Table {
    /// The bytes by which `ty` is referred to; makes the entry where there is none yet, or a second one.
    fn index(&mut self, ty: &Type, choices: &mut Choices<'_>) -> Vec<u8> {
        let code = match ty {
            Type::Null => 0x7f,
            Type::Bool => 0x7e,
            Type::Nat => 0x7d,
            Type::Int => 0x7c,
            Type::Nat8 => 0x7b,
            Type::Nat64 => 0x78,
            Type::Text => 0x71,
            Type::Reserved => 0x70,
            Type::Empty => 0x6f,
            Type::Principal => 0x68,
            Type::Blob32 | Type::Opt(_) | Type::Vec(_) | Type::Record(_) => return self.composite(ty, choices),
        };
        vec![code]
    }

    fn composite(&mut self, ty: &Type, choices: &mut Choices<'_>) -> Vec<u8> {
        if let Some(index) = self.entries.iter().position(|(known, _)| known == ty)
            && !choices.once_in(4)
        {
            return reference(index, choices);
        }
        // Before the types that it refers to, as Rust's encoder has it, or after them, as JavaScript's.
        let first = choices.once_in(2);
        let mut index = self.entries.len();
        if first {
            self.entries.push((ty.clone(), Vec::new()));
        }
        let mut bytes = Vec::new();
        match ty {
            Type::Blob32 => bytes.extend([0x6d, 0x7b]),
            Type::Opt(inner) => {
                bytes.push(0x6e);
                bytes.extend(self.index(inner, choices));
            }
            Type::Vec(inner) => {
                bytes.push(0x6d);
                bytes.extend(self.index(inner, choices));
            }
            Type::Record(fields) => {
                bytes.push(0x6c);
                leb(fields.len() as u128, &mut bytes);
                for (id, ty) in fields {
                    any_leb(u128::from(*id), choices, &mut bytes);
                    bytes.extend(self.index(ty, choices));
                }
            }
            _ => {}
        }
        if first {
            self.entries[index].1 = bytes;
        } else {
            index = self.entries.len();
            self.entries.push((ty.clone(), bytes));
        }
        reference(index, choices)
    }
}

/// The signed LEB128 of an entry's index; now and then of another one, or of none.
fn reference(index: usize, choices: &mut Choices<'_>) -> Vec<u8> {
    let index = if choices.once_in(64) {
        usize::from(choices.byte())
    } else {
        index
    };
    if index < 64 && !choices.once_in(64) {
        return vec![index as u8];
    }
    vec![(index & 0x7f) as u8 | 0x80, (index >> 7) as u8]
}

fn leb(mut value: u128, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// LEB128, now and then with groups of zeros at its end.
fn any_leb(value: u128, choices: &mut Choices<'_>, out: &mut Vec<u8>) {
    leb(value, out);
    if choices.once_in(32) {
        for _ in 0..choices.byte() % 20 {
            if let Some(last) = out.last_mut() {
                *last |= 0x80;
            }
            out.push(0);
        }
    }
}

fn nat(choices: &mut Choices<'_>) -> u128 {
    let wide = u128::from(choices.byte()) << (choices.byte() % 128);
    if choices.once_in(4) { wide.wrapping_sub(1) } else { wide }
}

fn blob(len: usize, choices: &mut Choices<'_>, out: &mut Vec<u8>) {
    any_leb(len as u128, choices, out);
    out.extend((0..len).map(|_| choices.byte()));
}

fn value(ty: &Type, choices: &mut Choices<'_>, out: &mut Vec<u8>) {
    match ty {
        Type::Null | Type::Reserved | Type::Empty => {}
        Type::Bool => out.push(choices.byte() % 2),
        Type::Nat => {
            let nat = nat(choices);
            any_leb(nat, choices, out);
        }
        Type::Int | Type::Nat8 => out.push(choices.byte() & 0x7f),
        Type::Nat64 => out.extend((nat(choices) as u64).to_le_bytes()),
        Type::Text => {
            leb(1, out);
            out.push(b'a' + choices.byte() % 26);
        }
        Type::Principal => {
            out.push(u8::from(!choices.once_in(64)));
            let len = if choices.once_in(32) {
                usize::from(choices.byte())
            } else {
                usize::from(choices.byte()) % 30
            };
            blob(len, choices, out);
        }
        Type::Blob32 => {
            let len = if choices.once_in(16) {
                usize::from(choices.byte())
            } else {
                32
            };
            blob(len, choices, out);
        }
        Type::Opt(inner) => {
            let flag = if choices.once_in(64) {
                choices.byte()
            } else {
                choices.byte() % 2
            };
            out.push(flag);
            if flag == 1 {
                value(inner, choices, out);
            }
        }
        Type::Vec(inner) => {
            let len = usize::from(choices.byte()) % 90;
            if **inner == Type::Nat8 {
                blob(len, choices, out);
            } else {
                leb(len.min(2) as u128, out);
                for _ in 0..len.min(2) {
                    value(inner, choices, out);
                }
            }
        }
        Type::Record(fields) => {
            for (_, ty) in fields {
                value(ty, choices, out);
            }
        }
    }
}
