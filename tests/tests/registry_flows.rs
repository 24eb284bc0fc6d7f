//! The registry's flows on a network, each with an upgrade in the middle and the books checked at the end.
#![allow(clippy::unwrap_used, reason = "test code")]

use std::time::Duration;

use candid::{Nat, Principal};
use ddsx_merkle_log::{
    self as merkle, DEFAULT_MAX_AGE, Freshness, Held, Leaf, ReceivedChunk, Verdict, verify_consistency,
    verify_inclusion, verify_pull,
};
use ddsx_tests::ledger::FEE;
use ddsx_tests::registry::{Market, buyer, contributor, governance, provider, pull_args};
use ddsx_tests::silent_ledger::{self, Transfers};
use ddsx_tests::{World, nanos};
use ddsx_types::Account;
use ddsx_types::stream_registry::{
    AppendArgs, Appended, BuyArgs, BuyError, CertifiedHead, CertifiedLicence, ClaimError, ConsistencyProof,
    ConsistencyProofArgs, ContributorAccountArgs, CreateStreamArgs, InclusionProof, InclusionProofArgs, Licence,
    LicencesOfArgs, NewContributor, Page, Parameters, Payee, PlanKind, ProofError, PullArgs, PullError, Pulled,
    QuoteArgs, StreamError, StreamId,
};

const PRICE: u64 = 1_000_000_000;
const HOUR: Duration = Duration::from_hours(1);

/// Checks a pulled reply as a client does (the certificate apart, which the client's own tests cover).
fn verify(stream: StreamId, held: Option<&Held>, from: u64, pulled: &Pulled, now: u64) -> merkle::Verified {
    let chunks: Vec<_> = pulled
        .chunks
        .iter()
        .map(|chunk| ReceivedChunk {
            leaf: &chunk.leaf,
            payload: Some(&chunk.payload),
            credits: &chunk.credits,
        })
        .collect();
    let head = pulled.head.head;
    let head = merkle::CertifiedHead {
        stream,
        head: merkle::Head {
            tree_size: head.tree_size,
            root: head.root,
            timestamp: head.timestamp,
        },
        certified_at: now,
    };
    let given = merkle::Pulled {
        from,
        chunks: &chunks,
        left: (!pulled.left_frontier.is_empty()).then_some(pulled.left_frontier.as_slice()),
        right: &pulled.right_frontier,
        consistency: None,
        allow_missing_payloads: false,
    };
    let freshness = Freshness {
        now,
        max_age: DEFAULT_MAX_AGE,
        max_ahead: DEFAULT_MAX_AGE,
    };
    verify_pull(held, &head, &given, &freshness).unwrap()
}

#[test]
fn should_publish_a_stream_that_a_reader_verifies_across_an_upgrade() {
    let world = World::new();
    let market = Market::open(&world);
    let args = CreateStreamArgs {
        content_type: "application/x-ndjson".into(),
        ..Market::stream_args("events", 3)
    };
    let stream = market.create_stream_with(args);
    let line = |number: u64| format!("{{\"event\":{number}}}\n{{\"event\":{number}}}\n").into_bytes();
    let append = |range: std::ops::Range<u64>| -> Appended {
        let chunks = range
            .map(|number| market.chunk(&line(number), &[(0, 1), (2, 1)]))
            .collect();
        market.append_next(stream, chunks)
    };
    append(0..70);
    let first = market.pull(provider(), pull_args(stream, 0)).unwrap();
    assert_eq!(first.next, 70);
    assert!(first.head.certificate.is_some(), "a query has a certificate");
    let held = verify(stream, None, 0, &first, world.now()).held;

    market.upgrade();
    append(70..200);
    let args = PullArgs {
        with_left_frontier: false,
        ..pull_args(stream, 70)
    };
    let rest = market.pull(provider(), args).unwrap();
    let verified = verify(stream, Some(&held), 70, &rest, world.now());
    assert_eq!(verified.leaves.len(), 130);
    let leaf = &verified.leaves[0];
    assert_eq!((leaf.sequence, leaf.records, leaf.verdict), (70, 2, Verdict::PARSES));
    assert_eq!(rest.chunks[0].payload.as_slice(), line(70));

    let middle = PullArgs {
        max_bytes: Some(2_000),
        ..pull_args(stream, 111)
    };
    let middle = market.pull(provider(), middle).unwrap();
    assert!(middle.next > 111 && middle.next < 200);
    verify(stream, None, 111, &middle, world.now());

    let proof: Result<InclusionProof, ProofError> = world.query(
        market.id,
        "inclusion_proof",
        (InclusionProofArgs {
            stream,
            sequence: 5,
            tree_size: Some(70),
        },),
    );
    let proof = proof.unwrap();
    let leaf = Leaf::decode(&proof.leaf).unwrap().hash();
    verify_inclusion(&leaf, 5, 70, &proof.path, &first.head.head.root).unwrap();
    let proof: Result<ConsistencyProof, ProofError> = world.query(
        market.id,
        "consistency_proof",
        (ConsistencyProofArgs {
            stream,
            first: 70,
            second: None,
        },),
    );
    let proof = proof.unwrap();
    let (old, new) = (first.head.head.root, proof.head.head.root);
    verify_consistency(70, 200, &old, &new, &proof.path).unwrap();
    let head: Result<CertifiedHead, ProofError> = world.query(market.id, "stream_head", (stream,));
    assert_eq!(head.unwrap().head, proof.head.head);
    market.check();
}

