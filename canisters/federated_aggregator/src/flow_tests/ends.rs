//! How tasks end early, and what becomes of drafts and of what ended tasks leave.

use candid::Principal;
use ddsx_nn::encoding;
use ddsx_types::federated_aggregator::{
    EndReason, RoundKey, RoundOutcome, Stage, Strategy, TaskError, TaskId, UpdateEncoding, UploadError,
};

use super::joined;
use crate::governance::{self, Action};
use crate::limits::{MAX_UNPAID, MAX_UNPAID_OF_OWNER, MONTH_NS, UNPAID_MAKES_ROOM_NS, UNPAID_NS};
use crate::storage::records::TaskRecord;
use crate::storage::{with, with_mut};
use crate::testing::{FEE, GOVERNANCE, LEDGER, OWNER, PER_ROUND, SELF, START, World, client, good, task_args};
use crate::{create, drafts, join, owner, view};

const DAY_S: u64 = 86_400;

fn stop(world: &World, task: TaskId) -> Result<(), TaskError> {
    with_mut(|storage| owner::stop(storage, OWNER, world.now(), task))
}

fn record(task: TaskId) -> Option<TaskRecord> {
    with(|storage| storage.task(task))
}

fn govern(world: &World, action: Action) -> Result<(), String> {
    world.runtime.set_caller(GOVERNANCE);
    let host = world.host.clone();
    let done = world
        .runtime
        .run(async move { governance::execute(&host, action).await });
    done.expect("an answer")
}

#[test]
fn should_score_and_pay_accepted_updates_before_it_stops() {
    let world = World::new();
    let task = world.start(&task_args());
    joined(&world, task, 3);
    // Below min_updates and before the deadline: the owner has what it needs and stops.
    world.send(task, 0, &good(1.0)).unwrap();
    let bytes = encoding::encode(UpdateEncoding::F32, &good(2.0)).unwrap();
    let begun = world.begin_args(task, &bytes, UpdateEncoding::F32);
    world.begin(1, &begun).unwrap();
    stop(&world, task).unwrap();
    assert_eq!(world.stage(task), Stage::Running, "not yet");
    assert_eq!(world.info(task).stopping, Some(true));
    assert!(matches!(world.finish(1, &begun), Err(UploadError::RoundClosed { .. })));
    world.wait(60);
    let report = world.report(task, 1);
    assert_eq!(report.outcome, RoundOutcome::Accepted);
    assert_eq!(report.rewarded, PER_ROUND);
    assert_eq!(world.stage(task), Stage::Ended(EndReason::Stopped));
    world.check(task);
    assert_eq!(world.ledger.balance(SELF.into()), 0);
    // Reward and stake in one payment.
    assert_eq!(world.ledger.balance(client(0).into()), START + PER_ROUND - 2 * FEE);
    assert_eq!(world.ledger.balance(OWNER.into()), START - PER_ROUND - 2 * FEE);
}

#[test]
fn should_stop_at_once_where_the_strategy_cannot_combine_what_is_there() {
    let world = World::new();
    let mut args = task_args();
    args.strategy = Strategy::MultiKrum { malicious: 0, keep: 2 };
    args.rounds.min_updates = 3;
    let task = world.start(&args);
    joined(&world, task, 2);
    world.send(task, 0, &good(1.0)).unwrap();
    stop(&world, task).unwrap();
    world.wait(60);
    assert_eq!(world.stage(task), Stage::Ended(EndReason::Stopped));
    world.check(task);
    assert_eq!(world.ledger.balance(SELF.into()), 0);
}

#[test]
fn should_pay_both_rounds_of_a_buffer_before_it_stops() {
    let world = World::new();
    let mut args = task_args();
    args.strategy = Strategy::FedBuff {
        buffer: 2,
        server_learning_rate: 1.0,
        scale_by_staleness: true,
    };
    (args.rounds.min_updates, args.rounds.max_updates, args.rounds.rounds) = (1, 2, 3);
    args.scoring = ddsx_types::federated_aggregator::Scoring::Proxy;
    let task = world.start(&args);
    joined(&world, task, 3);
    world.send(task, 0, &good(1.0)).unwrap();
    world.send(task, 1, &good(2.0)).unwrap();
    assert!(record(task).unwrap().working);
    world.send(task, 2, &good(1.5)).unwrap();
    stop(&world, task).unwrap();
    world.wait(60);
    assert_eq!(world.stage(task), Stage::Ended(EndReason::Stopped));
    for round in [1, 2] {
        assert_eq!(world.report(task, round).rewarded, PER_ROUND, "round {round}");
    }
    world.check(task);
    assert_eq!(world.ledger.balance(SELF.into()), 0);
}

