//! Cycles: fees, attached cycles, freezing.

use candid::Principal;
use ic_management_canister_types::{CanisterIdRecord, CanisterInstallMode, CreateCanisterArgs, InstallCodeArgs};
use pocket_ic::ErrorCode;

use crate::common::{CYCLES, anonymous, builder, install, pocket_ic};
use crate::program::{call, program};
use crate::world::{canister, manage, number, run, run_number, shown_reject, try_run, universal};

#[test]
fn should_start_without_cycles_and_take_what_is_added() {
    let pic = pocket_ic();
    let id = pic.create_canister();
    assert_eq!(pic.cycle_balance(id), 0);
    assert_eq!(pic.add_cycles(id, 7), 7);
    assert_eq!(pic.cycle_balance(id), 7);
}

#[test]
fn should_charge_an_update_its_ingress_and_its_execution() {
    let pic = pocket_ic();
    let a = install(
        &pic,
        r#"(module
          (import "ic0" "msg_reply" (func $reply))
          (func (export "canister_update quick") (call $reply))
          (func (export "canister_update slow") (local $i i32)
            (loop $again
              (local.set $i (i32.add (local.get $i) (i32.const 1)))
              (br_if $again (i32.lt_u (local.get $i) (i32.const 10000000))))
            (call $reply)))"#,
    );
    let cost = |method: &str, bytes: usize| {
        let before = pic.cycle_balance(a);
        pic.update_call(a, anonymous(), method, vec![0; bytes]).unwrap();
        before - pic.cycle_balance(a)
    };
    // 1.2 M and 2,000 a byte for coming in, 5 M for being executed, some instructions.
    let quick = cost("quick", 0);
    let fixed = 1_200_000 + 2_000 * 5 + 5_000_000;
    assert!((fixed..fixed + 100_000).contains(&quick), "{quick}");
    let bytes = cost("quick", 1_000) - quick;
    assert!((2_000_000..2_100_000).contains(&bytes), "{bytes}");
    let slow = cost("slow", 0) - quick;
    assert!((60_000_000..100_000_000).contains(&slow), "{slow}");
}

#[test]
fn should_show_a_canister_its_balance() {
    let pic = pocket_ic();
    let a = canister(&pic);
    let balance = pic.cycle_balance(a);
    let shown = number(
        &pic.query_call(a, anonymous(), "ask", program().show_balance().reply().bytes())
            .unwrap(),
    );
    assert_eq!(shown, balance);
}

#[test]
fn should_charge_nothing_for_queries() {
    let pic = pocket_ic();
    let a = canister(&pic);
    let before = pic.cycle_balance(a);
    pic.query_call(a, anonymous(), "ask", program().spin(1_000_000).reply().bytes())
        .unwrap();
    assert_eq!(pic.cycle_balance(a), before);
}

#[test]
fn should_give_back_what_a_call_did_not_need() {
    let pic = pocket_ic();
    let (a, b) = (canister(&pic), canister(&pic));
    let before = pic.cycle_balance(a);
    run(&pic, a, program().call(call(b, program().show("x").reply())));
    let cost = before - pic.cycle_balance(a);
    // Two executions, ingress, one call; the 42 billion set aside for the answer have come back.
    assert!((11_000_000..20_000_000).contains(&cost), "{cost}");
}

#[test]
fn should_move_accepted_cycles_and_refund_the_rest() {
    let pic = pocket_ic();
    let (a, b) = (canister(&pic), canister(&pic));
    let before = pic.cycle_balance(b);
    let paid = call(b, program().accept(3_000_000_000_000).show_available().reply())
        .cycles(5_000_000_000_000)
        .on_reply(program().show_arg().show_refunded().reply());
    let reply = try_run(&pic, a, program().call(paid)).unwrap();
    assert_eq!(number(&reply[..16]), 2_000_000_000_000);
    assert_eq!(number(&reply[16..]), 2_000_000_000_000);
    let gained = pic.cycle_balance(b) - before;
    assert!((2_999_000_000_000..=3_000_000_000_000).contains(&gained), "{gained}");
    let left = pic.cycle_balance(a);
    assert!((96_000_000_000_000..97_000_000_000_000).contains(&left), "{left}");
}

#[test]
fn should_refund_all_cycles_of_a_call_that_fails() {
    let pic = pocket_ic();
    let (a, b) = (canister(&pic), canister(&pic));
    for refused in [
        program().accept(9).trap("no"),
        program().reply(),
        program().reject("no"),
        program(),
    ] {
        let refunded = program().show_refunded().reply();
        let unpaid = call(b, refused)
            .cycles(1_000_000_000)
            .on_reply(refunded.clone())
            .on_reject(refunded);
        assert_eq!(run_number(&pic, a, program().call(unpaid)), 1_000_000_000);
    }
}

#[test]
fn should_accept_no_more_than_is_there() {
    let pic = pocket_ic();
    let (a, b) = (canister(&pic), canister(&pic));
    let greedy = call(b, program().accept(u64::MAX).show_available().reply()).cycles(1_000);
    assert_eq!(run_number(&pic, a, program().call(greedy)), 0);
}

#[test]
fn should_burn_cycles() {
    let pic = pocket_ic();
    let a = canister(&pic);
    let before = pic.cycle_balance(a);
    run(&pic, a, program().burn(1_000_000_000_000).reply());
    let burnt = before - pic.cycle_balance(a);
    assert!((1_000_000_000_000..1_001_000_000_000).contains(&burnt), "{burnt}");
}

