//! Whole tasks, through the rules as the endpoints call them.

use candid::Nat;
use ddsx_nn::encoding::{self, encoded_len};
use ddsx_payments::Failure;
use ddsx_runtime::RejectCode;
use ddsx_types::Hash;
use ddsx_types::federated_aggregator::{
    EncodingError, EndReason, InitialWeights, JoinError, JoinRule, RoundOutcome, Scoring, Stage, Strategy, TaskError,
    UpdateEncoding, UpdateKind, UploadError,
};
use proptest::prelude::*;

use crate::storage::{with, with_mut};
use crate::testing::{
    FEE, GOVERNANCE, OWNER, PER_ROUND, SELF, STAKE, START, World, client, digest, good, task_args, weights_file,
};
use crate::{create, owner, view};

fn joined(world: &World, task: u64, clients: u8) {
    for number in 0..clients {
        world.join(task, number).unwrap();
    }
}

#[test]
fn should_hold_a_task_to_its_end_and_pay_every_unit() {
    let world = World::new();
    let task = world.start(&task_args());
    assert_eq!(world.stage(task), Stage::Running);
    joined(&world, task, 3);
    world.check(task);
    for round in 1..=2 {
        assert_eq!(world.info(task).collecting, Some(round));
        world.send(task, 0, &good(1.0)).unwrap();
        world.send(task, 1, &good(2.0)).unwrap();
        world.send(task, 2, &good(-0.5)).unwrap();
        world.wait(30);
        let report = world.report(task, round);
        assert_eq!(report.outcome, RoundOutcome::Accepted);
        assert_eq!((report.version, report.parent), (round, round - 1));
        let rewards: Vec<u128> = report
            .clients
            .iter()
            .map(|client| u128::try_from(&client.reward.0).unwrap())
            .collect();
        assert_eq!(rewards.iter().sum::<u128>(), PER_ROUND);
        assert!(rewards[1] > rewards[0] && rewards[2] == 0, "{rewards:?}");
        assert!(report.clients[2].score.unwrap() < 0.0);
        world.check(task);
    }
    world.wait(60);
    assert_eq!(world.stage(task), Stage::Ended(EndReason::Completed));
    world.check(task);
    assert_eq!(world.ledger.balance(SELF.into()), 0);
    // The hostile client got its stake back, less the ledger's fees, and nothing else.
    assert_eq!(world.ledger.balance(client(2).into()), START - 2 * FEE);
    let predicted = with(|storage| {
        view::predict(
            storage,
            &ddsx_types::federated_aggregator::PredictArgs {
                task,
                inputs: vec![1.0, 0.0, 0.0, 1.0],
            },
        )
    })
    .unwrap();
    assert!(predicted[0] > predicted[1] && predicted[2] < predicted[3]);
    with_mut(|storage| owner::free_storage(storage, OWNER, task)).unwrap();
    assert_eq!(with(|storage| storage.usage().0), 0);
    assert_eq!(with(|storage| storage.counters().reserved_bytes), 0);
}

/// Runs a task, one step a message, with an upgrade after every so many steps; answers the final model's hash and the clients' balances.
fn run_with_upgrades(every: Option<u32>) -> (Hash, Vec<u128>) {
    let world = World::new();
    let mut args = task_args();
    args.scoring = Scoring::Shapley {
        permutations: 8,
        tolerance: 0.0,
    };
    args.initial = InitialWeights::Draw;
    let task = world.start(&args);
    joined(&world, task, 3);
    for _ in 0..2 {
        for number in 0..3 {
            if every.is_some() {
                world.upgrade();
            }
            world.send(task, number, &good(f32::from(number) + 0.5)).unwrap();
        }
        let mut steps = 0;
        while with(|storage| storage.task(task)).unwrap().working {
            world.step(task);
            steps += 1;
            assert!(steps < 1_000);
            if every.is_some_and(|every| steps % every == 0) {
                world.upgrade();
            }
        }
    }
    world.wait(3_000);
    world.check(task);
    let hash = with(|storage| storage.task(task)).unwrap().model.unwrap().hash;
    (
        hash,
        (0..3)
            .map(|number| world.ledger.balance(client(number).into()))
            .collect(),
    )
}

