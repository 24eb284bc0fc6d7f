//! Bytes of every version, made by another program than the one under test, and round trips of whatever can be stored.

use super::*;
use ddsx_types::Account;
use proptest::prelude::*;

const PENDING_V1: &str = "01000000000000000700000a00000000000000020101001daaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa011111111111111111111111111111111111111111111111111111111111111111000a0000000000000001010100000000000000000000000000075bcd150000000000000000000000000000271018867251edfa00001886c0e67f49000001001daaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa00037768790010000102030405060708090a0b0c0d0e0f0000000300000002188672544205e400000000";
const QUARANTINED_V1: &str = "01000000000000000700000a00000000000000020101001daaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa011111111111111111111111111111111111111111111111111111111111111111000a0000000000000001010100000000000000000000000000075bcd150000000000000000000000000000271018867251edfa00001886c0e67f49000001001daaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa00037768790010000102030405060708090a0b0c0d0e0f0000000300000002188672544205e400000001188672693670e800";
const PAID_V1: &str = "01000000000000000701000a00000000000000020101001daaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa011111111111111111111111111111111111111111111111111111111111111111000a0000000000000001010100000000000000000000000000075bcd150000000000000000000000000000271018867251edfa00001886c0e67f49000001001daaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa000000000000000300000002188672544205e40000076c6963656e636502188672693670e8000000000000000000000000000000002a";

const SETTLED_AT: u64 = 1_767_225_700_000_000_000;

fn sample(direction: Direction, state: State) -> Intent {
    Intent {
        id: 7,
        direction,
        ledger: Principal::from_slice(&[0, 0, 0, 0, 0, 0, 0, 2, 1, 1]),
        from: Account {
            owner: Principal::from_slice(&[0xaa; 29]),
            subaccount: Some([0x11; 32]),
        },
        to: Account {
            owner: Principal::from_slice(&[0, 0, 0, 0, 0, 0, 0, 1, 1, 1]),
            subaccount: None,
        },
        amount: 123_456_789,
        fee: 10_000,
        created_at_time: 1_767_225_600_000_000_000,
        window_ends_at: 1_767_312_000_000_000_000,
        dedup_first: true,
        caller: Principal::from_slice(&[0xaa; 29]),
        purpose: b"why".to_vec(),
        request_id: Some((0..16).collect()),
        attempts: 3,
        doubtful: 2,
        indexed_at: 1_767_225_610_000_000_000,
        state,
        result: Vec::new(),
        by_ledger: false,
    }
}

#[test]
fn should_read_and_write_intents_of_version_1() {
    let paid = Intent {
        purpose: Vec::new(),
        request_id: None,
        result: b"licence".to_vec(),
        ..sample(
            Direction::Push,
            State::Paid {
                block: 42,
                at: SETTLED_AT,
            },
        )
    };
    for (bytes, intent) in [
        (PENDING_V1, sample(Direction::Pull, State::Pending)),
        (
            QUARANTINED_V1,
            sample(Direction::Pull, State::Quarantined { since: SETTLED_AT }),
        ),
        (PAID_V1, paid),
    ] {
        assert_eq!(decode_intent(&hex::decode(bytes).unwrap()), Ok(intent.clone()));
        assert_eq!(hex::encode(encode_intent(&intent)), bytes);
        // Version 2 has the same fields, and is counted by ledger.
        let bytes = format!("02{}", &bytes[2..]);
        let intent = Intent {
            by_ledger: true,
            ..intent
        };
        assert_eq!(decode_intent(&hex::decode(&bytes).unwrap()), Ok(intent.clone()));
        assert_eq!(hex::encode(encode_intent(&intent)), bytes);
    }
}

#[test]
fn should_read_and_write_failures_of_version_1() {
    let table = [
        (
            "000000000000000000000000000000000a",
            Failure::BadFee { expected_fee: 10 },
        ),
        (
            "010000000000000000000000000000000b",
            Failure::BadBurn { min_burn_amount: 11 },
        ),
        (
            "020000000000000000000000000000000c",
            Failure::InsufficientFunds { balance: 12 },
        ),
        (
            "030000000000000000000000000000000d",
            Failure::InsufficientAllowance { allowance: 13 },
        ),
        ("04", Failure::TooOld),
        ("05000000000000000e", Failure::CreatedInFuture { ledger_time: 14 }),
        ("06", Failure::TemporarilyUnavailable),
        (
            "070000000000000000000000000000000f00026e6f",
            Failure::Generic {
                code: 15,
                message: "no".into(),
            },
        ),
        ("08", Failure::WindowEnded),
        ("09", Failure::UnpaidByEvidence),
    ];
    let pending = PENDING_V1.strip_suffix("00").unwrap();
    for (bytes, failure) in table {
        let bytes = format!("{pending}03188672693670e800{bytes}");
        let intent = sample(
            Direction::Pull,
            State::Failed {
                failure,
                at: SETTLED_AT,
            },
        );
        assert_eq!(decode_intent(&hex::decode(&bytes).unwrap()), Ok(intent.clone()));
        assert_eq!(hex::encode(encode_intent(&intent)), bytes);
    }
}