#[test]
fn should_refuse_messages_to_a_canister_without_cycles() {
    let pic = pocket_ic();
    let (a, b) = (canister(&pic), canister(&pic));
    run(&pic, b, program().burn(u64::MAX).reply());
    let reject = pic.submit_call(b, anonymous(), "run", program().reply().bytes());
    let code = match reject {
        Err(reject) => reject.error_code,
        Ok(message) => pic.await_call(message).unwrap_err().error_code,
    };
    assert_eq!(code, ErrorCode::CanisterOutOfCycles);
    let (code, message) = shown_reject(&try_run(&pic, a, program().call(call(b, program().reply()))).unwrap());
    assert_eq!(code, 2);
    assert!(message.contains("is out of cycles"), "{message}");
}

#[test]
fn should_freeze_a_canister_that_cannot_pay_for_its_storage() {
    let pic = pocket_ic();
    let a = canister(&pic);
    let settings = pocket_ic::CanisterSettings {
        freezing_threshold: Some(u64::MAX.into()),
        ..Default::default()
    };
    pic.update_canister_settings(a, None, settings).unwrap();
    let reject = pic
        .query_call(a, anonymous(), "ask", program().reply().bytes())
        .unwrap_err();
    assert_eq!(reject.error_code, ErrorCode::CanisterOutOfCycles);
    let reject = pic
        .update_call(a, anonymous(), "run", program().reply().bytes())
        .unwrap_err();
    assert_eq!(reject.error_code, ErrorCode::CanisterOutOfCycles);
}

#[test]
fn should_charge_for_storage_and_uninstall_who_cannot_pay() {
    let pic = pocket_ic();
    let a = canister(&pic);
    pic.tick();
    let before = pic.cycle_balance(a);
    pic.advance_time(std::time::Duration::from_secs(1_000_000));
    pic.tick();
    let cost = before - pic.cycle_balance(a);
    // 16 MiB of heap and a small module for a million seconds.
    assert!((4_960_000_000..5_100_000_000).contains(&cost), "{cost}");
    run(&pic, a, program().burn(u64::MAX).reply());
    pic.advance_time(std::time::Duration::from_secs(100_000_000));
    pic.tick();
    let status = pic.canister_status(a, None);
    if let Ok(status) = status {
        assert_eq!(status.module_hash, None);
    } else {
        pic.add_cycles(a, CYCLES);
        assert_eq!(pic.canister_status(a, None).unwrap().module_hash, None);
    }
}

#[test]
fn should_charge_nothing_on_system_subnets() {
    let pic = builder().with_nns_subnet().with_application_subnet().build();
    let nns = pic.topology().get_nns().unwrap();
    let id = pic.create_canister_on_subnet(None, None, nns);
    pic.install_canister(id, universal(), Vec::new(), None);
    assert_eq!(
        pic.update_call(id, anonymous(), "run", program().show("free").reply().bytes())
            .unwrap(),
        b"free"
    );
    assert_eq!(pic.cycle_balance(id), 0);
}

#[test]
fn should_need_cycles_to_install_code() {
    let pic = pocket_ic();
    let id = pic.create_canister();
    pic.add_cycles(id, 10_000_000_000);
    let arg = InstallCodeArgs {
        mode: CanisterInstallMode::Install,
        canister_id: id,
        wasm_module: universal(),
        arg: Vec::new(),
        sender_canister_version: None,
    };
    let reject = manage(&pic, anonymous(), id, "install_code", arg).unwrap_err();
    assert_eq!(reject.error_code, ErrorCode::CanisterOutOfCycles);
    assert!(
        reject
            .reject_message
            .starts_with("Canister installation failed with `Canister "),
        "{}",
        reject.reject_message
    );
}

#[test]
fn should_create_canisters_for_a_fee_and_deposit_cycles() {
    let pic = pocket_ic();
    let (a, b) = (canister(&pic), canister(&pic));
    let aaaaa = Principal::management_canister();
    let no_settings = candid::encode_one(CreateCanisterArgs::default()).unwrap();
    let create = |cycles| {
        call(aaaaa, program())
            .method("create_canister", no_settings.clone())
            .cycles(cycles)
    };
    let (code, message) = shown_reject(&try_run(&pic, a, program().call(create(499_999_999_999))).unwrap());
    assert_eq!(code, 4, "{message}");
    let reply = try_run(&pic, a, program().call(create(1_500_000_000_000))).unwrap();
    let created = candid::decode_one::<CanisterIdRecord>(&reply).unwrap().canister_id;
    assert_eq!(pic.cycle_balance(created), 1_000_000_000_000);
    assert_eq!(pic.get_controllers(created), vec![a]);
    let deposit = candid::encode_one(CanisterIdRecord { canister_id: created }).unwrap();
    run(
        &pic,
        b,
        program().call(call(aaaaa, program()).method("deposit_cycles", deposit).cycles(5)),
    );
    assert_eq!(pic.cycle_balance(created), 1_000_000_000_005);
    let reject = manage(
        &pic,
        anonymous(),
        created,
        "deposit_cycles",
        CanisterIdRecord { canister_id: created },
    )
    .unwrap_err();
    assert_eq!(
        reject.reject_message,
        "Only canisters can call ic00 method deposit_cycles"
    );
}
