//! Starting, stopping, deleting; timers and heartbeats.

use std::time::Duration;

use candid::Principal;
use ic_management_canister_types::CanisterIdRecord;
use pocket_ic::ErrorCode;
use pocket_ic::common::rest::RawEffectivePrincipal;

use crate::common::{anonymous, pocket_ic};
use crate::program::{call, program};
use crate::world::{ask, canister, run, shown_reject, submit, text, try_run};

#[test]
fn should_stop_and_start() {
    let pic = pocket_ic();
    let (a, b) = (canister(&pic), canister(&pic));
    run(&pic, a, program().remember("kept").reply());
    pic.stop_canister(a, None).unwrap();
    pic.stop_canister(a, None).unwrap();
    let reject = pic.update_call(a, anonymous(), "run", Vec::new()).unwrap_err();
    assert_eq!(
        (reject.error_code, reject.reject_message),
        (ErrorCode::CanisterStopped, format!("Canister {a} is stopped"))
    );
    assert_eq!(
        pic.query_call(a, anonymous(), "ask", Vec::new())
            .unwrap_err()
            .error_code,
        ErrorCode::CanisterStopped
    );
    let (code, message) = shown_reject(&try_run(&pic, b, program().call(call(a, program().reply()))).unwrap());
    assert_eq!(code, 5);
    assert!(message.contains("stopped"), "{message}");
    pic.start_canister(a, None).unwrap();
    assert_eq!(ask(&pic, a, program().show_state().reply()), "kept");
}

#[test]
fn should_stop_only_once_open_calls_are_answered() {
    let pic = pocket_ic();
    let (a, b) = (canister(&pic), canister(&pic));
    // a waits for b, which waits for itself to stop, until it is started again.
    pic.set_controllers(b, None, vec![anonymous(), b]).unwrap();
    let stop_self = call(Principal::management_canister(), program())
        .method(
            "stop_canister",
            candid::encode_one(CanisterIdRecord { canister_id: b }).unwrap(),
        )
        .on_reject(program().show("released").reply());
    let open = submit(&pic, a, program().call(call(b, program().call(stop_self))));
    pic.tick();
    pic.tick();
    let stop = pic
        .submit_call_with_effective_principal(
            Principal::management_canister(),
            RawEffectivePrincipal::CanisterId(a.as_slice().to_vec()),
            anonymous(),
            "stop_canister",
            candid::encode_one(CanisterIdRecord { canister_id: a }).unwrap(),
        )
        .unwrap();
    for _ in 0..5 {
        pic.tick();
    }
    assert!(pic.ingress_status(stop.clone()).is_none(), "a still waits for b");
    let reject = pic.update_call(a, anonymous(), "run", Vec::new()).unwrap_err();
    assert_eq!(reject.error_code, ErrorCode::CanisterStopping);
    pic.start_canister(b, None).unwrap();
    assert_eq!(text(&pic.await_call(open).unwrap()), "released");
    pic.await_call(stop).unwrap();
    pic.delete_canister(a, None).unwrap();
    assert!(!pic.canister_exists(a));
}

#[test]
fn should_give_up_stopping_after_five_minutes() {
    let pic = pocket_ic();
    let b = canister(&pic);
    pic.set_controllers(b, None, vec![anonymous(), b]).unwrap();
    let stop_self = call(Principal::management_canister(), program()).method(
        "stop_canister",
        candid::encode_one(CanisterIdRecord { canister_id: b }).unwrap(),
    );
    let message = submit(&pic, b, program().call(stop_self));
    pic.tick();
    pic.tick();
    pic.advance_time(Duration::from_secs(301));
    let (code, text) = shown_reject(&pic.await_call(message).unwrap());
    assert_eq!(code, 2);
    assert!(text.contains("timed out"), "{text}");
}

#[test]
fn should_delete_only_stopped_canisters() {
    let pic = pocket_ic();
    let a = canister(&pic);
    assert_eq!(
        pic.delete_canister(a, None).unwrap_err().error_code,
        ErrorCode::CanisterNotStopped
    );
    pic.stop_canister(a, None).unwrap();
    pic.delete_canister(a, None).unwrap();
    assert!(!pic.canister_exists(a));
    assert_eq!(
        pic.update_call(a, anonymous(), "run", Vec::new())
            .unwrap_err()
            .error_code,
        ErrorCode::CanisterNotFound
    );
    assert_ne!(pic.create_canister(), a);
}

#[test]
fn should_run_the_heartbeat_every_round() {
    let pic = pocket_ic();
    let a = canister(&pic);
    run(&pic, a, program().on_heartbeat(program().remember("h")).reply());
    let before = ask(&pic, a, program().show_state().reply()).len();
    for _ in 0..3 {
        pic.tick();
    }
    assert_eq!(ask(&pic, a, program().show_state().reply()).len(), before + 3);
    run(
        &pic,
        a,
        program()
            .on_heartbeat(program().remember("h").trap("no"))
            .forget()
            .reply(),
    );
    pic.tick();
    assert_eq!(ask(&pic, a, program().show_state().reply()), "");
}

#[test]
fn should_run_the_timer_once_it_is_due() {
    let pic = pocket_ic();
    let (a, b) = (canister(&pic), canister(&pic));
    let due = pic.get_time().as_nanos_since_unix_epoch() + 60_000_000_000;
    let work = program()
        .remember("t")
        .call(call(b, program().show("!").reply()).on_reply(program().remember_arg()));
    run(&pic, a, program().on_timer(work).set_timer(due).reply());
    pic.tick();
    assert_eq!(ask(&pic, a, program().show_state().reply()), "");
    pic.advance_time(Duration::from_mins(1));
    pic.tick();
    pic.tick();
    pic.tick();
    assert_eq!(ask(&pic, a, program().show_state().reply()), "t!");
    run(&pic, a, program().set_timer(1).reply());
    pic.upgrade_canister(a, crate::world::universal(), Vec::new(), None)
        .unwrap();
    pic.tick();
    assert_eq!(ask(&pic, a, program().show_state().reply()), "");
}
