use candid::{Principal, encode_one};
use ic_certification::{HashTree, LookupResult};
use ic_stable_structures::VectorMemory;
use icrc_ledger_types::icrc::generic_value::ICRC3Value;
use icrc_ledger_types::icrc1::account::Account;
use icrc_ledger_types::icrc1::transfer::TransferArg;

use super::*;
use crate::ledger::test_support::{NOW, account, install, transfer, user};

fn range(start: impl Into<Nat>, length: impl Into<Nat>) -> GetBlocksRequest {
    GetBlocksRequest {
        start: start.into(),
        length: length.into(),
    }
}

fn ids(result: &GetBlocksResult) -> Vec<u64> {
    result.blocks.iter().map(|block| to_u64(&block.id).unwrap()).collect()
}

/// A ledger with this many blocks, the first of them a mint.
fn with_blocks(blocks: u64) -> Ledger<VectorMemory> {
    let mut ledger = install(&[(account(1), 900_000_000)]);
    for n in 1..blocks {
        ledger.transfer(user(1), transfer(account(2), n.into()), NOW).unwrap();
    }
    ledger
}

#[test]
fn should_serve_ranges_as_asked_and_nothing_beyond_the_end() {
    let ledger = with_blocks(10);
    let huge = Nat::from(u128::MAX) + 1_u8;
    let table: [(Vec<GetBlocksRequest>, Vec<u64>); 8] = [
        (vec![], vec![]),
        (vec![range(0_u8, 0_u8)], vec![]),
        (vec![range(0_u8, 3_u8)], vec![0, 1, 2]),
        (vec![range(8_u8, 5_u8)], vec![8, 9]),
        (vec![range(10_u8, 5_u8)], vec![]),
        (
            vec![range(4_u8, 2_u8), range(4_u8, 1_u8), range(0_u8, 1_u8)],
            vec![4, 5, 4, 0],
        ),
        (vec![range(8_u8, huge.clone()), range(huge, 1_u8)], vec![8, 9]),
        (vec![range(u64::MAX, u64::MAX), range(9_u8, u64::MAX)], vec![9]),
    ];
    for (ranges, expected) in table {
        let result = get_blocks(&ledger, &ranges, false);
        assert_eq!(ids(&result), expected, "{ranges:?}");
        assert_eq!(result.log_length, 10_u8);
        assert!(result.archived_blocks.is_empty());
    }
}

#[test]
fn should_give_at_most_2_000_blocks_over_all_ranges() {
    let ledger = with_blocks(1_500);
    let ranges = [range(0_u8, 1_500_u64), range(100_u8, 1_500_u64)];
    let expected: Vec<u64> = (0..1_500).chain(100..600).collect();
    assert_eq!(ids(&get_blocks(&ledger, &ranges, false)), expected);
    assert_eq!(
        ids(&get_blocks(&ledger, &ranges, true)),
        expected[..500],
        "where all nodes read them"
    );
}

#[test]
fn should_bound_the_bytes_of_the_reply_and_always_give_one_block() {
    let ledger = with_blocks(50);
    let all = [range(0_u8, 50_u8)];
    let size = |blocks: &[BlockWithId]| -> usize {
        blocks
            .iter()
            .map(|block| size::of_nat(&block.id) + size::of_value(&block.block))
            .sum()
    };
    for max_bytes in [1, 500, 5_000] {
        let blocks = blocks_within(&ledger, &all, MAX_BLOCKS, max_bytes);
        let next = blocks_within(&ledger, &[range(blocks.len(), 1_u8)], MAX_BLOCKS, max_bytes);
        assert!(blocks.len() == 1 || size(&blocks) <= max_bytes, "{max_bytes}");
        assert!(
            size(&blocks) + size(&next) > max_bytes,
            "{max_bytes}: one more would have fitted"
        );
    }
}

/// The largest block that there is, as often as one answer takes it.
#[test]
fn should_fit_a_replicated_reply_whatever_the_blocks() {
    let owner = |byte| Account {
        owner: Principal::from_slice(&[byte; 29]),
        subaccount: Some([byte; 32]),
    };
    let block = crate::block::Block {
        parent_hash: Some([1; 32]),
        timestamp: u64::MAX,
        fee: Some(u128::MAX),
        transaction: crate::block::Transaction {
            operation: crate::block::Operation::Transfer,
            from: Some(owner(1)),
            to: Some(owner(2)),
            spender: Some(owner(3)),
            amount: u128::MAX,
            fee: Some(u128::MAX),
            memo: Some(vec![1; 80]),
            created_at_time: Some(u64::MAX),
            expected_allowance: Some(u128::MAX),
            expires_at: Some(u64::MAX),
            caller: None,
        },
    };
    let value = block.to_value();
    let count = (MAX_BYTES / (10 + size::of_value(&value))).min(MAX_BLOCKS);
    let reply = GetBlocksResult {
        log_length: u64::MAX.into(),
        blocks: vec![
            BlockWithId {
                id: u64::MAX.into(),
                block: value,
            };
            count
        ],
        archived_blocks: vec![],
    };
    let bytes = encode_one(&reply).unwrap().len();
    assert!(bytes < 2 * 1024 * 1024, "{bytes} bytes");
}

