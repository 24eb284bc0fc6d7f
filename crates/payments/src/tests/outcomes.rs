//! Each outcome of a purchase's call, on the first and on a repeated attempt.

use super::*;
use crate::Failure;
use ddsx_runtime::RejectCode;
use ddsx_runtime::testing::Fate;

fn errors() -> Vec<Failure> {
    vec![
        Failure::BadFee { expected_fee: 20 },
        Failure::BadBurn { min_burn_amount: 5_000 },
        Failure::InsufficientFunds { balance: 3 },
        Failure::InsufficientAllowance { allowance: 4 },
        Failure::TooOld,
        Failure::CreatedInFuture { ledger_time: 5 },
        Failure::TemporarilyUnavailable,
        Failure::Generic {
            code: 6,
            message: "no".into(),
        },
    ]
}

fn paid(id: u64, block: u128) -> Status {
    Status::Paid {
        id,
        block,
        result: format!("licence {id}").into_bytes(),
    }
}

#[test]
fn should_grant_what_was_paid() {
    let shop = Shop::new();
    assert_eq!(shop.buy(0, 1), Some(Ok(paid(0, 0))));
    assert_eq!(shop.ledger().balance(account(buyer(0))), FUNDS - PRICE - FEE);
    assert_eq!(shop.books().received, PRICE);
    let [transfer] = &shop.ledger().transfers()[..] else {
        panic!("one transfer")
    };
    assert_eq!(transfer.memo, [0; 8]);
    assert_eq!(transfer.fee, Some(FEE));
    assert_eq!(transfer.created_at_time, Some(shop.rt().time()));
    shop.check();
}

#[test]
fn should_take_each_error_on_the_first_attempt_as_unpaid() {
    for dedup_first in [true, false] {
        for failure in errors() {
            let shop = Shop::with(dedup_first, Limits::default());
            shop.ledger().refuse_next(failure.clone());
            let expected = Status::Failed {
                id: 0,
                failure: failure.clone(),
            };
            assert_eq!(shop.buy(0, 1), Some(Ok(expected)), "{failure}");
            assert_eq!(shop.rt().sent().len(), 1);
            assert_eq!(shop.buy(0, 2), Some(Ok(paid(1, 0))), "a new request goes through");
            shop.check();
        }
    }
}

/// The outcome of the first attempt is lost, the second is answered with an error.
fn repeated(dedup_first: bool, executed: bool, failure: &Failure) -> Shop {
    let shop = Shop::with(dedup_first, Limits::default());
    shop.rt().next_call(if executed {
        Fate::reject_after(RejectCode::CanisterError)
    } else {
        Fate::reject_before(RejectCode::CanisterError)
    });
    assert_eq!(shop.buy(0, 1), Some(Ok(Status::Pending { id: 0 })));
    assert_eq!(shop.books(), Books::default());
    shop.ledger().refuse_next(failure.clone());
    assert!(shop.rt().run_next_timer());
    assert_eq!(shop.rt().sent().len(), 2);
    assert_eq!(shop.rt().sent()[0], shop.rt().sent()[1], "the very same arguments");
    shop
}

#[test]
fn should_not_believe_errors_on_a_repeated_attempt() {
    for failure in errors() {
        let poor = matches!(
            failure,
            Failure::InsufficientFunds { .. } | Failure::InsufficientAllowance { .. }
        );
        for (dedup_first, executed) in [(true, true), (true, false), (false, true), (false, false)] {
            if poor && dedup_first {
                // Believed, and such a ledger never says so of what it executed: the next test.
                continue;
            }
            let shop = repeated(dedup_first, executed, &failure);
            if failure == Failure::TooOld {
                assert_eq!(shop.status(0), Status::Quarantined { id: 0 });
                shop.settle_all_quarantined();
                let outcome = if executed {
                    paid(0, 0)
                } else {
                    Status::Failed {
                        id: 0,
                        failure: Failure::UnpaidByEvidence,
                    }
                };
                assert_eq!(shop.status(0), outcome);
            } else {
                assert_eq!(shop.status(0), Status::Pending { id: 0 }, "{failure}");
                shop.rt().run_for(MINUTE);
                assert_eq!(shop.status(0), paid(0, 0), "{failure}");
                assert_eq!(shop.rt().sent().len(), 3);
            }
            shop.check();
        }
    }
}

#[test]
fn should_believe_want_of_means_where_the_ledger_deduplicates_first() {
    for failure in [
        Failure::InsufficientFunds { balance: 3 },
        Failure::InsufficientAllowance { allowance: 4 },
    ] {
        let shop = repeated(true, false, &failure);
        assert_eq!(shop.status(0), Status::Failed { id: 0, failure });
        shop.check();
    }
}

