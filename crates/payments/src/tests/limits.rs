//! Bounds on what is taken on and what is remembered.

use super::*;
use crate::{Failure, MAX_PURPOSE_BYTES};
use ddsx_runtime::RejectCode;

#[test]
fn should_limit_what_is_pending_of_a_caller_and_in_all() {
    let limits = Limits {
        pulls_per_caller: 2,
        pulls: 5,
        ..Limits::default()
    };
    let shop = Shop::with(true, limits);
    shop.ledger().set_down(Some(RejectCode::CanisterError));
    for (buyer_n, request_n, expected) in [
        (0, 1, Ok(Status::Pending { id: 0 })),
        (0, 2, Ok(Status::Pending { id: 1 })),
        (0, 3, Err(BeginError::TooManyPendingOfCaller { max: 2 })),
        (1, 1, Ok(Status::Pending { id: 2 })),
        (1, 2, Ok(Status::Pending { id: 3 })),
        (2, 1, Ok(Status::Pending { id: 4 })),
        (2, 2, Err(BeginError::TooManyPending { max: 5 })),
    ] {
        assert_eq!(
            shop.buy(buyer_n, request_n),
            Some(expected),
            "buyer {buyer_n}, request {request_n}"
        );
    }
    assert_eq!(
        shop.with_journal(|journal| journal.totals().next_id),
        5,
        "what is refused stores nothing"
    );
    shop.ledger().calm();
    shop.rt().run_for(MINUTE);
    assert!(matches!(shop.buy(0, 3), Some(Ok(Status::Paid { id: 5, .. }))));
    shop.check();
}

#[test]
fn should_limit_attempts_under_way_and_work_through_the_rest() {
    let limits = Limits {
        in_flight: 3,
        slice: 2,
        ..Limits::default()
    };
    let shop = Shop::with(true, limits);
    for n in 0..20 {
        assert_eq!(
            begin(&shop, shop.purchase(buyer(n % 3), PRICE), None),
            Ok(Begun::New(u64::from(n)))
        );
    }
    for _ in 0..200 {
        let under_way = shop.with_journal(|journal| journal.under_way());
        assert!(under_way <= 3, "{under_way} under way");
        let events = shop.rt().events();
        // Calls are answered only when nothing else can happen, so that as many as may be are under way.
        match events
            .iter()
            .find(|event| matches!(event, ddsx_runtime::testing::Event::Fire(_)))
            .or(events.first())
        {
            Some(event) => shop.rt().happen(*event),
            None => match shop.rt().next_timer() {
                Some(due) => shop.rt().set_time(due),
                None => break,
            },
        }
    }
    assert_eq!(shop.books().received, 20 * PRICE);
    shop.check();
}

#[test]
fn should_refuse_orders_that_cannot_be_paid() {
    let shop = Shop::new();
    let order = |change: fn(&mut Order)| {
        let mut order = shop.purchase(buyer(0), PRICE);
        change(&mut order);
        begin(&shop, order, None)
    };
    assert_eq!(order(|order| order.amount = 0), Err(BeginError::ZeroAmount));
    assert_eq!(
        order(|order| order.amount = u128::MAX - FEE + 1),
        Err(BeginError::AmountTooLarge)
    );
    assert_eq!(
        order(|order| order.purpose = vec![0; MAX_PURPOSE_BYTES + 1]),
        Err(BeginError::PurposeTooLong)
    );
    assert_eq!(order(|order| order.amount = u128::MAX - FEE), Ok(Begun::New(0)));
    shop.rt().run_for(MINUTE);
    let failure = Failure::InsufficientAllowance { allowance: FUNDS };
    assert_eq!(shop.status(0), Status::Failed { id: 0, failure });
    shop.check();
}

#[test]
fn should_forget_failures_after_a_day_and_payments_much_later() {
    let shop = Shop::new();
    shop.ledger().refuse_next(Failure::TemporarilyUnavailable);
    assert!(matches!(shop.buy(0, 1), Some(Ok(Status::Failed { id: 0, .. }))));
    assert!(matches!(shop.buy(0, 2), Some(Ok(Status::Paid { id: 1, .. }))));
    shop.rt().run_for(DAY.saturating_sub(MINUTE));
    assert!(
        matches!(shop.buy(0, 1), Some(Ok(Status::Failed { id: 0, .. }))),
        "a day is not over"
    );
    shop.rt().run_for(2 * MINUTE);
    assert!(matches!(shop.buy(0, 3), Some(Ok(Status::Paid { id: 2, .. }))));
    assert_eq!(shop.with_journal(|journal| journal.status(0)), None);
    assert!(
        matches!(shop.buy(0, 1), Some(Ok(Status::Paid { id: 3, .. }))),
        "the id is free: it was not charged"
    );
    assert!(
        matches!(shop.buy(0, 2), Some(Ok(Status::Paid { id: 1, .. }))),
        "still remembered"
    );
    let totals = shop.with_journal(|journal| journal.totals());
    assert_eq!((totals.failed_kept, totals.paid_kept), (0, 3));
    shop.check();
}

#[test]
fn should_forget_the_oldest_failures_beyond_their_number() {
    let limits = Limits {
        keep_failed: 3,
        ..Limits::default()
    };
    let shop = Shop::with(true, limits);
    for n in 0..10 {
        shop.ledger().refuse_next(Failure::TemporarilyUnavailable);
        assert!(matches!(shop.buy(0, n + 1), Some(Ok(Status::Failed { .. }))));
        shop.rt().advance(Duration::from_secs(1));
    }
    let totals = shop.with_journal(|journal| journal.totals());
    assert_eq!(
        totals.failed_kept, 4,
        "three, and the one that came after the last pruning"
    );
    assert_eq!(shop.with_journal(|journal| journal.status(5)), None);
    assert!(matches!(shop.status(6), Status::Failed { .. }));
    shop.check();
}

#[test]
fn should_page_through_the_quarantined() {
    let shop = Shop::new();
    shop.ledger().set_down(Some(RejectCode::CanisterError));
    for n in 0..6 {
        assert!(matches!(shop.buy(n % 3, n + 1), Some(Ok(Status::Pending { .. }))));
    }
    shop.rt().run_for(DAY + MINUTE);
    let ids = |after, limit| -> Vec<u64> {
        shop.with_journal(|journal| journal.quarantined(after, limit))
            .iter()
            .map(|intent| intent.id)
            .collect()
    };
    assert_eq!(ids(None, 4), [0, 1, 2, 3]);
    assert_eq!(ids(Some(3), 4), [4, 5]);
    assert_eq!(ids(Some(u64::MAX), 4), [0; 0]);
    shop.settle_all_quarantined();
    assert_eq!(ids(None, 4), [0; 0]);
    shop.check();
}
