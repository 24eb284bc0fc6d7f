//! What is paid for what: progress, not presence; one's own work, not another's; nothing by what a client says of itself.

use candid::Nat;
use ddsx_nn::encoding;
use ddsx_types::federated_aggregator::{
    ClaimArgs, ClaimError, ClientReport, CreateTaskArgs, EndReason, Finding, Layer, ModelSpec, NamedLayer, OutputKind,
    RoundOutcome, RoundReport, Stage, Strategy, TaskError, UpdateEncoding,
};

use super::joined;
use crate::storage::{with, with_mut};
use crate::testing::{FEE, OWNER, PER_ROUND, STAKE, START, World, client, good, task_args};
use crate::{create, settlement};

pub(super) const HIDDEN: usize = 256;

/// Two inputs, a hidden layer that is either of them over and over, two classes: 1,282 numbers.
fn deep() -> ModelSpec {
    let linear = |name: &str, inputs, outputs| NamedLayer {
        name: name.into(),
        layer: Layer::Linear {
            inputs,
            outputs,
            bias: true,
        },
    };
    let hidden = u32::try_from(HIDDEN).unwrap();
    ModelSpec {
        input_shape: vec![2],
        layers: vec![
            linear("fc1", 2, hidden),
            NamedLayer {
                name: "relu".into(),
                layer: Layer::Relu,
            },
            linear("fc2", hidden, 2),
        ],
        output: OutputKind::Classes(2),
    }
}

pub(super) fn deep_weights() -> Vec<u8> {
    let plan = ddsx_nn::spec::Plan::new(&deep(), &ddsx_nn::spec::Limits::default()).unwrap();
    let mut numbers = vec![0.0; plan.len];
    for hidden in 0..HIDDEN {
        numbers[2 * hidden + hidden % 2] = 1.0;
    }
    ddsx_nn::weights::write(&plan, &numbers).unwrap()
}

/// A step of the last layer that makes the model better, each client's and round's with noise of its own.
pub(super) fn honest(scale: f32, noise: u32) -> Vec<f32> {
    let mut delta = vec![0.0; 5 * HIDDEN + 2];
    for (place, value) in delta[3 * HIDDEN..5 * HIDDEN].iter_mut().enumerate() {
        let sign = if (place + place / HIDDEN).is_multiple_of(2) {
            1.0
        } else {
            -1.0
        };
        let mixed = (u32::try_from(place).unwrap() ^ noise.wrapping_mul(0x9E37_79B9)).wrapping_mul(0x85EB_CA6B);
        #[allow(clippy::cast_precision_loss)]
        let drawn = (mixed >> 16) as f32 / 65_536.0 - 0.5;
        *value = scale * (sign + drawn) / 100.0;
    }
    delta
}

pub(super) fn deep_args() -> CreateTaskArgs {
    CreateTaskArgs {
        model: deep(),
        norm_bound: Some(f32::MAX),
        ..task_args()
    }
}

fn units(amount: &Nat) -> u128 {
    u128::try_from(&amount.0).unwrap()
}

fn rewards(report: &RoundReport) -> Vec<u128> {
    report.clients.iter().map(|client| units(&client.reward)).collect()
}

fn findings(report: &RoundReport) -> Vec<Option<Finding>> {
    report.clients.iter().map(|client| client.finding).collect()
}

#[test]
fn should_pay_nothing_for_no_learning() {
    let world = World::new();
    let mut args = task_args();
    args.rounds.rounds = 5;
    let task = world.start(&args);
    joined(&world, task, 3);
    for round in 1..=5_u8 {
        for number in 0..3 {
            let scale = 1e-7 * f32::from(1 + number + round);
            world.send(task, number, &good(scale)).unwrap();
        }
        world.wait(30);
        let report = world.report(task, round.into());
        assert_eq!(report.outcome, RoundOutcome::Accepted);
        let progress = report.progress.unwrap();
        assert!(
            (0.0..1e-5).contains(&progress.gain) && progress.part_ppm == 0,
            "{progress:?}"
        );
        assert_eq!(rewards(&report), [0; 3]);
    }
    world.wait(60);
    assert_eq!(world.stage(task), Stage::Ended(EndReason::Completed));
    world.check(task);
    // Everything is back but the ledger's fees.
    assert_eq!(world.ledger.balance(OWNER.into()), START - 2 * FEE);
}