#[test]
fn should_find_the_payment_although_the_account_was_emptied_by_it() {
    for dedup_first in [true, false] {
        let shop = Shop::with(dedup_first, Limits::default());
        let order = shop.purchase(buyer(0), FUNDS - FEE);
        shop.rt().next_call(Fate::reject_after(RejectCode::CanisterError));
        let host = shop.clone();
        let status = shop.rt().run(async move { pay(&host, order, None).await });
        assert_eq!(status, Some(Ok(Status::Pending { id: 0 })));
        shop.rt().run_for(DAY + MINUTE);
        if dedup_first {
            assert_eq!(shop.status(0), paid(0, 0));
        } else {
            // This ledger says `InsufficientFunds` until the window ends: nothing is proved, and governance decides.
            assert_eq!(shop.status(0), Status::Quarantined { id: 0 });
            shop.settle_all_quarantined();
            assert_eq!(shop.status(0), paid(0, 0));
        }
        shop.check();
    }
}

#[test]
fn should_repeat_after_every_reject_and_lost_reply() {
    let garbage = || vec![1, 2, 3];
    let fates = [
        (Fate::not_sent(), false),
        (Fate::reject_before(RejectCode::SysFatal), false),
        (Fate::reject_before(RejectCode::SysTransient), false),
        (Fate::reject_before(RejectCode::DestinationInvalid), false),
        (Fate::reject_before(RejectCode::CanisterReject), false),
        (Fate::reject_before(RejectCode::CanisterError), false),
        (Fate::reject_before(RejectCode::SysUnknown), false),
        (Fate::reject_after(RejectCode::CanisterReject), true),
        (Fate::reject_after(RejectCode::CanisterError), true),
        (Fate::reject_after(RejectCode::SysUnknown), true),
        (Fate::answered(garbage()), false),
        (Fate::executed_but_answered(garbage()), true),
    ];
    for (fate, executed) in fates {
        let shop = Shop::new();
        shop.rt().next_call(fate.clone());
        assert_eq!(shop.buy(0, 1), Some(Ok(Status::Pending { id: 0 })), "{fate:?}");
        assert_eq!(shop.ledger().transfers().len(), usize::from(executed));
        assert_eq!(shop.books(), Books::default(), "nothing is granted yet");
        shop.rt().run_for(MINUTE);
        assert_eq!(shop.status(0), paid(0, 0), "{fate:?}");
        shop.check();
    }
}

#[test]
fn should_believe_an_error_after_attempts_that_never_arrived() {
    for code in [
        RejectCode::SysFatal,
        RejectCode::SysTransient,
        RejectCode::DestinationInvalid,
    ] {
        let shop = Shop::new();
        shop.rt().next_call(Fate::reject_before(code));
        assert_eq!(shop.buy(0, 1), Some(Ok(Status::Pending { id: 0 })));
        let failure = Failure::BadFee { expected_fee: 20 };
        shop.ledger().refuse_next(failure.clone());
        shop.rt().run_for(MINUTE);
        assert_eq!(shop.status(0), Status::Failed { id: 0, failure });
        shop.check();
    }
}

#[test]
fn should_settle_once_after_a_trap_behind_the_await() {
    for attempts_that_trap in 1..4 {
        let shop = Shop::new();
        for _ in 0..attempts_that_trap {
            shop.rt().next_call(Fate::trap_after_await());
        }
        assert_eq!(shop.buy(0, 1), None, "the caller gets no answer");
        assert_eq!(
            shop.with_journal(|journal| journal.under_way()),
            0,
            "the guard went with the future"
        );
        assert_eq!(shop.status(0), Status::Pending { id: 0 });
        assert_eq!(
            shop.buy(0, 1),
            Some(Ok(Status::Pending { id: 0 })),
            "asking again sends nothing"
        );
        shop.rt().run_for(10 * MINUTE);
        assert_eq!(shop.status(0), paid(0, 0));
        assert_eq!(shop.buy(0, 1), Some(Ok(paid(0, 0))));
        assert_eq!(shop.rt().sent().len(), attempts_that_trap + 1);
        shop.check();
    }
}

#[test]
fn should_report_the_new_fee_so_that_the_listing_can_follow() {
    let shop = Shop::new();
    shop.ledger().set_fee(25);
    let failure = Failure::BadFee { expected_fee: 25 };
    assert_eq!(shop.buy(0, 1), Some(Ok(Status::Failed { id: 0, failure })));
    shop.0.fee.set(25);
    assert_eq!(shop.buy(0, 2), Some(Ok(paid(1, 0))));
    shop.check();
}

#[test]
fn should_cut_a_ledgers_words() {
    let shop = Shop::new();
    shop.ledger().refuse_next(Failure::Generic {
        code: u128::MAX,
        message: "ü".repeat(5_000),
    });
    let failure = Failure::Generic {
        code: u128::MAX,
        message: "ü".repeat(100),
    };
    assert_eq!(shop.buy(0, 1), Some(Ok(Status::Failed { id: 0, failure })));
    shop.check();
}
