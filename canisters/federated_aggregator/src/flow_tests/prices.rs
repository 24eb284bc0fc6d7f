//! What computing costs, what is refused because it would take too much at once, and what comes back.

use candid::Nat;
use ddsx_payments::Host as _;
use ddsx_types::federated_aggregator::{
    AggregatorArgs, ComputeFee, CreateTaskArgs, EndReason, InitialWeights, Layer, NamedLayer, OutputKind,
    PayStorageArgs, Scoring, Stage, StorageFee, Strategy, TaskError, TaskId,
};
use serde_bytes::ByteBuf;

use super::joined;
use crate::storage::records::{Counters, Purpose, Settings, TaskRecord};
use crate::storage::{with, with_mut};
use crate::testing::{FEE, LEDGER, OWNER, PER_ROUND, SELF, START, World, good, task_args, weights_file};
use crate::{create, fund, governance, owner};

const PER_MIB: u128 = 1_000;
/// So dear that small tasks cost something.
const PER_BILLION: u128 = 50_000;

fn priced() -> World {
    let world = World::new();
    with_mut(|storage| {
        storage.change_settings(|settings| {
            settings.fee_ledger = Some(LEDGER);
            settings.fee_per_mib = PER_MIB;
            settings.fee_per_billion = PER_BILLION;
            settings.fee_cycles_per_mib = 7;
            settings.fee_cycles_per_billion = 1_000_000;
        });
    });
    world
}

fn number(nat: &Nat) -> u128 {
    u128::try_from(&nat.0).unwrap()
}

fn pay(world: &World, task: TaskId, request: u8) -> Result<(), TaskError> {
    world.runtime.set_caller(OWNER);
    let host = world.host.clone();
    let args = PayStorageArgs {
        task,
        from_subaccount: None,
        request_id: ByteBuf::from([request; 16]),
    };
    let paid = world.runtime.run(async move { fund::pay_storage(&host, args).await });
    paid.expect("an answer")
}

fn start(world: &World, args: &CreateTaskArgs, pay: impl FnOnce(TaskId)) -> TaskId {
    let task = with_mut(|storage| create::create(storage, OWNER, world.now(), args)).unwrap();
    pay(task);
    world.upload(task, args);
    world.fund(task, PER_ROUND * u128::from(args.rounds.rounds));
    with_mut(|storage| owner::start(storage, OWNER, world.now(), task)).unwrap();
    world.wait(5);
    assert_eq!(world.stage(task), Stage::Running);
    task
}

#[test]
fn should_give_back_to_the_unit_what_rounds_that_were_not_held_cost() {
    let world = priced();
    let args = task_args();
    let quote = with(|storage| create::quote(storage, OWNER, &args)).unwrap();
    let (fee, per_round) = (number(&quote.fee.unwrap()), number(&quote.compute.per_round));
    assert!(per_round > FEE && fee > 2 * per_round, "{fee} {per_round}");
    let before = world.ledger.balance(OWNER.into());
    let task = start(&world, &args, |task| pay(&world, task, 1).unwrap());
    assert_eq!(
        world.ledger.balance(OWNER.into()),
        before - fee - FEE - 2 * PER_ROUND - FEE
    );
    joined(&world, task, 2);
    world.send(task, 0, &good(1.0)).unwrap();
    world.send(task, 1, &good(2.0)).unwrap();
    world.wait(700);
    let held = with(|storage| storage.task(task)).unwrap().fee.held;
    assert_eq!(held, per_round, "one of two rounds is done");
    with_mut(|storage| owner::stop(storage, OWNER, world.now(), task)).unwrap();
    world.wait(3_600);
    assert_eq!(world.stage(task), Stage::Ended(EndReason::Stopped));
    assert_eq!(world.info(task).compute.unwrap().returned, per_round);
    // One round's reward and price are gone, the rest is back; each payment cost a ledger fee.
    assert_eq!(
        world.ledger.balance(OWNER.into()),
        before - (fee - per_round) - PER_ROUND - 4 * FEE
    );
    world.check(task);
    let treasury = with(|storage| storage.asset(LEDGER)).unwrap().treasury;
    assert_eq!(treasury.due + treasury.in_flight + treasury.paid, fee - per_round);
    assert_eq!(world.ledger.balance(SELF.into()), treasury.due);
    assert!(world.ledger.is_conserved());
}

