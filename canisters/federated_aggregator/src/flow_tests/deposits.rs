//! Rounds cannot be wasted for nothing, and honest mistakes cost no stake.

use ddsx_nn::encoding;
use ddsx_types::federated_aggregator::{
    EndReason, ExcludeClientArgs, Finding, JoinError, PutUpdateArgs, RoundOutcome, Stage, TaskError, UpdateEncoding,
    UploadError,
};
use serde_bytes::ByteBuf;

use super::joined;
use crate::storage::{with, with_mut};
use crate::testing::{FEE, OWNER, STAKE, START, World, client, good, task_args};
use crate::{governance, standing, upload};

fn begin(world: &World, task: u64, number: u8, scale: f32) -> Result<(), UploadError> {
    let bytes = encoding::encode(UpdateEncoding::F32, &good(scale)).unwrap();
    let args = world.begin_args(task, &bytes, UpdateEncoding::F32);
    world.begin(number, &args).map(|_| ())
}

#[test]
fn should_hold_a_part_of_the_stake_for_an_upload_and_keep_it_if_it_never_ends() {
    let world = World::new();
    let mut args = task_args();
    args.rounds.rounds = 4;
    let task = world.start(&args);
    joined(&world, task, 4);
    let deposit = STAKE / 10;
    let standing = || world.participant(task, 3).standing.unwrap();
    for round in 1..=2_u32 {
        begin(&world, task, 3, 9.0).unwrap();
        assert_eq!(standing().locked, deposit);
        for number in 0..2 {
            world.send(task, number, &good(1.0 + f32::from(number))).unwrap();
        }
        assert_eq!(world.participant(task, 0).standing.unwrap().locked, 0_u8);
        world.wait(700);
        assert_eq!(world.report(task, round).outcome, RoundOutcome::Accepted);
        let lost = deposit * u128::from(round);
        assert_eq!(world.participant(task, 3).stake, STAKE - lost);
        assert_eq!((standing().unfinished, standing().marks), (round, round));
        assert_eq!(standing().locked, 0_u8);
        world.check(task);
    }
    // After the second time others come first for a round.
    assert_eq!(standing().rests_until, 4);
    assert_eq!(begin(&world, task, 3, 9.0), Err(UploadError::RoundFull));
    // Unless there are too few of them.
    with_mut(|storage| crate::join::leave(storage, client(0), world.now(), task)).unwrap();
    with_mut(|storage| crate::join::leave(storage, client(1), world.now(), task)).unwrap();
    begin(&world, task, 3, 9.0).unwrap();
    world.check(task);
}

fn pause(world: &World, paused: bool) {
    world.runtime.set_caller(crate::testing::GOVERNANCE);
    let (host, action) = (world.host.clone(), governance::Action::SetPaused(paused));
    let done = world
        .runtime
        .run(async move { governance::execute(&host, action).await });
    done.unwrap().unwrap();
}

/// Two updates are in, and an upload has stood still for longer than it may. Answers what its client lost by what comes then: of its stake, in marks.
fn lost(then: impl FnOnce(&World, u64)) -> (u128, u32) {
    let world = World::new();
    let task = world.start(&task_args());
    joined(&world, task, 3);
    begin(&world, task, 2, 3.0).unwrap();
    world.send(task, 0, &good(1.0)).unwrap();
    world.send(task, 1, &good(2.0)).unwrap();
    world.wait(200);
    then(&world, task);
    assert_eq!(world.report(task, 1).outcome, RoundOutcome::Accepted);
    world.check(task);
    let entry = with(|storage| storage.client(task, &client(2))).unwrap();
    assert_eq!(entry.locked, 0);
    assert_eq!(entry.unfinished, entry.marks);
    (
        with(|storage| storage.task(task)).unwrap().books.to_treasury,
        entry.marks,
    )
}

