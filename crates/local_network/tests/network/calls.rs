//! Calls between canisters: order, traps, cleanup, deadlines, limits.

use std::time::Duration;

use candid::Principal;
use ic_management_canister_types::CanisterIdRecord;
use pocket_ic::ErrorCode;

use crate::common::{builder, pocket_ic};
use crate::program::{call, program};
use crate::world::{ask, canister, failure, run, run_number, shown_reject, submit, text, try_run};

#[test]
fn should_answer_an_update_and_keep_its_state() {
    let pic = pocket_ic();
    let a = canister(&pic);
    assert_eq!(run(&pic, a, program().remember("x").show_state().reply()), "x");
    assert_eq!(run(&pic, a, program().remember("y").show_state().reply()), "xy");
    assert_eq!(ask(&pic, a, program().remember("z").show_state().reply()), "xyz");
    assert_eq!(ask(&pic, a, program().show_state().reply()), "xy");
}

#[test]
fn should_call_another_canister_and_pass_its_answer_on() {
    let pic = pocket_ic();
    let (a, b) = (canister(&pic), canister(&pic));
    let reply = try_run(&pic, a, program().call(call(b, program().show_caller().reply()))).unwrap();
    assert_eq!(Principal::from_slice(&reply), a);
    let reply = try_run(&pic, a, program().call(call(b, program().reject("no")))).unwrap();
    assert_eq!(shown_reject(&reply), (4, "no".to_owned()));
}

#[test]
fn should_undo_only_the_callback_that_traps() {
    let pic = pocket_ic();
    let (a, b) = (canister(&pic), canister(&pic));
    let trapping =
        call(b, program().remember("callee").reply()).on_reply(program().remember("callback").trap("after the await"));
    let (code, message) = failure(&pic, a, program().remember("before ").call(trapping));
    assert_eq!(code, ErrorCode::CanisterCalledTrap);
    assert!(
        message.contains(&format!(
            "Error from Canister {a}: Canister called `ic0.trap` with message: 'after the await'"
        )),
        "{message}"
    );
    assert_eq!(ask(&pic, a, program().show_state().reply()), "before ");
    assert_eq!(ask(&pic, b, program().show_state().reply()), "callee");
}

#[test]
fn should_run_the_cleanup_of_a_callback_that_traps() {
    let pic = pocket_ic();
    let (a, b) = (canister(&pic), canister(&pic));
    for (answer, left) in [
        (program().reply(), "cleaned "),
        (program().reject("no"), "cleaned cleaned "),
    ] {
        let trapping = call(b, answer)
            .on_reply(program().remember("lost").trap("reply"))
            .on_reject(program().remember("lost").trap("reject"))
            .on_cleanup(program().remember("cleaned "));
        let (code, _) = failure(&pic, a, program().call(trapping));
        assert_eq!(code, ErrorCode::CanisterCalledTrap);
        assert_eq!(ask(&pic, a, program().show_state().reply()), left);
    }
    let hopeless = call(b, program().reply())
        .on_reply(program().trap("first"))
        .on_cleanup(program().remember("lost").trap("second"));
    let (_, message) = failure(&pic, a, program().call(hopeless));
    assert!(
        message.contains("first") && message.contains("call_on_cleanup also failed") && message.contains("second"),
        "{message}"
    );
    assert_eq!(ask(&pic, a, program().show_state().reply()), "cleaned cleaned ");
}

#[test]
fn should_send_nothing_when_the_message_traps() {
    let pic = pocket_ic();
    let (a, b) = (canister(&pic), canister(&pic));
    failure(
        &pic,
        a,
        program().call(call(b, program().remember("sent").reply())).trap("no"),
    );
    assert_eq!(ask(&pic, b, program().show_state().reply()), "");
}

#[test]
fn should_call_itself() {
    let pic = pocket_ic();
    let a = canister(&pic);
    let inner = call(a, program().remember("inner ").show_state().reply())
        .on_reply(program().show_arg().show("| ").show_state().reply());
    let reply = run(&pic, a, program().remember("outer ").call(inner).remember("later "));
    assert_eq!(reply, "outer later inner | outer later inner ");
}