#[test]
fn should_give_cycles_back_to_a_canister_that_paid_with_them() {
    let world = priced();
    let args = task_args();
    let quote = with(|storage| create::quote(storage, OWNER, &args)).unwrap();
    let (cycles, per_round) = (number(&quote.fee_cycles), number(&quote.compute.per_round_cycles));
    assert!(per_round > 0);
    let task = start(&world, &args, |task| {
        world.runtime.set_caller(OWNER);
        world.runtime.set_cycles_available(cycles - 1);
        assert!(fund::pay_storage_with_cycles(&world.host, task).is_err());
        world.runtime.set_cycles_available(2 * cycles);
        fund::pay_storage_with_cycles(&world.host, task).unwrap();
    });
    assert_eq!(with(|storage| storage.counters().cycles_received), cycles);
    with_mut(|storage| owner::stop(storage, OWNER, world.now(), task)).unwrap();
    world.wait(60);
    let sent = world.runtime.sent();
    let deposits: Vec<_> = sent.iter().filter(|call| call.method == "deposit_cycles").collect();
    assert_eq!(deposits.len(), 1);
    assert_eq!(deposits[0].options.cycles, 2 * per_round);
    assert_eq!(with(|storage| storage.counters().cycles_returned), 2 * per_round);
    world.wait(3_600);
    world.check(task);
}

#[test]
fn should_keep_an_ended_tasks_files_for_who_pays_another_month() {
    let world = priced();
    let task = start(&world, &task_args(), |task| pay(&world, task, 1).unwrap());
    with_mut(|storage| owner::stop(storage, OWNER, world.now(), task)).unwrap();
    world.wait(60);
    let info = world.info(task);
    let (end, month) = (info.expires_at.unwrap(), number(&info.storage_fee.unwrap()));
    assert_eq!(month, PER_MIB, "for what it holds: less than a MiB");
    let before = world.ledger.balance(OWNER.into());
    pay(&world, task, 2).unwrap();
    assert_eq!(world.ledger.balance(OWNER.into()), before - month - FEE);
    assert_eq!(world.info(task).expires_at, Some(end + crate::limits::MONTH_NS));
    world.wait(45 * 86_400);
    assert!(with(|storage| storage.usage().0) > 0);
    world.wait(20 * 86_400);
    assert_eq!(with(|storage| storage.usage().0), 0);
    assert_eq!(pay(&world, task, 3), Err(TaskError::WrongStage));
}

#[test]
fn should_ask_something_unless_told_otherwise() {
    let world = World::new();
    with_mut(|storage| {
        let assets = storage
            .assets()
            .iter()
            .map(crate::storage::records::AssetRecord::listing)
            .collect();
        let args = AggregatorArgs {
            assets: Some(assets),
            ..AggregatorArgs::default()
        };
        governance::install(storage, OWNER, args).unwrap();
    });
    let parameters = with(governance::parameters);
    assert_eq!(
        parameters.storage_fee,
        StorageFee {
            ledger: Some(LEDGER),
            per_mib: FEE.into(),
            cycles_per_mib: 1_500_000_000_u64.into(),
        }
    );
    assert_eq!(
        parameters.compute_fee,
        Some(ComputeFee {
            per_billion: FEE.into(),
            cycles_per_billion: 2_000_000_000_u64.into(),
        })
    );
    // Before anything is stored of a draft, its deposit is there.
    assert_eq!(parameters.draft_deposit, Some(Nat::from(100 * FEE)));
    let create = || with_mut(|storage| create::create(storage, OWNER, world.now(), &task_args()));
    assert!(matches!(create(), Err(TaskError::PaymentRefused(_))));
    world.top_up(OWNER, 100 * FEE, 1).unwrap().unwrap();
    // Of tokens the small task costs less than that: its owner has them already.
    let task = create().unwrap();
    assert!(world.info(task).storage_paid);
    assert_eq!(world.ledger.balance(OWNER.into()), START - 101 * FEE);
}

