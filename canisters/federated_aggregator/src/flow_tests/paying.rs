//! Tasks paid from a balance: one call, one total, deposits of drafts, and what comes back.

use candid::Nat;
use ddsx_runtime::RejectCode;
use ddsx_runtime::Runtime as _;
use ddsx_runtime::testing::Fate;
use ddsx_types::federated_aggregator::{
    CreateTaskArgs, EndReason, Stage, TaskError, TaskId, TaskPayment, TaskTotal, TopUpError,
};
use proptest::prelude::*;
use serde_bytes::ByteBuf;

use super::joined;
use crate::storage::{with, with_mut};
use crate::testing::{FEE, LEDGER, OWNER, PER_ROUND, START, World, good, task_args};
use crate::{create, creation, fund, owner};

const PER_MIB: u128 = 1_000;
const PER_BILLION: u128 = 50_000;
const DEPOSIT: u128 = 700;

fn priced() -> World {
    let world = World::new();
    with_mut(|storage| {
        storage.change_settings(|settings| {
            settings.fee_ledger = Some(LEDGER);
            settings.fee_per_mib = PER_MIB;
            settings.fee_per_billion = PER_BILLION;
            settings.draft_deposit = DEPOSIT;
        });
    });
    world
}

fn number(nat: &Nat) -> u128 {
    u128::try_from(&nat.0).unwrap()
}

fn total(args: &CreateTaskArgs) -> TaskTotal {
    with(|storage| create::quote(storage, OWNER, args))
        .unwrap()
        .total
        .unwrap()
}

fn payment(max: u128, budget: u128, request: u8) -> TaskPayment {
    TaskPayment {
        ledger: LEDGER,
        max: Nat::from(max),
        budget: Some(Nat::from(budget)).filter(|budget| *budget > 0_u8),
        prepay: None,
        request_id: ByteBuf::from([request; 16]),
        from_subaccount: None,
    }
}

fn create_paid(world: &World, args: &CreateTaskArgs, payment: TaskPayment) -> Option<Result<TaskId, TaskError>> {
    world.runtime.set_caller(OWNER);
    let (host, args) = (world.host.clone(), args.clone());
    world
        .runtime
        .run(async move { creation::create_paid(&host, args, payment).await })
}

fn draft(world: &World, args: &CreateTaskArgs) -> Result<TaskId, TaskError> {
    with_mut(|storage| create::create(storage, OWNER, world.now(), args))
}

#[test]
fn should_make_pay_and_fund_a_task_in_one_call_and_say_what_comes_back() {
    let world = priced();
    let args = task_args();
    let total = total(&args);
    let (all, budget, fee) = (number(&total.total), number(&total.budget), number(&total.fee));
    assert_eq!((budget, all), (2 * PER_ROUND, fee + budget));
    assert_eq!((&total.missing, &total.ledger_fee), (&total.total, &Nat::from(FEE)));
    assert_eq!(
        create_paid(&world, &args, payment(all - 1, budget, 1)).unwrap(),
        Err(TaskError::Payment(TopUpError::PriceAboveMax {
            price: total.missing.clone()
        }))
    );
    assert_eq!(world.ledger.balance(OWNER.into()), START);
    let task = create_paid(&world, &args, payment(all, budget, 1)).unwrap().unwrap();
    assert_eq!(
        create_paid(&world, &args, payment(all, budget, 1)).unwrap(),
        Ok(task),
        "again"
    );
    assert_eq!(world.ledger.balance(OWNER.into()), START - all - FEE);
    let info = world.info(task);
    assert!(info.storage_paid && info.budget == budget && info.storage.unwrap().kept);
    world.check(task);
    world.upload(task, &args);
    with_mut(|storage| owner::start(storage, OWNER, world.now(), task)).unwrap();
    world.wait(5);
    joined(&world, task, 2);
    world.send(task, 0, &good(1.0)).unwrap();
    world.send(task, 1, &good(2.0)).unwrap();
    world.wait(700);
    world.check(task);
    with_mut(|storage| owner::stop(storage, OWNER, world.now(), task)).unwrap();
    world.wait(3_600);
    assert_eq!(world.stage(task), Stage::Ended(EndReason::Stopped));
    world.check(task);
    let per_round = number(&world.info(task).compute.unwrap().per_round);
    assert_eq!(
        world.info(task).compute.unwrap().returned,
        per_round,
        "one of two rounds was held"
    );
    let balance = world.balance(OWNER);
    assert_eq!(
        (&balance.free, &balance.set_aside),
        (&Nat::from(per_round), &Nat::from(0_u8))
    );
    world.withdraw(OWNER, None).unwrap().unwrap();
    world.check(task);
    // One round's reward and price are gone, and the ledger's fees: of the payment, the budget's rest and the withdrawal.
    assert_eq!(
        world.ledger.balance(OWNER.into()),
        START - (fee - per_round) - PER_ROUND - 3 * FEE
    );
    let treasury = with(|storage| storage.asset(LEDGER)).unwrap().treasury;
    assert_eq!(treasury.due + treasury.in_flight + treasury.paid, fee - per_round);
}

