//! Queries and composite queries.

use pocket_ic::ErrorCode;

use crate::common::{anonymous, pocket_ic};
use crate::program::{call, program};
use crate::world::{ask, canister, run, shown_reject, text};

#[test]
fn should_forget_what_a_query_writes() {
    let pic = pocket_ic();
    let a = canister(&pic);
    run(&pic, a, program().write_stable("kept").reply());
    assert_eq!(
        ask(
            &pic,
            a,
            program()
                .remember("x")
                .write_stable("lost")
                .show_stable()
                .show_state()
                .reply()
        ),
        "lostx"
    );
    assert_eq!(ask(&pic, a, program().show_stable().show_state().reply()), "kept");
}

#[test]
fn should_tell_why_a_query_fails() {
    let pic = pocket_ic();
    let a = canister(&pic);
    let fail = |method: &str, what: crate::program::Program| {
        let reject = pic.query_call(a, anonymous(), method, what.bytes()).unwrap_err();
        assert!(!reject.certified);
        (reject.error_code, reject.reject_message)
    };
    assert_eq!(fail("ask", program().trap("no")).0, ErrorCode::CanisterCalledTrap);
    assert_eq!(
        fail("ask", program().reject("no")),
        (ErrorCode::CanisterRejectedMessage, "no".to_owned())
    );
    assert_eq!(fail("ask", program()).0, ErrorCode::CanisterDidNotReply);
    assert_eq!(
        fail("ask", program().spin(1 << 40)).0,
        ErrorCode::CanisterInstructionLimitExceeded
    );
    assert_eq!(fail("run", program().reply()).0, ErrorCode::CanisterMethodNotFound);
    let (code, message) = fail("nothing", program());
    assert_eq!(code, ErrorCode::CanisterMethodNotFound);
    assert!(
        message.starts_with(&format!(
            "Error from Canister {a}: Canister has no query method 'nothing'."
        )),
        "{message}"
    );
    let absent = pic
        .query_call(candid::Principal::from_slice(&[9; 10]), anonymous(), "ask", Vec::new())
        .unwrap_err();
    assert_eq!(absent.error_code, ErrorCode::CanisterNotFound);
}

#[test]
fn should_call_queries_from_a_composite_query() {
    let pic = pocket_ic();
    let (a, b) = (canister(&pic), canister(&pic));
    run(&pic, b, program().remember("b").reply());
    let compose = |what: crate::program::Program| pic.query_call(a, anonymous(), "compose", what.bytes());
    let query = |what: crate::program::Program| call(b, program()).method("ask", what.bytes());
    let reply = compose(
        program().remember("a").call(
            query(program().remember("lost").show_state().reply()).on_reply(
                program()
                    .remember_arg()
                    .call(query(program().show_state().reply()).on_reply(program().show_state().show_arg().reply())),
            ),
        ),
    );
    // The caller keeps its changes between its callbacks; the callee starts anew with each call.
    assert_eq!(text(&reply.unwrap()), "ablostb");
    assert_eq!(ask(&pic, a, program().show_state().reply()), "");
    let (code, message) = shown_reject(&compose(program().call(query(program().reject("no")))).unwrap());
    assert_eq!((code, message.as_str()), (4, "no"));
    let trapping = query(program().reply()).on_reply(program().trap("callback"));
    assert_eq!(
        compose(program().call(trapping)).unwrap_err().error_code,
        ErrorCode::CanisterCalledTrap
    );
    let update = compose(program().call(call(b, program().reply()))).unwrap();
    assert_eq!(shown_reject(&update).0, 5);
}

#[test]
fn should_limit_the_depth_of_composite_queries() {
    let pic = pocket_ic();
    let (a, b) = (canister(&pic), canister(&pic));
    let mut what = program().show("deep").reply();
    for depth in 0..10 {
        let callee = if depth % 2 == 0 { a } else { b };
        what = program().call(call(callee, program()).method("compose", what.bytes()));
    }
    let reply = pic.query_call(a, anonymous(), "compose", what.bytes()).unwrap();
    assert_ne!(text(&reply), "deep");
}

#[test]
fn should_see_the_time_of_the_last_round_in_queries() {
    let pic = pocket_ic();
    let a = canister(&pic);
    let shown = || {
        crate::world::number(
            &pic.query_call(a, anonymous(), "ask", program().show_time().reply().bytes())
                .unwrap(),
        )
    };
    assert_eq!(shown(), u128::from(pic.get_time().as_nanos_since_unix_epoch()));
}

#[test]
fn should_limit_replies() {
    let pic = pocket_ic();
    let a = canister(&pic);
    let zeros = |count: u32| program().show_zeros(count).reply().bytes();
    let mebibytes = |count: u32| count << 20;
    assert_eq!(
        pic.update_call(a, anonymous(), "run", zeros(mebibytes(2)))
            .unwrap()
            .len(),
        2 << 20
    );
    assert_eq!(
        pic.query_call(a, anonymous(), "ask", zeros(mebibytes(3)))
            .unwrap()
            .len(),
        3 << 20
    );
    let update = pic
        .update_call(a, anonymous(), "run", zeros(mebibytes(2) + 1))
        .unwrap_err();
    assert_eq!(update.error_code, ErrorCode::CanisterContractViolation);
    let query = pic
        .query_call(a, anonymous(), "ask", zeros(mebibytes(3) + 1))
        .unwrap_err();
    assert_eq!(query.error_code, ErrorCode::CanisterContractViolation);
}
