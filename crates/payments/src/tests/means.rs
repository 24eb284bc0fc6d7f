//! The look at a payer's means, and a model ledger that mints and burns.

use super::*;
use crate::testing::MINTER;
use crate::{Failure, NoMeans, look};
use ddsx_runtime::testing::Fate;
use ddsx_runtime::{CallError, RejectCode};

fn look_at(shop: &Shop, buyer_n: u8, price: u128) -> Option<Result<(), NoMeans>> {
    let host = shop.clone();
    let payer = buyer(buyer_n);
    shop.rt()
        .run(async move { look(&host, payer, account(payer), &host.asset(), price).await })
}

#[test]
fn should_see_what_is_approved_and_held() {
    let shop = Shop::new();
    assert_eq!(look_at(&shop, 0, PRICE), Some(Ok(())));
    assert_eq!(look_at(&shop, 0, FUNDS - FEE), Some(Ok(())));
    let (allowance, balance, needed) = (FUNDS, FUNDS, FUNDS + 1);
    assert_eq!(
        look_at(&shop, 0, FUNDS - FEE + 1),
        Some(Err(NoMeans::Allowance { allowance, needed }))
    );
    shop.ledger()
        .approve(account(buyer(0)), shop.rt().canister_self(), 2 * FUNDS);
    assert_eq!(
        look_at(&shop, 0, FUNDS - FEE + 1),
        Some(Err(NoMeans::Funds { balance, needed }))
    );
    shop.ledger().set_down(Some(RejectCode::CanisterError));
    assert!(matches!(
        look_at(&shop, 0, PRICE),
        Some(Err(NoMeans::Silent(CallError::Rejected { .. })))
    ));
    assert_eq!(shop.with_journal(|journal| journal.totals().next_id), 0);
    shop.check();
}

#[test]
fn should_look_for_a_caller_once_at_a_time_and_for_a_limited_number() {
    let limits = Limits {
        looks: 2,
        ..Limits::default()
    };
    let shop = Shop::with(true, limits);
    for payer in 0..2 {
        shop.rt().next_call(Fate::never_answered(false));
        shop.rt().next_call(Fate::never_answered(false));
        assert_eq!(look_at(&shop, payer, PRICE), None);
    }
    assert_eq!(look_at(&shop, 0, PRICE), Some(Err(NoMeans::UnderWay)));
    assert_eq!(look_at(&shop, 2, PRICE), Some(Err(NoMeans::Busy)));
    shop.rt().run_for(MINUTE);
    assert_eq!(look_at(&shop, 2, PRICE), Some(Ok(())), "the silence has ended");
    assert_eq!(look_at(&shop, 0, PRICE), Some(Ok(())));
    shop.check();
}

#[test]
fn should_meet_a_ledger_that_mints_and_burns() {
    let shop = Shop::new();
    assert!(matches!(shop.buy(0, 1), Some(Ok(Status::Paid { .. }))));
    // A payout to the minting account is a burn, which has no fee: what the ledger expects there is
    // not its fee.
    assert!(shop.pay_out(MINTER, 500));
    shop.rt().run_for(MINUTE);
    let failure = Failure::BadFee { expected_fee: 0 };
    assert_eq!(shop.status(1), Status::Failed { id: 1, failure });
    shop.check();
    for (fee, amount, expected) in [
        (0, FEE - 1, Some(Failure::BadBurn { min_burn_amount: FEE })),
        (0, 500, None),
    ] {
        shop.0.fee.set(fee);
        assert!(shop.pay_out(MINTER, amount));
        shop.rt().run_for(MINUTE);
        let id = shop.with_journal(|journal| journal.totals().next_id) - 1;
        match (shop.status(id), expected) {
            (Status::Failed { failure, .. }, Some(expected)) => assert_eq!(failure, expected),
            (Status::Paid { .. }, None) => {}
            other => panic!("{other:?}"),
        }
        shop.check();
    }
    assert_eq!(shop.ledger().balance(account(MINTER)), 0, "burnt, not held");
    // And one from it mints.
    let order = shop.purchase(MINTER, PRICE);
    let host = shop.clone();
    let status = shop.rt().run(async move { pay(&host, order, None).await });
    assert!(
        matches!(
            status,
            Some(Ok(Status::Failed {
                failure: Failure::Generic { .. },
                ..
            }))
        ),
        "{status:?}: nobody mints by allowance"
    );
    shop.check();
}
