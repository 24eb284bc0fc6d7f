//! A listed ledger that never answers holds up nobody: neither sales and payouts in other assets,
//! nor an upgrade.
#![allow(clippy::unwrap_used, reason = "test code")]

use std::time::Duration;

use candid::Principal;
use ddsx_tests::ledger::FEE;
use ddsx_tests::registry::{Market, buyer, contributor, governance, provider};
use ddsx_tests::{World, silent_ledger};
use ddsx_types::AssetListing;
use ddsx_types::stream_registry::{
    AddPlanArgs, BuyArgs, BuyError, Licence, PlanId, PlanKind, Price, Quote, QuoteArgs, QuoteError, RegistryArgs,
    StreamError, StreamId,
};
use pocket_ic::common::rest::RawMessageId;
use serde_bytes::ByteBuf;

const PRICE: u64 = 1_000_000_000;

/// Lists a silent ledger and offers the stream in it.
fn offer_in_silence(market: &Market<'_>, stream: StreamId) -> (Principal, PlanId) {
    let world = market.world;
    let ledger = silent_ledger::install(world);
    let listing = AssetListing {
        ledger,
        symbol: "MUTE".into(),
        decimals: 8,
        fee: FEE.into(),
        transaction_window_ns: None,
        dedup_first: true,
        payout_threshold: (10 * FEE).into(),
    };
    world.call::<_, ()>(governance(), market.id, "list_asset", (listing,));
    let args = AddPlanArgs {
        stream,
        name: "in silence".into(),
        kind: PlanKind::Perpetual,
        prices: vec![Price {
            ledger,
            amount: PRICE.into(),
        }],
    };
    let added: Result<PlanId, StreamError> = world.call(provider(), market.id, "add_plan", (args,));
    (ledger, added.unwrap())
}

/// Begins a purchase that will not be answered.
fn buy_in_silence(market: &Market<'_>, ledger: Principal, plan: PlanId, request: u8) -> (RawMessageId, BuyArgs) {
    let ledger = Some(ledger);
    let quote: Result<Quote, QuoteError> = market.world.query(market.id, "quote", (QuoteArgs { plan, ledger },));
    let quote = quote.unwrap();
    let args = BuyArgs {
        plan,
        ledger,
        from_subaccount: None,
        max_price: quote.price,
        terms_hash: quote.terms_hash,
        recipient: None,
        request_id: ByteBuf::from([request; 16]),
    };
    let argument = candid::encode_one(&args).unwrap();
    let message = market.world.pic.submit_call(market.id, buyer(), "buy", argument);
    let message = message.unwrap();
    market.world.settle();
    (message, args)
}

fn answer(market: &Market<'_>, message: RawMessageId) -> Result<Licence, BuyError> {
    candid::decode_one(&market.world.pic.await_call(message).unwrap()).unwrap()
}

#[test]
fn should_sell_pay_out_and_be_upgraded_beside_a_ledger_that_never_answers() {
    let world = World::new();
    let market = Market::open(&world);
    let stream = market.create_stream("events", 2);
    market.append_next(stream, vec![market.chunk(b"one", &[(0, 1), (1, 1)])]);
    let plan = market.add_plan(stream, PlanKind::Perpetual, PRICE);
    let (silent, mute_plan) = offer_in_silence(&market, stream);

    let (waiting, args) = buy_in_silence(&market, silent, mute_plan, 1);
    assert_eq!(market.metric("payments_pending"), 1);

    // Others buy in another asset meanwhile, and are paid.
    assert_eq!(market.purchase(plan, 2).stream, stream);
    market.wait(Duration::from_secs(150));
    assert!(market.ledger.balance(contributor(0)) > 0_u8);
    assert!(market.ledger.balance(contributor(1)) > 0_u8);
    let answered = answer(&market, waiting);
    assert!(matches!(answered, Err(BuyError::Pending { .. })), "{answered:?}");

    // Stopped with a purchase under way, the registry stops when the wait is over, is upgraded, and
    // goes on.
    let (waiting, _) = buy_in_silence(&market, silent, mute_plan, 3);
    let stop = world.begin_stop(market.id);
    world.settle();
    world.advance(Duration::from_secs(61));
    world.pic.await_call(stop).unwrap();
    let module = World::module("stream_registry");
    let argument = candid::encode_one(None::<RegistryArgs>).unwrap();
    world
        .pic
        .upgrade_canister(market.id, module, argument, Some(world.controller))
        .unwrap();
    world.pic.start_canister(market.id, Some(world.controller)).unwrap();
    world.settle();
    let answered = answer(&market, waiting);
    assert!(matches!(answered, Err(BuyError::Pending { .. })), "{answered:?}");
    let again: Result<Licence, BuyError> = world.call(buyer(), market.id, "buy", (args,));
    assert!(matches!(again, Err(BuyError::Pending { .. })), "{again:?}");
    assert_eq!(market.metric("payments_pending"), 2);

    assert_eq!(market.purchase(plan, 4).stream, stream);
    market.wait(Duration::from_secs(150));
    market.check();
}