/// What a canister gets that pulls is in the registry's own tests; people's replicated calls are paid by nobody.
#[test]
fn should_refuse_to_answer_a_dear_query_in_a_replicated_call_of_a_user() {
    let world = World::new();
    let market = Market::open(&world);
    let stream = market.create_stream("events", 1);
    let large = vec![7; 900 * 1024];
    for _ in 0..4 {
        market.append_next(stream, vec![market.chunk(&large, &[(0, 1)])]);
    }
    market.upgrade();
    let in_query = market.pull(provider(), pull_args(stream, 0)).unwrap();
    assert_eq!(in_query.next, 2);
    market.refused_at_the_door(provider(), "pull", (pull_args(stream, 0),), "is a query");
    market.check();
}

#[test]
fn should_write_a_batch_once_however_often_it_is_sent() {
    let world = World::new();
    let market = Market::open(&world);
    let stream = market.create_stream("events", 2);
    let args = AppendArgs {
        stream,
        expected_sequence: 0,
        chunks: vec![market.chunk(b"one", &[(0, 1)]), market.chunk(b"two", &[(1, 2)])],
    };
    let first = market.append(provider(), args.clone()).unwrap();
    market.upgrade();
    let again = market.append(provider(), args).unwrap();
    assert_eq!(
        again,
        Appended {
            already_stored: true,
            ..first
        }
    );
    assert_eq!((market.stream(stream).chunks, market.stream(stream).records), (2, 3));
    market.check();
}

/// 2.5 % of the price to the protocol; of what is left 30 % to the provider, the rest by weight.
fn shares(price: u64, weights: &[u64]) -> (u64, u64, Vec<u64>) {
    let protocol = price * 250 / 10_000;
    let provider = (price - protocol) * 3_000 / 10_000;
    let rest = price - protocol - provider;
    let total: u64 = weights.iter().sum();
    (
        protocol,
        provider,
        weights.iter().map(|weight| rest * weight / total).collect(),
    )
}

#[test]
fn should_share_a_purchase_to_the_unit_by_itself() {
    let world = World::new();
    let market = Market::open(&world);
    let stream = market.create_stream("events", 3);
    market.append_next(
        stream,
        vec![
            market.chunk(b"xxxxxx", &[(0, 1), (1, 5)]),
            market.chunk(b"yyyyyyy", &[(2, 7)]),
        ],
    );
    let plan = market.add_plan(stream, PlanKind::Perpetual, PRICE);
    assert_eq!(market.pull(buyer(), pull_args(stream, 0)), Err(PullError::NoLicence));
    let licence = market.purchase(plan, 1);
    assert_eq!(
        (licence.owner, licence.price.clone()),
        (Account::from(buyer()), Nat::from(PRICE))
    );
    assert_eq!(
        market.buy(BuyArgs {
            ..market.buy_args(plan, 1)
        }),
        Ok(licence.clone()),
        "the same request"
    );
    assert_eq!(market.pull(buyer(), pull_args(stream, 0)).unwrap().next, 2);
    market.check();

    market.wait(Duration::from_mins(5));
    let (protocol, to_provider, each) = shares(PRICE, &[1, 5, 7]);
    assert_eq!(market.ledger.balance(provider()), to_provider - FEE);
    assert_eq!(
        market.ledger.balance(governance()),
        protocol - FEE,
        "the treasury by default"
    );
    for (number, share) in (0..).zip(&each) {
        assert_eq!(
            market.ledger.balance(contributor(number)),
            share - FEE,
            "contributor {number}"
        );
    }
    let revenue = market.stream_revenue(stream).unwrap();
    assert_eq!(
        market
            .stream_income(stream)
            .iter()
            .map(|day| (day.licences, day.received.clone()))
            .collect::<Vec<_>>(),
        [(1, Nat::from(PRICE))],
        "the repeated request is no second sale"
    );
    let carried = PRICE - protocol - to_provider - each.iter().sum::<u64>();
    assert_eq!(
        (revenue.received, revenue.protocol_fee),
        (PRICE.into(), protocol.into())
    );
    assert_eq!(
        (revenue.carried, revenue.contributors.due),
        (carried.into(), Nat::from(0_u8))
    );
    assert_eq!(revenue.contributors.ledger_fees, Nat::from(3 * FEE));
    assert_eq!(market.treasury().paid, Nat::from(protocol - FEE));
    let licences: Vec<Licence> = world.query(
        market.id,
        "licences_of",
        (LicencesOfArgs {
            owner: buyer(),
            page: Page::default(),
        },),
    );
    assert_eq!(licences, [licence]);
    let certified: CertifiedLicence = world.query(market.id, "licence", (0_u64,));
    assert_eq!(certified.licence.as_ref(), licences.first());
    assert!(certified.certificate.is_some() && !certified.witness.is_empty());
    market.check();
}

