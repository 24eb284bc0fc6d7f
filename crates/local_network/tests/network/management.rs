//! The management canister as canisters and users see it.

use candid::{Nat, Principal};
use ic_management_canister_types::{
    CanisterIdRecord, CanisterInfoArgs, CanisterInfoResult, CanisterStatusType, LogVisibility,
    ProvisionalTopUpCanisterArgs,
};
use pocket_ic::{CanisterSettings, ErrorCode};

use crate::common::{anonymous, pocket_ic};
use crate::program::{call, program};
use crate::world::{canister, manage, run, shown_reject, text, try_run, universal};

#[test]
fn should_give_different_random_bytes_each_time() {
    let bytes = || {
        let pic = pocket_ic();
        let a = canister(&pic);
        let raw = || {
            let random = call(Principal::management_canister(), program()).method("raw_rand", b"DIDL\0\0".to_vec());
            candid::decode_one::<Vec<u8>>(&try_run(&pic, a, program().call(random)).unwrap()).unwrap()
        };
        (raw(), raw())
    };
    let (first, second) = bytes();
    assert_eq!((first.len(), second.len()), (32, 32));
    assert_ne!(first, second);
    assert_eq!(bytes(), (first, second), "without auto-progress everything repeats");
}

#[test]
fn should_tell_a_canisters_status_to_its_controllers_and_itself() {
    let pic = pocket_ic();
    let a = canister(&pic);
    let status = pic.canister_status(a, None).unwrap();
    assert_eq!(status.status, CanisterStatusType::Running);
    assert_eq!(status.module_hash.map(|hash| hash.len()), Some(32));
    assert_eq!(status.settings.controllers, vec![anonymous()]);
    assert_eq!(status.settings.freezing_threshold, Nat::from(2_592_000_u32));
    assert_eq!(status.settings.wasm_memory_limit, Nat::from(3_u64 << 30));
    assert_eq!(status.memory_metrics.wasm_memory_size, Nat::from(256_u32 * 65_536));
    assert!(status.cycles > 99_000_000_000_000_u64);
    let stranger = Principal::from_slice(&[1; 29]);
    let reject = pic.canister_status(a, Some(stranger)).unwrap_err();
    assert_eq!(reject.error_code, ErrorCode::CanisterInvalidController);
    assert_eq!(
        reject.reject_message,
        format!("Only controllers of canister {a} can call ic00 method canister_status")
    );
    let own = call(Principal::management_canister(), program())
        .method(
            "canister_status",
            candid::encode_one(CanisterIdRecord { canister_id: a }).unwrap(),
        )
        .on_reply(program().show("own").reply());
    assert_eq!(run(&pic, a, program().call(own)), "own");
}

#[test]
fn should_tell_canisters_about_each_other() {
    let pic = pocket_ic();
    let (a, b) = (canister(&pic), canister(&pic));
    pic.set_controllers(b, None, vec![anonymous(), a]).unwrap();
    let args = CanisterInfoArgs {
        canister_id: b,
        num_requested_changes: Some(9),
    };
    let info =
        call(Principal::management_canister(), program()).method("canister_info", candid::encode_one(args).unwrap());
    let reply = try_run(&pic, a, program().call(info)).unwrap();
    let info: CanisterInfoResult = candid::decode_one(&reply).unwrap();
    // Created, installed, given controllers.
    assert_eq!(info.total_num_changes, 3);
    assert_eq!(info.module_hash.map(|hash| hash.len()), Some(32));
    assert_eq!(info.controllers.len(), 2);
}

#[test]
fn should_keep_and_protect_logs() {
    let pic = pocket_ic();
    let a = canister(&pic);
    run(&pic, a, program().print("one").reply());
    try_run(&pic, a, program().print("two").trap("three")).unwrap_err();
    let logs = pic.fetch_canister_logs(a, anonymous()).unwrap();
    let lines: Vec<String> = logs.iter().map(|record| text(&record.content)).collect();
    assert_eq!(lines[..2], ["one", "two"]);
    assert!(lines[2].contains("three"), "{}", lines[2]);
    assert_eq!(logs.iter().map(|record| record.idx).collect::<Vec<_>>(), [0, 1, 2]);
    let stranger = Principal::from_slice(&[1; 29]);
    assert_eq!(
        pic.fetch_canister_logs(a, stranger).unwrap_err().error_code,
        ErrorCode::CanisterRejectedMessage
    );
    let public = CanisterSettings {
        log_visibility: Some(LogVisibility::Public),
        ..Default::default()
    };
    pic.update_canister_settings(a, None, public).unwrap();
    assert_eq!(pic.fetch_canister_logs(a, stranger).unwrap().len(), 3);
}

#[test]
fn should_top_up_provisionally() {
    let pic = pocket_ic();
    let id = pic.create_canister();
    manage(
        &pic,
        anonymous(),
        id,
        "provisional_top_up_canister",
        ProvisionalTopUpCanisterArgs {
            canister_id: id,
            amount: Nat::from(77_u8),
        },
    )
    .unwrap();
    assert_eq!(pic.cycle_balance(id), 77);
}

#[test]
fn should_refuse_malformed_arguments() {
    let pic = pocket_ic();
    let a = canister(&pic);
    let reject = manage(&pic, anonymous(), a, "update_settings", "not a record").unwrap_err();
    assert!(
        matches!(
            reject.error_code,
            ErrorCode::InvalidManagementPayload | ErrorCode::CanisterInvalidController
        ),
        "{reject:?}"
    );
    let reject = manage(
        &pic,
        anonymous(),
        a,
        "no_such_method",
        CanisterIdRecord { canister_id: a },
    )
    .unwrap_err();
    assert_eq!(reject.error_code, ErrorCode::CanisterMethodNotFound);
}

#[test]
fn should_upgrade_from_a_canister_that_controls_another() {
    let pic = pocket_ic();
    let (a, b) = (canister(&pic), canister(&pic));
    pic.set_controllers(b, None, vec![a]).unwrap();
    let reject = pic.upgrade_canister(b, universal(), Vec::new(), None).unwrap_err();
    assert_eq!(reject.error_code, ErrorCode::CanisterInvalidController);
    let uninstall = call(Principal::management_canister(), program())
        .method(
            "uninstall_code",
            candid::encode_one(CanisterIdRecord { canister_id: b }).unwrap(),
        )
        .on_reply(program().show("gone").reply());
    assert_eq!(run(&pic, a, program().call(uninstall)), "gone");
    assert_eq!(
        pic.update_call(b, anonymous(), "run", Vec::new())
            .unwrap_err()
            .error_code,
        ErrorCode::CanisterWasmModuleNotFound
    );
}

#[test]
fn should_reject_canisters_that_call_what_there_is_not() {
    let pic = pocket_ic();
    let a = canister(&pic);
    let unknown = call(Principal::management_canister(), program()).method(
        "no_such_method",
        candid::encode_one(CanisterIdRecord { canister_id: a }).unwrap(),
    );
    let (code, message) = shown_reject(&try_run(&pic, a, program().call(unknown)).unwrap());
    assert!((3..=5).contains(&code), "{message}");
    assert!(message.contains("no_such_method"), "{message}");
}