#[test]
fn should_let_a_banned_owner_clear_up() {
    let world = World::new();
    let task = world.start(&task_args());
    joined(&world, task, 1);
    with_mut(|storage| {
        storage.set_banned(OWNER, true);
        storage.set_banned(client(0), true);
    });
    assert_eq!(
        with_mut(|storage| create::create(storage, OWNER, world.now(), &task_args())),
        Err(TaskError::Banned)
    );
    with_mut(|storage| crate::join::leave(storage, client(0), world.now(), task)).unwrap();
    stop(&world, task).unwrap();
    world.wait(60);
    with_mut(|storage| owner::free_storage(storage, OWNER, task)).unwrap();
    assert_eq!(with(|storage| storage.usage().0), 0);
    assert_eq!(world.ledger.balance(SELF.into()), 0);
}

#[test]
fn should_let_governance_end_and_free_tasks_and_trap_where_it_cannot() {
    let world = World::new();
    let task = world.start(&task_args());
    joined(&world, task, 2);
    world.send(task, 0, &good(1.0)).unwrap();
    world.send(task, 1, &good(2.0)).unwrap();
    assert_eq!(
        govern(&world, Action::FreeTask(task)),
        Err("the task has not ended".to_owned())
    );
    world.runtime.set_caller(OWNER);
    let host = world.host.clone();
    let by_owner = world
        .runtime
        .run(async move { governance::execute(&host, Action::EndTask(task)).await });
    assert!(by_owner.unwrap().unwrap_err().contains("only governance"));
    govern(&world, Action::EndTask(task)).unwrap();
    world.wait(60);
    assert_eq!(world.stage(task), Stage::Ended(EndReason::Stopped));
    assert_eq!(world.report(task, 1).rewarded, PER_ROUND);
    assert_eq!(
        govern(&world, Action::EndTask(task)),
        Err("the task has ended".to_owned())
    );
    assert_eq!(
        govern(&world, Action::EndTask(99)),
        Err("there is no such task".to_owned())
    );
    govern(&world, Action::FreeTask(task)).unwrap();
    world.wait(5);
    assert_eq!(with(|storage| storage.usage().0), 0);
    assert_eq!(with(|storage| storage.counters().reserved_bytes), 0);
    assert!(with(|storage| view::round(storage, RoundKey { task, round: 1 })).is_none());
    assert!(govern(&world, Action::FreeTask(task)).is_err());
    world.check(task);
    assert_eq!(world.ledger.balance(SELF.into()), 0);
}

#[test]
fn should_forget_what_ended_tasks_leave_when_their_time_is_over() {
    let world = World::new();
    let task = world.start(&task_args());
    joined(&world, task, 2);
    assert_eq!(world.info(task).expires_at, None, "not while it runs");
    for round in 1..=2_u8 {
        for number in 0..2 {
            world.send(task, number, &good(f32::from(number + round))).unwrap();
        }
        world.wait(700);
    }
    let info = world.info(task);
    assert_eq!(info.expires_at, Some(info.stage.since + MONTH_NS));
    let held = with(|storage| storage.counters().reserved_bytes);
    assert!(
        held > 0 && held < 1 << 20,
        "what it holds, and not what it could have come to hold: {held}"
    );
    world.wait(29 * DAY_S);
    assert_eq!(world.report(task, 1).outcome, RoundOutcome::Accepted);
    assert!(with(|storage| storage.usage().0) > 0);
    world.wait(2 * DAY_S);
    assert_eq!(with(|storage| storage.usage().0), 0);
    assert_eq!(with(|storage| storage.counters().reserved_bytes), 0);
    assert!(with(|storage| view::round(storage, RoundKey { task, round: 1 })).is_none());
    // The task and who was paid what stay.
    assert_eq!(world.info(task).expires_at, None);
    assert_eq!(world.stage(task), Stage::Ended(EndReason::Completed));
    world.check(task);
}

/// Storage costs something.
fn priced() {
    with_mut(|storage| {
        storage.change_settings(|settings| {
            settings.fee_ledger = Some(LEDGER);
            settings.fee_per_mib = 1_000;
        });
    });
}

#[test]
fn should_forget_drafts_that_nobody_pays_for() {
    let world = World::new();
    priced();
    let create = || with_mut(|storage| create::create(storage, OWNER, world.now(), &task_args()));
    for task in 0..MAX_UNPAID_OF_OWNER {
        assert_eq!(create(), Ok(task));
        assert_eq!(world.info(task).expires_at, Some(world.now() + UNPAID_NS));
    }
    assert!(matches!(
        create(),
        Err(TaskError::TooMany {
            limit: MAX_UNPAID_OF_OWNER,
            ..
        })
    ));
    // Nobody joins, and nothing is paid into, what may be gone in an hour.
    assert_eq!(
        world.join(0, 0),
        Err(ddsx_types::federated_aggregator::JoinError::NotFound)
    );
    // One is stopped: it is gone at once.
    stop(&world, 4).unwrap();
    assert!(record(4).is_none());
    world.wait(3_700);
    for task in 0..MAX_UNPAID_OF_OWNER {
        assert!(
            record(task).is_none() && with(|storage| storage.arguments(task)).is_none(),
            "{task}"
        );
    }
    assert_eq!(
        with(|storage| (storage.unpaid_drafts(), storage.tasks_of(&OWNER))),
        (0, 0)
    );
    assert_eq!(create(), Ok(5));
}

