//! The registry that landed before this one, upgraded with everything that it stores: `fixtures/stream_registry-1.wasm.gz`
//! is the module as commit ba4d826 built it. Streams, licences and money go on; proofs lead to the same roots.
#![allow(clippy::unwrap_used, reason = "test code")]

use std::time::Duration;

use candid::Nat;
use ddsx_tests::ledger::{FEE, approve, transfer};
use ddsx_tests::registry::{Market, buyer, contributor, governance, provider, pull_args};
use ddsx_tests::{Ledger, World, nanos};
use ddsx_types::stream_registry::{
    BuyError, CertifiedLicence, CreateStreamArgs, Licence, LicencesOfArgs, NewContributor, Page, PlanKind,
    PrepaidBalance, Pulled, RegistryArgs, StreamError, StreamId, TopUpArgs, TopUpError,
};
use ddsx_types::{Account, AssetListing};

const PRICE: u64 = 1_000_000_000;

fn landed() -> Vec<u8> {
    std::fs::read(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/fixtures/stream_registry-1.wasm.gz"
    ))
    .unwrap()
}

/// A market whose registry is the landed one.
fn old_market(world: &World) -> Market<'_> {
    let ledger = Ledger::install(world, &[(buyer().into(), ddsx_tests::registry::START)]);
    let listing = AssetListing {
        ledger: ledger.id,
        symbol: "DST".into(),
        decimals: 8,
        fee: FEE.into(),
        transaction_window_ns: None,
        dedup_first: true,
        payout_threshold: (10 * FEE).into(),
    };
    let args = RegistryArgs {
        governance: Some(governance()),
        assets: Some(vec![listing]),
        ..RegistryArgs::default()
    };
    let id = world.create();
    world.install_module_at(id, landed(), (Some(args),));
    Market { world, ledger, id }
}

/// What a stream holds and proves, as far as both releases say it.
#[derive(Debug, PartialEq)]
struct Seen {
    counts: (u64, u64, u64, u32),
    root: ddsx_types::Hash,
    payloads: Vec<Vec<u8>>,
    leaves: Vec<Vec<u8>>,
    due: Vec<(Nat, Nat)>,
    provider_due: Nat,
}

fn seen(market: &Market<'_>, stream: StreamId) -> Seen {
    let info = market.stream(stream);
    let pulled: Pulled = market.pull(provider(), pull_args(stream, 0)).unwrap();
    Seen {
        counts: (info.chunks, info.records, info.bytes, info.contributors),
        root: pulled.head.head.root,
        payloads: pulled.chunks.iter().map(|chunk| chunk.payload.to_vec()).collect(),
        leaves: pulled.chunks.iter().map(|chunk| chunk.leaf.to_vec()).collect(),
        due: market
            .contributor_revenue(stream)
            .into_iter()
            .map(|contributor| (contributor.balance.due, contributor.balance.paid))
            .collect(),
        provider_due: market.stream_revenue(stream).unwrap().provider.due,
    }
}

/// The buyer's tokens, sent to the provider, pay into the provider's balance.
fn top_up(market: &Market<'_>) {
    let (ledger, amount) = (market.ledger, 10 * PRICE);
    ledger.transfer(buyer(), transfer(provider(), 2 * amount)).unwrap();
    ledger.approve(provider(), approve(market.id, 2 * amount)).unwrap();
    let args = TopUpArgs {
        ledger: ledger.id,
        amount: amount.into(),
        from_subaccount: None,
        request_id: vec![9; 16].into(),
    };
    let topped: Result<PrepaidBalance, TopUpError> = market.world.call(provider(), market.id, "top_up", (args,));
    assert_eq!(topped.unwrap().free, Nat::from(amount));
}

fn licences(market: &Market<'_>) -> Vec<Licence> {
    let args = LicencesOfArgs {
        owner: buyer(),
        page: Page::default(),
    };
    market.world.query(market.id, "licences_of", (args,))
}

#[test]
fn should_carry_everything_of_the_landed_registry_over() {
    let world = World::new();
    let market = old_market(&world);
    let mut args = CreateStreamArgs {
        content_type: "application/x-ndjson".into(),
        schema: Some(r#"{"type":"object"}"#.into()),
        ..Market::stream_args("events", 2)
    };
    args.contributors.push(NewContributor {
        label: "unknown".into(),
        account: None,
    });
    let sold = market.create_stream_with(args);
    let empty = market.create_stream("empty", 0);
    for number in 0..70_u64 {
        let line = format!("{{\"event\":{number}}}\n{{\"event\":{number}}}\n");
        market.append_next(sold, vec![market.chunk(line.as_bytes(), &[(0, 1), (2, 1)])]);
    }
    let month = PlanKind::Subscription {
        duration_ns: nanos(Duration::from_hours(30 * 24)),
    };
    let monthly = market.add_plan(sold, month, PRICE);
    let free = market.add_plan(empty, PlanKind::Free, 0);
    market.purchase(monthly, 1);
    let mut free_args = market.buy_args(monthly, 2);
    free_args.plan = free;
    free_args.ledger = None;
    let quote: Result<ddsx_types::stream_registry::Quote, ddsx_types::stream_registry::QuoteError> = world.query(
        market.id,
        "quote",
        (ddsx_types::stream_registry::QuoteArgs {
            plan: free,
            ledger: None,
        },),
    );
    free_args.terms_hash = quote.unwrap().terms_hash;
    free_args.max_price = Nat::from(0_u8);
    market.buy(free_args).unwrap();
    // Sold before the stream has any weight: the contributors' part is held.
    let held_plan = market.add_plan(empty, PlanKind::Perpetual, PRICE);
    market.purchase(held_plan, 3);
    market.wait(Duration::from_mins(5));

    // A purchase and payouts that the upgrade finds under way.
    market.purchase(monthly, 4);
    market.approve(10 * PRICE);
    let pending = market.buy_args(monthly, 5);
    world
        .pic
        .stop_canister(market.ledger.id, Some(world.controller))
        .unwrap();
    assert!(matches!(market.buy(pending.clone()), Err(BuyError::Pending { .. })));

    let before = (seen(&market, sold), seen(&market, empty), licences(&market));
    market.upgrade();
    assert_eq!((seen(&market, sold), seen(&market, empty), licences(&market)), before);

    world
        .pic
        .start_canister(market.ledger.id, Some(world.controller))
        .unwrap();
    market.wait(Duration::from_hours(1));
    let licence = market.buy(pending).unwrap();
    assert_eq!(licence.id, 4, "the one that was under way");
    let certified: CertifiedLicence = world.query(market.id, "licence", (0_u64,));
    assert_eq!(certified.licence.as_ref(), before.2.first());
    assert!(certified.certificate.is_some() && !certified.witness.is_empty());
    assert!(market.ledger.balance(contributor(0)) > 0_u64);

    // It grows, sells and closes as before, once its owner's balance pays for what is added.
    top_up(&market);
    market.append_next(sold, vec![market.chunk(b"{\"event\":70}\n", &[(1, 1)])]);
    assert_eq!(market.stream(sold).chunks, 71);
    let again = market.purchase(monthly, 6);
    assert_eq!(again.owner, Account::from(buyer()));
    assert_eq!(market.pull(buyer(), pull_args(sold, 70)).unwrap().next, 71);
    let closed: Result<(), StreamError> = world.call(provider(), market.id, "close_stream", (empty,));
    closed.unwrap();
    market.wait(Duration::from_mins(10));
    market.check();
}
