//! What storage costs, who pays it when, and how much of it there is.

use std::time::Duration;

use candid::Nat;
use ddsx_tests::World;
use ddsx_tests::federated::{Federation, START, client, governance, owner};
use ddsx_tests::ledger::FEE;
use ddsx_types::federated_aggregator::{
    ComputeFee, CreateTaskArgs, EndReason, File, FileStatus, Limits, ModelChunk, ModelChunkArgs, PayStorageArgs,
    PutFileArgs, PutUpdateArgs, Stage, StorageFee, TaskError, TaskId, TaskInfo, TaskQuote, UploadError, UploadStatus,
};
use serde_bytes::ByteBuf;

use crate::proxy::Proxy;
use crate::support::{NUMBERS, evaluation_file, good, send, task_args, weights_file};

const PER_MIB: u64 = 2_000_000;
const MIB: u64 = 1 << 20;
/// What a MiB costs a month where storage is paid in cycles, and for as long as a task can take.
const CYCLES_PER_MIB: u64 = 600_000_000_000;
const CYCLES: u64 = CYCLES_PER_MIB * MONTHS;

fn set_fee(federation: &Federation<'_>, per_mib: u64, cycles_per_mib: u64) {
    let fee = StorageFee {
        ledger: (per_mib > 0).then_some(federation.ledger.id),
        per_mib: per_mib.into(),
        cycles_per_mib: cycles_per_mib.into(),
    };
    federation.govern(governance(), "set_storage_fee", fee).unwrap();
}

/// `pay_storage`, with so many times this byte as its request id.
fn pay(federation: &Federation<'_>, number: Option<u64>, task: TaskId, request: u8) -> Result<(), TaskError> {
    let args = PayStorageArgs {
        task,
        from_subaccount: None,
        request_id: ByteBuf::from([request; 16]),
    };
    let payer = number.map_or_else(owner, client);
    federation.world.call(payer, federation.id, "pay_storage", (args,))
}

/// A task of one round without rewards: what moves is the fee alone.
fn free_args(federation: &Federation<'_>) -> CreateTaskArgs {
    let mut args = task_args(federation.ledger.id);
    args.reward = None;
    args.rounds.rounds = 1;
    args
}

fn upload(federation: &Federation<'_>, task: TaskId) -> Result<(), TaskError> {
    federation.put_file(task, File::Weights, &weights_file(&[0.0; NUMBERS]))?;
    federation.put_file(task, File::Evaluation, &evaluation_file())
}

/// As a draft, while it runs, after its end.
const MONTHS: u64 = 3;

fn fee_of(info: &TaskInfo) -> u64 {
    info.storage_bytes.div_ceil(MIB) * PER_MIB * MONTHS
}