#[test]
fn should_keep_the_order_between_two_canisters() {
    let pic = pocket_ic();
    let (a, b) = (canister(&pic), canister(&pic));
    let mut calls = program();
    for i in 0..20 {
        let last = i == 19;
        let on_reply = program().remember_arg();
        let on_reply = if last { on_reply.show_state().reply() } else { on_reply };
        calls =
            calls.call(call(b, program().remember(&format!("{i},")).show(&format!("{i};")).reply()).on_reply(on_reply));
    }
    let expected = |mark: &str| {
        (0..20)
            .flat_map(|i| [i.to_string(), mark.to_owned()])
            .collect::<String>()
    };
    assert_eq!(run(&pic, a, calls), expected(";"));
    assert_eq!(ask(&pic, b, program().show_state().reply()), expected(","));
}

#[test]
fn should_let_two_canisters_call_each_other() {
    let pic = pocket_ic();
    let (a, b) = (canister(&pic), canister(&pic));
    let back = call(a, program().remember("2 ").show_state().reply());
    let there = call(b, program().remember("1 ").call(back));
    assert_eq!(run(&pic, a, program().remember("0 ").call(there)), "0 2 ");
    assert_eq!(ask(&pic, b, program().show_state().reply()), "1 ");
}

#[test]
fn should_call_a_canister_on_another_subnet() {
    let pic = builder().with_application_subnet().with_application_subnet().build();
    let subnets = pic.topology().get_app_subnets();
    let on = |subnet| {
        let id = pic.create_canister_on_subnet(None, None, subnet);
        pic.add_cycles(id, crate::common::CYCLES);
        pic.install_canister(id, crate::world::universal(), Vec::new(), None);
        assert_eq!(pic.get_subnet(id), Some(subnet));
        id
    };
    let (a, b) = (on(subnets[0]), on(subnets[1]));
    assert_eq!(
        run(&pic, a, program().call(call(b, program().show("far").reply()))),
        "far"
    );
    let back = program().call(call(a, program().reject("from afar")));
    assert_eq!(
        shown_reject(&try_run(&pic, b, back).unwrap()),
        (4, "from afar".to_owned())
    );
}

#[test]
fn should_reject_calls_that_nobody_can_answer() {
    let pic = pocket_ic();
    let (a, b) = (canister(&pic), canister(&pic));
    let missing = Principal::from_text("lxzze-o7777-77777-aaaaa-cai").unwrap();
    assert_eq!(a, missing, "the first canister has the first id");
    let absent = Principal::from_slice(&[255, 255, 255, 255, 255, 239, 255, 255, 1, 1]);
    let reject = |call| shown_reject(&try_run(&pic, a, program().call(call)).unwrap());
    let (code, message) = reject(call(absent, program()));
    assert_eq!(code, 3, "{message}");
    let (code, message) = reject(call(b, program()).method("nothing", Vec::new()));
    assert_eq!(code, 5);
    assert!(
        message.starts_with(&format!(
            "IC0536: Error from Canister {b}: Canister has no update method 'nothing'"
        )),
        "{message}"
    );
    let (code, message) = reject(call(b, program().trap("oh")));
    assert_eq!(code, 5);
    assert!(message.starts_with("IC0503: "), "{message}");
    let (code, message) = reject(call(b, program()));
    assert_eq!((code, message.as_str()), (5, "No response"));
}

#[test]
fn should_tell_users_that_a_canister_did_not_reply() {
    let pic = pocket_ic();
    let (a, b) = (canister(&pic), canister(&pic));
    assert_eq!(failure(&pic, a, program()).0, ErrorCode::CanisterDidNotReply);
    let silent = call(b, program().reply()).on_reply(program());
    assert_eq!(
        failure(&pic, a, program().call(silent)).0,
        ErrorCode::CanisterDidNotReply
    );
    let (code, message) = failure(&pic, a, program().reject("as it is"));
    assert_eq!(
        (code, message.as_str()),
        (ErrorCode::CanisterRejectedMessage, "as it is")
    );
}

