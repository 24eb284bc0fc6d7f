//! Bad input gets a typed error and changes nothing.
#![allow(clippy::unwrap_used, reason = "test code")]

use candid::{Nat, Principal};
use ddsx_tests::registry::{Market, buyer, new_contributors, provider, pull_args};
use ddsx_tests::{World, user};
use ddsx_types::Hash;
use ddsx_types::stream_registry::{
    AddContributorsArgs, AddPlanArgs, AppendArgs, AppendError, BuyArgs, BuyError, ClaimError, ConsistencyProofArgs,
    ContributorAccountArgs, CreateStreamArgs, InclusionProofArgs, Page, Payee, PlanKind, Price, ProofError, Publisher,
    PullArgs, PullError, QuoteError, RetirePlanArgs, SetPublisherArgs, StreamError, StreamId, StreamInfo, limits,
};
use serde_bytes::ByteBuf;

const PRICE: u64 = 1_000_000;

/// What must not change.
fn state(market: &Market<'_>) -> (Vec<StreamInfo>, [u64; 6], Nat) {
    let streams = market.world.query(market.id, "list_streams", (Page::default(),));
    let figures = [
        "streams_total",
        "chunks_total",
        "bytes",
        "plans_total",
        "licences_total",
        "payments_pending",
    ];
    (
        streams,
        figures.map(|name| market.metric(name)),
        market.ledger.balance(buyer()),
    )
}

fn create(market: &Market<'_>, caller: Principal, args: CreateStreamArgs) -> Result<StreamId, StreamError> {
    market.world.call(caller, market.id, "create_stream", (args,))
}

#[test]
fn should_refuse_bad_streams() {
    let world = World::new();
    let market = Market::open(&world);
    market.create_stream("taken", 1);
    let before = state(&market);
    let good = || Market::stream_args("new", 2);
    let invalid = |result: Result<StreamId, StreamError>, field: &str| match result {
        Err(StreamError::InvalidField { field: named, .. }) => assert_eq!(named, field),
        other => panic!("{field}: {other:?}"),
    };
    market.refused_at_the_door(Principal::anonymous(), "create_stream", (good(),), "sign in");
    let taken = CreateStreamArgs {
        name: "taken".into(),
        ..good()
    };
    assert_eq!(
        create(&market, provider(), taken),
        Err(StreamError::NameTaken { stream: 0 })
    );
    invalid(
        create(
            &market,
            provider(),
            CreateStreamArgs {
                name: String::new(),
                ..good()
            },
        ),
        "name",
    );
    invalid(
        create(
            &market,
            provider(),
            CreateStreamArgs {
                name: "x".repeat(101),
                ..good()
            },
        ),
        "name",
    );
    invalid(
        create(
            &market,
            provider(),
            CreateStreamArgs {
                description: "x".repeat(100_000),
                ..good()
            },
        ),
        "description",
    );
    invalid(
        create(
            &market,
            provider(),
            CreateStreamArgs {
                contributors_share_bps: u16::MAX,
                ..good()
            },
        ),
        "contributors_share_bps",
    );
    invalid(
        create(
            &market,
            provider(),
            CreateStreamArgs {
                contributors: new_contributors(0..1_001),
                ..good()
            },
        ),
        "contributors",
    );
    for schema in [
        "",
        "{",
        "[]",
        "{\"type\":\"text\"}",
        "{\"properties\":[]}",
        &"[".repeat(60_000),
    ] {
        let result = create(
            &market,
            provider(),
            CreateStreamArgs {
                schema: Some(schema.into()),
                ..good()
            },
        );
        assert!(matches!(result, Err(StreamError::MalformedSchema { .. })), "{result:?}");
    }
    invalid(
        create(
            &market,
            provider(),
            CreateStreamArgs {
                schema: Some(" ".repeat(70_000)),
                ..good()
            },
        ),
        "schema",
    );
    assert_eq!(state(&market), before);
    market.check();
    assert_eq!(state(&market), before);
}