#[test]
fn should_take_the_fee_once_and_hand_it_to_the_treasury() {
    let world = World::new();
    let federation = Federation::open(&world, 2);
    let nobody_pays = federation.create(&free_args(&federation)).unwrap();
    assert!(federation.task(nobody_pays).storage_paid, "there was no fee");
    set_fee(&federation, PER_MIB, 0);
    let mut args = free_args(&federation);
    // More than a MiB, so that the fee is for more than one.
    args.max_clients = 20;
    args.rounds.max_updates = 20;
    let task = federation.create(&args).unwrap();
    let info = federation.task(task);
    let fee = fee_of(&info);
    assert!(fee > PER_MIB, "{info:?}");
    assert_eq!(
        (info.storage_fee, info.storage_fee_cycles),
        (Some(fee.into()), 0_u8.into())
    );
    assert!(!info.storage_paid);

    let unpaid = Err(TaskError::StorageNotPaid);
    assert_eq!(upload(&federation, task), unpaid);
    assert_eq!(federation.own("start_task", task), unpaid);
    assert_eq!(federation.metric("blob_bytes"), 0);
    assert_eq!(pay(&federation, Some(0), task, 1), Err(TaskError::NotOwner));
    assert!(matches!(
        federation.own("pay_storage_with_cycles", task),
        Err(TaskError::PaymentRefused(_))
    ));
    let before = federation.ledger.balance(owner());
    // The same request, and another: nothing more is charged.
    for request in [1, 1, 2] {
        assert_eq!(pay(&federation, None, task, request), Ok(()));
        assert_eq!(federation.ledger.balance(owner()), before.clone() - fee - FEE);
    }
    assert!(federation.task(task).storage_paid);
    federation.wait(Duration::from_mins(1));
    assert_eq!(federation.ledger.balance(governance()), fee - FEE);
    // What is paid is paid, whatever storage costs the next one.
    set_fee(&federation, 10 * PER_MIB, 0);
    assert!(federation.task(task).storage_paid);

    upload(&federation, task).unwrap();
    federation.own("start_task", task).unwrap();
    federation.wait(Duration::from_secs(5));
    for number in 0..2 {
        federation.join(task, number).unwrap();
    }
    send(&federation, task, 0, (1, 0), &good(1.0)).unwrap();
    send(&federation, task, 1, (1, 0), &good(2.0)).unwrap();
    // Two of up to twenty: the deadline closes the round.
    federation.wait(Duration::from_secs(700));
    federation.finish_round(task, 1, &mut || ());
    federation.wait(Duration::from_mins(1));
    assert_eq!(federation.task(task).stage.stage, Stage::Ended(EndReason::Completed));
    // Another month for what it still holds, at what storage costs now.
    let ended = federation.task(task);
    let (end, kept) = (ended.expires_at.unwrap(), ended.storage_fee.unwrap());
    assert_eq!(kept, 10 * PER_MIB);
    assert_eq!(pay(&federation, None, task, 3), Ok(()));
    assert_eq!(federation.task(task).expires_at, Some(end + 30 * 86_400_000_000_000));
    federation.own("free_storage", task).unwrap();
    assert_eq!(federation.own("free_storage", task), Err(TaskError::WrongStage));
    assert_eq!(pay(&federation, None, task, 4), Err(TaskError::WrongStage));
    assert_eq!(federation.ledger.balance(owner()), START - FEE - fee - FEE - kept - FEE);
    federation.wait(Duration::from_mins(1));
    federation.check_paid(task, 2, &[]);
}

#[test]
fn should_set_room_aside_for_who_pays_and_for_nobody_else() {
    let world = World::new();
    let federation = Federation::open(&world, 0);
    set_fee(&federation, PER_MIB, 0);
    let args = free_args(&federation);
    let drafts: Vec<TaskId> = (0..3).map(|_| federation.create(&args).unwrap()).collect();
    let info = federation.task(drafts[0]);
    let (room, fee) = (info.storage_bytes, fee_of(&info));
    // Room for one and a half.
    let limits = Limits {
        total_bytes: room + room / 2,
        ..federation.parameters().limits
    };
    federation.govern(governance(), "set_limits", limits).unwrap();
    assert_eq!(federation.metric("reserved_bytes"), 0, "drafts hold nothing");
    assert_eq!(pay(&federation, None, drafts[1], 1), Ok(()));
    assert_eq!(federation.metric("reserved_bytes"), room);

    let full = Err(TaskError::TooMany {
        what: "bytes of all tasks".into(),
        limit: limits.total_bytes,
    });
    let before = federation.ledger.balance(owner());
    assert_eq!(pay(&federation, None, drafts[0], 2), full, "refused before it pays");
    assert_eq!(federation.ledger.balance(owner()), before);
    assert_eq!(upload(&federation, drafts[0]), Err(TaskError::StorageNotPaid));
    assert_eq!(
        federation.create(&args).map(|_| ()),
        Ok(()),
        "but anybody may make a draft"
    );

    upload(&federation, drafts[1]).unwrap();
    assert!(federation.metric("blob_bytes") > 0);
    assert_eq!(federation.own("free_storage", drafts[1]), Err(TaskError::WrongStage));
    federation.own("stop_task", drafts[1]).unwrap();
    federation.wait(Duration::from_secs(10));
    let held = federation.metric("reserved_bytes");
    assert!(held > 0 && held < room, "ended, and its files still there: {held}");
    federation.own("free_storage", drafts[1]).unwrap();
    assert_eq!(
        (federation.metric("reserved_bytes"), federation.metric("blob_bytes")),
        (0, 0)
    );
    // The same request as the one that was refused: nothing was charged for that.
    assert_eq!(pay(&federation, None, drafts[0], 2), Ok(()));
    assert_eq!(federation.ledger.balance(owner()), before - fee - FEE);
    upload(&federation, drafts[0]).unwrap();
    assert_eq!(pay(&federation, None, drafts[2], 3), full);

    // A draft that never paid is forgotten.
    federation.own("stop_task", drafts[2]).unwrap();
    assert_eq!(federation.own("free_storage", drafts[2]), Err(TaskError::NotFound));
    assert_eq!(federation.metric("reserved_bytes"), room);
    federation.upgrade();
    assert_eq!(federation.metric("reserved_bytes"), room);
    federation.wait(Duration::from_mins(1));
    assert_eq!(federation.ledger.balance(governance()), 2 * fee - 2 * FEE);
    for draft in &drafts[..2] {
        federation.check_paid(*draft, 0, &[]);
    }
}