#[test]
fn should_pay_small_steps_together_and_a_floor_where_there_is_one() {
    let world = World::new();
    let mut args = task_args();
    args.rounds.rounds = 3;
    args.reward.as_mut().unwrap().earning = Some(ddsx_types::federated_aggregator::Earning {
        floor_bps: 1_000,
        least_bps: 100,
        ..Default::default()
    });
    let task = world.start(&args);
    joined(&world, task, 3);
    let mut parts = Vec::new();
    for round in 1..=3 {
        for number in 0..3 {
            // The loss falls by some 0.7 %.
            world
                .send(task, number, &good(0.006 + 0.001 * f32::from(number)))
                .unwrap();
        }
        world.wait(30);
        let report = world.report(task, round);
        let part = report.progress.unwrap().part_ppm;
        assert_eq!(
            rewards(&report).iter().sum::<u128>(),
            PER_ROUND * u128::from(part) / 1_000_000
        );
        parts.push(part);
    }
    // Too little for more than the floor; then that of two rounds at once, then again too little.
    assert_eq!((parts[0], parts[2]), (100_000, 100_000));
    assert!((120_000..250_000).contains(&parts[1]), "{parts:?}");
    world.check(task);
}

#[test]
fn should_not_let_a_client_void_the_pay_of_all() {
    let world = World::new();
    let mut args = deep_args();
    args.strategy = Strategy::FedMedian;
    args.rounds.min_updates = 4;
    args.rounds.max_updates = 4;
    let task = world.start_from(&args, &deep_weights());
    joined(&world, task, 4);
    for number in 0..3 {
        world
            .send(task, number, &honest(1.0 + f32::from(number), number.into()))
            .unwrap();
    }
    // Finite, within the bound, ignored by the median: a mean that holds it is no model any more.
    let mut huge = vec![0.0; 5 * HIDDEN + 2];
    for value in huge.iter_mut().step_by(16) {
        *value = 1.5e18;
    }
    world.send(task, 3, &huge).unwrap();
    world.wait(60);
    let report = world.report(task, 1);
    assert_eq!(report.outcome, RoundOutcome::Accepted);
    assert_eq!(findings(&report), [None, None, None, Some(Finding::Outlier)]);
    assert_eq!(rewards(&report).iter().sum::<u128>(), PER_ROUND);
    assert_eq!((rewards(&report)[3], report.clients[3].score), (0, Some(0.0)));
    assert_eq!(world.participant(task, 3).standing.unwrap().findings, 1);
    world.check(task);
}