#[test]
fn should_go_on_after_upgrades_with_the_same_bits() {
    let whole = run_with_upgrades(None);
    for every in [1, 2, 3] {
        assert_eq!(run_with_upgrades(Some(every)), whole, "an upgrade every {every} steps");
    }
}

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
fn should_let_others_in_where_an_upload_stands_still() {
    let world = World::new();
    let task = world.start(&task_args());
    joined(&world, task, 5);
    let upload = |scale: f32| {
        let bytes = encoding::encode(UpdateEncoding::F32, &good(scale)).unwrap();
        (world.begin_args(task, &bytes, UpdateEncoding::F32), bytes)
    };
    for number in 0..3 {
        world.begin(number, &upload(f32::from(number)).0).unwrap();
    }
    let (args, bytes) = upload(9.0);
    assert_eq!(world.begin(3, &args), Err(UploadError::RoundFull));
    world.wait(121);
    world.send_bytes(3, &args, &bytes).unwrap();
    assert_eq!(world.finish(0, &args), Err(UploadError::NotBegun));
    // Those that go on are not touched.
    let (args, bytes) = upload(1.0);
    world.put(1, &args, 0, &bytes).unwrap();
    assert!(world.begin(4, &upload(7.0).0).is_ok());
    assert_eq!(world.begin(2, &upload(2.0).0), Err(UploadError::RoundFull));
    world.finish(1, &args).unwrap();
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
fn should_refuse_what_is_wrong_with_its_reason_and_slash_what_is_false() {
    let world = World::new();
    let task = world.start(&task_args());
    joined(&world, task, 6);
    let bytes = encoding::encode(UpdateEncoding::F32, &good(1.0)).unwrap();
    let args = world.begin_args(task, &bytes, UpdateEncoding::F32);
    let refused = |change: &dyn Fn(&mut ddsx_types::federated_aggregator::BeginUpdateArgs)| {
        let mut changed = args.clone();
        change(&mut changed);
        world.begin(0, &changed).unwrap_err()
    };
    assert_eq!(
        refused(&|args| args.numbers = 7),
        UploadError::WrongShape { found: 7, expected: 6 }
    );
    assert_eq!(refused(&|args| args.samples = 0), UploadError::NoSamples);
    assert_eq!(
        refused(&|args| args.base_version = 1),
        UploadError::WrongVersion { current: 0 }
    );
    assert_eq!(
        refused(&|args| args.round = 2),
        UploadError::RoundClosed {
            round: 2,
            collecting: Some(1)
        }
    );
    assert_eq!(world.begin(9, &args), Err(UploadError::NotJoined));
    assert_eq!(world.put(0, &args, 0, &bytes), Err(UploadError::NotBegun));
    world.begin(0, &args).unwrap();
    // An F16 of the same numbers has another length.
    assert_eq!(
        world.put(0, &args, 0, &bytes[..12]),
        Err(UploadError::WrongLength { expected: 24 })
    );
    assert_eq!(
        world.put(0, &args, 4, &bytes),
        Err(UploadError::WrongOffset { expected: 0 })
    );
    assert_eq!(
        world.finish(0, &args),
        Err(UploadError::Incomplete { received: 0, bytes: 24 })
    );
    // None of that was provably false.
    assert_eq!(with(|storage| storage.client(task, &client(0))).unwrap().stake, STAKE);
    world.put(0, &args, 0, &bytes).unwrap();
    world.finish(0, &args).unwrap();
    assert_eq!(world.begin(0, &args), Err(UploadError::AlreadyAccepted));
    assert_eq!(world.send_bytes(1, &args, &bytes), Err(UploadError::Duplicate));

    let mut faults = 0;
    for (number, false_bytes, declared, expected) in [
        (
            2,
            raw(&[f32::NAN]),
            None,
            UploadError::Encoding(EncodingError::NotFinite { index: 3 }),
        ),
        (
            3,
            raw(&[f32::INFINITY]),
            None,
            UploadError::Encoding(EncodingError::NotFinite { index: 3 }),
        ),
        (4, raw(&[0.5]), Some(Hash([1; 32])), UploadError::WrongHash),
        (
            5,
            raw(&[2_000.0]),
            None,
            UploadError::NormExceeded {
                norm_thousandths: 2_000_000,
            },
        ),
    ] {
        let mut args = world.begin_args(task, &false_bytes, UpdateEncoding::F32);
        if let Some(declared) = declared {
            args.hash = declared;
        }
        assert_eq!(world.send_bytes(number, &args, &false_bytes), Err(expected));
        faults += 1;
        let entry = with(|storage| storage.client(task, &client(number))).unwrap();
        assert_eq!((entry.stake, entry.faults, entry.active), (0, 1, false));
        assert_eq!(world.begin(number, &args), Err(UploadError::NotJoined));
    }
    world.wait(5);
    world.check(task);
    assert_eq!(
        world.ledger.balance(GOVERNANCE.into()),
        faults * STAKE - FEE * faults.min(1)
    );
    // A stake paid again buys a place again.
    world.join_with(task, 2, 8).unwrap();
    world.send(task, 2, &good(3.0)).unwrap();
    world.check(task);
}

/// Six numbers, the given ones from the fourth on.
fn raw(numbers: &[f32]) -> Vec<u8> {
    let mut all = vec![0.0; 3];
    all.extend(numbers);
    all.resize(6, 0.0);
    all.iter().flat_map(|number| number.to_le_bytes()).collect()
}

#[test]
fn should_bound_junk_of_one_caller() {
    let world = World::new();
    let mut args = task_args();
    args.reward.as_mut().unwrap().stake = Nat::from(0_u8);
    let task = world.start(&args);
    joined(&world, task, 1);
    let used = with(|storage| storage.usage().0);
    let mut refused = 0;
    for number in 0..10_000_u32 {
        let bytes: Vec<u8> = number.to_be_bytes().repeat(6);
        let args = world.begin_args(task, &bytes, UpdateEncoding::F32);
        refused += u32::from(world.begin(0, &args).is_err());
    }
    assert_eq!(refused, 10_000 - 5);
    assert!(with(|storage| storage.usage().0) <= used + 65_536);
    assert!(matches!(
        world.begin(0, &world.begin_args(task, b"more", UpdateEncoding::F32)),
        Err(UploadError::TooManyAttempts { limit: 5 })
    ));
}

#[test]
fn should_resume_an_upload_and_take_weights_and_other_encodings() {
    let world = World::new();
    let task = world.start(&task_args());
    joined(&world, task, 3);
    for (number, encoding) in [(0, UpdateEncoding::F16), (1, UpdateEncoding::Int8)] {
        let bytes = encoding::encode(encoding, &good(1.0 + f32::from(number))).unwrap();
        assert_eq!(bytes.len() as u64, encoded_len(encoding, 6));
        let args = world.begin_args(task, &bytes, encoding);
        world.begin(number, &args).unwrap();
        world.upgrade();
        // The same call again says where to go on.
        assert_eq!(world.begin(number, &args).unwrap().received, 0);
        world.put(number, &args, 0, &bytes).unwrap();
        assert_eq!(world.begin(number, &args).unwrap().received, bytes.len() as u64);
        world.finish(number, &args).unwrap();
    }
    let bytes = encoding::encode(UpdateEncoding::F32, &good(3.0)).unwrap();
    let mut args = world.begin_args(task, &bytes, UpdateEncoding::F32);
    args.kind = UpdateKind::Weights;
    world.send_bytes(2, &args, &bytes).unwrap();
    world.wait(30);
    assert_eq!(world.report(task, 1).outcome, RoundOutcome::Accepted);
}

#[test]
fn should_keep_what_is_owed_while_the_ledger_is_down() {
    let world = World::new();
    let task = world.start(&task_args());
    joined(&world, task, 3);
    world.ledger.set_down(Some(RejectCode::SysTransient));
    for round in 0..2 {
        for number in 0..3 {
            world
                .send(task, number, &good(1.0 + f32::from(number + round)))
                .unwrap();
        }
        world.wait(60);
        world.check(task);
    }
    assert_eq!(world.stage(task), Stage::Ended(EndReason::Completed));
    world.upgrade();
    world.wait(3_600);
    assert!(world.ledger.balance(SELF.into()) > 0);
    world.ledger.calm();
    world.wait(7_200);
    world.check(task);
    assert_eq!(world.ledger.balance(SELF.into()), 0);
}

#[test]
fn should_pay_again_when_the_fee_has_changed() {
    let world = World::new();
    let task = world.start(&task_args());
    joined(&world, task, 2);
    world.ledger.set_fee(25);
    world.ledger.refuse_next(Failure::BadFee { expected_fee: 25 });
    with_mut(|storage| owner::stop(storage, OWNER, world.now(), task)).unwrap();
    world.wait(7_200);
    assert_eq!(world.stage(task), Stage::Ended(EndReason::Stopped));
    world.check(task);
    assert_eq!(world.ledger.balance(SELF.into()), 0);
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

#[test]
fn should_end_a_task_whose_files_are_wrong_and_give_its_budget_back() {
    let world = World::new();
    let mut args = task_args();
    // The model wants three classes of evidence that the set does not have: labels are fine, inputs are not.
    args.model.input_shape = vec![3];
    let ddsx_types::federated_aggregator::Layer::Linear { inputs, .. } = &mut args.model.layers[0].layer else {
        panic!("a linear layer")
    };
    *inputs = 3;
    args.initial = InitialWeights::Draw;
    let task = world.start(&args);
    world.wait(60);
    let Stage::Ended(EndReason::Failed(reason)) = world.stage(task) else {
        panic!("{:?}", world.stage(task))
    };
    assert!(reason.contains("inputs must be F32"), "{reason}");
    world.check(task);
    assert_eq!(world.ledger.balance(SELF.into()), 0);
}

#[test]
fn should_check_files_and_stages_of_a_draft() {
    let world = World::new();
    let mut args = task_args();
    args.initial = InitialWeights::Upload(digest(b"something else"));
    let task = with_mut(|storage| create::create(storage, OWNER, world.now(), &args)).unwrap();
    let put = |bytes: &[u8]| {
        let args = ddsx_types::federated_aggregator::PutFileArgs {
            task,
            file: ddsx_types::federated_aggregator::File::Weights,
            offset: 0,
            bytes: bytes.to_vec().into(),
        };
        with_mut(|storage| owner::put_file(storage, OWNER, &args))
    };
    assert_eq!(put(&weights_file()), Err(TaskError::WrongLength { expected: 14 }));
    assert_eq!(put(b"something els3"), Err(TaskError::WrongHash));
    assert_eq!(with(|storage| storage.usage().0), 0);
    assert!(put(b"something else").is_ok());
    let start = || with_mut(|storage| owner::start(storage, OWNER, world.now(), task));
    assert_eq!(start(), Err(TaskError::Incomplete));
    with_mut(|storage| owner::stop(storage, OWNER, world.now(), task)).unwrap();
    assert_eq!(start(), Err(TaskError::WrongStage));
}

#[test]
fn should_let_in_whom_the_rule_allows() {
    let world = World::new();
    let mut args = task_args();
    args.join = JoinRule::AllowList(vec![client(0), client(1)]);
    args.max_clients = 2;
    let task = world.start(&args);
    assert_eq!(world.join(task, 5), Err(JoinError::NotAllowed));
    joined(&world, task, 2);
    // Asked again with the same request, nobody pays twice.
    world.join(task, 1).unwrap();
    assert_eq!(world.ledger.balance(client(1).into()), START - STAKE - FEE);
    // With another, the client is in already and pays nothing.
    world.join_with(task, 1, 9).unwrap();
    assert_eq!(world.ledger.balance(client(1).into()), START - STAKE - FEE);
    with_mut(|storage| crate::join::leave(storage, client(1), world.now(), task)).unwrap();
    world.wait(5);
    assert_eq!(world.ledger.balance(client(1).into()), START - 2 * FEE);
    world.check(task);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn should_conserve_money_whatever_clients_do(
        steps in prop::collection::vec((0_u8..6, 0_u8..8, -3.0_f32..3.0), 1..60),
    ) {
        let world = World::new();
        let task = world.start(&task_args());
        for (number, action, scale) in steps {
            match action {
                0 | 1 => { let _ = world.join_with(task, number, action + 1); }
                2..=4 => { let _ = world.send(task, number, &good(scale)); }
                5 => {
                    let bytes = raw(&[f32::NAN]);
                    let args = world.begin_args(task, &bytes, UpdateEncoding::F32);
                    let _ = world.send_bytes(number, &args, &bytes);
                }
                6 => { let _ = with_mut(|storage| crate::join::leave(storage, client(number), world.now(), task)); }
                _ => { world.wait(400); }
            }
            if scale > 2.5 {
                world.upgrade();
            }
            world.check(task);
        }
        let _ = with_mut(|storage| owner::stop(storage, OWNER, world.now(), task));
        world.wait(3_600);
        world.check(task);
        // What is not above the ledger's fee cannot be paid.
        prop_assert!(world.ledger.balance(SELF.into()) <= 6 * FEE);
    }
}
