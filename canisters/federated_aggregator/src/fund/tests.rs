//! Room is set aside for a task when its storage is paid, and not before.

use candid::Nat;
use ddsx_payments::Failure;
use ddsx_runtime::testing::Fate;
use ddsx_types::federated_aggregator::{File, PayStorageArgs, PutFileArgs, TaskError, TaskId};
use serde_bytes::ByteBuf;

use super::{pay_storage, pay_storage_with_cycles};
use crate::storage::{with, with_mut};
use crate::testing::{FEE, LEDGER, OWNER, START, World, evaluation_file, task_args};
use crate::{create, owner};

const PER_MIB: u128 = 1_000;
const CYCLES_PER_MIB: u128 = 3_000_000;
/// As a draft, while it runs, after its end.
const MONTHS: u128 = 3;

/// A world where storage costs something, and there is room for just one task.
fn priced() -> (World, TaskId) {
    let world = World::new();
    with_mut(|storage| {
        storage.change_settings(|settings| {
            settings.fee_ledger = Some(LEDGER);
            settings.fee_per_mib = PER_MIB;
            settings.fee_cycles_per_mib = CYCLES_PER_MIB;
        });
    });
    let task = draft(&world);
    let bytes = world.info(task).storage_bytes;
    with_mut(|storage| storage.change_settings(|settings| settings.limits.total_bytes = bytes));
    (world, task)
}

fn draft(world: &World) -> TaskId {
    with_mut(|storage| create::create(storage, OWNER, world.now(), &task_args())).unwrap()
}

fn fee(world: &World, task: TaskId) -> u128 {
    u128::from(world.info(task).storage_bytes.div_ceil(1 << 20)) * PER_MIB * MONTHS
}

fn reserved() -> u64 {
    with(|storage| storage.counters().reserved_bytes)
}

fn pay(world: &World, task: TaskId, request: u8) -> Option<Result<(), TaskError>> {
    world.runtime.set_caller(OWNER);
    let host = world.host.clone();
    let args = PayStorageArgs {
        task,
        from_subaccount: None,
        request_id: ByteBuf::from([request; 16]),
    };
    world.runtime.run(async move { pay_storage(&host, args).await })
}

fn pay_in_cycles(world: &World, task: TaskId, cycles: u128) -> Result<(), TaskError> {
    world.runtime.set_caller(OWNER);
    world.runtime.set_cycles_available(cycles);
    pay_storage_with_cycles(&world.host, task)
}

fn full() -> Result<(), TaskError> {
    Err(TaskError::TooMany {
        what: "bytes of all tasks".to_owned(),
        limit: with(|storage| storage.settings().limits.total_bytes),
    })
}

#[test]
fn should_keep_nobody_out_with_drafts() {
    let (world, first) = priced();
    let second = draft(&world);
    let third = draft(&world);
    assert_eq!(reserved(), 0);
    assert_eq!(pay(&world, second, 1), Some(Ok(())));
    assert_eq!(reserved(), world.info(second).storage_bytes);
    // There is no room left: nobody pays for what he cannot have.
    let before = world.ledger.balance(OWNER.into());
    assert_eq!(pay(&world, first, 2), Some(full()));
    assert_eq!(pay_in_cycles(&world, third, u128::MAX), full());
    assert_eq!(world.ledger.balance(OWNER.into()), before);
    assert_eq!(with(|storage| storage.counters().cycles_received), 0);
    // A draft holds no file either.
    let piece = PutFileArgs {
        task: first,
        file: File::Evaluation,
        offset: 0,
        bytes: ByteBuf::from(evaluation_file()),
    };
    assert!(with_mut(|storage| owner::put_file(storage, OWNER, &piece)).is_err());
    // Room that is given back is the next one's.
    with_mut(|storage| owner::stop(storage, OWNER, world.now(), second)).unwrap();
    world.wait(5);
    with_mut(|storage| owner::free_storage(storage, OWNER, second)).unwrap();
    assert_eq!(reserved(), 0);
    assert_eq!(pay_in_cycles(&world, third, u128::MAX), Ok(()));
    assert_eq!(reserved(), world.info(third).storage_bytes);
}

