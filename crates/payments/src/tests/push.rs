//! Payouts.

use super::*;
use crate::Failure;
use ddsx_runtime::RejectCode;
use ddsx_runtime::testing::Fate;

/// A shop with the price of three licences to give away.
fn shop_with_income(dedup_first: bool) -> Shop {
    let shop = Shop::with(dedup_first, Limits::default());
    for n in 0..3 {
        assert!(matches!(shop.buy(n, 1), Some(Ok(Status::Paid { .. }))));
    }
    shop
}

const PAYEE: Principal = Principal::from_slice(&[60]);

#[test]
fn should_pay_out_by_timer() {
    let shop = shop_with_income(true);
    assert!(shop.pay_out(PAYEE, 2_000));
    assert_eq!(shop.books().in_flight, 2_010);
    assert_eq!(shop.ledger().balance(account(PAYEE)), 0);
    shop.rt().run_for(Duration::from_secs(2));
    assert_eq!(shop.ledger().balance(account(PAYEE)), 2_000);
    let books = shop.books();
    assert_eq!((books.due, books.paid_out, books.fees), (990, 2_000, 10));
    shop.check();
}

#[test]
fn should_make_due_again_what_was_refused_at_first() {
    for failure in [
        Failure::BadFee { expected_fee: 11 },
        Failure::BadBurn { min_burn_amount: 1 },
        Failure::InsufficientFunds { balance: 0 },
        Failure::TooOld,
        Failure::CreatedInFuture { ledger_time: 1 },
        Failure::TemporarilyUnavailable,
        Failure::Generic {
            code: 1,
            message: "no".into(),
        },
    ] {
        let shop = shop_with_income(true);
        shop.ledger().refuse_next(failure.clone());
        assert!(shop.pay_out(PAYEE, 2_000));
        shop.rt().run_for(MINUTE);
        assert_eq!(shop.status(3), Status::Failed { id: 3, failure });
        assert_eq!((shop.books().due, shop.ledger().balance(account(PAYEE))), (3_000, 0));
        shop.check();
    }
}

#[test]
fn should_pay_once_whatever_is_lost() {
    for dedup_first in [true, false] {
        for (fate, refusal) in [
            (Fate::reject_after(RejectCode::CanisterError), None),
            (Fate::reject_before(RejectCode::CanisterError), None),
            (Fate::trap_after_await(), Some(Failure::TemporarilyUnavailable)),
            (
                Fate::executed_but_answered(vec![]),
                Some(Failure::BadFee { expected_fee: 99 }),
            ),
        ] {
            let shop = shop_with_income(dedup_first);
            shop.rt().next_call(fate);
            assert!(shop.pay_out(PAYEE, 1_000));
            shop.rt().run_for(Duration::from_secs(2));
            assert_eq!(shop.status(3), Status::Pending { id: 3 });
            if let Some(refusal) = refusal {
                shop.ledger().refuse_next(refusal);
            }
            shop.rt().run_for(5 * MINUTE);
            assert!(matches!(shop.status(3), Status::Paid { block: 3, .. }));
            assert_eq!(shop.ledger().balance(account(PAYEE)), 1_000);
            shop.check();
        }
    }
}

#[test]
fn should_not_let_one_hung_call_hold_up_the_others() {
    let shop = shop_with_income(true);
    shop.rt().next_call(Fate::never_answered(true));
    for n in 0..5 {
        assert!(shop.pay_out(Principal::from_slice(&[60, n]), 100));
    }
    shop.rt().run_for(MINUTE);
    let arrived: u128 = (0..5)
        .map(|n| shop.ledger().balance(account(Principal::from_slice(&[60, n]))))
        .sum();
    assert_eq!(arrived, 500);
    assert_eq!(shop.books().paid_out, 400, "one is still under way");
    shop.upgrade();
    shop.rt().run_for(20 * MINUTE);
    assert_eq!(shop.books().paid_out, 500);
    shop.check();
}