/// A draft of the proxy's, whose storage costs [`CYCLES`].
fn draft_for_cycles(federation: &Federation<'_>, proxy: &Proxy<'_>) -> TaskId {
    set_fee(federation, 0, CYCLES_PER_MIB);
    let args = free_args(federation);
    let created: Result<TaskId, TaskError> = proxy.call(federation.id, "create_task", 0, (&args,));
    created.unwrap()
}

#[test]
fn should_take_cycles_for_storage_and_no_more_than_asked_for() {
    // More than the messages of this test cost.
    const MESSAGES: u128 = 100_000_000_000;
    let world = World::new();
    let federation = Federation::open(&world, 0);
    let proxy = Proxy::install(&world);
    let task = draft_for_cycles(&federation, &proxy);
    let info = federation.task(task);
    assert_eq!((info.owner, info.storage_bytes.div_ceil(MIB)), (proxy.id, 1));
    assert_eq!((info.storage_fee, info.storage_fee_cycles), (None, Nat::from(CYCLES)));

    let balances = || {
        let pic = &world.pic;
        (pic.cycle_balance(proxy.id), pic.cycle_balance(federation.id))
    };
    let pay =
        |cycles| -> Result<(), TaskError> { proxy.call(federation.id, "pay_storage_with_cycles", cycles, (task,)) };
    let evaluation = || -> Result<FileStatus, TaskError> {
        let args = PutFileArgs {
            task,
            file: File::Evaluation,
            offset: 0,
            bytes: ByteBuf::from(evaluation_file()),
        };
        proxy.call(federation.id, "put_file", 0, (args,))
    };
    let before = balances();
    let refused = pay(CYCLES - 1);
    assert!(matches!(refused, Err(TaskError::PaymentRefused(_))), "{refused:?}");
    assert_eq!(evaluation(), Err(TaskError::StorageNotPaid));
    assert_eq!(
        federation.own("pay_storage_with_cycles", task),
        Err(TaskError::NotOwner)
    );
    let after = balances();
    assert!(
        before.0 - after.0 < MESSAGES && before.1 - after.1 < MESSAGES,
        "{before:?} {after:?}"
    );
    assert!(!federation.task(task).storage_paid);

    // Three times as much as asked for, and once more when it is paid: the rest comes back.
    for _ in 0..2 {
        assert_eq!(pay(3 * CYCLES), Ok(()));
        let after = balances();
        let (spent, gained) = (before.0 - after.0, after.1 - before.1);
        let fee = u128::from(CYCLES);
        assert!((fee..fee + MESSAGES).contains(&spent), "{spent}");
        assert!((fee - MESSAGES..=fee).contains(&gained), "{gained}");
    }
    assert!(federation.task(task).storage_paid);
    assert!(federation.metric("reserved_bytes") > 0);
    assert_eq!(evaluation().unwrap().received, evaluation_file().len() as u64);
    federation.check_paid(task, 0, &[]);
}

