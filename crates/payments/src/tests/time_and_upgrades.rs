//! The window, quarantine and evidence; calls that are never answered; upgrades in between.

use super::*;
use crate::{EvidenceError, Failure};
use ddsx_runtime::testing::{Event, Fate};
use ddsx_runtime::{RejectCode, Wait};

fn failed(failure: Failure) -> Status {
    Status::Failed { id: 0, failure }
}

#[test]
fn should_quarantine_what_cannot_be_resolved_inside_the_window() {
    for executed in [true, false] {
        let shop = Shop::new();
        shop.rt().next_call(if executed {
            Fate::reject_after(RejectCode::CanisterError)
        } else {
            Fate::reject_before(RejectCode::CanisterError)
        });
        assert_eq!(shop.buy(0, 1), Some(Ok(Status::Pending { id: 0 })));
        shop.ledger().set_down(Some(RejectCode::CanisterError));
        shop.rt().run_for(DAY.saturating_sub(MINUTE));
        assert_eq!(shop.status(0), Status::Pending { id: 0 });
        let attempts = shop.rt().sent().len();
        assert!((50..150).contains(&attempts), "{attempts} attempts in a day");
        shop.rt().run_for(2 * MINUTE);
        assert_eq!(shop.buy(0, 1), Some(Ok(Status::Quarantined { id: 0 })));
        assert_eq!(shop.with_journal(|journal| journal.totals().quarantined), 1);

        // Nothing more is sent, even when the ledger is up again, and nothing was granted.
        shop.ledger().calm();
        let sent = shop.rt().sent().len();
        shop.upgrade();
        shop.rt().run_for(DAY);
        assert_eq!(shop.rt().sent().len(), sent);
        assert_eq!(shop.books(), Books::default());

        let (evidence, outcome) = if executed {
            let result = b"licence 0".to_vec();
            (
                Evidence::Paid { block: 0 },
                Status::Paid {
                    id: 0,
                    block: 0,
                    result,
                },
            )
        } else {
            (Evidence::Unpaid, failed(Failure::UnpaidByEvidence))
        };
        assert_eq!(settle_quarantined(&shop, 0, evidence), Ok(outcome.clone()));
        assert_eq!(
            settle_quarantined(&shop, 0, evidence),
            Err(EvidenceError::NotQuarantined)
        );
        assert_eq!(shop.buy(0, 1), Some(Ok(outcome)));
        assert_eq!(shop.with_journal(|journal| journal.totals().quarantined), 0);
        shop.check();
    }
}

#[test]
fn should_take_evidence_for_quarantined_payments_only() {
    let shop = Shop::new();
    shop.rt().next_call(Fate::reject_after(RejectCode::CanisterError));
    assert_eq!(
        settle_quarantined(&shop, 0, Evidence::Unpaid),
        Err(EvidenceError::NotFound)
    );
    assert_eq!(shop.buy(0, 1), Some(Ok(Status::Pending { id: 0 })));
    assert_eq!(
        settle_quarantined(&shop, 0, Evidence::Unpaid),
        Err(EvidenceError::NotQuarantined)
    );
    shop.rt().run_for(MINUTE);
    assert_eq!(
        settle_quarantined(&shop, 0, Evidence::Unpaid),
        Err(EvidenceError::NotQuarantined)
    );
    shop.check();
}

#[test]
fn should_fail_what_certainly_never_arrived_until_the_window_ended() {
    for code in [RejectCode::SysTransient, RejectCode::DestinationInvalid] {
        let shop = Shop::new();
        shop.ledger().set_down(Some(code));
        assert_eq!(shop.buy(0, 1), Some(Ok(Status::Pending { id: 0 })));
        shop.rt().run_for(DAY + MINUTE);
        assert_eq!(shop.status(0), failed(Failure::WindowEnded));
        shop.check();
    }
}

#[test]
fn should_believe_too_old_if_the_first_attempt_itself_came_late() {
    let shop = Shop::new();
    shop.rt().next_call(Fate::normal().taking(DAY + MINUTE, Duration::ZERO));
    assert_eq!(shop.buy(0, 1), Some(Ok(failed(Failure::TooOld))));
    shop.check();
}