/// Whether an error is the one a row of a table expects.
type Expect = fn(&AppendError) -> bool;

#[test]
fn should_refuse_bad_batches() {
    let world = World::new();
    let market = Market::open(&world);
    let stream = market.create_stream("events", 2);
    market.append_next(stream, vec![market.chunk(b"first", &[(0, 1)])]);
    let before = state(&market);
    let at = |stream, expected_sequence, chunks| AppendArgs {
        stream,
        expected_sequence,
        chunks,
    };
    let good = || market.chunk(b"good", &[(0, 1)]);
    let mut early = good();
    early.provider_timestamp = world.now() + 3 * 60 * 1_000_000_000;
    for (caller, args, words) in [
        (Principal::anonymous(), at(stream, 1, vec![good()]), "sign in"),
        (provider(), at(9, 0, vec![good()]), "no such stream"),
        (buyer(), at(stream, 1, vec![good()]), "only the stream's owner"),
    ] {
        market.refused_at_the_door(caller, "append", (args,), words);
    }
    let table: Vec<(&str, Principal, AppendArgs, Expect)> = vec![
        ("empty", provider(), at(stream, 1, vec![]), |e| {
            *e == AppendError::EmptyBatch
        }),
        ("gap", provider(), at(stream, 2, vec![good()]), |e| {
            *e == AppendError::WrongSequence { expected: 1 }
        }),
        ("far gap", provider(), at(stream, u64::MAX, vec![good()]), |e| {
            *e == AppendError::WrongSequence { expected: 1 }
        }),
        ("taken", provider(), at(stream, 0, vec![good()]), |e| {
            *e == AppendError::DifferentChunkStored { sequence: 0 }
        }),
        ("too many", provider(), at(stream, 1, vec![good(); 1_001]), |e| {
            matches!(e, AppendError::TooManyChunks { .. })
        }),
        (
            "no payload",
            provider(),
            at(stream, 1, vec![market.chunk(b"", &[])]),
            |e| matches!(e, AppendError::InvalidChunk { index: 0, .. }),
        ),
        ("early", provider(), at(stream, 1, vec![good(), early]), |e| {
            matches!(e, AppendError::InvalidChunk { index: 1, .. })
        }),
        (
            "no records",
            provider(),
            at(stream, 1, vec![market.chunk(b"x", &[(0, 0)])]),
            |e| matches!(e, AppendError::InvalidChunk { index: 0, .. }),
        ),
        (
            "huge records",
            provider(),
            at(stream, 1, vec![market.chunk(b"x", &[(0, u64::MAX), (1, u64::MAX)])]),
            |e| matches!(e, AppendError::InvalidChunk { index: 0, .. }),
        ),
        (
            "not ascending",
            provider(),
            at(stream, 1, vec![market.chunk(b"x", &[(1, 1), (0, 1)])]),
            |e| matches!(e, AppendError::InvalidChunk { index: 0, .. }),
        ),
        (
            "unknown contributor",
            provider(),
            at(stream, 1, vec![market.chunk(b"x", &[(2, 1)])]),
            |e| {
                *e == AppendError::UnknownContributor {
                    index: 0,
                    contributor: 2,
                }
            },
        ),
        (
            "oversized",
            provider(),
            at(
                stream,
                1,
                vec![market.chunk(&vec![1; limits::MAX_APPEND_BYTES + 1], &[])],
            ),
            |e| matches!(e, AppendError::BatchTooLarge { .. }),
        ),
    ];
    for (what, caller, args, expected) in table {
        let error = market.append(caller, args).unwrap_err();
        assert!(expected(&error), "{what}: {error:?}");
        assert_eq!(state(&market), before, "{what}");
    }
    market.check();
    assert_eq!(state(&market), before);
}

