use std::fmt::Debug;

use ddsx_merkle_log::{ContentType, LogRecord, sha256};
use ddsx_revenue::{Payee, Pool, Split, U256};
use ddsx_types::stream_registry::{LicenceTerms, PlanKind, StreamStatus};

use super::*;
use crate::storage::codec::{Malformed, Record};
use crate::testing::{LEDGER, OWNER, holder};

/// What is written now reads back, and so do the bytes that version 1 wrote: they are in the canisters that run.
fn check<T: Record + PartialEq + Debug>(record: &T, version_1: &str) {
    let bytes = record.encode();
    assert_eq!(T::decode(&bytes).as_ref(), Ok(record));
    let old = hex::decode(version_1).expect("hexadecimal");
    assert_eq!(T::decode(&old).as_ref(), Ok(record), "now: {}", hex::encode(&bytes));
    for end in 0..bytes.len() {
        assert_eq!(T::decode(&bytes[..end]), Err(Malformed), "cut at {end}");
    }
    let mut longer = bytes.clone();
    longer.push(0);
    assert_eq!(T::decode(&longer), Err(Malformed));
    let mut newer = bytes;
    newer[0] = T::VERSION + 1;
    assert_eq!(T::decode(&newer), Err(Malformed));
}

#[test]
fn should_read_settings() {
    let settings = Settings {
        governance: OWNER,
        treasury: holder(7),
        protocol_fee_bps: 250,
        paused: true,
        payout_interval_s: 60,
        legacy_paid_until: 0,
        legacy_next: 0,
        legacy_end: 0,
    };
    check(&settings, "0102010102c8070000fa01000000000000003c");
}

#[test]
fn should_read_counters() {
    let counters = Counters {
        streams: 1,
        plans: 2,
        licences: 3,
        assets: 4,
        chunks: 5,
        bytes: 6,
    };
    check(
        &counters,
        "010000000000000001000000000000000200000000000000030000000400000000000000050000000000000006",
    );
}

#[test]
fn should_read_assets() {
    let asset = AssetRecord {
        number: 3,
        ledger: LEDGER,
        listed: true,
        symbol: "DST".to_owned(),
        decimals: 8,
        fee: 10_000,
        transaction_window_ns: Some(86_400_000_000_000),
        dedup_first: true,
        payout_threshold: 1_000_000,
        minting_account: None,
        storage: Some(StorageTariff {
            deposit: 100_000_000,
            gib_month: 100_000_000,
            accepted: true,
        }),
    };
    check(
        &asset,
        concat!(
            "01000000030a00000000000000090101010000000344535408000000000000000000000000000027100100004e94914f0000",
            "01000000000000000000000000000f4240"
        ),
    );
    let asset = AssetRecord {
        minting_account: Some(holder(7)),
        ..asset
    };
    let version_2 = concat!(
        "02000000030a00000000000000090101010000000344535408000000000000000000000000000027100100004e94914f0000",
        "01000000000000000000000000000f4240",
        "0102c80700",
        "0100000000000000000000000005f5e10000000000000000000000000005f5e10001"
    );
    assert_eq!(hex::encode(asset.encode()), version_2);
    check(&asset, version_2);
}

#[test]
fn should_read_streams() {
    let meta = StreamMeta {
        name: "quakes".to_owned(),
        description: "Erdbeben".to_owned(),
        tags: vec!["a".to_owned(), "b".to_owned()],
        content_type: "application/x-ndjson".to_owned(),
        schema: Some("{}".to_owned()),
        licence_terms: LicenceTerms::Spdx("CC0-1.0".to_owned()),
        contact: None,
        created_at: 9,
    };
    check(
        &meta,
        concat!(
            "01000000067175616b657300000008457264626562656e0000000200000001610000000162000000146170706c6963617469",
            "6f6e2f782d6e646a736f6e01000000027b7d00000000074343302d312e30000000000000000009"
        ),
    );
    let state = StreamState {
        owner: OWNER,
        provider_account: holder(1),
        contributors_share_bps: 7_000,
        status: StreamStatus::Closed,
        content: ContentType::JSON_LINES,
        head_timestamp: 5,
        records: 6,
        bytes: 7,
        contributors: 8,
        total_weight: 9,
        publishers: 10,
        plans: 11,
        free_plans: 12,
        assets: vec![0, 3],
        extents: vec![64, 1_088],
        log: LogRecord::default(),
        upkeep: None,
    };
    check(
        &state,
        concat!(
            "0102010102c801001b5801000200000000000000050000000000000006000000000000000700000008000000000000000900",
            "00000a0000000b0000000c000000020000000000000003000000020000000000000040000000000000044000000009010000",
            "000000000000"
        ),
    );
}

