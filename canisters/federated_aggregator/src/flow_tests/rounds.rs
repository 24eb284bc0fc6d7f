//! How rounds close and what they do to the model.

use candid::Nat;
use ddsx_nn::encoding;
use ddsx_types::federated_aggregator::{
    EndReason, RoundOutcome, Scoring, Stage, Strategy, UpdateEncoding, UpdateKind, UploadError,
};

use super::joined;
use crate::testing::{FEE, OWNER, PER_ROUND, SELF, START, World, good, task_args};

#[test]
fn should_reject_a_candidate_that_is_worse_and_keep_the_budget() {
    let world = World::new();
    let task = world.start(&task_args());
    joined(&world, task, 3);
    for number in 0..3 {
        world.send(task, number, &good(1.0 + f32::from(number))).unwrap();
    }
    world.wait(30);
    let before = world.report(task, 1).model;
    let left = world.info(task).budget_left;
    for number in 0..3 {
        world.send(task, number, &good(-5.0 - f32::from(number))).unwrap();
    }
    world.wait(60);
    let report = world.report(task, 2);
    assert_eq!(report.outcome, RoundOutcome::Rejected);
    assert_eq!(
        (report.model, report.version, report.rewarded),
        (before, 1, Nat::from(0_u8))
    );
    assert_eq!(left, Nat::from(PER_ROUND));
    assert_eq!(world.stage(task), Stage::Ended(EndReason::Completed));
    world.check(task);
    assert_eq!(world.ledger.balance(SELF.into()), 0);
    assert_eq!(world.ledger.balance(OWNER.into()), START - PER_ROUND - 2 * FEE);
}

#[test]
fn should_extend_once_and_then_skip() {
    let world = World::new();
    let task = world.start(&task_args());
    joined(&world, task, 2);
    world.send(task, 0, &good(1.0)).unwrap();
    // The other client vanishes half way: it has begun and sends nothing more.
    let bytes = encoding::encode(UpdateEncoding::F32, &good(2.0)).unwrap();
    let args = world.begin_args(task, &bytes, UpdateEncoding::F32);
    world.begin(1, &args).unwrap();
    world.wait(601);
    assert_eq!(world.info(task).rounds_held, 0);
    world.wait(601);
    assert_eq!(world.report(task, 1).outcome, RoundOutcome::Skipped);
    assert_eq!(world.info(task).collecting, Some(2));
    assert_eq!(
        world.finish(1, &args),
        Err(UploadError::RoundClosed {
            round: 1,
            collecting: Some(2)
        })
    );
    world.send(task, 0, &good(1.0)).unwrap();
    world.send(task, 1, &good(2.0)).unwrap();
    // Two of at most three: the deadline closes the round.
    world.wait(700);
    assert_eq!(world.report(task, 2).outcome, RoundOutcome::Accepted);
    world.check(task);
}

#[test]
fn should_close_at_once_when_an_extended_round_has_enough() {
    let world = World::new();
    let task = world.start(&task_args());
    joined(&world, task, 2);
    world.wait(605);
    world.send(task, 0, &good(1.0)).unwrap();
    world.send(task, 1, &good(2.0)).unwrap();
    world.wait(5);
    assert_eq!(world.report(task, 1).outcome, RoundOutcome::Accepted);
}

#[test]
fn should_move_the_model_as_buffers_fill() {
    let world = World::new();
    let mut args = task_args();
    args.strategy = Strategy::FedBuff {
        buffer: 2,
        server_learning_rate: 1.0,
        scale_by_staleness: true,
    };
    args.rounds.max_updates = 2;
    args.rounds.rounds = 3;
    args.scoring = Scoring::Proxy;
    let task = world.start(&args);
    joined(&world, task, 4);
    let stale = {
        let bytes = encoding::encode(UpdateEncoding::F32, &good(0.5)).unwrap();
        (world.begin_args(task, &bytes, UpdateEncoding::F32), bytes)
    };
    for round in 1..=2 {
        world.send(task, 0, &good(1.0)).unwrap();
        world.send(task, 1, &good(2.0)).unwrap();
        // The next buffer takes updates while this one is worked on.
        assert_eq!(world.info(task).collecting, Some(round + 1));
        world.wait(30);
        assert_eq!(world.report(task, round).outcome, RoundOutcome::Accepted);
    }
    let (mut args, bytes) = stale;
    args.round = 3;
    assert_eq!(world.send_bytes(2, &args, &bytes).unwrap().staleness, 2);
    let mut weights = args.clone();
    weights.kind = UpdateKind::Weights;
    assert_eq!(world.begin(3, &weights), Err(UploadError::DeltaOnly));
    world.send(task, 3, &good(1.0)).unwrap();
    world.wait(60);
    let report = world.report(task, 3);
    assert_eq!(report.clients[0].staleness, 2);
    assert!(report.clients.iter().all(|client| client.score.unwrap() > 0.0));
    assert_eq!(world.stage(task), Stage::Ended(EndReason::Completed));
    world.check(task);
}

#[test]
fn should_follow_every_strategy_to_the_end() {
    for strategy in [
        Strategy::FedAvgM {
            server_learning_rate: 1.0,
            server_momentum: 0.5,
        },
        Strategy::FedAdam {
            eta: 0.1,
            beta_1: 0.9,
            beta_2: 0.99,
            tau: 1e-3,
        },
        Strategy::FedMedian,
        Strategy::TrimmedMean { beta: 0.2 },
        Strategy::Krum { malicious: 0 },
        Strategy::MultiKrum { malicious: 0, keep: 2 },
        Strategy::Bulyan { malicious: 0 },
        Strategy::NormClipping { bound: 1.0 },
        Strategy::FedProx { proximal_mu: 0.1 },
    ] {
        let world = World::new();
        let mut args = task_args();
        args.strategy = strategy.clone();
        args.rounds.min_updates = 3;
        let task = world.start(&args);
        joined(&world, task, 3);
        for round in 1..=2 {
            for number in 0..3 {
                world.send(task, number, &good(0.5 + f32::from(number))).unwrap();
            }
            world.wait(30);
            assert_eq!(
                world.report(task, round).outcome,
                RoundOutcome::Accepted,
                "{strategy:?}"
            );
        }
        world.wait(60);
        world.check(task);
    }
}