#[test]
fn should_let_an_outsider_follow_the_log_from_the_certified_tip() {
    let mut ledger = with_blocks(5);
    let named = TransferArg {
        fee: Some(10_000_u64.into()),
        created_at_time: Some(NOW),
        memo: Some(vec![1, 2].into()),
        ..transfer(account(3), 7)
    };
    ledger.transfer(user(1), named, NOW).unwrap();
    let (index, hash) = ledger.tip().unwrap();
    let certificate = tip_certificate(ledger.tip(), Some(vec![1, 2, 3])).unwrap();
    assert_eq!(certificate.certificate, vec![1, 2, 3]);

    let tree: HashTree = serde_cbor::from_slice(&certificate.hash_tree).unwrap();
    assert_eq!(tree.digest(), tip_root(index, &hash));
    assert_eq!(tree.lookup_path(["last_block_hash"]), LookupResult::Found(&hash[..]));
    assert_eq!(tree.lookup_path(["last_block_index"]), LookupResult::Found(&[5]));

    let mut expected = hash.to_vec();
    for block in get_blocks(&ledger, &[range(0_u8, 6_u8)], false)
        .blocks
        .into_iter()
        .rev()
    {
        let ICRC3Value::Map(map) = &block.block else {
            panic!("a block is a map")
        };
        assert_eq!(block.block.clone().hash()[..], expected, "block {}", block.id);
        match map.get("phash") {
            Some(ICRC3Value::Blob(parent)) => expected = parent.to_vec(),
            None => assert_eq!(block.id, 0_u8),
            Some(other) => panic!("phash is {other}"),
        }
    }
}

#[test]
fn should_have_no_certificate_without_blocks_or_outside_of_queries() {
    assert!(tip_certificate(None, Some(vec![1])).is_none());
    assert!(tip_certificate(Some((0, [1; 32])), None).is_none());
    assert!(archives(&GetArchivesArgs { from: None }).is_empty());
}

#[test]
fn should_write_the_tree_as_the_interface_specification_has_it() {
    for index in [0, 127, 128, u64::MAX] {
        let cbor = tip_tree_cbor(index, &[7; 32]);
        assert_eq!(cbor, serde_cbor::to_vec(&crate::tip::tree(index, &[7; 32])).unwrap());
        let tree: HashTree = serde_cbor::from_slice(&cbor).unwrap();
        assert_eq!(tree.digest(), tip_root(index, &[7; 32]));
    }
}

/// ICRC-3, HASHINGVALUES.md, "Test vectors".
#[test]
fn should_hash_values_as_the_published_vectors() {
    let blob = |text: &str| ICRC3Value::Blob(ByteBuf::from(hex::decode(text).unwrap()));
    let nat = |number: u64| ICRC3Value::Nat(number.into());
    let principals = [
        "00abcdef0012340056789a00bcdef000012345678900abcdef01",
        "00ab0def0012340056789a00bcdef000012345678900abcdef01",
    ];
    let map = [
        ("from", blob(principals[0])),
        ("to", blob(principals[1])),
        ("amount", nat(42)),
        ("created_at", nat(1_699_218_263)),
        ("memo", nat(0)),
    ];
    let map = map.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
    let table = [
        (
            nat(42),
            "684888c0ebb17f374298b65ee2807526c066094c701bcc7ebbe1c1095f494fc1",
        ),
        (
            ICRC3Value::Int((-42).into()),
            "de5a6f78116eca62d7fc5ce159d23ae6b889b365a1739ad2cf36f925a140d0cc",
        ),
        (
            ICRC3Value::Text("Hello, World!".into()),
            "dffd6021bb2bd5b0af676290809ec3a53191dd81c7f70a4b28688a362182986f",
        ),
        (
            blob("01020304"),
            "9f64a747e1b97f131fabb6b447296c9b6f0201e79fb3c5356e6c77e89b6a806a",
        ),
        (
            ICRC3Value::Array(vec![nat(3), ICRC3Value::Text("foo".into()), blob("0506")]),
            "514a04011caa503990d446b7dec5d79e19c221ae607fb08b2848c67734d468d6",
        ),
        (
            ICRC3Value::Map(map),
            "c56ece650e1de4269c5bdeff7875949e3e2033f85b2d193c2ff4f7f78bdcfc75",
        ),
    ];
    for (value, expected) in table {
        assert_eq!(hex::encode(value.clone().hash()), expected, "{value}");
    }
}

#[test]
fn should_name_every_block_type_with_its_text() {
    let types: Vec<String> = supported_block_types()
        .into_iter()
        .map(|kind| kind.block_type)
        .collect();
    assert_eq!(types, ["1mint", "1burn", "1xfer", "2approve", "2xfer", "107feecol"]);
    assert!(
        supported_block_types()
            .iter()
            .all(|kind| kind.url.starts_with("https://"))
    );
}
