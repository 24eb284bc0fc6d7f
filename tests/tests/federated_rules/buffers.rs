//! FedBuff: versions move as buffers fill, and stale updates count less or not at all.

use std::time::Duration;

use ddsx_tests::World;
use ddsx_tests::federated::{Federation, client};
use ddsx_types::federated_aggregator::{
    BeginUpdateArgs, CreateTaskArgs, EndReason, RoundKey, RoundOutcome, RoundReport, Stage, Strategy, TaskId,
    UpdateKind, UpdateReceipt, UploadError, UploadStatus,
};

use crate::support::{
    NUMBERS, PER_ROUND, STAKE, assert_close, begin_args, bytes, good, numbers, send, start, task_args,
};

const CLIENTS: u64 = 4;
const HALF: u64 = PER_ROUND / 2;

/// Three buffers of two; updates may lag one version behind.
fn buffered(federation: &Federation<'_>) -> CreateTaskArgs {
    let mut args = task_args(federation.ledger.id);
    args.strategy = Strategy::FedBuff {
        buffer: 2,
        server_learning_rate: 1.0,
        scale_by_staleness: true,
    };
    args.rounds.rounds = 3;
    args.rounds.max_staleness = 1;
    args
}

fn staleness(report: &RoundReport) -> Vec<u32> {
    report.clients.iter().map(|client| client.staleness).collect()
}

/// Clients 0 and 1 fill the first buffer; in the same round of the network client 2 begins the first update of the next, which is answered.
fn fill_while_the_next_begins(federation: &Federation<'_>, task: TaskId) -> (BeginUpdateArgs, Vec<u8>) {
    send(federation, task, 0, (1, 0), &good(1.0)).unwrap();
    let filling = bytes(&good(3.0));
    let filling_args = begin_args(task, 1, 0, &filling);
    federation.begin(1, &filling_args).unwrap();
    federation.put(1, &filling_args, 0, &filling).unwrap();
    let next = bytes(&good(1.0));
    let next_args = begin_args(task, 2, 0, &next);
    let finish = federation.submit(client(1), "finish_update", RoundKey { task, round: 1 });
    let begin = federation.submit(client(2), "begin_update", &next_args);
    let finished: Result<UpdateReceipt, UploadError> = federation.answer(finish);
    assert_eq!(finished.unwrap().updates, 2);
    let begun: Result<UploadStatus, UploadError> = federation.answer(begin);
    assert_eq!(begun.unwrap().received, 0);
    (next_args, next)
}

#[test]
fn should_move_the_model_as_buffers_fill_and_refuse_what_is_too_stale() {
    let world = World::new();
    let federation = Federation::open(&world, CLIENTS);
    let task = start(&federation, &buffered(&federation), CLIENTS);
    let send = |number, round, version, scale| send(&federation, task, number, (round, version), &good(scale));

    send(0, 1, 0, 1.0).unwrap();
    assert_eq!(federation.task(task).version, 0, "half a buffer moves nothing");
    send(1, 1, 0, 2.0).unwrap();
    let report = federation.finish_round(task, 1, &mut || ());
    assert_eq!(
        (report.outcome, report.parent, report.version),
        (RoundOutcome::Accepted, 0, 1)
    );
    assert_eq!(staleness(&report), [0, 0]);
    assert_close(&numbers(&federation, task), &good(1.5), 1e-6);
    federation.check(task);

    // One version behind: it counts 1/√2 of one that is not.
    assert_eq!(send(2, 2, 0, 1.0).unwrap().staleness, 1);
    assert_eq!(send(3, 2, 1, 2.0).unwrap().staleness, 0);
    let report = federation.finish_round(task, 2, &mut || ());
    assert_eq!((report.parent, report.version), (1, 2));
    assert_eq!(staleness(&report), [1, 0]);
    let scale = 1.5 + f32::midpoint(0.5_f32.sqrt(), 2.0);
    assert_close(&numbers(&federation, task), &good(scale), 1e-6);
    federation.check(task);

    // Two versions behind is too far, and nobody has trained from a version that is not there yet.
    let wrong = Err(UploadError::WrongVersion { current: 2 });
    assert_eq!(send(0, 3, 0, 1.0), wrong);
    assert_eq!(send(0, 3, 3, 1.0), wrong);
    let update = bytes(&good(1.0));
    let mut weights = begin_args(task, 3, 2, &update);
    weights.kind = UpdateKind::Weights;
    assert_eq!(federation.send(0, &weights, &update), Err(UploadError::DeltaOnly));
    assert_eq!(
        federation.participant(task, 0).stake,
        STAKE,
        "an honest mistake costs nothing"
    );

    send(0, 3, 1, 1.0).unwrap();
    send(1, 3, 2, 0.5).unwrap();
    let report = federation.finish_round(task, 3, &mut || ());
    assert_eq!((report.version, staleness(&report)), (3, vec![1, 0]));
    let scale = scale + f32::midpoint(0.5_f32.sqrt(), 0.5);
    assert_close(&numbers(&federation, task), &good(scale), 1e-6);

    federation.wait(Duration::from_mins(2));
    let info = federation.task(task);
    assert_eq!(
        (info.stage.stage, info.version),
        (Stage::Ended(EndReason::Completed), 3)
    );
    // Shares are equal, and the odd unit is the first one's.
    for (number, updates, earned) in [(0, 2, 2 * (HALF + 1)), (1, 2, 2 * HALF), (2, 1, HALF + 1), (3, 1, HALF)] {
        let participant = federation.participant(task, number);
        assert_eq!(
            (participant.updates, participant.earned),
            (updates, earned.into()),
            "{number}"
        );
        assert_eq!(participant.paid, earned + STAKE, "{number}");
    }
    assert_eq!(federation.audit(task).paid, 3 * PER_ROUND + CLIENTS * STAKE);
    federation.check_paid(task, CLIENTS, &[]);
}