#[test]
fn should_name_copies_and_keep_the_pay_of_whoever_declared_first() {
    let world = World::new();
    let mut args = deep_args();
    args.rounds.min_updates = 3;
    let task = world.start_from(&args, &deep_weights());
    joined(&world, task, 3);
    let own = honest(1.0, 7);
    let bytes = encoding::encode(UpdateEncoding::F32, &own).unwrap();
    let declared = world.begin_args(task, &bytes, UpdateEncoding::F32);
    world.begin(0, &declared).unwrap();
    // The copy is scaled, encoded otherwise, and in before its victim's.
    let copy: Vec<f32> = own.iter().map(|value| value * 1.5).collect();
    let copied = encoding::encode(UpdateEncoding::F16, &copy).unwrap();
    let copied_args = world.begin_args(task, &copied, UpdateEncoding::F16);
    world.send_bytes(1, &copied_args, &copied).unwrap();
    let before = model(task);
    world.put(0, &declared, 0, &bytes).unwrap();
    world.finish(0, &declared).unwrap();
    world.send(task, 2, &honest(0.8, 8)).unwrap();
    world.wait(60);
    let report = world.report(task, 1);
    let of = |number| report.clients.iter().find(|one| one.client == client(number)).unwrap();
    assert_eq!(of(1).finding, Some(Finding::CopyOfClient(client(0))));
    assert_eq!((of(0).finding, of(2).finding), (None, None));
    assert_eq!(units(&of(1).reward), 0);
    assert!(units(&of(0).reward) > 0, "{:?}", rewards(&report));

    // One's own update again, though another version is in force, and the step that everybody can see.
    let step: Vec<f32> = model(task).iter().zip(&before).map(|(new, old)| new - old).collect();
    world.send(task, 0, &own).unwrap();
    world.send(task, 1, &step).unwrap();
    world.send(task, 2, &honest(1.0, 9)).unwrap();
    world.wait(60);
    assert_eq!(
        findings(&world.report(task, 2)),
        [Some(Finding::CopyOfRound(1)), Some(Finding::CopyOfStep(1)), None]
    );
    world.check(task);
    // Nothing is kept of a task that has ended.
    world.wait(60);
    assert_eq!(world.stage(task), Stage::Ended(EndReason::Completed));
    for number in 0..3 {
        assert!(with(|storage| storage.directions_of(task, &client(number))).is_empty());
    }
}

#[test]
fn should_keep_no_direction_of_who_goes_and_of_no_round_that_is_skipped() {
    let world = World::new();
    let mut args = deep_args();
    args.rounds.rounds = 4;
    let task = world.start_from(&args, &deep_weights());
    joined(&world, task, 3);
    let kept = |number| with(|storage| storage.directions_of(task, &client(number)));
    for number in 0..3 {
        world
            .send(task, number, &honest(1.0 + f32::from(number), number.into()))
            .unwrap();
    }
    world.wait(60);
    assert_eq!([0, 1, 2].map(kept), [[1], [1], [1]]);
    with_mut(|storage| crate::join::leave(storage, client(2), world.now(), task)).unwrap();
    assert!(kept(2).is_empty());
    // Too few in the second round.
    world.send(task, 0, &honest(1.0, 9)).unwrap();
    assert_eq!(kept(0), [1, 2]);
    world.wait(1_300);
    assert_eq!(world.report(task, 2).outcome, RoundOutcome::Skipped);
    assert_eq!(kept(0), [1]);
    // One against whom something was found is excluded.
    let mut entry = with(|storage| storage.client(task, &client(1))).unwrap();
    entry.findings = 1;
    with_mut(|storage| storage.put_client(task, &client(1), entry));
    let exclusion = ddsx_types::federated_aggregator::ExcludeClientArgs {
        task,
        client: client(1),
        reason: "found".to_owned(),
    };
    with_mut(|storage| crate::standing::exclude(storage, OWNER, world.now(), &exclusion)).unwrap();
    assert!(kept(1).is_empty());
    world.check(task);
}

fn model(task: u64) -> Vec<f32> {
    with(|storage| {
        let blob = storage.task(task).unwrap().model.unwrap().blob;
        storage.read_numbers(&blob, 0, blob.len() / 4)
    })
}

#[test]
fn should_find_equal_bytes_in_a_model_of_any_size() {
    let world = World::new();
    let task = world.start(&task_args());
    joined(&world, task, 3);
    let bytes = encoding::encode(UpdateEncoding::F32, &good(1.0)).unwrap();
    let args = world.begin_args(task, &bytes, UpdateEncoding::F32);
    world.begin(0, &args).unwrap();
    world.send_bytes(1, &args, &bytes).unwrap();
    // The first to declare it is not kept out.
    world.put(0, &args, 0, &bytes).unwrap();
    world.finish(0, &args).unwrap();
    world.send(task, 2, &good(0.5)).unwrap();
    world.wait(30);
    let report = world.report(task, 1);
    assert_eq!(findings(&report), [Some(Finding::CopyOfClient(client(0))), None, None]);
    assert!(rewards(&report)[0] == 0 && rewards(&report)[1] > 0);
}