#[test]
fn should_take_the_answer_however_late() {
    let shop = Shop::new();
    shop.rt().next_call(Fate::normal().taking(MINUTE, DAY * 2));
    let status = shop.buy(0, 1);
    assert!(matches!(status, Some(Ok(Status::Paid { id: 0, .. }))), "{status:?}");
    shop.check();
}

/// A purchase whose call was executed (or lost) and whose answer is still to come when the window has ended.
fn quarantined_under_way(executed: bool) -> (Shop, u64) {
    let shop = Shop::new();
    if !executed {
        shop.ledger().refuse_next(Failure::TemporarilyUnavailable);
    }
    let (host, order) = (shop.clone(), shop.purchase(buyer(0), PRICE));
    shop.rt().spawn(async move {
        let _ = pay(&host, order, Some(request(1))).await;
    });
    let [Event::Execute(call)] = shop.rt().events()[..] else {
        panic!("{:?}", shop.rt().events())
    };
    shop.rt().happen(Event::Execute(call));
    for _ in 0..2_000 {
        if shop.status(0) == (Status::Quarantined { id: 0 }) {
            break;
        }
        let due = shop
            .rt()
            .next_timer()
            .expect("a timer is set while something is pending");
        shop.rt().set_time(due.max(shop.rt().time()));
        while let Some(event) = shop
            .rt()
            .events()
            .into_iter()
            .find(|event| matches!(event, Event::Fire(_)))
        {
            shop.rt().happen(event);
        }
    }
    assert_eq!(shop.status(0), Status::Quarantined { id: 0 });
    assert_eq!(shop.rt().sent().len(), 1, "one attempt at a time");
    (shop, call)
}

#[test]
fn should_settle_from_quarantine_by_a_late_answer() {
    let (shop, call) = quarantined_under_way(true);
    shop.rt().happen(Event::Answer(call));
    assert!(matches!(shop.status(0), Status::Paid { block: 0, .. }));
    shop.check();

    let (shop, call) = quarantined_under_way(false);
    assert_eq!(
        settle_quarantined(&shop, 0, Evidence::Unpaid),
        Err(EvidenceError::AttemptUnderWay)
    );
    shop.rt().happen(Event::Answer(call));
    assert_eq!(shop.status(0), failed(Failure::TemporarilyUnavailable));
    shop.check();
}

#[test]
fn should_let_evidence_and_late_answer_settle_once() {
    let (shop, call) = quarantined_under_way(true);
    settle_quarantined(&shop, 0, Evidence::Paid { block: 0 }).unwrap();
    shop.rt().happen(Event::Answer(call));
    assert_eq!(shop.books().received, PRICE);
    shop.check();
}

#[test]
fn should_resume_after_an_upgrade_while_the_call_is_under_way() {
    for executed in [true, false] {
        let shop = Shop::new();
        shop.rt().next_call(Fate::never_answered(executed));
        assert_eq!(shop.buy(0, 1), None);
        assert_eq!(shop.with_journal(|journal| journal.under_way()), 1);
        shop.rt().run_for(Duration::from_secs(59));
        assert_eq!(
            shop.rt().sent().len(),
            1,
            "nothing is sent while an attempt is under way"
        );
        shop.upgrade();
        assert_eq!(shop.with_journal(|journal| journal.under_way()), 0);
        shop.rt().run_for(20 * MINUTE);
        assert!(matches!(shop.status(0), Status::Paid { block: 0, .. }));
        assert_eq!(shop.books().received, PRICE);
        shop.check();
    }
}

#[test]
fn should_ask_again_when_a_ledger_does_not_answer_in_time() {
    for executed in [true, false] {
        let shop = Shop::new();
        shop.rt().next_call(Fate::never_answered(executed));
        assert_eq!(shop.buy(0, 1), None);
        shop.rt().run_for(MINUTE);
        assert_eq!(shop.with_journal(|journal| journal.under_way()), 0);
        assert_eq!(shop.rt().open_calls(), 0, "so that the canister can be stopped");
        shop.rt().run_for(MINUTE);
        assert!(matches!(shop.status(0), Status::Paid { block: 0, .. }));
        assert_eq!(shop.books().received, PRICE);
        shop.check();
    }
}

