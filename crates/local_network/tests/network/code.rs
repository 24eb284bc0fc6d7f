//! Installing, upgrading, uninstalling; the chunk store.

use candid::Principal;
use ic_management_canister_types::{CanisterIdRecord, CanisterInstallMode, InstallCodeArgs, UpgradeFlags};
use pocket_ic::ErrorCode;
use sha2::{Digest, Sha256};

use crate::common::{CYCLES, anonymous, pocket_ic, wasm};
use crate::program::{call, program};
use crate::world::{ask, canister, manage, run, text, try_run, universal};

#[test]
fn should_run_init_and_post_upgrade_with_their_arguments() {
    let pic = pocket_ic();
    let id = pic.create_canister();
    pic.add_cycles(id, CYCLES);
    pic.install_canister(
        id,
        universal(),
        program().remember("init").write_stable("stable").bytes(),
        None,
    );
    assert_eq!(ask(&pic, id, program().show_state().reply()), "init");
    pic.upgrade_canister(id, universal(), program().remember("upgraded").bytes(), None)
        .unwrap();
    assert_eq!(
        ask(&pic, id, program().show_state().show_stable().reply()),
        "upgradedstable"
    );
    pic.reinstall_canister(id, universal(), program().remember("again").bytes(), None)
        .unwrap();
    assert_eq!(ask(&pic, id, program().show_state().show_stable().reply()), "again");
}

#[test]
fn should_run_pre_upgrade_unless_told_not_to() {
    let pic = pocket_ic();
    let a = canister(&pic);
    run(
        &pic,
        a,
        program().on_pre_upgrade(program().write_stable("saved")).reply(),
    );
    pic.upgrade_canister(a, universal(), Vec::new(), None).unwrap();
    assert_eq!(ask(&pic, a, program().show_stable().reply()), "saved");
    run(
        &pic,
        a,
        program()
            .on_pre_upgrade(program().trap("never"))
            .remember("kept")
            .reply(),
    );
    let reject = pic.upgrade_canister(a, universal(), Vec::new(), None).unwrap_err();
    assert_eq!(reject.error_code, ErrorCode::CanisterCalledTrap);
    assert_eq!(ask(&pic, a, program().show_state().reply()), "kept");
    let flags = UpgradeFlags {
        skip_pre_upgrade: Some(true),
        wasm_memory_persistence: None,
    };
    let skip = install_args(CanisterInstallMode::Upgrade(Some(flags)), a);
    manage(&pic, anonymous(), a, "install_code", skip).unwrap();
    assert_eq!(ask(&pic, a, program().show_state().show_stable().reply()), "saved");
}

fn install_args(mode: CanisterInstallMode, canister_id: Principal) -> InstallCodeArgs {
    InstallCodeArgs {
        mode,
        canister_id,
        wasm_module: universal(),
        arg: Vec::new(),
        sender_canister_version: None,
    }
}