#[test]
fn should_grant_after_an_upgrade_what_a_ledger_that_was_down_takes_later() {
    let world = World::new();
    let market = Market::open(&world);
    let stream = market.create_stream("events", 2);
    market.append_next(stream, vec![market.chunk(b"xx", &[(0, 1), (1, 1)])]);
    let plan = market.add_plan(stream, PlanKind::Perpetual, PRICE);
    market.approve(10 * PRICE);
    let args = market.buy_args(plan, 1);
    // A ledger that does not answer at all is no reason to store anything.
    world
        .pic
        .stop_canister(market.ledger.id, Some(world.controller))
        .unwrap();
    assert!(matches!(market.buy(args.clone()), Err(BuyError::PaymentRefused { .. })));
    assert_eq!(market.metric("payments_pending"), 0);
    // One that answers questions and executes no transfer is.
    let down = silent_ledger::module(Transfers::Trap);
    let upgraded = world
        .pic
        .upgrade_canister(market.ledger.id, down, vec![], Some(world.controller));
    upgraded.unwrap();
    world
        .pic
        .start_canister(market.ledger.id, Some(world.controller))
        .unwrap();
    assert!(matches!(market.buy(args.clone()), Err(BuyError::Pending { .. })));
    assert_eq!(
        (market.metric("licences_total"), market.metric("payments_pending")),
        (0, 1)
    );
    let closed: Result<(), StreamError> = world.call(provider(), market.id, "close_stream", (stream,));
    closed.unwrap();

    market.upgrade();
    assert!(matches!(market.buy(args.clone()), Err(BuyError::Pending { .. })));
    market.ledger.upgrade();
    market.wait(HOUR);
    let licence = market.buy(args).unwrap();
    assert_eq!(
        (
            licence.id,
            market.metric("licences_total"),
            market.metric("payments_pending")
        ),
        (0, 1, 0)
    );
    assert_eq!(
        market.buy(BuyArgs {
            request_id: vec![2; 16].into(),
            ..market_args(&market, plan, &licence)
        }),
        Err(BuyError::PlanNotOffered),
        "what was accepted is granted; nothing more is sold"
    );
    market.check();
}

/// What would buy the licence's plan once more, were it offered.
fn market_args(market: &Market<'_>, plan: u64, licence: &Licence) -> BuyArgs {
    BuyArgs {
        plan,
        ledger: Some(market.ledger.id),
        from_subaccount: None,
        max_price: licence.price.clone(),
        terms_hash: licence.terms_hash,
        recipient: None,
        request_id: vec![1; 16].into(),
    }
}

#[test]
fn should_end_a_subscription_when_its_time_is_over() {
    let world = World::new();
    let market = Market::open(&world);
    let stream = market.create_stream("events", 1);
    market.append_next(stream, vec![market.chunk(b"x", &[(0, 1)])]);
    let kind = PlanKind::Subscription {
        duration_ns: nanos(HOUR),
    };
    let plan = market.add_plan(stream, kind, PRICE);
    let licence = market.purchase(plan, 1);
    let expires_at = licence.expires_at.unwrap();
    assert_eq!(expires_at, licence.bought_at + nanos(HOUR));
    assert!(market.pull(buyer(), pull_args(stream, 0)).is_ok());
    market.upgrade();
    world
        .pic
        .set_time(pocket_ic::Time::from_nanos_since_unix_epoch(expires_at + 1));
    world.settle();
    let expired = Err(PullError::LicenceExpired { expired_at: expires_at });
    assert_eq!(market.pull(buyer(), pull_args(stream, 0)), expired);
    let named = PullArgs {
        licence: Some(licence.id),
        ..pull_args(stream, 0)
    };
    assert_eq!(market.pull(buyer(), named), expired);
    market.purchase(plan, 2);
    assert!(market.pull(buyer(), pull_args(stream, 0)).is_ok(), "bought again");
    market.check();
}

