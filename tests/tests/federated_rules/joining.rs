//! Who may take part, and what clients say they trained on.

use std::time::Duration;

use candid::Principal;
use ddsx_tests::federated::{Federation, START, client, governance};
use ddsx_tests::ledger::{FEE, approve, transfer};
use ddsx_tests::registry::{Market, buyer};
use ddsx_tests::{World, nanos};
use ddsx_types::Hash;
use ddsx_types::federated_aggregator::{
    CertifiedReport, JoinError, JoinRule, LineageStream, RoundKey, RoundReport, TaskError, UploadError,
};
use ddsx_types::stream_registry::{BuyArgs, BuyError, CertifiedHead, Licence, PlanId, PlanKind, ProofError};

use crate::support::{STAKE, begin_args, bytes, good, send, start, task_args};

const PRICE: u64 = 1_000_000_000;
const HOUR: Duration = Duration::from_hours(1);

/// A client buys a plan, with money that it gets from the tests' buyer.
fn buy(market: &Market<'_>, who: Principal, plan: PlanId) -> Licence {
    let allowance = market.quote(plan).unwrap().allowance;
    let purse = allowance.clone() + FEE;
    market.ledger.transfer(buyer(), transfer(who, purse)).unwrap();
    market.ledger.approve(who, approve(market.id, allowance)).unwrap();
    let args = market.buy_args(plan, 1);
    let bought: Result<Licence, BuyError> = market.world.call(who, market.id, "buy", (args,));
    bought.unwrap()
}

#[test]
fn should_let_in_who_holds_a_valid_licence_of_the_stream() {
    let world = World::new();
    let market = Market::open(&world);
    let stream = market.create_stream("wanted", 1);
    market.append_next(stream, vec![market.chunk(b"row", &[(0, 1)])]);
    let other = market.create_stream("other", 1);
    market.append_next(other, vec![market.chunk(b"row", &[(0, 1)])]);
    let hour = PlanKind::Subscription {
        duration_ns: nanos(HOUR),
    };
    let by_the_hour = market.add_plan(stream, hour, PRICE);
    let for_ever = market.add_plan(stream, PlanKind::Perpetual, 10 * PRICE);
    let elsewhere = market.add_plan(other, PlanKind::Perpetual, PRICE);

    let federation = Federation::open(&world, 5);
    let mut args = task_args(federation.ledger.id);
    args.join = JoinRule::Licence {
        registry: market.id,
        stream,
    };
    let unlisted = federation.create(&args);
    assert!(matches!(unlisted, Err(TaskError::Invalid { .. })), "{unlisted:?}");
    federation
        .govern(governance(), "set_registries", vec![market.id])
        .unwrap();
    args.rounds.rounds = 1;
    args.rounds.duration_s = 86_400;
    let task = start(&federation, &args, 0);
    let refused = Err(JoinError::NotAllowed);
    assert_eq!(federation.join(task, 0), refused, "no licence at all");
    buy(&market, client(1), elsewhere);
    assert_eq!(federation.join(task, 1), refused, "of another stream");
    assert_eq!(
        federation.ledger.balance(client(1)),
        START - FEE,
        "nobody pays for a refusal"
    );

    buy(&market, client(2), by_the_hour);
    assert_eq!(federation.join(task, 2), Ok(()));
    assert_eq!(federation.ledger.balance(client(2)), START - 2 * FEE - STAKE);
    // Bought by somebody else for a client.
    let licence = buy(&market, client(3), by_the_hour);
    let gift = BuyArgs {
        recipient: Some(client(4).into()),
        ..market.buy_args(for_ever, 9)
    };
    market.approve(market.quote(for_ever).unwrap().allowance);
    let given = market.buy(gift).unwrap();
    assert_eq!((given.owner.owner, given.expires_at), (client(4), None));

    // An hour later client 3's licence is over. Client 2's is too, but it is in already; client 4's has no end.
    world.advance(HOUR + Duration::from_secs(1));
    assert!(licence.expires_at.unwrap() < world.now());
    assert_eq!(federation.join(task, 3), refused, "expired");
    assert_eq!(federation.join(task, 4), Ok(()));
    buy(&market, client(0), by_the_hour);
    world.pic.stop_canister(market.id, Some(world.controller)).unwrap();
    let unavailable = federation.join(task, 0);
    assert!(
        matches!(unavailable, Err(JoinError::RegistryUnavailable(_))),
        "{unavailable:?}"
    );
    world.pic.start_canister(market.id, Some(world.controller)).unwrap();
    assert_eq!(federation.join(task, 0), Ok(()), "asked again");
    assert_eq!(federation.task(task).clients, 3);

    let not_in = send(&federation, task, 3, (1, 0), &good(1.0));
    assert_eq!(not_in, Err(UploadError::NotJoined));
    send(&federation, task, 2, (1, 0), &good(1.0)).unwrap();
    send(&federation, task, 4, (1, 0), &good(2.0)).unwrap();
    federation.finish_round(task, 1, &mut || ());
    federation.wait(Duration::from_mins(2));
    federation.check_paid(task, 5, &[]);
    market.check();
}