#[test]
fn should_keep_a_deposit_for_no_stop_of_the_owner_and_in_no_pause() {
    assert_eq!(lost(|world, _| world.wait(500)), (STAKE / 10, 1));
    let stopped = lost(|world, task| {
        with_mut(|storage| crate::owner::stop(storage, OWNER, world.now(), task)).unwrap();
        world.wait(60);
        assert_eq!(world.stage(task), Stage::Ended(EndReason::Stopped));
        assert_eq!(world.ledger.balance(client(2).into()), START - 2 * FEE);
    });
    assert_eq!(stopped, (0, 0));
    let paused = lost(|world, _| {
        pause(world, true);
        world.wait(500);
        pause(world, false);
        world.wait(60);
    });
    assert_eq!(paused, (0, 0));
}

#[test]
fn should_cost_nothing_to_be_slow() {
    let world = World::new();
    let task = world.start(&task_args());
    joined(&world, task, 3);
    world.send(task, 0, &good(1.0)).unwrap();
    world.send(task, 1, &good(2.0)).unwrap();
    world.wait(550);
    // Begun shortly before the deadline: it was under way when the round closed.
    begin(&world, task, 2, 3.0).unwrap();
    pause(&world, true);
    world.wait(1_000);
    pause(&world, false);
    world.wait(100);
    assert_eq!(world.report(task, 1).outcome, RoundOutcome::Accepted);
    let participant = world.participant(task, 2);
    assert_eq!(participant.stake, STAKE);
    let standing = participant.standing.unwrap();
    assert_eq!((standing.unfinished, standing.locked), (0, 0_u8.into()));
    world.check(task);
}

#[test]
fn should_keep_two_machines_of_one_key_apart() {
    let world = World::new();
    let task = world.start(&task_args());
    joined(&world, task, 3);
    let upload = |scale: f32| {
        let bytes = encoding::encode(UpdateEncoding::F32, &good(scale)).unwrap();
        (world.begin_args(task, &bytes, UpdateEncoding::F32), bytes)
    };
    let ((first, first_bytes), (second, second_bytes)) = (upload(1.0), upload(2.0));
    world.begin(0, &first).unwrap();
    assert_eq!(world.begin(0, &second), Err(UploadError::RoundFull));
    world.wait(121);
    world.begin(0, &second).unwrap();
    // The first machine is late: its piece is told apart by the hash that it names.
    assert_eq!(world.put(0, &first, 0, &first_bytes), Err(UploadError::NotBegun));
    world.put(0, &second, 0, &second_bytes).unwrap();
    world.finish(0, &second).unwrap();

    // A client of the first release names none. Its piece is taken for the other's, and that costs the upload alone.
    world.begin(1, &first).unwrap();
    let nameless = PutUpdateArgs {
        task,
        round: 1,
        offset: 0,
        bytes: ByteBuf::from(second_bytes),
        update: None,
    };
    with_mut(|storage| upload::put(storage, client(1), world.now(), &nameless)).unwrap();
    assert_eq!(world.finish(1, &first), Err(UploadError::WrongHash));
    let entry = with(|storage| storage.client(task, &client(1))).unwrap();
    assert_eq!(
        (entry.stake, entry.locked, entry.faults, entry.active),
        (STAKE, 0, 0, true)
    );
    world.send(task, 1, &good(1.0)).unwrap();
    world.check(task);
}

#[test]
fn should_take_no_overflow_for_a_lie() {
    let world = World::new();
    let task = world.start(&task_args());
    joined(&world, task, 3);
    let huge = |value: f32| -> Vec<u8> { value.to_le_bytes().repeat(6) };
    // A half that is infinite; a scale that makes 127 steps infinite; squares that no float holds.
    let half: Vec<u8> = 0x7C00_u16.to_le_bytes().repeat(6);
    let int8: Vec<u8> = [&f32::MAX.to_le_bytes()[..], &[127; 6][..]].concat();
    for (number, encoding, bytes) in [
        (0, UpdateEncoding::F16, half),
        (1, UpdateEncoding::Int8, int8),
        (2, UpdateEncoding::F32, huge(1e30)),
    ] {
        let args = world.begin_args(task, &bytes, encoding);
        let refused = world.send_bytes(number, &args, &bytes).unwrap_err();
        assert!(
            matches!(refused, UploadError::Encoding(_) | UploadError::NormExceeded { .. }),
            "{refused:?}"
        );
        let entry = with(|storage| storage.client(task, &client(number))).unwrap();
        assert_eq!(
            (entry.stake, entry.faults, entry.active),
            (STAKE, 0, true),
            "{encoding:?}"
        );
    }
    world.check(task);
}

