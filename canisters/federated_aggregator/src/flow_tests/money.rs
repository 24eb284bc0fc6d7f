//! Rewards, stakes and budgets, whatever the ledger and the clients do.

use ddsx_payments::Failure;
use ddsx_runtime::RejectCode;
use ddsx_types::federated_aggregator::{EndReason, Stage, UpdateEncoding};
use proptest::prelude::*;

use super::{joined, raw};
use crate::owner;
use crate::storage::with_mut;
use crate::testing::{FEE, OWNER, SELF, STAKE, World, client, good, task_args};

#[test]
fn should_keep_what_is_owed_while_the_ledger_is_down() {
    let world = World::new();
    let task = world.start(&task_args());
    joined(&world, task, 3);
    world.ledger.set_down(Some(RejectCode::SysTransient));
    for round in 0..2 {
        for number in 0..3 {
            world
                .send(task, number, &good(1.0 + f32::from(number + round)))
                .unwrap();
        }
        world.wait(60);
        world.check(task);
    }
    assert_eq!(world.stage(task), Stage::Ended(EndReason::Completed));
    world.upgrade();
    world.wait(3_600);
    assert!(world.ledger.balance(SELF.into()) > 0);
    world.ledger.calm();
    world.wait(7_200);
    world.check(task);
    assert_eq!(world.ledger.balance(SELF.into()), 0);
}

#[test]
fn should_pay_again_when_the_fee_has_changed() {
    let world = World::new();
    let task = world.start(&task_args());
    joined(&world, task, 2);
    world.ledger.set_fee(25);
    world.ledger.refuse_next(Failure::BadFee { expected_fee: 25 });
    with_mut(|storage| owner::stop(storage, OWNER, world.now(), task)).unwrap();
    world.wait(7_200);
    assert_eq!(world.stage(task), Stage::Ended(EndReason::Stopped));
    world.check(task);
    assert_eq!(world.ledger.balance(SELF.into()), 0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn should_conserve_money_whatever_clients_do(
        steps in prop::collection::vec((0_u8..6, 0_u8..8, -3.0_f32..3.0), 1..60),
    ) {
        let world = World::new();
        let task = world.start(&task_args());
        // Half of them take their stakes from a balance.
        for number in 0..3 {
            world.top_up(client(number), 3 * STAKE, 100).unwrap().unwrap();
        }
        for (number, action, scale) in steps {
            match action {
                0 | 1 => { let _ = world.join_with(task, number, action + 1); }
                2..=4 => { let _ = world.send(task, number, &good(scale)); }
                5 => {
                    let bytes = raw(&[f32::NAN]);
                    let args = world.begin_args(task, &bytes, UpdateEncoding::F32);
                    let _ = world.send_bytes(number, &args, &bytes);
                }
                6 => { let _ = with_mut(|storage| crate::join::leave(storage, client(number), world.now(), task)); }
                _ => { world.wait(400); }
            }
            if scale > 2.5 {
                world.upgrade();
            }
            world.check(task);
        }
        let _ = with_mut(|storage| owner::stop(storage, OWNER, world.now(), task));
        world.wait(3_600);
        world.check(task);
        // What is not above the ledger's fee cannot be paid.
        let balances: u128 = (0..3)
            .map(|number| u128::try_from(&world.balance(client(number)).free.0).unwrap())
            .sum();
        prop_assert!(world.ledger.balance(SELF.into()) <= 6 * FEE + balances);
    }
}