#[test]
fn should_charge_the_storage_once() {
    let (world, task) = priced();
    let fee = fee(&world, task);
    assert_eq!(world.info(task).storage_fee, Some(Nat::from(fee)));
    assert_eq!(pay(&world, task, 1), Some(Ok(())));
    for request in [1, 2] {
        assert_eq!(pay(&world, task, request), Some(Ok(())), "request {request}");
    }
    assert_eq!(pay_in_cycles(&world, task, u128::MAX), Ok(()));
    assert_eq!(with(|storage| storage.counters().cycles_received), 0);
    assert_eq!(world.ledger.balance(OWNER.into()), START - fee - FEE);
    assert_eq!(reserved(), world.info(task).storage_bytes);
    world.check(task);
}

#[test]
fn should_take_the_cycles_asked_for_and_no_more() {
    let (world, task) = priced();
    let cycles = u128::from(world.info(task).storage_bytes.div_ceil(1 << 20)) * CYCLES_PER_MIB * MONTHS;
    assert!(matches!(
        pay_in_cycles(&world, task, cycles - 1),
        Err(TaskError::PaymentRefused(_))
    ));
    assert_eq!(reserved(), 0);
    assert_eq!(pay_in_cycles(&world, task, 2 * cycles), Ok(()));
    assert_eq!(with(|storage| storage.counters().cycles_received), cycles);
}

#[test]
fn should_give_the_room_back_when_the_payment_fails() {
    let (world, task) = priced();
    world.ledger.refuse_next(Failure::InsufficientFunds { balance: 0 });
    assert!(matches!(pay(&world, task, 1), Some(Err(TaskError::PaymentRefused(_)))));
    assert_eq!((reserved(), world.info(task).storage_paid), (0, false));
    // The same request is answered as before; another may try again.
    assert!(matches!(pay(&world, task, 1), Some(Err(TaskError::PaymentRefused(_)))));
    assert_eq!(pay(&world, task, 2), Some(Ok(())));
    world.check(task);
}

#[test]
fn should_hold_the_room_while_the_payment_is_unknown() {
    let (world, task) = priced();
    // The ledger executes it, but the answer never comes.
    world.next_payment(Fate::reject_after(ddsx_runtime::RejectCode::SysUnknown));
    assert!(matches!(pay(&world, task, 1), Some(Err(TaskError::Pending { .. }))));
    assert_eq!(pay(&world, task, 2), Some(Err(TaskError::PaymentUnderWay)));
    assert_eq!(pay_in_cycles(&world, task, u128::MAX), Err(TaskError::PaymentUnderWay));
    assert_eq!(reserved(), world.info(task).storage_bytes);
    world.upgrade();
    world.wait(3_600);
    assert!(world.info(task).storage_paid);
    assert_eq!(world.ledger.balance(OWNER.into()), START - fee(&world, task) - FEE);
    world.check(task);
}

#[test]
fn should_know_that_the_first_release_set_room_aside_at_once() {
    let (world, task) = priced();
    let mut record = with(|storage| storage.task(task)).unwrap();
    assert!(!record.reserved);
    let mut stored = ciborium::Value::serialized(&record).unwrap();
    stored
        .as_map_mut()
        .unwrap()
        .retain(|(name, _)| name.as_text() != Some("reserved"));
    record = stored.deserialized().unwrap();
    assert!(record.reserved);
    let bytes = record.storage_bytes;
    with_mut(|storage| {
        storage.count(|counters| counters.reserved_bytes += bytes);
        storage.put_task(record);
    });
    // Paying sets nothing aside a second time.
    assert_eq!(pay(&world, task, 1), Some(Ok(())));
    assert_eq!(reserved(), bytes);
}