#[test]
fn should_wait_for_no_ledger_without_bound() {
    let shop = Shop::new();
    assert!(matches!(shop.buy(0, 1), Some(Ok(Status::Paid { .. }))));
    assert!(shop.pay_out(buyer(1), 100));
    shop.rt().run_for(MINUTE);
    for sent in shop.rt().sent() {
        assert!(matches!(sent.options.wait, Wait::Bounded { .. }), "{}", sent.method);
        assert_eq!(sent.options.cycles, 0, "{}", sent.method);
    }
    assert_eq!(shop.rt().sent().len(), 2);
    shop.check();
}

#[test]
fn should_resume_after_an_upgrade_before_the_first_attempt() {
    let shop = Shop::new();
    assert_eq!(begin(&shop, shop.purchase(buyer(0), PRICE), None), Ok(Begun::New(0)));
    shop.upgrade();
    shop.rt().run_for(MINUTE);
    assert!(matches!(shop.status(0), Status::Paid { block: 0, .. }));
    shop.check();
}

#[test]
fn should_not_reuse_a_number_after_an_upgrade() {
    let shop = Shop::new();
    for n in 0..3 {
        assert!(matches!(shop.buy(0, n + 1), Some(Ok(Status::Paid { id, .. })) if id == u64::from(n)));
        shop.upgrade();
    }
    shop.check();
}

#[test]
fn should_set_its_timer_again_when_one_was_lost() {
    let shop = Shop::new();
    shop.rt().next_call(Fate::reject_after(RejectCode::CanisterError));
    assert_eq!(shop.buy(0, 1), Some(Ok(Status::Pending { id: 0 })));
    // As if the timer's own message had trapped: it is gone, but the journal still counts on it.
    let armed = shop.with_journal(|journal| journal.armed).expect("a timer is set");
    shop.rt().clear_timer(armed.1);
    shop.rt().run_for(10 * MINUTE);
    assert_eq!(shop.status(0), Status::Pending { id: 0 });
    assert!(matches!(shop.buy(1, 2), Some(Ok(Status::Paid { id: 1, .. }))));
    shop.rt().run_for(MINUTE);
    assert!(matches!(shop.status(0), Status::Paid { .. }));
    shop.check();
}

#[test]
fn should_rest_when_nothing_is_pending() {
    let shop = Shop::new();
    resume(&shop);
    assert_eq!(shop.rt().next_timer(), None);
    assert!(matches!(shop.buy(0, 1), Some(Ok(Status::Paid { .. }))));
    shop.rt().run_for(DAY);
    assert_eq!(shop.rt().next_timer(), None);
    shop.check();
}

#[test]
fn should_not_keep_a_timer_for_what_is_settled() {
    let shop = Shop::new();
    shop.rt().next_call(Fate::reject_after(RejectCode::CanisterError));
    assert_eq!(shop.buy(0, 1), Some(Ok(Status::Pending { id: 0 })));
    assert!(shop.rt().next_timer().is_some());
    shop.rt().run_for(Duration::from_secs(11));
    assert!(matches!(shop.status(0), Status::Paid { .. }));
    assert_eq!(shop.rt().next_timer(), None);
    shop.check();
}

#[test]
fn should_go_on_with_others_while_one_call_hangs_beyond_its_window() {
    let (shop, _) = quarantined_under_way(true);
    assert!(matches!(shop.buy(1, 2), Some(Ok(Status::Paid { id: 1, .. }))));
    assert_eq!(shop.rt().next_timer(), None, "quarantine needs no timer");
    shop.upgrade();
    shop.settle_all_quarantined();
    assert!(matches!(shop.status(0), Status::Paid { block: 0, .. }));
    shop.check();
}
