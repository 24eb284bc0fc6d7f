use std::fmt::Debug;

use candid::Principal;
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
    };
    check(&settings, "");
}

#[test]
fn should_read_counters() {
    let counters = Counters { streams: 1, plans: 2, licences: 3, assets: 4, chunks: 5, bytes: 6 };
    check(&counters, "");
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
    };
    check(&asset, "");
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
    check(&meta, "");
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
    };
    check(&state, "");
}

#[test]
fn should_read_contributors_and_publishers() {
    let contributor = ContributorRecord {
        label: "se".to_owned(),
        label_hash: sha256(b"se"),
        account: Some(AccountBinding { account: holder(1), bound_at: 2, payable_from: 3 }),
        weight: 4,
    };
    check(&contributor, "");
    check(&PublisherRecord { expires_at: Some(8) }, "");
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
    check(&plan, "");
    check(&LicenceRecord { encoded: vec![1, 2, 3] }, "");
}

#[test]
fn should_read_books() {
    let mut pool = Pool::default();
    pool.receive(&Split::new(250, 3_000).unwrap(), 1_000, 3).unwrap();
    pool.begin_payout(Payee::Provider, 200).unwrap();
    check(&StreamBook { pool, unswept: 9 }, "");
    let book = AssetBook {
        received: U256::from(1_000) << 130,
        paid_out: U256::from(2),
        ledger_fees: U256::from(3),
        standing: Standing::of(&pool),
        treasury: Pool::default(),
    };
    check(&book, "");
    assert_eq!(wide_nat(U256::from(3) << 128).to_string().replace('_', ""), "1020847100762815390390123822295304634368");
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
    check(&Purpose::Purchase(purchase), "");
    for payee in [
        PayeeKey::Treasury { asset: 1 },
        PayeeKey::Provider { stream: 2, asset: 1 },
        PayeeKey::Contributor { stream: 2, asset: 1, number: 3 },
    ] {
        assert_eq!(PayeeKey::decode(&payee.encode()), Ok(payee));
    }
    let payee = PayeeKey::Contributor { stream: 2, asset: 1, number: 3 };
    check(&Purpose::Payout { payee, due: 99 }, "");
    check(&FreeRequest { arguments: sha256(b"args"), licence: 4 }, "");
    let _ = Principal::anonymous();
}
