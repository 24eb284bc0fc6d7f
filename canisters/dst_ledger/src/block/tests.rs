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
        Just(Operation::Approve),
        Just(Operation::SetFeeCollector)
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
        prop::option::of(prop::collection::vec(any::<u8>(), 0..=29)),
    )
        .prop_map(
            |(
                (operation, from, to, spender, amount),
                fee,
                memo,
                created_at_time,
                expected_allowance,
                expires_at,
                caller,
            )| {
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
                    caller: caller.map(|bytes| Principal::from_slice(&bytes)),
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
    fn should_hash_and_store_exactly_the_value(
        block in block(),
        minter in prop::option::of(prop::collection::vec(any::<u8>(), 0..=29)),
    ) {
        let minter = minter.map(|bytes| Principal::from_slice(&bytes));
        let value = block.to_value();
        prop_assert_eq!(block.hash(), value.clone().hash());
        prop_assert_eq!(block.transaction.hash(), block.transaction.to_value().hash());
        for tag in [0, 1, u64::MAX] {
            let stored = block.encode(tag, minter.as_ref());
            prop_assert_eq!(dedup_tag(&stored), Ok(tag));
            prop_assert_eq!(dedup_minter(&stored), Ok(minter));
            prop_assert_eq!(decode(&stored), Ok(value.clone()));
        }
    }

    #[test]
    fn should_hash_the_same_with_the_hashes_of_its_accounts_known(block in block()) {
        let known = KnownHashes {
            from: block.transaction.from.as_ref().map(account_hash),
            to: block.transaction.to.as_ref().map(account_hash),
            spender: block.transaction.spender.as_ref().map(account_hash),
        };
        prop_assert_eq!(block.transaction.hash_with(&known), block.transaction.hash());
    }

    #[test]
    fn should_read_accounts_back_from_values(account in account()) {
        let ICRC3Value::Map(transaction) = Transaction::mint(account, 1, None, None).to_value() else {
            panic!("a transaction is a map")
        };
        let read = account_from_value(&transaction["to"]).unwrap();
        prop_assert_eq!((read.owner, read.subaccount), (account.owner, account.subaccount));
        prop_assert_eq!(account_from_value(&transaction["amt"]), None);
    }

    #[test]
    fn should_answer_any_bytes_with_a_value_or_an_error(
        mut bytes in prop::collection::vec(any::<u8>(), 0..200),
        block in block(),
        cut in any::<prop::sample::Index>(),
        flip in any::<u8>(),
    ) {
        for version in 0..4 {
            if let Some(first) = bytes.first_mut() {
                *first = version;
            }
            let _ = decode(&bytes);
        }
        let mut stored = block.encode(5, Some(&Principal::management_canister()));
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
            caller: None,
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
    assert_eq!(unnamed.keys().collect::<Vec<_>>(), ["fee", "phash", "ts", "tx"]);
    assert_eq!(
        map(&unnamed["tx"]).keys().collect::<Vec<_>>(),
        ["amt", "from", "memo", "op", "spender", "to", "ts"]
    );

    let mut named = example();
    (named.fee, named.transaction.fee, named.transaction.spender) = (None, Some(10_000), None);
    let named = map(&named.to_value());
    assert!(!named.contains_key("fee"));
    assert_eq!(map(&named["tx"])["fee"], ICRC3Value::Nat(10_000_u64.into()));
}

/// ICRC-107, "Canonical `tx` Mapping", with `mthd` as the ecosystem's ledger writes it and its index reads it.
#[test]
fn should_write_fee_collector_blocks_as_icrc_107_says() {
    let collector = Account::from(Principal::from_slice(&[7; 29]));
    let caller = Principal::from_slice(&[8; 10]);
    for (collector, expected) in [
        (None, &["caller", "mthd", "ts"][..]),
        (Some(collector), &["caller", "fee_collector", "mthd", "ts"][..]),
    ] {
        let block = Block {
            fee: None,
            transaction: Transaction::set_fee_collector(collector, Some(5), caller),
            ..example()
        };
        let ICRC3Value::Map(map) = block.to_value() else {
            panic!("a block is a map")
        };
        assert_eq!(map.keys().collect::<Vec<_>>(), ["btype", "phash", "ts", "tx"]);
        assert_eq!(map["btype"], ICRC3Value::Text("107feecol".into()));
        let ICRC3Value::Map(tx) = &map["tx"] else {
            panic!("a transaction is a map")
        };
        assert_eq!(tx.keys().collect::<Vec<_>>(), expected);
        assert_eq!(tx["mthd"], ICRC3Value::Text("107set_fee_collector".into()));
        assert_eq!(tx["ts"], ICRC3Value::Nat(5_u8.into()));
        assert_eq!(tx["caller"], ICRC3Value::Blob(caller.as_slice().to_vec().into()));
        assert_eq!(tx.get("fee_collector").and_then(account_from_value), collector);
    }
}

/// The example as older code wrote it, with the type in `btype`.
fn example_with_btype() -> ICRC3Value {
    let ICRC3Value::Map(mut map) = example().to_value() else {
        panic!("a block is a map")
    };
    map.insert("btype".into(), ICRC3Value::Text("2xfer".into()));
    ICRC3Value::Map(map)
}

fn stored(hexadecimal: &str) -> Vec<u8> {
    hex::decode(hexadecimal.trim()).unwrap()
}

/// Bytes as version 1 stored them: they must decode for ever, to the value that was hashed.
#[test]
fn should_decode_version_1() {
    let stored = stored(include_str!("tests/version_1.hex"));
    assert_eq!((dedup_tag(&stored), dedup_minter(&stored)), (Ok(0), Ok(None)));
    assert_eq!(decode(&stored), Ok(example_with_btype()));
}

/// As [`should_decode_version_1`]: while blocks had a `btype`, and since they have none.
#[test]
fn should_decode_version_2() {
    let tag = 0x0807_0605_0403_0201;
    for (hexadecimal, value) in [
        (include_str!("tests/version_2.hex"), example_with_btype()),
        (include_str!("tests/version_2_by_op.hex"), example().to_value()),
    ] {
        let stored = stored(hexadecimal);
        assert_eq!((dedup_tag(&stored), dedup_minter(&stored)), (Ok(tag), Ok(None)));
        assert_eq!(decode(&stored), Ok(value));
    }
    assert_eq!(
        example().encode(tag, None),
        stored(include_str!("tests/version_2_by_op.hex"))
    );
    assert_eq!(
        example().encode_by_older_code(tag),
        stored(include_str!("tests/version_2.hex"))
    );
}

/// As [`should_decode_version_1`].
#[test]
fn should_decode_version_3() {
    let tag = 0x0807_0605_0403_0201;
    let minter = Principal::from_slice(&[10, 11, 12]);
    let stored = stored(include_str!("tests/version_3.hex"));
    assert_eq!(example().encode(tag, Some(&minter)), stored);
    assert_eq!((dedup_tag(&stored), dedup_minter(&stored)), (Ok(tag), Ok(Some(minter))));
    assert_eq!(decode(&stored), Ok(example().to_value()));
}

#[test]
fn should_know_what_older_code_remembered_a_fee_collector_by() {
    let collector = Account::from(Principal::from_slice(&[7; 29]));
    let transaction = Transaction::set_fee_collector(Some(collector), Some(5), Principal::from_slice(&[8; 10]));
    let ICRC3Value::Map(mut map) = transaction.to_value() else {
        panic!("a transaction is a map")
    };
    let method = map.remove("mthd").unwrap();
    map.insert("op".into(), method);
    assert_eq!(transaction.hash_by_older_code(), ICRC3Value::Map(map).hash());
    let transfer = example().transaction;
    assert_eq!(transfer.hash_by_older_code(), transfer.hash());
}

#[test]
fn should_remember_the_same_mint_of_two_minters_by_two_hashes() {
    let [one, other] = [1, 2].map(|byte| minters_hash(&[9; 32], &Principal::from_slice(&[byte; 29])));
    assert_ne!(one, other);
    assert_ne!(one, [9; 32]);
    let expected: Sha256Hash = Sha256::digest([vec![9; 32], vec![1; 29]].concat()).into();
    assert_eq!(one, expected);
}

#[test]
fn should_refuse_other_versions_and_trailing_bytes() {
    let mut stored = example().encode(0, None);
    stored.push(0);
    assert_eq!(decode(&stored), Err(DecodeError::Malformed));
    stored[0] = 4;
    assert_eq!(decode(&stored), Err(DecodeError::UnknownVersion));
    assert_eq!(decode(&[]), Err(DecodeError::Malformed));
    // A map with one key twice, and values nested without end.
    assert_eq!(decode(&[1, 4, 2, 2, 2, 0, 2, 2, 0]), Err(DecodeError::Malformed));
    assert_eq!(
        decode(&[vec![1], [3, 1].repeat(100)].concat()),
        Err(DecodeError::Malformed)
    );
}

/// `icrc-ledger-types` has a schema of its own for each block type.
#[test]
fn should_follow_the_published_schemas() {
    use icrc_ledger_types::icrc::generic_value::Value;
    let collector = Account::from(Principal::from_slice(&[7; 29]));
    for collector in [None, Some(collector)] {
        let block = Block {
            fee: None,
            transaction: Transaction::set_fee_collector(collector, Some(5), Principal::from_slice(&[8; 10])),
            ..example()
        };
        let value = Value::from(block.to_value());
        assert_eq!(
            icrc_ledger_types::icrc107::schema::validate(&value)
                .err()
                .map(|e| e.to_string()),
            None
        );
    }
    for operation in [
        Operation::Mint,
        Operation::Burn,
        Operation::Transfer,
        Operation::Approve,
    ] {
        let mut block = example();
        block.transaction.operation = operation;
        match operation {
            Operation::Mint => (block.transaction.from, block.transaction.spender) = (None, None),
            Operation::Burn | Operation::Approve => block.transaction.to = None,
            _ => {}
        }
        let value = Value::from(block.to_value());
        assert_eq!(
            icrc_ledger_types::icrc3::schema::validate(&value)
                .err()
                .map(|e| e.to_string()),
            None,
            "{operation:?}"
        );
    }
}
