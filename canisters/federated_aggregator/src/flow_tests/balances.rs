//! Prepaid balances: in, out, and never a unit lost.

use candid::Nat;
use ddsx_runtime::RejectCode;
use ddsx_runtime::testing::Fate;
use ddsx_types::federated_aggregator::{TopUpError, UpdateEncoding, WithdrawError};
use proptest::prelude::*;

use crate::storage::{with, with_mut};
use crate::testing::{FEE, LEDGER, OWNER, STAKE, START, World, client, task_args};

fn nat(amount: u128) -> Nat {
    Nat::from(amount)
}

#[test]
fn should_take_a_top_up_once_and_give_all_of_it_back() {
    let world = World::new();
    let first = world.top_up(OWNER, 5_000, 1).unwrap().unwrap();
    assert_eq!((&first.topped_up, &first.free), (&nat(5_000), &nat(5_000)));
    assert_eq!(
        world.top_up(OWNER, 5_000, 1).unwrap().unwrap(),
        first,
        "again takes nothing"
    );
    assert_eq!(world.top_up(OWNER, 4_000, 1).unwrap(), Err(TopUpError::RequestIdReused));
    assert_eq!(world.top_up(OWNER, 0, 2).unwrap(), Err(TopUpError::InvalidAmount));
    assert_eq!(world.balance(client(0)).topped_up, nat(0), "owners are apart");
    world.check_asset();
    world.upgrade();
    let paid = world.withdraw(OWNER, None).unwrap().unwrap();
    assert_eq!((paid.amount, paid.ledger_fee), (nat(5_000 - FEE), nat(FEE)));
    assert_eq!(world.ledger.balance(OWNER.into()), START - 2 * FEE);
    assert_eq!(world.balance(OWNER).withdrawn, nat(5_000));
    world.check_asset();
    let audit = with(|storage| crate::settlement::audit(storage, LEDGER)).unwrap();
    let prepaid = audit.prepaid.unwrap();
    assert_eq!((prepaid.withdrawn, prepaid.ledger_fees), (nat(5_000 - FEE), nat(FEE)));
    let nothing = WithdrawError::NotFree {
        free: nat(0),
        ledger_fee: nat(FEE),
    };
    assert_eq!(world.withdraw(OWNER, None).unwrap(), Err(nothing));
    with_mut(|storage| storage.change_settings(|settings| settings.paused = true));
    assert_eq!(world.top_up(OWNER, 5, 9).unwrap(), Err(TopUpError::Paused));
    assert_eq!(world.withdraw(OWNER, None).unwrap(), Err(WithdrawError::Paused));
}

#[test]
fn should_lose_no_unit_of_a_balance_whatever_happens_to_the_calls() {
    for fate in 0..6 {
        let world = World::new();
        let fates = || match fate {
            0 => Fate::not_sent(),
            1 => Fate::reject_before(RejectCode::SysTransient),
            2 => Fate::reject_after(RejectCode::SysUnknown),
            3 => Fate::trap_after_await(),
            4 => Fate::executed_but_answered(vec![1]),
            _ => Fate::reject_before(RejectCode::CanisterError),
        };
        world.next_payment(fates());
        world.top_up(OWNER, 5_000, 1);
        world.upgrade();
        world.wait(3_600);
        let settled = world.top_up(OWNER, 5_000, 1).unwrap();
        world.check_asset();
        if fate == 0 && settled.is_err() {
            // Nothing was sent and nothing was taken.
            continue;
        }
        assert_eq!(settled.unwrap().free, nat(5_000), "fate {fate}");
        world.next_payment(fates());
        world.withdraw(OWNER, Some(3_000));
        world.upgrade();
        world.wait(3_600);
        let after = world.balance(OWNER);
        assert_eq!(after.withdrawing, nat(0), "fate {fate}");
        assert_eq!(after.free + after.withdrawn, nat(5_000), "fate {fate}");
        world.check_asset();
    }
}

#[test]
fn should_number_the_assets_of_a_release_that_kept_no_balances() {
    let world = World::new();
    with_mut(|storage| {
        let mut asset = storage.asset(LEDGER).unwrap();
        asset.number = None;
        storage.put_asset(asset);
    });
    world.upgrade();
    assert_eq!(with(|storage| storage.asset(LEDGER)).unwrap().number, Some(0));
    assert_eq!(world.top_up(OWNER, 5_000, 1).unwrap().unwrap().free, nat(5_000));
    world.check_asset();
}

#[test]
fn should_take_a_stake_from_a_clients_balance_and_give_it_back_there() {
    let world = World::new();
    let task = world.start(&task_args());
    for number in 0..2 {
        world.top_up(client(number), STAKE + 7, 1).unwrap().unwrap();
    }
    let held = world.ledger.balance(client(0).into());
    for number in 0..3 {
        world.join(task, number).unwrap();
        world.join(task, number).unwrap();
        world.check(task);
    }
    assert_eq!(world.ledger.balance(client(0).into()), held, "nothing was pulled");
    assert_eq!(world.balance(client(0)).free, nat(7));
    // Who has no balance pays as ever.
    assert_eq!(world.ledger.balance(client(2).into()), START - STAKE - FEE);
    world.upgrade();
    // What is provably false costs the stake wherever it came from.
    let bytes = super::raw(&[f32::NAN]);
    let args = world.begin_args(task, &bytes, UpdateEncoding::F32);
    assert!(world.send_bytes(1, &args, &bytes).is_err());
    world.check(task);
    with_mut(|storage| crate::join::leave(storage, client(0), world.now(), task)).unwrap();
    assert_eq!(world.balance(client(0)).free, nat(STAKE + 7));
    world.check(task);
    with_mut(|storage| crate::owner::stop(storage, OWNER, world.now(), task)).unwrap();
    world.wait(3_600);
    world.check(task);
    assert_eq!(
        (world.balance(client(0)).free, world.balance(client(1)).free),
        (nat(STAKE + 7), nat(7))
    );
    assert_eq!(world.ledger.balance(client(2).into()), START - 2 * FEE);
    // A stake that is paid again comes from the account, and goes back there.
    let task = world.start(&task_args());
    world.join_with(task, 1, 9).unwrap();
    with_mut(|storage| crate::join::leave(storage, client(1), world.now(), task)).unwrap();
    world.wait(60);
    assert_eq!(world.balance(client(1)).free, nat(7));
    world.check(task);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn should_conserve_balances_whatever_owners_and_ledger_do(
        steps in prop::collection::vec((0_u8..3, 0_u8..8, 1_u128..4_000, 0_u8..12), 1..40),
    ) {
        let world = World::new();
        for (request, (number, action, amount, fate)) in (0_u8..).zip(steps) {
            match fate {
                0 => world.next_payment(Fate::not_sent()),
                1 => world.next_payment(Fate::reject_before(RejectCode::SysTransient)),
                2 => world.next_payment(Fate::reject_after(RejectCode::SysUnknown)),
                3 => world.next_payment(Fate::trap_after_await()),
                4 => world.upgrade(),
                _ => {}
            }
            match action {
                0..=2 => { world.top_up(client(number), amount, request); }
                3 | 4 => { world.withdraw(client(number), Some(amount)); }
                5 => { world.withdraw(client(number), None); }
                _ => world.wait(400),
            }
            let audit = with(|storage| crate::settlement::audit(storage, LEDGER)).unwrap();
            prop_assert!(audit.conserved, "{audit:?}");
        }
        world.upgrade();
        world.wait(7_200);
        world.check_asset();
    }
}
