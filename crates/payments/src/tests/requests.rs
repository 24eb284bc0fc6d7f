//! Request ids, and purchases that look alike.

use super::*;
use crate::lookup_request;
use ddsx_runtime::RejectCode;
use ddsx_runtime::testing::Fate;

#[test]
fn should_make_two_payments_of_two_equal_purchases_in_one_block() {
    let shop = Shop::new();
    let now = shop.rt().time();
    for request_n in [1, 2] {
        assert!(matches!(shop.buy(0, request_n), Some(Ok(Status::Paid { .. }))));
    }
    assert_eq!(shop.rt().time(), now);
    let transfers = shop.ledger().transfers();
    assert_eq!(transfers.len(), 2);
    assert_eq!(transfers[0].created_at_time, transfers[1].created_at_time);
    assert_ne!(transfers[0].memo, transfers[1].memo);
    assert_eq!(shop.ledger().balance(account(buyer(0))), FUNDS - 2 * (PRICE + FEE));
    shop.check();
}

#[test]
fn should_answer_a_repeated_request_without_paying_again() {
    let shop = Shop::new();
    let first = shop.buy(0, 1);
    shop.rt().run_for(DAY * 300);
    shop.upgrade();
    assert_eq!(shop.buy(0, 1), first);
    assert_eq!(shop.rt().sent().len(), 1);
    shop.check();
}

#[test]
fn should_answer_pending_while_the_first_is_under_way() {
    let shop = Shop::new();
    let (host, order) = (shop.clone(), shop.purchase(buyer(0), PRICE));
    shop.rt().spawn(async move {
        let _ = pay(&host, order, Some(request(1))).await;
    });
    let (host, order) = (shop.clone(), shop.purchase(buyer(0), PRICE));
    let answer = Rc::new(RefCell::new(None));
    let slot = Rc::clone(&answer);
    shop.rt()
        .spawn(async move { *slot.borrow_mut() = Some(pay(&host, order, Some(request(1))).await) });
    assert_eq!(answer.take(), Some(Ok(Status::Pending { id: 0 })));
    shop.rt().run_until_stalled();
    assert_eq!(shop.rt().sent().len(), 1);
    assert_eq!(shop.books().received, PRICE);
    shop.check();
}

#[test]
fn should_refuse_a_request_id_with_other_arguments() {
    for fate in [Fate::normal(), Fate::reject_after(RejectCode::CanisterError)] {
        let shop = Shop::new();
        shop.rt().next_call(fate);
        assert!(matches!(shop.buy(0, 1), Some(Ok(_))));
        let other = RequestKey {
            arguments: Hash([9; 32]),
            ..request(1)
        };
        assert_eq!(
            lookup_request(&shop, buyer(0), &other),
            Err(BeginError::RequestIdReused)
        );
        let (host, order) = (shop.clone(), shop.purchase(buyer(0), PRICE));
        let again = shop.rt().run(async move { pay(&host, order, Some(other)).await });
        assert_eq!(again, Some(Err(BeginError::RequestIdReused)));
        assert_eq!(shop.with_journal(|journal| journal.totals().next_id), 1);
        shop.rt().run_for(MINUTE);
        shop.check();
    }
}

#[test]
fn should_keep_the_request_ids_of_callers_apart() {
    let shop = Shop::new();
    for n in 0..3 {
        assert!(matches!(shop.buy(n, 1), Some(Ok(Status::Paid { id, .. })) if id == u64::from(n)));
    }
    assert_eq!(shop.books().received, 3 * PRICE);
    shop.check();
}

#[test]
fn should_refuse_ids_of_a_wrong_length() {
    let shop = Shop::new();
    for length in [0, 15, 33, 1_000] {
        let key = RequestKey {
            id: vec![1; length],
            arguments: Hash::default(),
        };
        assert_eq!(lookup_request(&shop, buyer(0), &key), Err(BeginError::InvalidRequestId));
        assert_eq!(
            begin(&shop, shop.purchase(buyer(0), PRICE), Some(key)),
            Err(BeginError::InvalidRequestId)
        );
    }
    for length in [16, 32] {
        let key = RequestKey {
            id: vec![1; length],
            arguments: Hash::default(),
        };
        assert_eq!(lookup_request(&shop, buyer(0), &key), Ok(None));
    }
    shop.check();
}
