//! Bans and pauses: who is stopped by them, and that nothing is lost meanwhile.

use std::time::Duration;

use candid::{Nat, Principal};
use ddsx_tests::World;
use ddsx_tests::federated::{Federation, START, client, governance, owner};
use ddsx_tests::ledger::FEE;
use ddsx_types::federated_aggregator::{
    BanArgs, EndReason, File, JoinError, PayStorageArgs, PredictArgs, RoundKey, RoundOutcome, RoundState, RoundView,
    Stage, TaskError, UpdateReceipt, UploadError,
};
use serde_bytes::ByteBuf;

use crate::support::{
    PER_ROUND, STAKE, assert_close, begin_args, bytes, evaluation_file, good, numbers, send, start, task_args,
};

fn ban(federation: &Federation<'_>, principal: Principal, banned: bool) {
    federation
        .govern(governance(), "set_banned", BanArgs { principal, banned })
        .unwrap();
}

fn pause(federation: &Federation<'_>, paused: bool) {
    federation.govern(governance(), "set_paused", paused).unwrap();
    assert_eq!(federation.parameters().paused, paused);
}

#[test]
fn should_keep_the_banned_out_until_the_ban_is_lifted() {
    let world = World::new();
    let federation = Federation::open(&world, 4);
    let mut args = task_args(federation.ledger.id);
    args.rounds.rounds = 1;
    let task = start(&federation, &args, 2);
    ban(&federation, client(3), true);
    assert_eq!(federation.join(task, 3), Err(JoinError::Banned));
    assert_eq!(federation.ledger.balance(client(3)), START - FEE);

    // In the middle of an upload.
    let update = bytes(&good(1.0));
    let begin = begin_args(task, 1, 0, &update);
    federation.begin(0, &begin).unwrap();
    federation.put(0, &begin, 0, &update).unwrap();
    ban(&federation, client(0), true);
    assert_eq!(federation.finish(0, &begin), Err(UploadError::Banned));
    assert_eq!(federation.put(0, &begin, 0, &update), Err(UploadError::Banned));
    assert_eq!(federation.begin(0, &begin), Err(UploadError::Banned));
    assert_eq!(federation.participant(task, 0).stake, STAKE, "a ban takes no money");
    federation.upgrade();
    assert_eq!(federation.finish(0, &begin), Err(UploadError::Banned));
    ban(&federation, client(0), false);
    assert_eq!(federation.finish(0, &begin).unwrap().updates, 1);

    // One that is out for good takes its stake along, and an owner's task goes on without him.
    ban(&federation, client(1), true);
    assert_eq!(federation.leave(task, 1), Ok(()));
    federation.wait(Duration::from_mins(1));
    assert_eq!(federation.ledger.balance(client(1)), START - 3 * FEE);
    ban(&federation, owner(), true);
    assert_eq!(federation.create(&args), Err(TaskError::Banned));
    assert_eq!(federation.fund(task, 1, 9), Err(TaskError::Banned));
    assert_eq!(federation.own("start_task", task), Err(TaskError::Banned));
    federation.join(task, 2).unwrap();
    send(&federation, task, 2, (1, 0), &good(2.0)).unwrap();
    let report = federation.finish_round(task, 1, &mut || ());
    assert_eq!(
        (report.outcome, report.rewarded),
        (RoundOutcome::Accepted, PER_ROUND.into())
    );
    federation.wait(Duration::from_mins(2));
    assert_eq!(federation.task(task).stage.stage, Stage::Ended(EndReason::Completed));
    federation.check_paid(task, 4, &[]);
    // But he may clear up.
    federation.own("free_storage", task).unwrap();
    assert_eq!(federation.metric("blob_bytes"), 0);
}