/// A round in which client 2 declares so many samples, everybody else ten.
fn declaring(samples: u64) -> Vec<ClientReport> {
    let world = World::new();
    let task = world.start(&task_args());
    joined(&world, task, 3);
    world.send(task, 0, &good(1.0)).unwrap();
    world.send(task, 1, &good(2.0)).unwrap();
    let bytes = encoding::encode(UpdateEncoding::F32, &good(0.5)).unwrap();
    let mut args = world.begin_args(task, &bytes, UpdateEncoding::F32);
    args.samples = samples;
    world.send_bytes(2, &args, &bytes).unwrap();
    world.wait(30);
    world.report(task, 1).clients
}

#[test]
fn should_pay_nothing_for_declared_samples() {
    let (honest, lying) = (declaring(10), declaring(u64::MAX));
    let paid = |clients: &[ClientReport]| clients.iter().map(|one| one.reward.clone()).collect::<Vec<_>>();
    assert_eq!(paid(&honest), paid(&lying));
    // Nor does the model follow them further than is plausible.
    assert_eq!((honest[2].samples, lying[2].samples), (10, 40));
}

#[test]
fn should_publish_scores_and_pay_them_at_the_end_where_the_owner_wants_so() {
    let world = World::new();
    let mut args = task_args();
    args.scores_at_end = Some(true);
    let task = world.start(&args);
    joined(&world, task, 3);
    let mut marked = with(|storage| storage.client(task, &client(1))).unwrap();
    marked.marks = 1;
    with_mut(|storage| storage.put_client(task, &client(1), marked));
    world.send(task, 0, &good(1.0)).unwrap();
    world.send(task, 1, &good(2.0)).unwrap();
    world.wait(700);
    let report = world.report(task, 1);
    assert_eq!(
        world.participant(task, 1).standing.unwrap().marks,
        1,
        "it would tell that it earned"
    );
    assert_eq!(
        (report.outcome, report.scores_later),
        (RoundOutcome::Accepted, Some(true))
    );
    assert!(
        report
            .clients
            .iter()
            .all(|one| one.score.is_none() && one.reward == 0_u8)
    );
    assert_eq!(units(&report.rewarded), PER_ROUND);
    let participant = world.participant(task, 1);
    assert_eq!((participant.earned, participant.due), (0_u8.into(), 0_u8.into()));
    assert_eq!(participant.score.to_bits(), 0.0_f64.to_bits());
    world.check(task);
    world.upgrade();
    with_mut(|storage| crate::owner::stop(storage, OWNER, world.now(), task)).unwrap();
    world.wait(120);
    let report = world.report(task, 1);
    assert_eq!(rewards(&report).iter().sum::<u128>(), PER_ROUND);
    assert!(report.scores_later.is_none() && report.clients[1].score.unwrap() > 0.0);
    let participant = world.participant(task, 1);
    assert_eq!(units(&participant.earned), rewards(&report)[1]);
    assert!(participant.score > 0.0 && participant.paid > participant.earned);
    assert_eq!(participant.standing.unwrap().marks, 0);
    world.check(task);
}