/// An image, and layers that multiply nothing: one value a pixel all the way.
fn elementwise(side: u32, layers: usize, layer: &Layer) -> CreateTaskArgs {
    let mut args = task_args();
    args.initial = InitialWeights::Draw;
    args.model.input_shape = vec![side * side];
    args.model.layers = (0..layers)
        .map(|number| NamedLayer {
            name: format!("f{number}"),
            layer: layer.clone(),
        })
        .collect();
    args.model.layers.push(NamedLayer {
        name: "fc".into(),
        layer: Layer::Linear {
            inputs: side * side,
            outputs: 2,
            bias: true,
        },
    });
    args
}

#[test]
fn should_refuse_a_model_of_which_one_sample_exceeds_a_slice_though_it_multiplies_little() {
    let world = World::new();
    let create = |args: &CreateTaskArgs| with_mut(|storage| create::create(storage, OWNER, world.now(), args));
    // 250 layers over 10^6 values each: 2·10^6 multiply-adds, and some 25 billion instructions.
    let heavy = elementwise(1_000, 250, &Layer::Relu);
    let refused = create(&heavy);
    let Err(TaskError::Invalid { field, reason }) = &refused else {
        panic!("{refused:?}")
    };
    assert_eq!(field, "model");
    assert!(
        reason.contains("instructions by estimate, at most 4000000000"),
        "{reason}"
    );
    assert!(create(&elementwise(100, 250, &Layer::Relu)).is_ok());
    // Whatever passes, a batch of it fits a step in instructions and memory.
    for args in [
        elementwise(600, 20, &Layer::Relu),
        elementwise(100, 250, &Layer::Relu),
        task_args(),
    ] {
        let plan = create::plan_of(&args).unwrap();
        let batch = crate::evaluate::batch(&plan);
        assert!(batch == 1 || plan.cost.sample * batch <= crate::limits::STEP_INSTRUCTIONS);
        assert!(plan.cost.numbers * batch <= crate::limits::BATCH_NUMBERS);
    }
}

#[test]
fn should_refuse_more_classes_than_fit_a_report() {
    let world = World::new();
    let mut args = task_args();
    args.model.output = OutputKind::Classes(5_000);
    let Layer::Linear { outputs, .. } = &mut args.model.layers[0].layer else {
        panic!("a linear layer")
    };
    *outputs = 5_000;
    let refused = with_mut(|storage| create::create(storage, OWNER, world.now(), &args));
    assert!(
        matches!(&refused, Err(TaskError::Invalid { reason, .. }) if reason.contains("at most 4096")),
        "{refused:?}"
    );
}

#[test]
fn should_price_scoring_by_the_coalitions_it_evaluates() {
    let plan = create::plan_of(&task_args()).unwrap();
    let of = |scoring| {
        let mut args = task_args();
        args.scoring = scoring;
        crate::price::work(&args, &plan).round
    };
    let shapley = |permutations| {
        of(Scoring::Shapley {
            permutations,
            tolerance: 0.0,
        })
    };
    let (proxy, one_out) = (of(Scoring::Proxy), of(Scoring::LeaveOneOut));
    assert!(proxy < one_out && one_out < shapley(2), "{proxy} {one_out}");
    // Three players have eight coalitions, however many orders are walked.
    assert_eq!(shapley(3), shapley(1_000));
}