#[test]
fn should_hold_a_share_until_its_contributor_has_an_account() {
    let world = World::new();
    let market = Market::open(&world);
    let mut args = Market::stream_args("events", 1);
    args.contributors.push(NewContributor {
        label: "unknown".into(),
        account: None,
    });
    let stream = market.create_stream_with(args);
    market.append_next(stream, vec![market.chunk(b"xx", &[(0, 1), (1, 1)])]);
    let plan = market.add_plan(stream, PlanKind::Perpetual, PRICE);
    market.purchase(plan, 1);
    market.wait(Duration::from_mins(5));
    let share = shares(PRICE, &[1, 1]).2[1];
    assert_eq!(market.contributor_revenue(stream)[1].balance.due, Nat::from(share));
    let bind = ContributorAccountArgs {
        stream,
        contributor: 1,
        account: contributor(1).into(),
    };
    let bound: Result<(), StreamError> = world.call(provider(), market.id, "bind_contributor_account", (bind,));
    bound.unwrap();
    let early = market.claim(contributor(1), stream, Payee::Contributor(1));
    assert!(matches!(early, Err(ClaimError::NotPayableYet { .. })), "{early:?}");
    market.upgrade();
    market.wait(Duration::from_hours(6 * 24));
    assert_eq!(market.ledger.balance(contributor(1)), 0_u64);
    market.wait(Duration::from_hours(24));
    market.wait(Duration::from_mins(10));
    assert_eq!(market.ledger.balance(contributor(1)), share - FEE);
    market.check();
}

#[test]
fn should_pay_a_claim_at_once() {
    let world = World::new();
    let market = Market::open(&world);
    let stream = market.create_stream("events", 2);
    market.append_next(stream, vec![market.chunk(b"xxxx", &[(0, 1), (1, 3)])]);
    let plan = market.add_plan(stream, PlanKind::Perpetual, PRICE);
    market.purchase(plan, 1);
    market.upgrade();
    let share = shares(PRICE, &[1, 3]).2[1];
    let claimed = market.claim(contributor(1), stream, Payee::Contributor(1)).unwrap();
    assert_eq!(
        (claimed.amount, claimed.ledger_fee),
        (Nat::from(share - FEE), Nat::from(FEE))
    );
    assert_eq!(market.ledger.balance(contributor(1)), share - FEE);
    let again = market.claim(contributor(1), stream, Payee::Contributor(1));
    assert!(matches!(again, Err(ClaimError::NothingDue { .. })), "{again:?}");
    market.check();
}

#[test]
fn should_obey_governance_and_nobody_else() {
    let world = World::new();
    let market = Market::open(&world);
    let stream = market.create_stream("events", 1);
    let refused = world.try_call::<_, ()>(provider(), market.id, "set_paused", (true,));
    assert!(refused.is_err(), "it traps: an SNS counts any reply as success");
    let text: Result<String, String> = world.query(market.id, "validate_set_protocol_fee", (300_u16,));
    assert_eq!(text.unwrap(), "Set the protocol fee from 250 to 300 basis points.");
    let text: Result<String, String> = world.query(market.id, "validate_set_protocol_fee", (2_001_u16,));
    assert!(text.is_err());
    assert!(
        world
            .try_call::<_, ()>(governance(), market.id, "set_protocol_fee", (2_001_u16,))
            .is_err()
    );
    let () = world.call(governance(), market.id, "set_protocol_fee", (300_u16,));
    let () = world.call(governance(), market.id, "set_paused", (true,));
    market.upgrade();
    let parameters: Parameters = world.query(market.id, "parameters", ());
    assert_eq!((parameters.paused, parameters.protocol_fee_bps), (true, 300));
    let args = AppendArgs {
        stream,
        expected_sequence: 0,
        chunks: vec![market.chunk(b"x", &[])],
    };
    market.refused_at_the_door(provider(), "append", (args,), "paused");
    let () = world.call(governance(), market.id, "set_paused", (false,));

    // Listing asks the ledger: a fee that is not the ledger's is refused.
    let mut listing = parameters.assets[0].clone();
    listing.fee = (FEE + 1).into();
    assert!(
        world
            .try_call::<_, ()>(governance(), market.id, "list_asset", (listing.clone(),))
            .is_err()
    );
    listing.fee = FEE.into();
    let () = world.call(governance(), market.id, "delist_asset", (market.ledger.id,));
    let plan = QuoteArgs {
        plan: 0,
        ledger: Some(market.ledger.id),
    };
    let quote: Result<ddsx_types::stream_registry::Quote, _> = world.query(market.id, "quote", (plan,));
    assert_eq!(
        quote.map(|_| ()),
        Err(ddsx_types::stream_registry::QuoteError::PlanNotFound)
    );
    let () = world.call(governance(), market.id, "list_asset", (listing,));
    let () = world.call(
        governance(),
        market.id,
        "set_governance",
        (Principal::from_slice(&[9, 9]),),
    );
    assert!(
        world
            .try_call::<_, ()>(governance(), market.id, "set_paused", (true,))
            .is_err()
    );
    market.check();
}
