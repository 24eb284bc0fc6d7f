use super::*;
use crate::revenue_book;
use crate::testing::*;
use ddsx_runtime::RejectCode;
use ddsx_runtime::testing::Fate;
use serde_bytes::ByteBuf;

fn args(amount: u128, request: u8) -> TopUpArgs {
    TopUpArgs {
        ledger: LEDGER,
        amount: nat(amount),
        from_subaccount: None,
        request_id: ByteBuf::from([request; 16]),
    }
}

fn top_up(world: &World, args: TopUpArgs) -> Option<Result<PrepaidBalance, TopUpError>> {
    world.runtime.set_caller(BUYER);
    let host = world.host.clone();
    world.runtime.run(async move { super::top_up(&host, args).await })
}

fn withdraw(world: &World, amount: Option<u128>) -> Option<Result<Claimed, WithdrawError>> {
    world.runtime.set_caller(BUYER);
    let host = world.host.clone();
    let args = WithdrawArgs {
        ledger: LEDGER,
        amount: amount.map(nat),
        to_subaccount: None,
    };
    world.runtime.run(async move { super::withdraw(&host, args).await })
}

fn balance() -> PrepaidBalance {
    storage::with(|storage| of(storage, BUYER, LEDGER))
}

#[test]
fn should_take_a_top_up_once_and_give_all_of_it_back() {
    let world = World::new();
    world.fund(10_000);
    let first = top_up(&world, args(5_000, 1)).unwrap().unwrap();
    assert_eq!((first.topped_up.clone(), first.free.clone()), (nat(5_000), nat(5_000)));
    assert_eq!(
        top_up(&world, args(5_000, 1)).unwrap().unwrap(),
        first,
        "again takes nothing"
    );
    assert_eq!(
        top_up(&world, args(4_000, 1)).unwrap(),
        Err(TopUpError::RequestIdReused)
    );
    world.check();
    let claimed = withdraw(&world, None).unwrap().unwrap();
    assert_eq!((claimed.amount, claimed.ledger_fee), (nat(5_000 - FEE), nat(FEE)));
    assert_eq!(world.ledger.balance(BUYER.into()), 10_000 - 2 * FEE);
    let after = balance();
    assert_eq!((after.free, after.withdrawn), (nat(0), nat(5_000)));
    world.check();
    let audit = storage::with(|storage| revenue_book::audit(storage, LEDGER)).unwrap();
    let prepaid = audit.prepaid.unwrap();
    assert_eq!((prepaid.topped_up, prepaid.withdrawn), (nat(5_000), nat(5_000 - FEE)));
    assert_eq!(prepaid.ledger_fees, nat(FEE));
}

#[test]
fn should_refuse_what_cannot_be_paid_and_say_why() {
    let world = World::new();
    assert!(matches!(
        top_up(&world, args(5_000, 1)).unwrap(),
        Err(TopUpError::InsufficientAllowance { .. } | TopUpError::InsufficientFunds { .. })
    ));
    assert_eq!(top_up(&world, args(0, 2)).unwrap(), Err(TopUpError::InvalidAmount));
    let other = TopUpArgs {
        ledger: OTHER,
        ..args(1, 3)
    };
    assert_eq!(top_up(&world, other).unwrap(), Err(TopUpError::AssetNotAccepted));
    let short = TopUpArgs {
        request_id: ByteBuf::from([1; 15]),
        ..args(1, 3)
    };
    assert_eq!(top_up(&world, short).unwrap(), Err(TopUpError::InvalidRequestId));
    let nothing = WithdrawError::NotFree {
        free: nat(0),
        ledger_fee: nat(FEE),
    };
    assert_eq!(withdraw(&world, None).unwrap(), Err(nothing));
    storage::with_mut(|storage| storage.change_settings(|settings| settings.paused = true));
    assert_eq!(top_up(&world, args(5, 9)).unwrap(), Err(TopUpError::Paused));
    assert_eq!(withdraw(&world, None).unwrap(), Err(WithdrawError::Paused));
}

#[test]
fn should_lose_no_unit_whatever_happens_to_the_calls() {
    for fate in 0..6 {
        let world = World::new();
        world.fund(10_000);
        let fates = || match fate {
            0 => Fate::not_sent(),
            1 => Fate::reject_before(RejectCode::SysTransient),
            2 => Fate::reject_after(RejectCode::SysUnknown),
            3 => Fate::trap_after_await(),
            4 => Fate::executed_but_answered(vec![1]),
            _ => Fate::reject_before(RejectCode::CanisterError),
        };
        world.next_payment(fates());
        top_up(&world, args(5_000, 1));
        world.wait(3_600);
        let settled = top_up(&world, args(5_000, 1)).unwrap();
        if fate == 0 && settled.is_err() {
            // Nothing was sent and nothing was taken.
            world.check();
            continue;
        }
        assert_eq!(settled.unwrap().free, nat(5_000), "fate {fate}");
        world.check();
        world.next_payment(fates());
        withdraw(&world, Some(3_000));
        world.wait(3_600);
        let after = balance();
        assert_eq!(after.withdrawing, nat(0), "fate {fate}");
        assert_eq!(after.free.clone() + after.withdrawn.clone(), nat(5_000));
        world.check();
    }
}