#[test]
fn should_let_the_oldest_unpaid_draft_make_room_and_no_fresh_one() {
    let world = World::new();
    priced();
    let create = |owner| with_mut(|storage| create::create(storage, owner, world.now(), &task_args()));
    for number in 0..MAX_UNPAID / MAX_UNPAID_OF_OWNER {
        let owner = Principal::from_slice(&[&[7][..], &number.to_be_bytes()].concat());
        for _ in 0..MAX_UNPAID_OF_OWNER {
            create(owner).unwrap();
        }
    }
    assert!(matches!(
        create(OWNER),
        Err(TaskError::TooMany { limit: MAX_UNPAID, .. })
    ));
    world.wait(UNPAID_MAKES_ROOM_NS / 1_000_000_000);
    let task = create(OWNER).unwrap();
    assert!(record(0).is_none() && record(1).is_some() && record(task).is_some());
    assert_eq!(with(crate::storage::Storage::unpaid_drafts), MAX_UNPAID);
}

#[test]
fn should_end_a_paid_draft_that_is_never_started_and_give_its_budget_back() {
    let world = World::new();
    let task = world.draft(&task_args());
    world.fund(task, 50_000);
    world.join(task, 0).unwrap();
    assert_eq!(
        world.info(task).expires_at,
        Some(world.info(task).created_at + MONTH_NS)
    );
    world.wait(31 * DAY_S);
    assert!(matches!(world.stage(task), Stage::Ended(EndReason::Failed(_))));
    world.check(task);
    assert_eq!(world.ledger.balance(SELF.into()), 0);
    world.wait(31 * DAY_S);
    assert_eq!(with(|storage| storage.usage().0), 0);
}

#[test]
fn should_give_tasks_of_the_first_release_a_month() {
    let world = World::new();
    let draft = world.draft(&task_args());
    let mut old = record(draft).unwrap();
    with_mut(|storage| {
        old.expires_at = None;
        storage.schedule(&mut old, None);
        storage.put_task(old);
        storage.count(|counters| counters.dated = 0);
    });
    world.upgrade();
    world.wait(5);
    let expires_at = world.info(draft).expires_at.unwrap();
    assert!(expires_at > world.now() + MONTH_NS - 60_000_000_000 && expires_at <= world.now() + MONTH_NS);
    assert!(!drafts::is_untouched(&record(draft).unwrap()));
    world.wait(31 * DAY_S);
    assert!(matches!(world.stage(draft), Stage::Ended(EndReason::Failed(_))));
}

#[test]
fn should_go_on_by_itself_after_a_tick_that_trapped() {
    let world = World::new();
    let task = world.start(&task_args());
    joined(&world, task, 1);
    stop(&world, task).unwrap();
    crate::timer::arm(&world.host);
    // The journal cannot be had: the message that pays traps.
    let trapped = crate::storage::with_journal(|_| {
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            for _ in 0..20 {
                world.runtime.run_next_timer();
            }
        }))
    });
    assert!(trapped.is_err());
    assert!(world.runtime.next_timer().is_some(), "nobody has to call");
}

#[test]
#[should_panic(expected = "the report of round 1")]
fn should_say_a_report_that_cannot_be_read_is_a_fault() {
    let world = World::new();
    let task = world.start(&task_args());
    with_mut(|storage| storage.put_report(task, 1, Vec::new()));
    let _ = with(|storage| view::round(storage, RoundKey { task, round: 1 }));
}

#[test]
fn should_let_clients_leave_while_stakes_go_back() {
    let world = World::new();
    let mut args = task_args();
    args.max_clients = 200;
    let task = world.start(&args);
    let one = |number: u8| Principal::from_slice(&[77, number]);
    for number in 0..150 {
        let (client, now) = (one(number), world.now());
        with_mut(|storage| join::enter(storage, task, client, client.into(), 0, now));
    }
    stop(&world, task).unwrap();
    // What is kept of reports, then the first hundred.
    world.step(task);
    assert!(record(task).unwrap().working);
    let left = |number| with_mut(|storage| join::leave(storage, one(number), world.now(), task));
    assert_eq!(left(149), Ok(()));
    assert_eq!(record(task).unwrap().clients, 0);
    world.wait(60);
    assert!(!record(task).unwrap().working);
    assert!(!with(|storage| storage.client(task, &one(148))).unwrap().active);
    world.check(task);
}