#[test]
fn should_keep_everything_when_an_installation_fails() {
    let pic = pocket_ic();
    let a = canister(&pic);
    run(&pic, a, program().remember("old").write_stable("old").reply());
    let hash = pic.canister_status(a, None).unwrap().module_hash;
    let reject = pic
        .upgrade_canister(a, universal(), program().write_stable("new").trap("no").bytes(), None)
        .unwrap_err();
    assert_eq!(reject.error_code, ErrorCode::CanisterCalledTrap);
    assert!(reject.certified);
    let reject = pic
        .upgrade_canister(a, b"no module".to_vec(), Vec::new(), None)
        .unwrap_err();
    assert_eq!(reject.error_code, ErrorCode::CanisterInvalidWasm);
    let foreign = wasm(r#"(module (import "env" "f" (func)))"#);
    assert_eq!(
        pic.upgrade_canister(a, foreign, Vec::new(), None)
            .unwrap_err()
            .error_code,
        ErrorCode::CanisterInvalidWasm
    );
    assert_eq!(ask(&pic, a, program().show_state().show_stable().reply()), "oldold");
    assert_eq!(pic.canister_status(a, None).unwrap().module_hash, hash);
}

#[test]
fn should_install_only_into_empty_canisters_and_upgrade_only_others() {
    let pic = pocket_ic();
    let a = canister(&pic);
    let install = install_args(CanisterInstallMode::Install, a);
    let reject = manage(&pic, anonymous(), a, "install_code", install).unwrap_err();
    assert_eq!(reject.error_code, ErrorCode::CanisterNonEmpty);
    let empty = pic.create_canister();
    pic.add_cycles(empty, CYCLES);
    let reject = pic.upgrade_canister(empty, universal(), Vec::new(), None).unwrap_err();
    assert_eq!(reject.error_code, ErrorCode::CanisterWasmModuleNotFound);
    let reject = pic.update_call(empty, anonymous(), "run", Vec::new()).unwrap_err();
    assert_eq!(reject.error_code, ErrorCode::CanisterWasmModuleNotFound);
}

#[test]
fn should_answer_calls_that_were_open_during_an_upgrade() {
    let pic = pocket_ic();
    let (a, b) = (canister(&pic), canister(&pic));
    // The callee upgrades its caller, which waits for it.
    run(&pic, a, program().write_stable("from before the upgrade").reply());
    pic.set_controllers(a, None, vec![anonymous(), b]).unwrap();
    let upgrade = call(Principal::management_canister(), program())
        .method(
            "install_code",
            candid::encode_one(install_args(CanisterInstallMode::Upgrade(None), a)).unwrap(),
        )
        .on_reply(program().show("upgraded").reply());
    // The caller's callbacks lie in its heap, which the upgrade clears; the test canister then shows stable memory.
    let reply = run(
        &pic,
        a,
        program().remember("heap").call(call(b, program().call(upgrade))),
    );
    assert_eq!(reply, "from before the upgrade");
    assert_eq!(ask(&pic, a, program().show_state().reply()), "");
}

#[test]
fn should_reject_whom_an_uninstalled_canister_owes_an_answer() {
    let pic = pocket_ic();
    let (a, b) = (canister(&pic), canister(&pic));
    pic.set_controllers(a, None, vec![anonymous(), b]).unwrap();
    let uninstall = call(Principal::management_canister(), program()).method(
        "uninstall_code",
        candid::encode_one(CanisterIdRecord { canister_id: a }).unwrap(),
    );
    let reject = try_run(
        &pic,
        a,
        program().call(call(b, program().call(uninstall)).cycles(1_000)),
    )
    .unwrap_err();
    assert_eq!(reject.reject_message, "Canister has been uninstalled.");
    for _ in 0..3 {
        pic.tick();
    }
    let status = pic.canister_status(a, None).unwrap();
    assert_eq!(status.module_hash, None);
    pic.install_canister(a, universal(), Vec::new(), None);
    assert_eq!(run(&pic, a, program().show("again").reply()), "again");
    assert!(pic.stop_canister(a, None).is_ok(), "no call context is left");
}

#[test]
fn should_store_chunks_and_install_from_them() {
    let pic = pocket_ic();
    let (a, target) = (canister(&pic), pic.create_canister());
    pic.add_cycles(target, CYCLES);
    let module = universal();
    let (first, second) = module.split_at(module.len() / 2);
    let hashes: Vec<Vec<u8>> = [first, second]
        .iter()
        .map(|chunk| pic.upload_chunk(a, None, chunk.to_vec()).unwrap())
        .collect();
    assert_eq!(hashes[0], Sha256::digest(first).to_vec());
    let mut sorted = hashes.clone();
    sorted.sort();
    let mut stored = pic.stored_chunks(a, None).unwrap();
    stored.sort();
    assert_eq!(stored, sorted);
    let install = |hashes: Vec<Vec<u8>>, hash| {
        pic.install_chunked_canister(
            target,
            None,
            CanisterInstallMode::Install,
            a,
            hashes,
            hash,
            program().remember("x").bytes(),
        )
    };
    let hash = Sha256::digest(&module).to_vec();
    assert_eq!(
        install(vec![hashes[1].clone(), hashes[0].clone()], hash.clone())
            .unwrap_err()
            .error_code,
        ErrorCode::CanisterContractViolation
    );
    assert_eq!(
        install(vec![vec![7; 32]], hash.clone()).unwrap_err().error_code,
        ErrorCode::CanisterContractViolation
    );
    install(hashes, hash).unwrap();
    assert_eq!(ask(&pic, target, program().show_state().reply()), "x");
    pic.clear_chunk_store(a, None).unwrap();
    assert_eq!(pic.stored_chunks(a, None).unwrap(), Vec::<Vec<u8>>::new());
    let large = pic.upload_chunk(a, None, vec![0; (1 << 20) + 1]).unwrap_err();
    assert_eq!(large.error_code, ErrorCode::CanisterContractViolation);
    let stranger = Principal::from_slice(&[1; 29]);
    let reject = pic.upload_chunk(a, Some(stranger), vec![0]).unwrap_err();
    assert_eq!(
        (reject.error_code, reject.certified),
        (ErrorCode::CanisterInvalidController, false)
    );
}

#[test]
fn should_install_a_module_larger_than_an_ingress_message() {
    let pic = pocket_ic();
    let id = pic.create_canister();
    pic.add_cycles(id, CYCLES);
    let data = "x".repeat(2_500_000);
    let module = wasm(&format!(
        r#"(module (import "ic0" "msg_reply" (func $reply)) (memory 64) (data (i32.const 0) "{data}")
        (func (export "canister_update run") (call $reply)))"#
    ));
    assert!(module.len() > 2_000_000);
    pic.install_canister(id, module, Vec::new(), None);
    assert_eq!(run(&pic, id, program()), "");
}

#[test]
fn should_read_and_replace_stable_memory() {
    let pic = pocket_ic();
    let a = canister(&pic);
    run(&pic, a, program().write_stable("abc").reply());
    let memory = pic.get_stable_memory(a);
    assert_eq!(text(&memory[4..7]), "abc");
    let mut changed = memory;
    changed[4..7].copy_from_slice(b"xyz");
    pic.set_stable_memory(a, changed, pocket_ic::common::rest::BlobCompression::NoCompression);
    assert_eq!(ask(&pic, a, program().show_stable().reply()), "xyz");
}
