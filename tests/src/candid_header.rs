//! The type tables that other clients write before the very same values (Candid, "Binary Format").

use serde_json::Value;

/// Constructors of a type table (Candid, "Types"): the ones that ICRC-1 and ICRC-2 arguments need.
const OPT: u64 = 0x6e;
const VEC: u64 = 0x6d;
const RECORD: u64 = 0x6c;

/// `argument` as JavaScript's `@icp-sdk/core` encodes it: its type table before the same values.
///
/// # Panics
/// If there is no vector for `method`.
pub fn of_icp_sdk(method: &str, argument: &[u8]) -> Vec<u8> {
    let vectors: Value = serde_json::from_str(include_str!("../../crates/icrc_wire/vectors/vectors.json")).unwrap();
    let call = vectors["calls"]
        .as_array()
        .and_then(|calls| calls.iter().find(|call| call["method"] == method));
    let encoded = hex(call.expect("a vector of the method")["encoded"].as_str().unwrap());
    [
        &encoded[..header_length(&encoded)],
        &argument[header_length(argument)..],
    ]
    .concat()
}

/// `argument` with a type table that no known client writes: one more type at its end, which nothing refers to.
pub fn of_nobody(_method: &str, argument: &[u8]) -> Vec<u8> {
    let end = header_length(argument);
    let (table, arguments) = argument[..end].split_at(end - 2);
    let mut bytes = table.to_vec();
    bytes[4] += 1;
    bytes.extend([u8::try_from(OPT).unwrap(), 0x7b]);
    [&bytes, arguments, &argument[end..]].concat()
}

/// Length of magic, type table and the one argument's type.
fn header_length(bytes: &[u8]) -> usize {
    assert_eq!(&bytes[..4], b"DIDL");
    let mut at = 4;
    for _ in 0..number(bytes, &mut at) {
        let follow = match number(bytes, &mut at) {
            OPT | VEC => 1,
            RECORD => 2 * number(bytes, &mut at),
            other => panic!("constructor {other:#x} in an argument"),
        };
        for _ in 0..follow {
            number(bytes, &mut at);
        }
    }
    assert_eq!(number(bytes, &mut at), 1, "one argument");
    number(bytes, &mut at);
    at
}

/// An LEB128 number. Of signed ones, only how long they are matters here.
fn number(bytes: &[u8], at: &mut usize) -> u64 {
    let mut value = 0;
    for shift in (0..).step_by(7) {
        let byte = bytes[*at];
        *at += 1;
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            break;
        }
    }
    value
}

fn hex(digits: &str) -> Vec<u8> {
    let pairs = digits.as_bytes().chunks(2);
    pairs
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}