#[test]
fn should_price_coalitions_by_the_rule_that_combines_them() {
    let plan = create::plan_of(&task_args()).unwrap();
    let of = |strategy, scoring| {
        let mut args = task_args();
        (args.strategy, args.scoring) = (strategy, scoring);
        (args.rounds.max_updates, args.max_clients) = (20, 20);
        crate::price::work(&args, &plan).round
    };
    let scoring = |strategy: &Strategy, scoring| of(strategy.clone(), scoring) - of(strategy.clone(), Scoring::Proxy);
    let shapley = Scoring::Shapley {
        permutations: 1,
        tolerance: 0.0,
    };
    for (one, coalitions) in [(Scoring::LeaveOneOut, 21), (shapley, 22)] {
        let (mean, median) = (scoring(&Strategy::FedAvg, one), scoring(&Strategy::FedMedian, one));
        // Six numbers of 20 members are sorted in each.
        assert_eq!(median - mean, coalitions * 6 * 8 * 20 * 20);
    }
}

#[test]
fn should_price_every_month_that_a_task_can_take() {
    let _world = priced();
    // 12 rounds with those that may be skipped, each extended once.
    for (duration_s, months) in [(600, 3), (12 * 3_600, 3), (30 * 86_400, 26)] {
        let mut args = task_args();
        args.rounds.duration_s = duration_s;
        let quote = with(|storage| create::quote(storage, OWNER, &args)).unwrap();
        let parameters = create::plan_of(&args).unwrap().len as u64;
        let mib = crate::price::reserved(&args, parameters).div_ceil(1 << 20);
        let storage = number(&quote.fee.unwrap()) - number(&quote.compute.total);
        assert_eq!(storage, months * PER_MIB * u128::from(mib), "{duration_s}");
    }
}

#[test]
fn should_set_room_aside_for_directions_and_for_reports_that_wait() {
    let reserved = |args: &CreateTaskArgs| crate::price::reserved(args, 6);
    let mut args = task_args();
    let one = reserved(&args);
    args.max_clients += 1;
    assert_eq!(reserved(&args) - one, 512 + 5 * 8_300);
    args.scores_at_end = Some(true);
    let twice = reserved(&args) - one - 512 - 5 * 8_300;
    args.rounds.rounds *= 2;
    args.scores_at_end = None;
    let longer = reserved(&args) - one - 512 - 5 * 8_300;
    assert!(twice > 0 && twice == longer, "{twice} {longer}");
}

#[test]
fn should_price_the_bytes_that_come_in() {
    let of = |args: &CreateTaskArgs| crate::price::work(args, &create::plan_of(args).unwrap());
    let (one, mut two) = (task_args(), task_args());
    two.evaluation.bytes += 1_000;
    // Of a set that is larger, more is evaluated too, by rounds as well: not by so much.
    let more = of(&two).prepare - of(&one).prepare;
    let evaluated = (of(&two).round - of(&one).round) / 5;
    assert_eq!(more - evaluated, 1_000 * 1_000);
    let mut drawn = task_args();
    drawn.initial = InitialWeights::Draw;
    let file = weights_file().len() as u64;
    assert_eq!(of(&one).prepare - of(&drawn).prepare, file * 1_000);
    // At the default price a byte costs the 2,000 cycles that the network takes for it.
    assert_eq!(
        u128::from(crate::limits::PER_INGRESS_BYTE) * crate::limits::CYCLES_PER_BILLION,
        2_000 * 1_000_000_000
    );
    let (mut three, mut four) = (task_args(), task_args());
    (three.scoring, four.scoring) = (Scoring::Proxy, Scoring::Proxy);
    four.rounds.max_updates = 4;
    let update = of(&four).round - of(&three).round;
    // Six numbers of four bytes.
    assert!((24_000..48_000).contains(&update), "{update}");
}