#[test]
fn should_refuse_bad_changes_of_a_stream() {
    let world = World::new();
    let market = Market::open(&world);
    let stream = market.create_stream("events", 2);
    let before = state(&market);
    let change = |caller: Principal, method: &str, args: Vec<u8>| -> StreamError {
        let reply = world.pic.update_call(market.id, caller, method, args).unwrap();
        // Results of these methods differ in what they hold when they are `Ok`; here they never are.
        let result: Result<candid::Reserved, StreamError> = candid::decode_one(&reply).unwrap();
        result.map(|_| ()).unwrap_err()
    };
    let encode = |value: &dyn Fn() -> Vec<u8>| value();
    let contributors = |stream| {
        move || {
            candid::encode_one(AddContributorsArgs {
                stream,
                contributors: new_contributors(5..6),
            })
            .unwrap()
        }
    };
    assert_eq!(
        change(provider(), "add_contributors", encode(&contributors(9))),
        StreamError::StreamNotFound
    );
    assert_eq!(
        change(buyer(), "add_contributors", encode(&contributors(stream))),
        StreamError::NotOwner
    );
    market.refused_at_the_door(
        Principal::anonymous(),
        "add_contributors",
        (AddContributorsArgs {
            stream,
            contributors: new_contributors(5..6),
        },),
        "sign in",
    );
    let taken = AddContributorsArgs {
        stream,
        contributors: new_contributors(1..2),
    };
    assert_eq!(
        change(provider(), "add_contributors", candid::encode_one(taken).unwrap()),
        StreamError::LabelTaken { contributor: 1 }
    );
    let bind = |contributor| ContributorAccountArgs {
        stream,
        contributor,
        account: user(7).into(),
    };
    assert_eq!(
        change(
            provider(),
            "bind_contributor_account",
            candid::encode_one(bind(0)).unwrap()
        ),
        StreamError::AccountAlreadyBound
    );
    assert_eq!(
        change(
            provider(),
            "bind_contributor_account",
            candid::encode_one(bind(7)).unwrap()
        ),
        StreamError::ContributorNotFound
    );
    assert_eq!(
        change(
            provider(),
            "change_contributor_account",
            candid::encode_one(bind(0)).unwrap()
        ),
        StreamError::NotAccountOwner
    );
    let publisher = |principal, expires_at| SetPublisherArgs {
        stream,
        publisher: Publisher {
            principal,
            expires_at,
            quota: None,
        },
    };
    for bad in [publisher(Principal::anonymous(), None), publisher(user(5), Some(1))] {
        let error = change(provider(), "set_publisher", candid::encode_one(bad).unwrap());
        assert!(matches!(error, StreamError::InvalidField { .. }), "{error:?}");
    }
    assert_eq!(
        change(buyer(), "close_stream", candid::encode_one(stream).unwrap()),
        StreamError::NotOwner
    );
    let retire = RetirePlanArgs { stream, plan: 4 };
    assert_eq!(
        change(provider(), "retire_plan", candid::encode_one(retire).unwrap()),
        StreamError::PlanNotFound
    );

    let plan = |kind, prices: Vec<(Principal, Nat)>| AddPlanArgs {
        stream,
        name: "plan".into(),
        kind,
        prices: prices
            .into_iter()
            .map(|(ledger, amount)| Price { ledger, amount })
            .collect(),
    };
    let dst = market.ledger.id;
    let huge = Nat::from(u128::MAX) * 1_000_000_u64;
    for bad in [
        plan(PlanKind::Perpetual, vec![]),
        plan(PlanKind::Free, vec![(dst, 5_u8.into())]),
        plan(PlanKind::Perpetual, vec![(dst, 0_u8.into())]),
        plan(PlanKind::Perpetual, vec![(dst, huge)]),
        plan(PlanKind::Subscription { duration_ns: 0 }, vec![(dst, 5_u8.into())]),
        plan(
            PlanKind::Subscription { duration_ns: u64::MAX },
            vec![(dst, 5_u8.into())],
        ),
    ] {
        let error = change(provider(), "add_plan", candid::encode_one(&bad).unwrap());
        assert!(matches!(error, StreamError::InvalidField { .. }), "{bad:?}: {error:?}");
    }
    let unlisted = plan(PlanKind::Perpetual, vec![(user(8), 5_u8.into())]);
    assert_eq!(
        change(provider(), "add_plan", candid::encode_one(unlisted).unwrap()),
        StreamError::AssetNotListed { ledger: user(8) }
    );
    assert_eq!(state(&market), before);
    market.check();
}