#[test]
fn should_refuse_every_change_while_paused_and_lose_nothing() {
    let world = World::new();
    let federation = Federation::open(&world, 4);
    let args = task_args(federation.ledger.id);
    let task = start(&federation, &args, 3);
    let draft = federation.create(&args).unwrap();
    let update = bytes(&good(1.0));
    let begin = begin_args(task, 1, 0, &update);
    federation.begin(0, &begin).unwrap();
    federation.put(0, &begin, 0, &update).unwrap();
    // A stake becomes due in the same round of the network in which the pause begins.
    let left = federation.submit(client(2), "leave", task);
    let paused = federation.submit(governance(), "set_paused", true);
    let left: Result<(), JoinError> = federation.answer(left);
    left.unwrap();
    let () = federation.answer(paused);

    let before = (
        federation.task(task),
        federation.audit(task),
        federation.ledger.balance(federation.id),
    );
    assert_eq!(before.1.owed, STAKE);
    assert_eq!(federation.join(task, 3), Err(JoinError::Paused));
    assert_eq!(federation.leave(task, 1), Err(JoinError::Paused));
    assert_eq!(federation.begin(1, &begin), Err(UploadError::Paused));
    assert_eq!(federation.put(0, &begin, 0, &update), Err(UploadError::Paused));
    assert_eq!(federation.finish(0, &begin), Err(UploadError::Paused));
    assert_eq!(federation.create(&args), Err(TaskError::Paused));
    assert_eq!(federation.fund(draft, 1, 9), Err(TaskError::Paused));
    assert_eq!(
        federation.put_file(draft, File::Evaluation, &evaluation_file()),
        Err(TaskError::Paused)
    );
    let pay = PayStorageArgs {
        task: draft,
        from_subaccount: None,
        request_id: ByteBuf::from([8; 16]),
    };
    let paid: Result<(), TaskError> = world.call(owner(), federation.id, "pay_storage", (pay,));
    assert_eq!(paid, Err(TaskError::Paused));
    for method in ["pay_storage_with_cycles", "start_task", "stop_task", "free_storage"] {
        assert_eq!(federation.own(method, draft), Err(TaskError::Paused), "{method}");
    }

    // No deadline passes (the round's has) and no payment begins, but everybody may read.
    federation.upgrade();
    federation.wait(Duration::from_hours(2));
    let after = (
        federation.task(task),
        federation.audit(task),
        federation.ledger.balance(federation.id),
    );
    assert_eq!(after, before);
    federation.check(task);
    assert!(matches!(
        federation.round(task, 1),
        Some(RoundView::Open {
            state: RoundState::Collecting { extended: false, .. },
            updates: 0,
            ..
        })
    ));
    assert_close(&numbers(&federation, task), &[0.0; 10], 0.0);
    let inputs = vec![1.0; 4];
    let predicted: Result<Vec<f32>, TaskError> = world.query(federation.id, "predict", (PredictArgs { task, inputs },));
    assert_eq!(predicted, Ok(vec![0.0, 0.0]));
    assert_eq!(federation.metric("paused"), 1);

    // The upload goes on where it was; the deadline that has passed meanwhile is extended once, as any.
    pause(&federation, false);
    federation.wait(Duration::from_mins(1));
    assert_eq!(
        federation.ledger.balance(client(2)),
        START - 3 * FEE,
        "the stake is paid now"
    );
    assert!(matches!(
        federation.round(task, 1),
        Some(RoundView::Open {
            state: RoundState::Collecting { extended: true, .. },
            ..
        })
    ));
    assert_eq!(federation.finish(0, &begin).unwrap().updates, 1);
    send(&federation, task, 1, (1, 0), &good(2.0)).unwrap();
    let report = federation.finish_round(task, 1, &mut || ());
    assert_eq!(
        (report.outcome, report.rewarded),
        (RoundOutcome::Accepted, PER_ROUND.into())
    );
    federation.own("stop_task", task).unwrap();
    federation.wait(Duration::from_mins(2));
    federation.check_paid(task, 4, &[]);
}

#[test]
fn should_finish_after_the_pause_the_round_that_was_at_work() {
    let world = World::new();
    let federation = Federation::open(&world, 2);
    let args = task_args(federation.ledger.id);
    let task = start(&federation, &args, 2);
    send(&federation, task, 0, (1, 0), &good(1.0)).unwrap();
    let last = bytes(&good(2.0));
    let begin = begin_args(task, 1, 0, &last);
    federation.begin(1, &begin).unwrap();
    federation.put(1, &begin, 0, &last).unwrap();
    let finish = federation.submit(client(1), "finish_update", RoundKey { task, round: 1 });
    let paused = federation.submit(governance(), "set_paused", true);
    let finished: Result<UpdateReceipt, UploadError> = federation.answer(finish);
    assert_eq!(finished.unwrap().updates, 2);
    let () = federation.answer(paused);

    federation.wait(Duration::from_hours(2));
    assert!(matches!(
        federation.round(task, 1),
        Some(RoundView::Open {
            state: RoundState::Measuring,
            updates: 2,
            version: 0,
            ..
        })
    ));
    assert_eq!(federation.audit(task).budget_left, Nat::from(2 * PER_ROUND));
    pause(&federation, false);
    let report = federation.finish_round(task, 1, &mut || ());
    assert_eq!(
        (report.outcome, report.rewarded),
        (RoundOutcome::Accepted, PER_ROUND.into())
    );
    assert_close(&numbers(&federation, task), &good(1.5), 1e-6);
    // The next round has its whole time.
    send(&federation, task, 0, (2, 1), &good(1.0)).unwrap();
    send(&federation, task, 1, (2, 1), &good(2.0)).unwrap();
    federation.finish_round(task, 2, &mut || ());
    federation.wait(Duration::from_mins(2));
    assert_eq!(federation.task(task).stage.stage, Stage::Ended(EndReason::Completed));
    federation.check_paid(task, 2, &[]);
}
