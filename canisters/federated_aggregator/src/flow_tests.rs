//! Whole tasks, through the rules as the endpoints call them.

mod balances;
mod coalitions;
mod defaults;
mod deposits;
mod drafts;
mod ends;
mod fairness;
mod inspecting;
mod licences;
mod money;
mod paying;
mod prices;
mod rounds;
mod upkeep;
mod uploads;

use ddsx_types::Hash;
use ddsx_types::federated_aggregator::{EndReason, InitialWeights, RoundOutcome, Scoring, Stage};

use crate::storage::{with, with_mut};
use crate::testing::{FEE, OWNER, PER_ROUND, SELF, START, World, client, good, task_args};
use crate::{owner, view};

fn joined(world: &World, task: u64, clients: u8) {
    for number in 0..clients {
        world.join(task, number).unwrap();
    }
}

/// Six numbers, the given ones from the fourth on.
fn raw(numbers: &[f32]) -> Vec<u8> {
    let mut all = vec![0.0; 3];
    all.extend(numbers);
    all.resize(6, 0.0);
    all.iter().flat_map(|number| number.to_le_bytes()).collect()
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
