//! What a task holds is extended from its owner's balance, with notice where that lacks it.

use candid::Nat;
use ddsx_types::federated_aggregator::{EndReason, KeepTaskArgs, Stage, TaskId};

use crate::limits::{MONTH_NS, UPKEEP_NOTICE_NS};
use crate::storage::{with, with_mut};
use crate::testing::{LEDGER, OWNER, PER_ROUND, World, task_args};
use crate::{create, owner, upkeep};

const DAY: u64 = 86_400;
const PER_MIB: u128 = 1_000;

/// A world where a month of a small task costs [`PER_MIB`], and a task paid from a balance that has so much left.
fn paid(left: u128) -> (World, TaskId) {
    let world = World::new();
    with_mut(|storage| {
        storage.change_settings(|settings| {
            settings.fee_ledger = Some(LEDGER);
            settings.fee_per_mib = PER_MIB;
        });
    });
    let args = task_args();
    let fee = with(|storage| create::quote(storage, OWNER, &args))
        .unwrap()
        .fee
        .unwrap();
    let fee = u128::try_from(&fee.0).unwrap();
    world.top_up(OWNER, fee + left, 1).unwrap().unwrap();
    let task = with_mut(|storage| create::create(storage, OWNER, world.now(), &args)).unwrap();
    assert_eq!(world.balance(OWNER).free, left);
    world.upload(task, &args);
    world.fund(task, 2 * PER_ROUND);
    with_mut(|storage| owner::start(storage, OWNER, world.now(), task)).unwrap();
    world.wait(5);
    assert_eq!(world.stage(task), Stage::Running);
    (world, task)
}

fn ended(left: u128) -> (World, TaskId) {
    let (world, task) = paid(left);
    with_mut(|storage| owner::stop(storage, OWNER, world.now(), task)).unwrap();
    world.wait(60);
    assert_eq!(world.stage(task), Stage::Ended(EndReason::Stopped));
    (world, task)
}

#[test]
fn should_keep_an_ended_tasks_files_from_its_owners_balance_and_say_what_is_missing() {
    let (world, task) = ended(PER_MIB);
    let end = world.info(task).expires_at.unwrap();
    world.wait(22 * DAY);
    assert_eq!(
        (world.info(task).expires_at, world.balance(OWNER).free),
        (Some(end), Nat::from(PER_MIB))
    );
    world.wait(2 * DAY);
    let info = world.info(task);
    assert_eq!(info.expires_at, Some(end + MONTH_NS), "a week before");
    assert_eq!(
        (world.balance(OWNER).free, info.storage.unwrap().short_since),
        (Nat::from(0_u8), None)
    );
    world.check(task);
    world.upgrade();
    world.wait(30 * DAY);
    assert!(world.info(task).storage.unwrap().short_since.is_some(), "notice");
    assert!(with(|storage| storage.usage().0) > 0);
    // What is topped up meanwhile is taken, and the notice goes.
    world.top_up(OWNER, PER_MIB, 2).unwrap().unwrap();
    world.wait(2 * DAY);
    let info = world.info(task);
    assert_eq!(
        (info.expires_at, info.storage.unwrap().short_since),
        (Some(end + 2 * MONTH_NS), None)
    );
    world.wait(40 * DAY);
    assert_eq!(with(|storage| storage.usage().0), 0, "then it is forgotten");
    world.check(task);
}

#[test]
fn should_leave_a_balance_alone_whose_owner_says_so() {
    let (world, task) = ended(10 * PER_MIB);
    let kept = |kept| with_mut(|storage| upkeep::keep(storage, OWNER, world.now(), KeepTaskArgs { task, kept }));
    kept(false).unwrap();
    world.wait(29 * DAY);
    assert!(with(|storage| storage.usage().0) > 0);
    world.wait(2 * DAY);
    assert_eq!(with(|storage| storage.usage().0), 0);
    assert_eq!(world.balance(OWNER).free, 10 * PER_MIB);
    assert!(kept(true).is_err(), "it is gone");
    let stranger = crate::testing::client(0);
    let args = KeepTaskArgs { task, kept: true };
    assert!(with_mut(|storage| upkeep::keep(storage, stranger, world.now(), args)).is_err());
}

#[test]
fn should_not_look_over_and_over_at_what_costs_nothing_to_keep() {
    let (world, task) = ended(10 * PER_MIB);
    let end = world.info(task).expires_at.unwrap();
    with_mut(|storage| owner::free_storage(storage, OWNER, task)).unwrap();
    world.wait(25 * DAY);
    assert_eq!(
        with(|storage| storage.task(task)).unwrap().due,
        Some(end),
        "within the week before"
    );
    assert_eq!(world.balance(OWNER).free, 10 * PER_MIB);
    world.wait(10 * DAY);
    assert!(with(|storage| storage.task(task)).unwrap().cleared);
    let (world, task) = paid(PER_MIB);
    late(&world, task);
    with_mut(|storage| storage.change_settings(|settings| settings.fee_per_mib = 0));
    let before = with(|storage| storage.counters().slices);
    world.wait(8 * DAY);
    assert!(with(|storage| storage.counters().slices) - before < 100);
    world.check(task);
}

/// As if its rounds had taken longer than was paid for, which only a pause can make them.
fn late(world: &World, task: TaskId) {
    let mut record = with(|storage| storage.task(task)).unwrap();
    record.paid_until = Some(world.now() + UPKEEP_NOTICE_NS - 1);
    with_mut(|storage| storage.put_task(record));
}

#[test]
fn should_extend_the_storage_of_a_task_that_runs_and_end_it_with_notice() {
    let (world, task) = paid(PER_MIB);
    let mut args = task_args();
    args.rounds.rounds = 2;
    late(&world, task);
    let until = world.info(task).storage.unwrap().paid_until.unwrap();
    world.wait(700);
    let storage = world.info(task).storage.unwrap();
    assert_eq!(
        (storage.paid_until, storage.short_since),
        (Some(until + MONTH_NS), None)
    );
    assert_eq!(world.balance(OWNER).free, Nat::from(0_u8));
    world.check(task);
    late(&world, task);
    world.wait(1_300);
    assert_eq!(world.stage(task), Stage::Running);
    assert!(world.info(task).storage.unwrap().short_since.is_some());
    world.upgrade();
    world.wait(8 * DAY);
    assert!(matches!(world.stage(task), Stage::Ended(_)), "{:?}", world.stage(task));
    world.check(task);
}