#[test]
fn should_pay_nothing_that_is_kept_back_with_a_stake_that_goes_back_or_on_a_claim() {
    let world = World::new();
    let mut args = task_args();
    args.scores_at_end = Some(true);
    let task = world.start(&args);
    joined(&world, task, 3);
    world.send(task, 0, &good(1.0)).unwrap();
    world.send(task, 1, &good(2.0)).unwrap();
    world.wait(700);
    let kept = with(|storage| storage.client(task, &client(1))).unwrap().kept_reward;
    assert!(kept > STAKE);
    let claim = || {
        world.runtime.set_caller(client(1));
        let host = world.host.clone();
        let args = ClaimArgs {
            task,
            client: Some(client(1)),
        };
        world
            .runtime
            .run(async move { settlement::claim(&host, args).await })
            .unwrap()
    };
    let nothing = Err(ClaimError::NothingDue {
        due: 0_u8.into(),
        ledger_fee: FEE.into(),
    });
    assert_eq!(claim(), nothing);
    with_mut(|storage| crate::join::leave(storage, client(1), world.now(), task)).unwrap();
    assert_eq!(world.participant(task, 1).due, STAKE);
    world.wait(60);
    // The stake went back, and a payment's end asks for no other.
    assert_eq!(world.ledger.balance(client(1).into()), START - 2 * FEE);
    assert_eq!(claim(), nothing);
    let participant = world.participant(task, 1);
    assert_eq!((participant.due, participant.earned), (0_u8.into(), 0_u8.into()));
    assert_eq!(units(&participant.paid), STAKE);
    world.check(task);
    with_mut(|storage| crate::owner::stop(storage, OWNER, world.now(), task)).unwrap();
    world.wait(120);
    assert_eq!(world.ledger.balance(client(1).into()), START - 3 * FEE + kept);
    world.check(task);
}

#[test]
fn should_measure_norms_as_they_count_where_updates_are_clipped() {
    let world = World::new();
    let mut args = task_args();
    args.strategy = Strategy::NormClipping { bound: 0.5 };
    let task = world.start(&args);
    joined(&world, task, 3);
    // The lower median is 80 before it is clipped; the honest update is far below a hundredth of it, and counts as much as the others.
    for (number, scale) in [(0, 40.0), (1, 45.0), (2, 0.3)] {
        world.send(task, number, &good(scale)).unwrap();
    }
    world.wait(60);
    let report = world.report(task, 1);
    assert_eq!(report.outcome, RoundOutcome::Accepted);
    assert_eq!(findings(&report), [None; 3]);
    let usual = with(|storage| storage.task(task)).unwrap().usual_norm.unwrap();
    assert!((usual - 0.5).abs() < 1e-3, "{usual}");
}

#[test]
fn should_ask_for_a_norm_bound_where_money_is_paid_and_check_what_is_paid() {
    let world = World::new();
    let create = |change: &dyn Fn(&mut CreateTaskArgs)| {
        let mut args = task_args();
        change(&mut args);
        with_mut(|storage| create::create(storage, OWNER, world.now(), &args)).map(|_| ())
    };
    let field = |result: Result<(), TaskError>| match result {
        Err(TaskError::Invalid { field, .. }) => field,
        other => panic!("{other:?}"),
    };
    assert_eq!(field(create(&|args| args.norm_bound = None)), "norm_bound");
    assert_eq!(
        create(&|args| {
            args.norm_bound = None;
            args.reward = None;
        }),
        Ok(())
    );
    for (floor_bps, ceiling_bps, full_bps, least_bps) in [
        (2, 1, 1_000, 50),
        (0, 10_001, 1_000, 50),
        (0, 10_000, 0, 0),
        (0, 10_000, 1_000_001, 50),
        (0, 10_000, 40, 50),
    ] {
        let refused = create(&|args| {
            args.reward.as_mut().unwrap().earning = Some(ddsx_types::federated_aggregator::Earning {
                floor_bps,
                ceiling_bps,
                full_bps,
                least_bps,
            });
        });
        assert_eq!(field(refused), "earning");
    }
    let deposit = |units: u128| create(&|args| args.reward.as_mut().unwrap().deposit = Some(units.into()));
    assert_eq!(field(deposit(crate::testing::STAKE + 1)), "deposit");
    assert_eq!(deposit(crate::testing::STAKE), Ok(()));
}