#[test]
fn should_estimate_more_than_large_rounds_took() {
    // benches/results/federated.json: round/10m_20_clients, in slices of 1 to 2.2 B instructions.
    for (scoring, slices, dearest) in [
        (Scoring::Proxy, 17_u64, 1_800_000_000_u64),
        (Scoring::LeaveOneOut, 158, 2_214_000_000),
    ] {
        let mut args = task_args();
        args.model.input_shape = vec![3_163];
        args.model.layers[0].layer = Layer::Linear {
            inputs: 3_163,
            outputs: 3_163,
            bias: false,
        };
        args.model.output = OutputKind::Classes(3_163);
        (args.rounds.max_updates, args.max_clients, args.scoring) = (20, 20, scoring);
        args.evaluation.bytes = 16 * (3_163 * 4 + 1) + 200;
        let plan = create::plan_of(&args).unwrap();
        // What was measured is computing alone.
        let bytes = 20 * 4 * plan.len as u64;
        let estimate = crate::price::work(&args, &plan).round - bytes * crate::limits::PER_INGRESS_BYTE;
        assert!(
            estimate > slices * dearest,
            "{estimate} for at most {}",
            slices * dearest
        );
    }
}

#[test]
fn should_read_what_the_first_release_stored() {
    fn without<T: serde::Serialize + serde::de::DeserializeOwned>(value: &T, names: &[&str]) -> T {
        let mut stored = ciborium::Value::serialized(value).unwrap();
        stored
            .as_map_mut()
            .unwrap()
            .retain(|(name, _)| !names.contains(&name.as_text().unwrap()));
        stored.deserialized().unwrap()
    }
    let world = World::new();
    let task = world.draft(&task_args());
    let record: TaskRecord = without(
        &with(|storage| storage.task(task)).unwrap(),
        &["expires_at", "fee", "cleared"],
    );
    assert_eq!((record.expires_at, record.cleared), (None, false));
    let settings: Settings = without(
        &with(|storage| storage.settings().clone()),
        &["registries", "fee_per_billion", "fee_cycles_per_billion"],
    );
    assert_eq!((settings.registries.len(), settings.fee_per_billion), (0, 0));
    let counters: Counters = without(
        &with(|storage| storage.counters().clone()),
        &["cycles_returned", "dated"],
    );
    assert_eq!(counters.dated, 0);
    // {"Storage": {"task": 3, "amount": 4}}, as the first release wrote it.
    let mut bytes = vec![1];
    let old = std::collections::BTreeMap::from([(
        "Storage",
        std::collections::BTreeMap::from([("task", 3), ("amount", 4)]),
    )]);
    ciborium::into_writer(&old, &mut bytes).unwrap();
    assert_eq!(
        crate::storage::record::decode::<Purpose>(&bytes),
        Some(Purpose::Storage {
            task: 3,
            amount: 4,
            per_round: 0,
            rounds: 0
        })
    );
    assert_eq!(world.host.runtime().open_calls(), 0);
}

#[test]
fn should_refuse_a_task_that_would_touch_the_reserve() {
    let world = World::new();
    let mut args = task_args();
    args.evaluation.bytes = 500 << 20;
    with_mut(|storage| {
        storage.change_settings(|settings| settings.limits.tasks_per_owner = 1_000);
        // All that governance may give away, and almost all is given away.
        let room = storage.room();
        storage.count(|counters| counters.reserved_bytes += room - (400 << 20));
        storage.change_settings(|settings| settings.limits.total_bytes = u64::MAX);
    });
    let refused = with_mut(|storage| create::create(storage, OWNER, world.now(), &args));
    assert!(
        matches!(&refused, Err(TaskError::TooMany { what, .. }) if what.contains("the canister has left")),
        "{refused:?}"
    );
    assert!(with_mut(|storage| create::create(storage, OWNER, world.now(), &task_args())).is_ok());
}

#[test]
fn should_refuse_control_characters_in_a_tasks_name() {
    let world = World::new();
    let named = |name: &str| {
        let args = CreateTaskArgs {
            name: name.into(),
            ..task_args()
        };
        with_mut(|storage| create::create(storage, OWNER, world.now(), &args)).map(|_| ())
    };
    for name in ["digits\n  stake  0 DST", "a\u{1b}[2K", "a\u{9b}"] {
        let refused = named(name);
        assert!(
            matches!(&refused, Err(TaskError::Invalid { field, .. }) if field == "name"),
            "{refused:?}"
        );
    }
    assert_eq!(named("digits – 数字"), Ok(()));
}