#[test]
fn should_read_contributors_and_publishers() {
    let contributor = ContributorRecord {
        label: "se".to_owned(),
        label_hash: sha256(b"se"),
        account: Some(AccountBinding {
            account: holder(1),
            bound_at: 2,
            payable_from: 3,
        }),
        weight: 4,
    };
    check(
        &contributor,
        concat!(
            "01000000027365ad9a67fefa847de87753df6794a0ae466431e76ad1fb4db58fbbe836d1dde0e70102c80100000000000000",
            "000200000000000000030000000000000004"
        ),
    );
    check(
        &PublisherRecord::new(Some(8), 1 << 30, 10_000_000),
        "01010000000000000008",
    );
}

#[test]
fn should_read_plans_and_licences() {
    let plan = PlanRecord {
        stream: 1,
        name: "month".to_owned(),
        kind: PlanKind::Subscription { duration_ns: 77 },
        prices: vec![(LEDGER, 5)],
        offered: true,
    };
    check(
        &plan,
        concat!(
            "010000000000000001000000056d6f6e746800000000000000004d000000010a000000000000000901010000000000000000",
            "000000000000000501"
        ),
    );
    check(&LicenceRecord { encoded: vec![1, 2, 3] }, "0100000003010203");
}

#[test]
fn should_read_books() {
    let mut pool = Pool::default();
    pool.receive(&Split::new(250, 3_000).unwrap(), 1_000, 3).unwrap();
    pool.begin_payout(Payee::Provider, 200).unwrap();
    check(
        &StreamBook { pool, unswept: 9 },
        concat!(
            "010000018901000000000000000000000000000000e3aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa000000000000000200000000",
            "000000000000000000000000000000000000000000000000000002ab00000000000000000000000000000000000000000000",
            "000000000000000003e800000000000000000000000000000019000000000000000000000000000000000000000000000000",
            "0000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000",
            "0000000000000000000000000000000000000000005c000000000000000000000000000000c8000000000000000000000000",
            "0000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000",
            "0000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000",
            "0000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000",
            "0000000000000000000000000009"
        ),
    );
    check(
        &DayBook {
            licences: 7,
            received: (U256::from(1) << 128) + U256::from(2),
        },
        concat!(
            "010000000000000007",
            "0000000000000000000000000000000100000000000000000000000000000002"
        ),
    );
    let book = AssetBook {
        received: U256::from(1_000) << 130,
        paid_out: U256::from(2),
        ledger_fees: U256::from(3),
        standing: Standing::of(&pool),
        treasury: Pool::default(),
    };
    check(
        &book,
        concat!(
            "0100000000000000000000000000000fa0000000000000000000000000000000000000000000000000000000000000000000",
            "0000000000000000000000000000020000000000000000000000000000000000000000000000000000000000000003000000",
            "00000000000000000000000075000000000000000000000000000000c8000000000000000000000000000000000000000000",
            "00000000000000000002ab000001890100000000000000000000000000000000000000000000000000000000000000000000",
            "0000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000",
            "0000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000",
            "0000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000",
            "0000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000",
            "0000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000",
            "0000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000",
            "0000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000",
            "0000000000000000"
        ),
    );
    assert_eq!(
        wide_nat(U256::from(3) << 128).to_string().replace('_', ""),
        "1020847100762815390390123822295304634368"
    );
}

#[test]
fn should_read_purposes() {
    let purchase = Purchase {
        recipient: holder(3),
        stream: 1,
        plan: 2,
        kind: PlanKind::Perpetual,
        terms_hash: sha256(b"terms"),
        payment: Some((LEDGER, 0, 5)),
        protocol_fee_bps: 250,
    };
    check(
        &Purpose::Purchase(purchase),
        concat!(
            "010002c80300000000000000000100000000000000020151d2361f4faea3bc8f9facdbc7d99abb555596a2e51f7b25fd3b41",
            "c93587e616010a00000000000000090101000000000000000000000000000000000000000500fa"
        ),
    );
    for payee in [
        PayeeKey::Treasury { asset: 1 },
        PayeeKey::Provider { stream: 2, asset: 1 },
        PayeeKey::Contributor {
            stream: 2,
            asset: 1,
            number: 3,
        },
    ] {
        assert_eq!(PayeeKey::decode(&payee.encode()), Ok(payee));
    }
    let payee = PayeeKey::Contributor {
        stream: 2,
        asset: 1,
        number: 3,
    };
    check(
        &Purpose::Payout { payee, due: 99 },
        "0101020000000000000002000000010000000300000000000000000000000000000063",
    );
    check(
        &FreeRequest {
            arguments: sha256(b"args"),
            licence: 4,
        },
        "01090772cf4068973daad3f715eb788d39fe2c02be42efd86de81f0e59198d62370000000000000004",
    );
}