#[test]
fn should_take_from_the_balance_first_and_pull_only_what_it_lacks() {
    let world = priced();
    let args = task_args();
    world.top_up(OWNER, 1_000, 9).unwrap().unwrap();
    let total = total(&args);
    assert_eq!(
        (&total.free, &total.from_balance),
        (&Nat::from(1_000_u32), &Nat::from(1_000_u32))
    );
    let missing = number(&total.missing);
    assert_eq!(missing, number(&total.total) - 1_000);
    let before = world.ledger.balance(OWNER.into());
    let mut with_more = payment(missing + 500, number(&total.budget), 1);
    with_more.prepay = Some(Nat::from(500_u32));
    let task = create_paid(&world, &args, with_more).unwrap().unwrap();
    assert_eq!(world.ledger.balance(OWNER.into()), before - missing - 500 - FEE);
    assert_eq!(world.balance(OWNER).free, 500_u32);
    world.check(task);
    // With all of it there, `create_task` by itself pays: nothing is left to be paid.
    world.top_up(OWNER, 10_000_000, 10).unwrap().unwrap();
    let second = draft(&world, &args).unwrap();
    assert!(world.info(second).storage_paid);
    world.check_asset();
}

#[test]
fn should_hold_a_deposit_for_a_draft_until_it_is_paid_or_withdrawn() {
    let world = priced();
    let args = task_args();
    let refused = draft(&world, &args);
    assert!(
        matches!(&refused, Err(TaskError::PaymentRefused(reason)) if reason.contains("the prepaid balance lacks 700")),
        "{refused:?}"
    );
    assert_eq!(
        with(|storage| (storage.counters().tasks, storage.unpaid_drafts())),
        (0, 0)
    );
    world.top_up(OWNER, 3 * DEPOSIT, 1).unwrap().unwrap();
    let aside = || number(&world.balance(OWNER).set_aside);
    let (withdrawn, paid, left) = (
        draft(&world, &args).unwrap(),
        draft(&world, &args).unwrap(),
        draft(&world, &args).unwrap(),
    );
    assert_eq!(aside(), 3 * DEPOSIT);
    assert_eq!(world.info(left).storage.unwrap().draft_deposit, DEPOSIT);
    assert!(draft(&world, &args).is_err(), "the balance has no more");
    world.check_asset();
    with_mut(|storage| owner::stop(storage, OWNER, world.now(), withdrawn)).unwrap();
    assert_eq!(aside(), 2 * DEPOSIT);
    world.runtime.set_caller(OWNER);
    let host = world.host.clone();
    let pay = ddsx_types::federated_aggregator::PayStorageArgs {
        task: paid,
        from_subaccount: None,
        request_id: ByteBuf::from([5; 16]),
    };
    let done = world.runtime.run(async move { fund::pay_storage(&host, pay).await });
    assert_eq!(done, Some(Ok(())));
    assert_eq!(aside(), DEPOSIT);
    world.check_asset();
    // One that nobody comes back to is forgotten after an hour, and its deposit is the treasury's.
    world.upgrade();
    world.wait(4_000);
    assert!(with(|storage| storage.task(left)).is_none());
    assert_eq!((aside(), number(&world.balance(OWNER).charged)), (0, DEPOSIT));
    world.check_asset();
}

#[test]
fn should_pay_a_draft_from_the_balance_where_that_has_all_of_it_its_deposit_counted() {
    let world = priced();
    let args = task_args();
    let fee = number(&total(&args).fee);
    world.top_up(OWNER, DEPOSIT, 1).unwrap().unwrap();
    let task = draft(&world, &args).unwrap();
    assert!(!world.info(task).storage_paid);
    world.top_up(OWNER, fee - DEPOSIT, 2).unwrap().unwrap();
    let held = world.ledger.balance(OWNER.into());
    for request in [5, 5, 6] {
        world.runtime.set_caller(OWNER);
        let host = world.host.clone();
        let pay = ddsx_types::federated_aggregator::PayStorageArgs {
            task,
            from_subaccount: None,
            request_id: ByteBuf::from([request; 16]),
        };
        let done = world.runtime.run(async move { fund::pay_storage(&host, pay).await });
        assert_eq!(done, Some(Ok(())));
    }
    assert_eq!(world.ledger.balance(OWNER.into()), held, "nothing was pulled");
    let balance = world.balance(OWNER);
    let rounds = 2 * number(&world.info(task).compute.unwrap().per_round);
    assert_eq!((number(&balance.free), number(&balance.set_aside)), (0, rounds));
    world.check(task);
    // One that ends before its rounds gives back what they would have cost.
    with_mut(|storage| owner::stop(storage, OWNER, world.now(), task)).unwrap();
    world.wait(60);
    assert_eq!(number(&world.balance(OWNER).free), rounds);
    world.check(task);
}