#[test]
fn should_name_who_spoils_rounds_and_let_the_owner_exclude_it() {
    let world = World::new();
    let mut args = task_args();
    args.rounds.rounds = 5;
    args.max_clients = 4;
    let task = world.start(&args);
    joined(&world, task, 4);
    let exclude = |caller, number: u8, reason: &str| {
        let args = ExcludeClientArgs {
            task,
            client: client(number),
            reason: reason.to_owned(),
        };
        with_mut(|storage| standing::exclude(storage, caller, world.now(), &args))
    };
    for (round, rests) in [(1, 2), (2, 4)] {
        world.send(task, 0, &good(1.0)).unwrap();
        world.send(task, 1, &good(1.2)).unwrap();
        world.send(task, 2, &good(-30.0)).unwrap();
        world.wait(30);
        let report = world.report(task, round);
        assert_eq!((report.outcome, report.rewarded), (RoundOutcome::Rejected, 0_u8.into()));
        let found: Vec<_> = report.clients.iter().map(|one| one.finding).collect();
        assert_eq!(found, [None, None, Some(Finding::Spoilt)]);
        assert_eq!(world.participant(task, 2).standing.unwrap().rests_until, rests);
    }
    assert_eq!(begin(&world, task, 2, -30.0), Err(UploadError::RoundFull));
    world.send(task, 0, &good(1.0)).unwrap();
    world.send(task, 1, &good(1.2)).unwrap();
    world.send(task, 3, &good(0.8)).unwrap();
    world.wait(30);
    assert_eq!(world.report(task, 3).outcome, RoundOutcome::Accepted);

    assert_eq!(exclude(client(0), 2, "sends noise"), Err(TaskError::NotOwner));
    for (number, reason) in [(0, "I do not like it"), (9, "unknown"), (2, " "), (2, &"x".repeat(501))] {
        let refused = exclude(OWNER, number, reason);
        assert!(matches!(refused, Err(TaskError::Invalid { .. })), "{refused:?}");
    }
    exclude(OWNER, 2, "spoilt rounds 1 and 2").unwrap();
    assert!(exclude(OWNER, 2, "again").is_err());
    let participant = world.participant(task, 2);
    assert!(!participant.active);
    let excluded = participant.standing.unwrap().excluded.unwrap();
    assert_eq!(excluded.reason, "spoilt rounds 1 and 2");
    world.wait(5);
    // Its stake is back, and it does not get in again.
    assert_eq!(world.ledger.balance(client(2).into()), START - 2 * FEE);
    assert_eq!(world.join_with(task, 2, 9), Err(JoinError::NotAllowed));
    assert_eq!(begin(&world, task, 2, 1.0), Err(UploadError::NotJoined));
    world.check(task);
}

#[test]
fn should_not_use_up_rounds_that_are_skipped() {
    let world = World::new();
    let mut args = task_args();
    args.rounds.rounds = 1;
    let task = world.start(&args);
    joined(&world, task, 2);
    world.send(task, 0, &good(1.0)).unwrap();
    world.wait(1_205);
    assert_eq!(world.report(task, 1).outcome, RoundOutcome::Skipped);
    assert_eq!(world.info(task).collecting, Some(2));
    world.send(task, 0, &good(1.0)).unwrap();
    world.send(task, 1, &good(2.0)).unwrap();
    world.wait(700);
    assert_eq!(world.report(task, 2).outcome, RoundOutcome::Accepted);
    world.wait(60);
    assert_eq!(world.stage(task), Stage::Ended(EndReason::Completed));
    assert_eq!(world.info(task).rounds_held, 2);
    world.check(task);

    // But not for ever.
    let world = World::new();
    let task = world.start(&args);
    world.wait(1_201 * 12);
    assert_eq!(world.stage(task), Stage::Ended(EndReason::Completed));
    assert_eq!(world.info(task).rounds_held, 1 + crate::limits::MAX_FREE_SKIPS);
}
