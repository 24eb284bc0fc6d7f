use candid::Principal;
use icrc_ledger_types::icrc::generic_value::ICRC3Value;
use proptest::prelude::*;
use sha2::{Digest, Sha256};

use super::*;

fn account() -> impl Strategy<Value = Account> {
    (
        prop::collection::vec(any::<u8>(), 0..=29),
        prop::option::of(any::<[u8; 32]>()),
    )
        .prop_map(|(owner, subaccount)| Account {
            owner: Principal::from_slice(&owner),
            subaccount,
        })
}

fn transaction() -> impl Strategy<Value = Transaction> {
    let operation = prop_oneof![
        Just(Operation::Mint),
        Just(Operation::Burn),
        Just(Operation::Transfer),
        Just(Operation::Approve)
    ];
    let number = || prop_oneof![0..300_u128, any::<u128>(), Just(u128::MAX)];
    (
        (
            operation,
            prop::option::of(account()),
            prop::option::of(account()),
            prop::option::of(account()),
            number(),
        ),
        prop::option::of(number()),
        prop::option::of(prop::collection::vec(any::<u8>(), 0..=80)),
        prop::option::of(any::<u64>()),
        prop::option::of(number()),
        prop::option::of(any::<u64>()),
    )
        .prop_map(
            |((operation, from, to, spender, amount), fee, memo, created_at_time, expected_allowance, expires_at)| {
                Transaction {
                    operation,
                    from,
                    to,
                    spender,
                    amount,
                    fee,
                    memo,
                    created_at_time,
                    expected_allowance,
                    expires_at,
                }
            },
        )
}

fn block() -> impl Strategy<Value = Block> {
    (
        prop::option::of(any::<[u8; 32]>()),
        any::<u64>(),
        prop::option::of(any::<u128>()),
        transaction(),
    )
        .prop_map(|(parent_hash, timestamp, fee, transaction)| Block {
            parent_hash,
            timestamp,
            fee,
            transaction,
        })
}

proptest! {
    /// `icrc-ledger-types` hashes the value independently of this crate.
    #[test]
    fn should_hash_and_store_exactly_the_value(block in block()) {
        let value = block.to_value();
        prop_assert_eq!(block.hash(), value.clone().hash());
        prop_assert_eq!(block.transaction.hash(), block.transaction.to_value().hash());
        prop_assert_eq!(decode(&block.encode()), Ok(value));
    }

    #[test]
    fn should_answer_any_bytes_with_a_value_or_an_error(
        mut bytes in prop::collection::vec(any::<u8>(), 0..200),
        block in block(),
        cut in any::<prop::sample::Index>(),
        flip in any::<u8>(),
    ) {
        let _ = decode(&bytes);
        if let Some(first) = bytes.first_mut() {
            *first = 1;
        }
        let _ = decode(&bytes);
        let mut stored = block.encode();
        let at = cut.index(stored.len());
        prop_assert!(decode(&stored[..at]).is_err());
        stored[at] ^= flip;
        let _ = decode(&stored);
    }
}

#[test]
fn should_have_the_right_hashes_and_codes_of_its_constants() {
    for key in keys::ALL {
        assert_eq!(key.hash[..], Sha256::digest(key.text)[..], "{}", key.text);
        assert_eq!(keys::ALL.iter().filter(|other| other.code == key.code).count(), 1);
        assert!((1..128).contains(&key.code));
    }
    for constant in keys::CONSTANTS {
        assert_eq!(
            constant.hash[..],
            Sha256::digest(constant.text)[..],
            "{}",
            constant.text
        );
    }
}

fn example() -> Block {
    let owner = |byte| Account::from(Principal::from_slice(&[byte; 10]));
    Block {
        parent_hash: Some([3; 32]),
        timestamp: 1_790_000_000_000_000_000,
        fee: Some(10_000),
        transaction: Transaction {
            operation: Operation::Transfer,
            from: Some(owner(1)),
            to: Some(Account {
                subaccount: Some([5; 32]),
                ..owner(2)
            }),
            spender: Some(owner(4)),
            amount: 300,
            fee: None,
            memo: Some(vec![9, 9]),
            created_at_time: Some(7),
            expected_allowance: None,
            expires_at: None,
        },
    }
}

#[test]
fn should_place_fields_as_icrc_3_says() {
    let map = |value: &ICRC3Value| match value {
        ICRC3Value::Map(map) => map.clone(),
        other => panic!("expected a map, got {other}"),
    };
    let unnamed = map(&example().to_value());
    assert_eq!(
        unnamed.keys().collect::<Vec<_>>(),
        ["btype", "fee", "phash", "ts", "tx"]
    );
    assert_eq!(unnamed["btype"], ICRC3Value::Text("2xfer".into()));
    assert_eq!(
        map(&unnamed["tx"]).keys().collect::<Vec<_>>(),
        ["amt", "from", "memo", "op", "spender", "to", "ts"]
    );

    let mut named = example();
    (named.fee, named.transaction.fee, named.transaction.spender) = (None, Some(10_000), None);
    let named = map(&named.to_value());
    assert!(!named.contains_key("fee"));
    assert_eq!(named["btype"], ICRC3Value::Text("1xfer".into()));
    assert_eq!(map(&named["tx"])["fee"], ICRC3Value::Nat(10_000_u64.into()));
}

/// Bytes as version 1 stores them. If this test fails, a new version is needed, and these bytes must still decode.
#[test]
fn should_decode_version_1() {
    let stored = include_str!("tests/version_1.hex");
    assert_eq!(hex::encode(example().encode()), stored.trim());
    assert_eq!(decode(&hex::decode(stored.trim()).unwrap()), Ok(example().to_value()));
}

#[test]
fn should_refuse_other_versions_and_trailing_bytes() {
    let mut stored = example().encode();
    stored.push(0);
    assert_eq!(decode(&stored), Err(DecodeError::Malformed));
    stored[0] = 2;
    assert_eq!(decode(&stored), Err(DecodeError::UnknownVersion));
    assert_eq!(decode(&[]), Err(DecodeError::Malformed));
    // A map with one key twice, and values nested without end.
    assert_eq!(decode(&[1, 4, 2, 2, 2, 0, 2, 2, 0]), Err(DecodeError::Malformed));
    assert_eq!(
        decode(&[vec![1], [3, 1].repeat(100)].concat()),
        Err(DecodeError::Malformed)
    );
}