#[test]
fn should_let_a_canister_pay_with_the_cycles_that_come_with_the_call() {
    let world = priced();
    with_mut(|storage| storage.change_settings(|settings| settings.fee_cycles_per_mib = 7));
    let args = task_args();
    let cycles = number(&with(|storage| create::quote(storage, OWNER, &args)).unwrap().fee_cycles);
    world.runtime.set_caller(OWNER);
    world.runtime.set_cycles_available(cycles - 1);
    assert!(creation::create(&world.host, &args).is_err(), "nor a deposit");
    world.runtime.set_cycles_available(2 * cycles);
    let task = creation::create(&world.host, &args).unwrap();
    assert!(world.info(task).storage_paid);
    assert_eq!(with(|storage| storage.counters().cycles_received), cycles);
    world.check(task);
}

#[test]
fn should_lose_no_unit_of_a_payment_for_a_task_whatever_becomes_of_the_call() {
    for fate in 0..6 {
        let world = priced();
        let args = task_args();
        let all = number(&total(&args).total);
        world.next_payment(match fate {
            0 => Fate::not_sent(),
            1 => Fate::reject_before(RejectCode::SysTransient),
            2 => Fate::reject_after(RejectCode::SysUnknown),
            3 => Fate::trap_after_await(),
            4 => Fate::executed_but_answered(vec![1]),
            _ => Fate::reject_before(RejectCode::CanisterError),
        });
        create_paid(&world, &args, payment(all, 2 * PER_ROUND, 1));
        world.upgrade();
        world.wait(3_600);
        world.check_asset();
        let made = create_paid(&world, &args, payment(all, 2 * PER_ROUND, 1)).unwrap();
        let made = match made {
            Err(_) if fate == 0 => create_paid(&world, &args, payment(all, 2 * PER_ROUND, 2)).unwrap(),
            made => made,
        };
        let task = made.unwrap();
        assert_eq!(with(|storage| storage.counters().tasks), 1, "fate {fate}");
        assert_eq!(world.ledger.balance(OWNER.into()), START - all - FEE, "fate {fate}");
        world.check(task);
    }
}

#[test]
fn should_make_no_second_task_of_two_calls_at_once() {
    let world = priced();
    let args = task_args();
    let all = number(&total(&args).total);
    world.runtime.set_caller(OWNER);
    for _ in 0..2 {
        let (host, args) = (world.host.clone(), args.clone());
        let paid = payment(all, 2 * PER_ROUND, 1);
        world.runtime.set_timer(std::time::Duration::ZERO, async move {
            let _ = creation::create_paid(&host, args, paid).await;
        });
    }
    world.wait(60);
    let task = create_paid(&world, &args, payment(all, 2 * PER_ROUND, 1)).unwrap();
    assert!(
        with(|storage| storage.counters().tasks) <= 1 || task.is_err(),
        "{task:?}"
    );
    world.check_asset();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn should_conserve_money_whatever_an_owner_does_with_drafts(
        steps in prop::collection::vec((0_u8..9, 0_u64..6, 1_u128..3_000_000, 0_u8..10), 1..30),
    ) {
        let world = priced();
        let args = task_args();
        for (request, (action, task, amount, fate)) in (1_u8..).zip(steps) {
            match fate {
                0 => world.next_payment(Fate::reject_before(RejectCode::SysTransient)),
                1 => world.next_payment(Fate::reject_after(RejectCode::SysUnknown)),
                2 => world.next_payment(Fate::trap_after_await()),
                3 => world.upgrade(),
                _ => {}
            }
            match action {
                0 | 1 => { world.top_up(OWNER, amount, request); }
                2 => { world.withdraw(OWNER, Some(amount)); }
                3 => { let _ = draft(&world, &args); }
                4 => { create_paid(&world, &args, payment(amount, 2 * PER_ROUND, request)); }
                5 => { let _ = with_mut(|storage| owner::stop(storage, OWNER, world.now(), task)); }
                6 => {
                    if with(|storage| storage.task(task)).is_some_and(|record| record.storage_paid && record.stage == Stage::Draft) {
                        let _ = with_mut(|storage| owner::start(storage, OWNER, world.now(), task));
                    }
                }
                7 => world.wait(4_000),
                _ => world.wait(40 * 86_400),
            }
            let audit = with(|storage| crate::settlement::audit(storage, LEDGER)).unwrap();
            prop_assert!(audit.conserved, "{audit:?}");
        }
        world.upgrade();
        world.wait(7_200);
        world.check_asset();
    }
}