#[test]
fn should_let_in_who_is_on_the_list_and_no_more_than_the_task_takes() {
    let world = World::new();
    let federation = Federation::open(&world, 3);
    let mut args = task_args(federation.ledger.id);
    args.join = JoinRule::AllowList(vec![client(0), client(2)]);
    args.rounds.rounds = 1;
    let listed = start(&federation, &args, 0);
    assert_eq!(federation.join(listed, 1), Err(JoinError::NotAllowed));
    assert_eq!(federation.join(listed, 0), Ok(()));
    args.join = JoinRule::Open;
    args.max_clients = 2;
    let open = start(&federation, &args, 2);
    assert_eq!(federation.join(open, 2), Err(JoinError::Full { limit: 2 }));
    assert_eq!(federation.join(9, 2), Err(JoinError::NotFound));
    for task in [listed, open] {
        federation.own("stop_task", task).unwrap();
    }
    federation.wait(Duration::from_mins(2));
    assert_eq!(federation.join(open, 2), Err(JoinError::Ended));
    for task in [listed, open] {
        federation.check_paid(task, 3, &[]);
    }
    // An approval, a stake's way in and its way back, twice for client 0.
    assert_eq!(federation.ledger.balance(client(0)), START - 5 * FEE);
    assert_eq!(federation.ledger.balance(client(1)), START - 3 * FEE);
    assert_eq!(federation.ledger.balance(client(2)), START - FEE);
}

#[test]
fn should_report_the_streams_as_they_were_declared() {
    let world = World::new();
    let market = Market::open(&world);
    let stream = market.create_stream("trained on", 1);
    market.append_next(stream, vec![market.chunk(b"row", &[(0, 1)])]);
    let head: Result<CertifiedHead, ProofError> = world.query(market.id, "stream_head", (stream,));
    let head = head.unwrap().head;
    let real = LineageStream {
        registry: market.id,
        stream,
        size: head.tree_size,
        root: head.root,
    };
    // Nobody has looked at this one: it is what the client says.
    let claimed = LineageStream {
        registry: client(7),
        stream: u64::MAX,
        size: 12,
        root: Hash([5; 32]),
    };
    let federation = Federation::open(&world, 2);
    let mut args = task_args(federation.ledger.id);
    args.rounds.rounds = 1;
    let task = start(&federation, &args, 2);
    let update = bytes(&good(1.0));
    let mut declared = begin_args(task, 1, 0, &update);
    declared.lineage = vec![real; 11];
    assert_eq!(
        federation.send(0, &declared, &update),
        Err(UploadError::TooManyStreams { limit: 10 })
    );
    declared.lineage = vec![real, claimed];
    federation.send(0, &declared, &update).unwrap();
    send(&federation, task, 1, (1, 0), &good(2.0)).unwrap();
    let report = federation.finish_round(task, 1, &mut || ());
    let lineages: Vec<_> = report.clients.iter().map(|client| client.lineage.as_slice()).collect();
    assert_eq!(lineages, [&[real, claimed][..], &[]]);
    assert_eq!((real.size, report.clients[0].update), (1, declared.hash));
    // The certified report says the same.
    let certified: Option<CertifiedReport> = world.query(federation.id, "report", (RoundKey { task, round: 1 },));
    let certified = certified.unwrap();
    assert!(certified.certificate.is_some());
    let decoded: RoundReport = candid::decode_one(&certified.report).unwrap();
    assert_eq!(decoded, report);
    federation.wait(Duration::from_mins(2));
    federation.check_paid(task, 2, &[]);
}
