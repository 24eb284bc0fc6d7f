use super::*;
use crate::{CallError, Guards, RejectCode};
use std::cell::Cell;

const CALLEE: Principal = Principal::from_slice(&[7]);

/// A world with a callee that counts its executions and answers the count.
fn counting() -> (TestRuntime, Rc<Cell<u64>>) {
    let rt = TestRuntime::default();
    let executions = Rc::new(Cell::new(0));
    let count = Rc::clone(&executions);
    rt.install(CALLEE, move |_| {
        count.set(count.get() + 1);
        Ok(candid::encode_one(count.get()).unwrap())
    });
    (rt, executions)
}

fn call(rt: &TestRuntime) -> Option<Result<u64, CallError>> {
    let caller = rt.clone();
    rt.run(async move {
        caller
            .call::<_, u64>(CALLEE, "count", (1_u8,), CallOptions::unbounded())
            .await
    })
}

#[test]
fn should_let_the_test_choose_each_outcome() {
    let rejected = |code| CallError::Rejected {
        code,
        message: "as the test wants it".to_string(),
    };
    let forty_two = candid::encode_one(42_u64).unwrap();
    let table = [
        (Fate::normal(), Some(Ok(1)), 1),
        (
            Fate::not_sent(),
            Some(Err(CallError::NotSent("the queue is full".into()))),
            0,
        ),
        (
            Fate::reject_before(RejectCode::SysTransient),
            Some(Err(rejected(RejectCode::SysTransient))),
            0,
        ),
        (
            Fate::reject_after(RejectCode::CanisterError),
            Some(Err(rejected(RejectCode::CanisterError))),
            1,
        ),
        (Fate::never_answered(true), None, 1),
        (Fate::never_answered(false), None, 0),
        (Fate::trap_after_await(), None, 1),
        (Fate::answered(forty_two.clone()), Some(Ok(42)), 0),
        (Fate::executed_but_answered(forty_two), Some(Ok(42)), 1),
    ];
    for (fate, expected, executed) in table {
        let (rt, executions) = counting();
        rt.next_call(fate.clone());
        assert_eq!(call(&rt), expected, "{fate:?}");
        assert_eq!(executions.get(), executed, "{fate:?}");
    }
}

#[test]
fn should_reject_a_call_to_nobody_and_an_unreadable_reply() {
    let rt = TestRuntime::default();
    assert!(matches!(
        call(&rt),
        Some(Err(CallError::Rejected {
            code: RejectCode::DestinationInvalid,
            ..
        }))
    ));
    rt.install(CALLEE, |_| Ok(vec![1, 2, 3]));
    assert!(matches!(call(&rt), Some(Err(CallError::UnreadableReply(_)))));
}

#[test]
fn should_pass_time_during_the_await() {
    let (rt, _) = counting();
    rt.next_call(Fate::normal().taking(Duration::from_secs(3), Duration::from_secs(4)));
    assert_eq!(call(&rt), Some(Ok(1)));
    assert_eq!(rt.time(), START_NS + 7_000_000_000);
}

#[test]
fn should_execute_calls_to_one_callee_in_order_and_answer_in_any() {
    let (rt, _) = counting();
    let answers = Rc::new(RefCell::new(Vec::new()));
    for name in ["first", "second"] {
        let (caller, answers) = (rt.clone(), Rc::clone(&answers));
        rt.spawn(async move {
            let count = caller
                .call::<_, u64>(CALLEE, "count", (), CallOptions::unbounded())
                .await
                .unwrap();
            answers.borrow_mut().push((name, count));
        });
    }
    let [Event::Execute(first)] = rt.events()[..] else {
        panic!("only the first call can be executed")
    };
    rt.happen(Event::Execute(first));
    let [Event::Answer(_), Event::Execute(second)] = rt.events()[..] else {
        panic!("{:?}", rt.events())
    };
    rt.happen(Event::Execute(second));
    rt.happen(Event::Answer(second));
    rt.happen(Event::Answer(first));
    assert_eq!(*answers.borrow(), [("second", 2), ("first", 1)]);
}

