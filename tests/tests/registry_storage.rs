//! Who pays for what the registry stores, on a network: a stream from its deposit to its end, and what the first release left.
#![allow(clippy::unwrap_used, reason = "test code")]

use std::time::Duration;

use candid::Nat;
use ddsx_tests::ledger::{FEE, approve, transfer};
use ddsx_tests::registry::{Market, buyer, governance, provider, pull_args, storage_price};
use ddsx_tests::world::World;
use ddsx_types::stream_registry::{
    Claimed, CreateStreamArgs, Page, PlanKind, PullError, RegistryArgs, StorageQuote, StorageQuoteArgs, StorageState,
    StreamError, StreamId, StreamPayment, StreamStorage, SuspendStreamArgs, TopUpError, WithdrawArgs, WithdrawError,
};
use serde_bytes::ByteBuf;

const DAY: Duration = Duration::from_hours(24);
/// 1 DST.
const DST: u64 = 100_000_000;

/// A registry in which a stream's deposit is 1 DST, and a GiB and month costs 1 DST: the default price.
fn market(world: &World) -> Market<'_> {
    priced(Market::open(world))
}

fn priced(market: Market<'_>) -> Market<'_> {
    let world = market.world;
    let () = world.call(
        governance(),
        market.id,
        "set_storage_price",
        (storage_price(market.ledger.id, DST, DST),),
    );
    market.ledger.transfer(buyer(), transfer(provider(), 20 * DST)).unwrap();
    market
}

fn quote(market: &Market<'_>) -> StorageQuote {
    let args = StorageQuoteArgs {
        ledger: market.ledger.id,
        stream: None,
        contributors: 2,
        chunks: 0,
        bytes: 0,
    };
    let quoted: Result<StorageQuote, StreamError> = market
        .world
        .try_query(provider(), market.id, "storage_quote", (args,))
        .unwrap();
    quoted.unwrap()
}

fn create_args(market: &Market<'_>, max: &Nat) -> CreateStreamArgs {
    CreateStreamArgs {
        payment: Some(StreamPayment {
            ledger: market.ledger.id,
            max: max.clone(),
            prepay: None,
            request_id: ByteBuf::from([9; 16]),
            from_subaccount: None,
        }),
        ..Market::stream_args("quakes", 2)
    }
}

fn create(market: &Market<'_>, args: CreateStreamArgs) -> Result<StreamId, StreamError> {
    market.world.call(provider(), market.id, "create_stream", (args,))
}

fn storage(market: &Market<'_>, stream: StreamId) -> StreamStorage {
    market.stream(stream).storage.unwrap()
}

fn withdraw(market: &Market<'_>) -> Claimed {
    let args = WithdrawArgs {
        ledger: market.ledger.id,
        amount: None,
        to_subaccount: None,
    };
    let paid: Result<Claimed, WithdrawError> = market.world.call(provider(), market.id, "withdraw", (args,));
    paid.unwrap()
}

#[test]
fn should_keep_what_is_paid_drop_what_is_not_and_give_the_deposit_back() {
    let world = World::new();
    keep_and_drop(&market(&world));
}

/// The registry of the release that landed before this one, upgraded while it stores what is paid and sold.
#[test]
fn should_keep_and_give_back_what_was_paid_at_the_landed_release() {
    let world = World::new();
    let landed = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/stream_registry-2.wasm.gz");
    keep_and_drop(&priced(Market::open_module(&world, std::fs::read(landed).unwrap())));
}

/// A stream from its deposit to its end; the registry is upgraded to the workspace's when the stream is paid for and has been sold.
fn keep_and_drop(market: &Market<'_>) {
    let world = market.world;

    // Nothing is stored for nothing.
    let unpaid = create(market, Market::stream_args("quakes", 2));
    assert!(matches!(unpaid, Err(StreamError::InvalidField { .. })), "{unpaid:?}");

    // One total, and what comes back; then one approval and one call.
    let quoted = quote(market);
    assert_eq!(
        (quoted.deposit.clone(), quoted.comes_back.clone()),
        (DST.into(), DST.into())
    );
    assert_eq!(
        (quoted.total.clone(), quoted.ledger_fee.clone()),
        (quoted.missing.clone(), FEE.into())
    );
    let held = market.ledger.balance(provider());
    let too_little = create_args(market, &(quoted.total.clone() - 1_u8));
    let refused = create(market, too_little);
    let above = StreamError::Payment(TopUpError::PriceAboveMax {
        price: quoted.total.clone(),
    });
    assert_eq!(refused, Err(above));
    market
        .ledger
        .approve(provider(), approve(market.id, quoted.missing.clone() + FEE))
        .unwrap();
    let stream = create(market, create_args(market, &quoted.total)).unwrap();
    let left = held - quoted.total.clone() - Nat::from(2 * FEE);
    assert_eq!(market.ledger.balance(provider()), left, "total, approval, transfer");
    let balance = market.balance(provider());
    assert_eq!((balance.free, balance.set_aside), (Nat::from(0_u8), DST.into()));
    market.check();

    // A batch pays its bytes before it is stored.
    let refused = market.append(
        provider(),
        ddsx_types::stream_registry::AppendArgs {
            stream,
            expected_sequence: 0,
            chunks: vec![market.chunk(&[7; 1 << 20], &[(0, 1)])],
        },
    );
    assert!(refused.is_err());
    market.top_up(provider(), 1_000_000, 1);
    for _ in 0..3 {
        market.append_next(stream, vec![market.chunk(&[7; 1 << 20], &[(0, 1)])]);
    }
    assert_eq!(storage(market, stream).bytes, 3 << 20);
    let duration_ns = 20 * 86_400_000_000_000;
    let plan = market.add_plan(stream, PlanKind::Subscription { duration_ns }, 10 * DST);
    market.purchase(plan, 1);
    market.check();

    // The payment ends: with notice.
    withdraw(market);
    market.upgrade();
    market.wait(10 * DAY);
    assert_eq!(storage(market, stream).state, StorageState::Paid);
    market.wait(9 * DAY);
    assert_eq!(storage(market, stream).state, StorageState::Expiring);
    let pulled = market.pull(buyer(), pull_args(stream, 0)).unwrap();
    assert_eq!(pulled.chunks[0].payload.len(), 1 << 20, "the licensee still pulls");

    // Closed, it is kept to the end of what is paid, and no longer.
    let early: Result<(), StreamError> = world.call(provider(), market.id, "drop_payloads", (stream,));
    assert!(early.is_err());
    let closed: Result<(), StreamError> = world.call(provider(), market.id, "close_stream", (stream,));
    closed.unwrap();
    let before = market.balance(provider());
    assert_eq!(before.set_aside, Nat::from(DST));
    market.wait(12 * DAY);
    let gone = storage(market, stream);
    assert_eq!(
        (gone.state, gone.kept_from, gone.deposit),
        (StorageState::Dropped, 3, Nat::from(0_u8))
    );
    let pulled = market.pull(provider(), pull_args(stream, 0)).map(|_| ());
    assert_eq!(pulled, Err(PullError::PayloadsDropped { kept_from: 3 }));
    let args = ddsx_types::stream_registry::InclusionProofArgs {
        stream,
        sequence: 1,
        tree_size: None,
    };
    let proof: Result<ddsx_types::stream_registry::InclusionProof, ddsx_types::stream_registry::ProofError> =
        world.query(market.id, "inclusion_proof", (args,));
    assert_eq!(proof.unwrap().tree_size, 3, "proof outlives payload");

    // The deposit is back to the unit, and leaves as it came.
    let after = market.balance(provider());
    assert_eq!(
        (after.free.clone() - before.free, after.set_aside),
        (DST.into(), Nat::from(0_u8))
    );
    let held = market.ledger.balance(provider());
    withdraw(market);
    assert_eq!(market.ledger.balance(provider()), held + after.free - Nat::from(FEE));
    market.check();
}

#[test]
fn should_let_governance_suspend_and_free_and_nobody_else() {
    let world = World::new();
    let market = market(&world);
    market.top_up(provider(), 5 * DST, 1);
    let stream = market.create_stream("quakes", 2);
    market.append_next(stream, vec![market.chunk(&[7; 1_000], &[(0, 1)])]);
    let plan = market.add_plan(stream, PlanKind::Perpetual, 10 * DST);
    let suspend = SuspendStreamArgs {
        stream,
        suspended: true,
    };
    market.refused_at_the_door(provider(), "suspend_stream", (suspend,), "only governance");
    let text: Result<String, String> = world.query(market.id, "validate_suspend_stream", (suspend,));
    assert!(text.unwrap().contains("quakes"));
    let () = world.call(governance(), market.id, "suspend_stream", (suspend,));
    assert!(market.quote(plan).is_err());
    let () = world.call(governance(), market.id, "free_stream", (stream,));
    market.wait(Duration::from_mins(10));
    assert_eq!(storage(&market, stream).state, StorageState::Dropped);
    assert_eq!(market.balance(provider()).set_aside, Nat::from(0_u8));
    let text: Result<String, String> = world.query(market.id, "validate_free_stream", (9_u64,));
    assert!(text.is_err());
    // Queries that are dear are called as queries.
    market.refused_at_the_door(buyer(), "list_streams", (Page::default(),), "is a query");
    market.check();
}

/// `fixtures/stream_registry-1.wasm.gz` is the module of the release before this one, as it was built then.
#[test]
fn should_take_over_what_the_release_before_has_stored() {
    /// `create_stream`'s argument as that release has it.
    #[derive(candid::CandidType)]
    struct ThenArgs {
        name: String,
        description: String,
        tags: Vec<String>,
        content_type: String,
        schema: Option<String>,
        licence_terms: ddsx_types::stream_registry::LicenceTerms,
        contact: Option<String>,
        provider_account: ddsx_types::Account,
        contributors_share_bps: u16,
        contributors: Vec<ddsx_types::stream_registry::NewContributor>,
    }
    let world = World::new();
    let now_market = Market::open(&world);
    let id = world.create();
    let module = std::fs::read(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/fixtures/stream_registry-1.wasm.gz"
    ));
    let parameters: ddsx_types::stream_registry::Parameters = world.query(now_market.id, "parameters", ());
    let args = RegistryArgs {
        governance: Some(governance()),
        assets: Some(parameters.assets),
        ..RegistryArgs::default()
    };
    world.install_module_at(id, module.unwrap(), (Some(args),));
    let market = Market { id, ..now_market };
    let args = Market::stream_args("quakes", 2);
    let then = ThenArgs {
        name: args.name,
        description: args.description,
        tags: args.tags,
        content_type: args.content_type,
        schema: args.schema,
        licence_terms: args.licence_terms,
        contact: args.contact,
        provider_account: args.provider_account,
        contributors_share_bps: args.contributors_share_bps,
        contributors: args.contributors,
    };
    let stream: Result<StreamId, StreamError> = world.call(provider(), id, "create_stream", (then,));
    let stream = stream.unwrap();
    // Its other replies are read by what this release knows: fields that are absent are optional.
    market.append_next(stream, vec![market.chunk(&[7; 1_000], &[(0, 1)])]);
    let plan = market.add_plan(stream, PlanKind::Perpetual, 10 * DST);
    market.purchase(plan, 1);
    let root = market.stream(stream).root;

    market.upgrade();
    let upgraded = world.now();
    market.wait(Duration::from_mins(10));
    let storage = storage(&market, stream);
    assert_eq!(
        (storage.bytes, storage.state, storage.deposit),
        (1_000, StorageState::Paid, Nat::from(0_u8))
    );
    let grace = storage.paid_until - upgraded;
    assert!(
        grace.abs_diff(90 * 86_400_000_000_000) < 60_000_000_000,
        "90 days, not {grace} ns"
    );
    assert_eq!(market.stream(stream).root, root);
    let pulled = market.pull(buyer(), pull_args(stream, 0)).unwrap();
    assert_eq!(pulled.chunks[0].payload.as_ref(), [7; 1_000]);
    // It grows on for nothing as long as that; then what is added is paid, at the default price.
    market.append_next(stream, vec![market.chunk(b"x", &[(0, 1)])]);
    market.wait(Duration::from_hours(90 * 24));
    let refused = market.append(
        provider(),
        ddsx_types::stream_registry::AppendArgs {
            stream,
            expected_sequence: 2,
            chunks: vec![market.chunk(b"x", &[(0, 1)])],
        },
    );
    assert!(refused.is_err());
    market.ledger.transfer(buyer(), transfer(provider(), DST)).unwrap();
    market.top_up(provider(), 1_000_000, 1);
    market.append_next(stream, vec![market.chunk(b"x", &[(0, 1)])]);
    market.check();
}