#[test]
fn should_read_and_write_the_other_records_of_version_1() {
    let request = Request {
        arguments: Hash([5; 32]),
        intent: 7,
    };
    let bytes = hex::decode(format!("01{}0000000000000007", "05".repeat(32))).unwrap();
    assert_eq!((decode_request(&bytes), encode_request(&request)), (Ok(request), bytes));

    let caller = Principal::from_slice(&[0xaa, 0xbb]);
    let key = RequestId {
        caller,
        id: (0..16).collect(),
    };
    let bytes = hex::decode("0002aabb0010000102030405060708090a0b0c0d0e0f").unwrap();
    assert_eq!((decode_request_id(&bytes), encode_request_id(&key)), (Ok(key), bytes));

    for (bytes, key) in [
        ("0000000000000000050000000000000006", IndexKey::Due { at: 5, id: 6 }),
        ("010000000000000006", IndexKey::Quarantined { id: 6 }),
        (
            "0200000000000000050000000000000006",
            IndexKey::PruneFailed { at: 5, id: 6 },
        ),
        (
            "0300000000000000050000000000000006",
            IndexKey::PrunePaid { at: 5, id: 6 },
        ),
        ("040002aabb0000000000000006", IndexKey::Open { caller, id: 6 }),
    ] {
        assert_eq!(decode_index_key(&hex::decode(bytes).unwrap()), Ok(key.clone()));
        assert_eq!(hex::encode(encode_index_key(&key)), bytes);
    }

    let counters = Counters::from_array(std::array::from_fn(|i| i as u64 + 1));
    let numbers = (1_u64..=10).flat_map(u64::to_be_bytes);
    let bytes: Vec<u8> = std::iter::once(1).chain(numbers).collect();
    assert_eq!(
        (decode_counters(&bytes), encode_counters(&counters)),
        (Ok(counters), bytes)
    );
}

#[test]
fn should_refuse_what_is_cut_short_or_too_long() {
    let bytes = hex::decode(PAID_V1).unwrap();
    for length in 0..bytes.len() {
        assert!(decode_intent(&bytes[..length]).is_err(), "{length} bytes");
    }
    assert_eq!(
        decode_intent(&[&bytes[..], &[0]].concat()),
        Err(Malformed("bytes left over"))
    );
    assert_eq!(
        decode_intent(&[&[3], &bytes[1..]].concat()),
        Err(Malformed("unknown version"))
    );
}

prop_compose! {
    fn any_account()(owner in proptest::collection::vec(any::<u8>(), 0..=29), subaccount in any::<Option<[u8; 32]>>())
        -> Account
    {
        Account { owner: Principal::from_slice(&owner), subaccount }
    }
}

fn any_state() -> impl Strategy<Value = State> {
    let failure = prop_oneof![
        any::<u128>().prop_map(|expected_fee| Failure::BadFee { expected_fee }),
        any::<u128>().prop_map(|allowance| Failure::InsufficientAllowance { allowance }),
        any::<u64>().prop_map(|ledger_time| Failure::CreatedInFuture { ledger_time }),
        (any::<u128>(), ".{0,50}").prop_map(|(code, message)| Failure::Generic { code, message }),
        Just(Failure::WindowEnded),
    ];
    prop_oneof![
        Just(State::Pending),
        any::<u64>().prop_map(|since| State::Quarantined { since }),
        any::<(u128, u64)>().prop_map(|(block, at)| State::Paid { block, at }),
        (failure, any::<u64>()).prop_map(|(failure, at)| State::Failed { failure, at }),
    ]
}

proptest! {
    #[test]
    fn should_read_back_any_intent(
        (id, amount, fee, created_at_time, window_ends_at) in any::<(u64, u128, u128, u64, u64)>(),
        (attempts, doubtful, indexed_at, pull, dedup_first, by_ledger) in any::<(u32, u32, u64, bool, bool, bool)>(),
        (from, to) in (any_account(), any_account()),
        purpose in proptest::collection::vec(any::<u8>(), 0..=1_024),
        request_id in proptest::option::of(proptest::collection::vec(any::<u8>(), 16..=32)),
        result in proptest::collection::vec(any::<u8>(), 0..=64),
        state in any_state(),
    ) {
        let intent = Intent {
            id,
            direction: if pull { Direction::Pull } else { Direction::Push },
            ledger: to.owner,
            from,
            to,
            amount,
            fee,
            created_at_time,
            window_ends_at,
            dedup_first,
            caller: from.owner,
            purpose,
            request_id,
            attempts,
            doubtful,
            indexed_at,
            state,
            result,
            by_ledger,
        };
        prop_assert_eq!(decode_intent(&encode_intent(&intent)), Ok(intent));
    }

    #[test]
    fn should_not_panic_on_any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = decode_intent(&bytes);
        let _ = decode_index_key(&bytes);
        let _ = decode_request_id(&bytes);
    }
}