#[test]
fn should_collect_the_next_buffer_while_one_is_combined() {
    let world = World::new();
    let federation = Federation::open(&world, CLIENTS);
    let mut args = buffered(&federation);
    args.rounds.rounds = 2;
    let task = start(&federation, &args, CLIENTS);
    let (next_args, next) = fill_while_the_next_begins(&federation, task);

    // While it was uploaded, the model moved on: it is one version behind when it is finished.
    let report = federation.finish_round(task, 1, &mut || ());
    assert_eq!(report.version, 1);
    federation.put(2, &next_args, 0, &next).unwrap();
    assert_eq!(federation.finish(2, &next_args).unwrap().staleness, 1);
    let copied = send(&federation, task, 3, (2, 1), &good(1.0));
    assert_eq!(copied, Err(UploadError::Duplicate));
    send(&federation, task, 3, (2, 1), &good(2.0)).unwrap();
    let report = federation.finish_round(task, 2, &mut || ());
    assert_eq!(staleness(&report), [1, 0]);
    let scale = 2.0 + f32::midpoint(0.5_f32.sqrt(), 2.0);
    let model = numbers(&federation, task);
    assert_eq!(model.len(), NUMBERS);
    assert_close(&model, &good(scale), 1e-6);
    federation.wait(Duration::from_mins(2));
    federation.check_paid(task, CLIENTS, &[]);
}

#[test]
fn should_refuse_what_became_too_stale_while_it_was_uploaded() {
    let world = World::new();
    let federation = Federation::open(&world, CLIENTS);
    let mut args = buffered(&federation);
    args.rounds.rounds = 2;
    args.rounds.max_staleness = 0;
    let task = start(&federation, &args, CLIENTS);
    let (next_args, next) = fill_while_the_next_begins(&federation, task);
    federation.finish_round(task, 1, &mut || ());
    federation.put(2, &next_args, 0, &next).unwrap();
    assert_eq!(
        federation.finish(2, &next_args),
        Err(UploadError::WrongVersion { current: 1 })
    );
    assert_eq!(federation.participant(task, 2).stake, STAKE, "nobody is to blame");
    // Trained again from the version in force, it is welcome.
    send(&federation, task, 2, (2, 1), &good(1.0)).unwrap();
    send(&federation, task, 3, (2, 1), &good(2.0)).unwrap();
    let report = federation.finish_round(task, 2, &mut || ());
    assert_eq!(staleness(&report), [0, 0]);
    federation.wait(Duration::from_mins(2));
    federation.check_paid(task, CLIENTS, &[]);
}