#[test]
fn should_time_out_a_bounded_wait_call() {
    let pic = pocket_ic();
    let (a, b) = (canister(&pic), canister(&pic));
    // The callee waits for a canister that is stopping for ever: one that waits for the callee itself.
    let blocked = call(
        b,
        program().call(call(Principal::management_canister(), program()).method(
            "stop_canister",
            candid::encode_one(CanisterIdRecord { canister_id: b }).unwrap(),
        )),
    )
    .timeout(60);
    pic.set_controllers(b, None, vec![Principal::anonymous(), b]).unwrap();
    let message = submit(&pic, a, program().call(blocked));
    for _ in 0..5 {
        pic.tick();
    }
    assert!(pic.ingress_status(message.clone()).is_none(), "nobody has answered yet");
    pic.advance_time(Duration::from_secs(61));
    let reply = pic.await_call(message).unwrap();
    let (code, _) = shown_reject(&reply);
    assert_eq!(code, 6);
}

#[test]
fn should_tell_the_deadline_of_a_bounded_wait_call() {
    let pic = pocket_ic();
    let (a, b) = (canister(&pic), canister(&pic));
    let deadline = program().show_deadline().reply();
    assert_eq!(run_number(&pic, a, program().call(call(b, deadline.clone()))), 0);
    let now = pic.get_time().as_nanos_since_unix_epoch();
    let shown = run_number(&pic, a, program().call(call(b, deadline).timeout(100)));
    assert_eq!(shown, u128::from(now / 1_000_000_000 + 100) * 1_000_000_000);
}

#[test]
fn should_refuse_the_501st_call_to_one_canister() {
    let pic = pocket_ic();
    let (a, b) = (canister(&pic), canister(&pic));
    // Each call sets aside 42 billion cycles for its answer.
    let calls = |count| {
        let quiet = call(b, program().reply()).on_reply(program()).on_reject(program());
        program().repeat(count, program().call(quiet)).show_performed().reply()
    };
    assert_eq!(run_number(&pic, a, calls(500)), 0);
    assert_eq!(run_number(&pic, a, calls(501)), 2);
    assert_eq!(run_number(&pic, a, calls(1)), 0);
}

#[test]
fn should_execute_a_replicated_query_without_keeping_its_changes() {
    let pic = pocket_ic();
    let (a, b) = (canister(&pic), canister(&pic));
    let query = call(b, program()).method("ask", program().remember("lost").show_state().reply().bytes());
    assert_eq!(run(&pic, a, program().call(query)), "lost");
    assert_eq!(ask(&pic, b, program().show_state().reply()), "");
    let direct = pic.update_call(
        b,
        Principal::anonymous(),
        "ask",
        program().show("query").reply().bytes(),
    );
    assert_eq!(text(&direct.unwrap()), "query");
    let composite = pic
        .update_call(b, Principal::anonymous(), "compose", program().reply().bytes())
        .unwrap_err();
    assert_eq!(composite.error_code, ErrorCode::CompositeQueryCalledInReplicatedMode);
}

#[test]
fn should_inspect_ingress_messages() {
    let pic = pocket_ic();
    let a = canister(&pic);
    run(&pic, a, program().on_inspect(program()).reply());
    let reject = pic
        .submit_call(a, Principal::anonymous(), "run", program().reply().bytes())
        .unwrap_err();
    assert_eq!(
        (reject.error_code, reject.certified),
        (ErrorCode::CanisterRejectedMessage, false)
    );
    let b = canister(&pic);
    run(&pic, b, program().on_inspect(program().accept_message()).reply());
    assert_eq!(run(&pic, b, program().show("in").reply()), "in");
}

#[test]
fn should_show_the_status_of_an_ingress_message_to_its_sender_only() {
    let pic = pocket_ic();
    let a = canister(&pic);
    let message = submit(&pic, a, program().show("done").reply());
    assert!(pic.ingress_status(message.clone()).is_none());
    pic.tick();
    assert_eq!(pic.ingress_status(message.clone()).unwrap().unwrap(), b"done");
    let stranger = Principal::from_slice(&[1; 29]);
    assert!(matches!(
        pic.ingress_status_as(message, stranger),
        pocket_ic::IngressStatusResult::Forbidden(_)
    ));
}
