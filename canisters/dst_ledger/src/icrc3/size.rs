//! How many bytes Candid takes for a block, so that a reply can be bounded before it is written.

use candid::Nat;
use icrc_ledger_types::icrc::generic_value::ICRC3Value;

fn of_leb128(bits: u64) -> usize {
    usize::try_from(bits.max(1).div_ceil(7)).unwrap_or(usize::MAX)
}

fn of_count(count: usize) -> usize {
    of_leb128(u64::from(usize::BITS - count.leading_zeros()))
}

fn of_bytes(length: usize) -> usize {
    of_count(length) + length
}

/// A `nat`.
pub(super) fn of_nat(number: &Nat) -> usize {
    of_leb128(number.0.bits())
}

/// A value, with the byte that says which variant it is.
pub(super) fn of_value(value: &ICRC3Value) -> usize {
    1 + match value {
        ICRC3Value::Blob(bytes) => of_bytes(bytes.len()),
        ICRC3Value::Text(text) => of_bytes(text.len()),
        ICRC3Value::Nat(number) => of_nat(number),
        // Two's complement with its sign: −64 takes the bits of 63.
        ICRC3Value::Int(number) => of_leb128(number.0.bits().min((!&number.0).bits()) + 1),
        ICRC3Value::Array(values) => of_count(values.len()) + values.iter().map(of_value).sum::<usize>(),
        ICRC3Value::Map(map) => {
            let entries = map.iter().map(|(key, value)| of_bytes(key.len()) + of_value(value));
            of_count(map.len()) + entries.sum::<usize>()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candid::encode_one;
    use proptest::prelude::*;
    use serde_bytes::ByteBuf;

    fn value() -> impl Strategy<Value = ICRC3Value> {
        let leaf = prop_oneof![
            prop::collection::vec(any::<u8>(), 0..300).prop_map(|bytes| ICRC3Value::Blob(ByteBuf::from(bytes))),
            "[a-zü]{0,200}".prop_map(ICRC3Value::Text),
            any::<u128>().prop_map(|number| ICRC3Value::Nat(number.into())),
            (0..200_u64).prop_map(|number| ICRC3Value::Nat(number.into())),
            any::<i64>().prop_map(|number| ICRC3Value::Int(number.into())),
            (-200..200_i64).prop_map(|number| ICRC3Value::Int(number.into())),
        ];
        leaf.prop_recursive(3, 40, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(ICRC3Value::Array),
                prop::collection::btree_map("[a-z]{0,9}", inner, 0..6).prop_map(ICRC3Value::Map),
            ]
        })
    }

    proptest! {
        #[test]
        fn should_be_what_candid_takes(value in value()) {
            let header = encode_one(ICRC3Value::Array(vec![])).unwrap().len() - 2;
            prop_assert_eq!(of_value(&value), encode_one(&value).unwrap().len() - header);
        }
    }
}