#[test]
fn should_refuse_bad_purchases_and_take_nothing() {
    let world = World::new();
    let market = Market::open(&world);
    let stream = market.create_stream("events", 2);
    market.append_next(stream, vec![market.chunk(b"x", &[(0, 1)])]);
    let plan = market.add_plan(stream, PlanKind::Perpetual, PRICE);
    market.approve(10 * PRICE);
    let before = state(&market);
    let good = || market.buy_args(plan, 1);
    let terms_hash = good().terms_hash;
    let table: Vec<(BuyArgs, BuyError)> = vec![
        (BuyArgs { plan: 99, ..good() }, BuyError::PlanNotFound),
        (BuyArgs { ledger: None, ..good() }, BuyError::AssetNotAccepted),
        (
            BuyArgs {
                ledger: Some(user(8)),
                ..good()
            },
            BuyError::AssetNotAccepted,
        ),
        (
            BuyArgs {
                max_price: (PRICE - 1).into(),
                ..good()
            },
            BuyError::PriceAboveMax { price: PRICE.into() },
        ),
        (
            BuyArgs {
                max_price: 0_u8.into(),
                ..good()
            },
            BuyError::PriceAboveMax { price: PRICE.into() },
        ),
        (
            BuyArgs {
                terms_hash: Hash([7; 32]),
                ..good()
            },
            BuyError::TermsChanged { terms_hash },
        ),
        (
            BuyArgs {
                recipient: Some(Principal::anonymous().into()),
                ..good()
            },
            BuyError::InvalidRecipient,
        ),
        (
            BuyArgs {
                request_id: ByteBuf::from([1; 15]),
                ..good()
            },
            BuyError::InvalidRequestId,
        ),
        (
            BuyArgs {
                request_id: ByteBuf::from([1; 33]),
                ..good()
            },
            BuyError::InvalidRequestId,
        ),
    ];
    for (args, expected) in table {
        assert_eq!(market.buy(args), Err(expected));
        assert_eq!(state(&market), before);
    }
    market.refused_at_the_door(Principal::anonymous(), "buy", (good(),), "sign in");
    let poor: Result<ddsx_types::stream_registry::Licence, BuyError> =
        world.call(user(55), market.id, "buy", (good(),));
    assert!(matches!(poor, Err(BuyError::InsufficientAllowance { .. })), "{poor:?}");
    let huge = BuyArgs {
        max_price: Nat::from(u128::MAX) * 1_000_u64,
        ..good()
    };
    assert!(
        market.buy(huge.clone()).is_ok(),
        "a maximum above everything allows the price"
    );
    let other = BuyArgs {
        recipient: Some(user(9).into()),
        ..huge
    };
    assert_eq!(market.buy(other), Err(BuyError::RequestIdReused));
    market.check();

    let retired: Result<(), StreamError> =
        world.call(provider(), market.id, "retire_plan", (RetirePlanArgs { stream, plan },));
    let args = BuyArgs {
        request_id: ByteBuf::from([3; 16]),
        ..good_after(&market, plan, terms_hash)
    };
    retired.unwrap();
    assert_eq!(market.buy(args), Err(BuyError::PlanNotOffered));
    assert_eq!(market.quote(plan), Err(QuoteError::PlanNotOffered));
    market.check();
}