#[test]
fn should_take_no_cycles_for_a_task_that_has_ended() {
    let world = World::new();
    let federation = Federation::open(&world, 0);
    let proxy = Proxy::install(&world);
    let task = draft_for_cycles(&federation, &proxy);
    let stopped: Result<(), TaskError> = proxy.call(federation.id, "stop_task", 0, (task,));
    stopped.unwrap();
    federation.wait(Duration::from_secs(10));
    let paid: Result<(), TaskError> = proxy.call(federation.id, "pay_storage_with_cycles", CYCLES, (task,));
    // Nothing was paid for it, and it is forgotten.
    assert_eq!(paid, Err(TaskError::NotFound));
    assert_eq!(federation.metric("reserved_bytes"), 0);
}

#[test]
fn should_give_back_what_rounds_that_were_not_held_cost_and_take_no_large_message_in_vain() {
    let world = World::new();
    let federation = Federation::open(&world, 2);
    set_fee(&federation, PER_MIB, 0);
    let fee = ComputeFee {
        per_billion: 10_000_000_u32.into(),
        cycles_per_billion: 0_u8.into(),
    };
    federation.govern(governance(), "set_compute_fee", fee).unwrap();
    let mut args = task_args(federation.ledger.id);
    args.reward = None;
    let quote: Result<TaskQuote, TaskError> = world.query(federation.id, "quote_task", (&args,));
    let quote = quote.unwrap();
    let (total, per_round) = (quote.fee.unwrap(), quote.compute.per_round);
    assert!(per_round > FEE, "{per_round}");
    let before = federation.ledger.balance(owner());
    let task = federation.create(&args).unwrap();
    assert_eq!(federation.task(task).storage_fee, Some(total.clone()));
    pay(&federation, None, task, 1).unwrap();
    assert_eq!(federation.ledger.balance(owner()), before.clone() - total.clone() - FEE);
    upload(&federation, task).unwrap();
    federation.own("start_task", task).unwrap();
    federation.wait(Duration::from_secs(5));
    for number in 0..2 {
        federation.join(task, number).unwrap();
    }
    send(&federation, task, 0, (1, 0), &good(1.0)).unwrap();
    send(&federation, task, 1, (1, 0), &good(2.0)).unwrap();
    federation.finish_round(task, 1, &mut || ());
    let estimate = federation.task(task).compute.unwrap();
    let most = federation.metric("slice_instructions_max");
    assert!(
        most < estimate.round_instructions,
        "{most} of {}",
        estimate.round_instructions
    );

    // A megabyte from somebody who has begun nothing costs the canister nothing; neither does one that asks what a query is for.
    let piece = PutUpdateArgs {
        task,
        round: 2,
        offset: 0,
        bytes: ByteBuf::from(vec![0; 1 << 20]),
        update: None,
    };
    let cycles = world.pic.cycle_balance(federation.id);
    for number in [0, 9] {
        let refused: Result<Result<UploadStatus, UploadError>, _> =
            world.try_call(client(number), federation.id, "put_update", (&piece,));
        let reject = refused.unwrap_err();
        assert!(reject.reject_message.contains("this piece is not wanted"), "{reject}");
    }
    let chunk = ModelChunkArgs {
        task,
        version: 1,
        offset: 0,
    };
    let refused: Result<Result<ModelChunk, TaskError>, _> =
        world.try_call(client(0), federation.id, "model_chunk", (chunk,));
    let reject = refused.unwrap_err();
    assert!(reject.reject_message.contains("call it as one"), "{reject}");
    let spent = cycles - world.pic.cycle_balance(federation.id);
    assert!(spent < 100_000_000, "{spent} cycles");

    federation.own("stop_task", task).unwrap();
    federation.wait(Duration::from_mins(2));
    assert_eq!(federation.task(task).compute.unwrap().returned, per_round);
    assert_eq!(
        federation.ledger.balance(owner()),
        before - total.clone() + per_round.clone() - 2 * FEE
    );
    // In one payment or in two.
    assert!(federation.ledger.balance(governance()) + 2 * FEE >= total - per_round);
    assert_eq!(federation.ledger.balance(federation.id), 0_u8);
}