#[test]
fn should_drop_the_future_on_a_trap_and_on_an_upgrade() {
    for upgrade in [false, true] {
        let (rt, executions) = counting();
        let guards = Guards::new(1);
        rt.next_call(if upgrade {
            Fate::never_answered(true)
        } else {
            Fate::trap_after_await()
        });
        let (caller, held) = (rt.clone(), guards.clone());
        rt.spawn(async move {
            let _guard = held.enter(1).unwrap();
            let _ = caller
                .call::<_, u64>(CALLEE, "count", (), CallOptions::unbounded())
                .await;
            unreachable!("the continuation never ends");
        });
        assert!(guards.holds(&1));
        rt.run_until_stalled();
        assert_eq!(guards.holds(&1), upgrade);
        if upgrade {
            rt.upgrade();
        }
        assert!(guards.is_empty());
        assert_eq!(executions.get(), 1);
    }
}

#[test]
fn should_fire_timers_when_due_and_forget_cleared_ones() {
    let rt = TestRuntime::default();
    let fired = Rc::new(RefCell::new(Vec::new()));
    let note = |name: &'static str| {
        let (rt, fired) = (rt.clone(), Rc::clone(&fired));
        async move { fired.borrow_mut().push((name, rt.time() - START_NS)) }
    };
    rt.set_timer(Duration::from_nanos(20), note("late"));
    rt.set_timer(Duration::from_nanos(10), note("early"));
    let cleared = rt.set_timer(Duration::from_nanos(5), note("cleared"));
    rt.clear_timer(cleared);
    rt.run_for(Duration::from_nanos(15));
    assert_eq!(*fired.borrow(), [("early", 10)]);
    assert!(rt.run_next_timer());
    assert_eq!(*fired.borrow(), [("early", 10), ("late", 20)]);
    assert!(!rt.run_next_timer());
}

#[test]
fn should_answer_randomness_through_the_management_canister() {
    let rt = TestRuntime::default();
    rt.install(Principal::management_canister(), |message| {
        assert_eq!(message.method, "raw_rand");
        Ok(candid::encode_one(vec![9_u8; 32]).unwrap())
    });
    let caller = rt.clone();
    assert_eq!(rt.run(async move { caller.raw_rand().await }), Some(Ok([9; 32])));
}

#[test]
fn should_end_a_bounded_wait_with_an_unknown_outcome() {
    for executed in [true, false] {
        let (rt, executions) = counting();
        rt.next_call(Fate::never_answered(executed));
        let answer = Rc::new(RefCell::new(None));
        let (caller, slot) = (rt.clone(), Rc::clone(&answer));
        rt.spawn(async move {
            let options = CallOptions::bounded(30);
            let reply = caller.call::<_, u64>(CALLEE, "count", (), options).await;
            *slot.borrow_mut() = Some(reply);
        });
        rt.run_for(Duration::from_secs(29));
        assert_eq!(*answer.borrow(), None);
        rt.run_for(Duration::from_secs(1));
        assert!(
            matches!(
                *answer.borrow(),
                Some(Err(CallError::Rejected {
                    code: RejectCode::SysUnknown,
                    ..
                }))
            ),
            "{answer:?}"
        );
        assert_eq!((executions.get(), rt.open_calls()), (u64::from(executed), 0));
    }
}

#[test]
fn should_keep_a_fate_for_the_method_it_is_for() {
    let (rt, executions) = counting();
    rt.next_call_to(&["other"], Fate::not_sent());
    assert_eq!(call(&rt), Some(Ok(1)));
    rt.next_call_to(&["count"], Fate::not_sent());
    assert_eq!(call(&rt), Some(Err(CallError::NotSent("the queue is full".into()))));
    assert_eq!(executions.get(), 1);
}