fn good_after(market: &Market<'_>, plan: u64, terms_hash: Hash) -> BuyArgs {
    BuyArgs {
        plan,
        ledger: Some(market.ledger.id),
        from_subaccount: None,
        max_price: PRICE.into(),
        terms_hash,
        recipient: None,
        request_id: ByteBuf::from([2; 16]),
    }
}

#[test]
fn should_refuse_bad_reads_and_claims() {
    let world = World::new();
    let market = Market::open(&world);
    let stream = market.create_stream("events", 2);
    market.append_next(stream, vec![market.chunk(b"x", &[(0, 1)])]);
    let before = state(&market);
    let pull = |caller, args: PullArgs| market.pull(caller, args).map(|pulled| pulled.next);
    assert_eq!(pull(provider(), pull_args(9, 0)), Err(PullError::StreamNotFound));
    assert_eq!(
        pull(provider(), pull_args(stream, 2)),
        Err(PullError::BeyondHead { tree_size: 1 })
    );
    assert_eq!(
        pull(provider(), pull_args(stream, u64::MAX)),
        Err(PullError::BeyondHead { tree_size: 1 })
    );
    assert_eq!(
        pull(Principal::anonymous(), pull_args(stream, 0)),
        Err(PullError::NoLicence)
    );
    assert_eq!(
        pull(
            buyer(),
            PullArgs {
                licence: Some(0),
                ..pull_args(stream, 0)
            }
        ),
        Err(PullError::LicenceNotFound)
    );
    assert_eq!(
        pull(
            provider(),
            PullArgs {
                max_bytes: Some(u64::MAX),
                ..pull_args(stream, 0)
            }
        ),
        Ok(1)
    );

    let out = ProofError::OutOfRange { tree_size: 1 };
    for (sequence, tree_size) in [(1, None), (u64::MAX, None), (0, Some(2)), (0, Some(0))] {
        let args = InclusionProofArgs {
            stream,
            sequence,
            tree_size,
        };
        let result: Result<candid::Reserved, ProofError> = world.query(market.id, "inclusion_proof", (args,));
        assert_eq!(result.map(|_| ()), Err(out.clone()));
    }
    for (first, second) in [(0, None), (2, None), (1, Some(2)), (u64::MAX, Some(u64::MAX))] {
        let args = ConsistencyProofArgs { stream, first, second };
        let result: Result<candid::Reserved, ProofError> = world.query(market.id, "consistency_proof", (args,));
        assert_eq!(result.map(|_| ()), Err(out.clone()));
    }
    let none: Option<StreamInfo> = world.query(market.id, "stream", (u64::MAX,));
    assert_eq!(none, None);

    let args = ddsx_types::stream_registry::ClaimArgs {
        stream,
        ledger: market.ledger.id,
        payee: Payee::Provider,
    };
    market.refused_at_the_door(Principal::anonymous(), "claim", (args,), "sign in");
    assert_eq!(
        market.claim(provider(), 9, Payee::Provider),
        Err(ClaimError::StreamNotFound)
    );
    assert_eq!(
        market.claim(buyer(), stream, Payee::Provider),
        Err(ClaimError::NotPayee)
    );
    assert_eq!(
        market.claim(provider(), stream, Payee::Contributor(9)),
        Err(ClaimError::ContributorNotFound)
    );
    assert!(matches!(
        market.claim(provider(), stream, Payee::Provider),
        Err(ClaimError::NothingDue { .. })
    ));
    assert_eq!(state(&market), before);
    market.check();
}

#[test]
fn should_survive_bytes_that_are_not_candid() {
    let world = World::new();
    let market = Market::open(&world);
    market.create_stream("events", 2);
    let before = state(&market);
    for method in ["create_stream", "append", "buy", "claim", "add_plan", "set_paused"] {
        for bytes in [vec![], b"DIDL".to_vec(), vec![0xff; 1_000]] {
            assert!(
                world.pic.update_call(market.id, buyer(), method, bytes).is_err(),
                "{method}"
            );
        }
    }
    assert_eq!(state(&market), before);
    market.check();
}
