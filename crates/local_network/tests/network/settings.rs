//! Canister settings and controllers.

use candid::{Nat, Principal};
use ic_management_canister_types::EnvironmentVariable;
use pocket_ic::{CanisterSettings, ErrorCode};

use crate::common::{anonymous, pocket_ic};
use crate::program::program;
use crate::world::{canister, run};

#[test]
fn should_change_controllers() {
    let pic = pocket_ic();
    let a = canister(&pic);
    let (alice, bob) = (Principal::from_slice(&[1; 29]), Principal::from_slice(&[2; 29]));
    assert_eq!(pic.get_controllers(a), vec![anonymous()]);
    pic.set_controllers(a, None, vec![alice, bob]).unwrap();
    let mut controllers = pic.get_controllers(a);
    controllers.sort();
    assert_eq!(controllers, vec![alice, bob]);
    let reject = pic.set_controllers(a, None, vec![anonymous()]).unwrap_err();
    assert_eq!(
        (reject.error_code, reject.certified),
        (ErrorCode::CanisterInvalidController, false)
    );
    assert_eq!(
        reject.reject_message,
        format!("Only controllers of canister {a} can call ic00 method update_settings")
    );
    pic.set_controllers(a, Some(bob), vec![anonymous()]).unwrap();
    assert_eq!(pic.get_controllers(a), vec![anonymous()]);
    let eleven = (0..11).map(|i| Principal::from_slice(&[i; 29])).collect();
    assert_eq!(
        pic.set_controllers(a, None, eleven).unwrap_err().error_code,
        ErrorCode::InvalidManagementPayload
    );
}

#[test]
fn should_create_canisters_with_settings() {
    let pic = pocket_ic();
    let alice = Principal::from_slice(&[1; 29]);
    let settings = CanisterSettings {
        controllers: Some(vec![alice, anonymous()]),
        freezing_threshold: Some(Nat::from(86_400_u32)),
        memory_allocation: None,
        wasm_memory_limit: Some(Nat::from(1_u32 << 30)),
        ..Default::default()
    };
    let id = pic.create_canister_with_settings(Some(alice), Some(settings));
    pic.add_cycles(id, crate::common::CYCLES);
    let status = pic.canister_status(id, Some(alice)).unwrap();
    assert_eq!(status.settings.freezing_threshold, Nat::from(86_400_u32));
    assert_eq!(status.settings.wasm_memory_limit, Nat::from(1_u32 << 30));
    let mut controllers = status.settings.controllers;
    controllers.sort();
    let mut expected = vec![alice, anonymous()];
    expected.sort();
    assert_eq!(controllers, expected);
    let own = pic.create_canister_with_settings(Some(alice), None);
    assert_eq!(pic.get_controllers(own), vec![alice]);
}

#[test]
fn should_refuse_settings_out_of_their_range_and_keep_the_old_ones() {
    let pic = pocket_ic();
    let a = canister(&pic);
    let before = pic.canister_status(a, None).unwrap().settings;
    let bad = [
        CanisterSettings {
            compute_allocation: Some(Nat::from(101_u8)),
            ..Default::default()
        },
        CanisterSettings {
            memory_allocation: Some(Nat::from((1_u64 << 48) + 1)),
            ..Default::default()
        },
        CanisterSettings {
            freezing_threshold: Some(Nat::from(1_u128 << 64)),
            ..Default::default()
        },
        CanisterSettings {
            wasm_memory_limit: Some(Nat::from(1_u64 << 49)),
            ..Default::default()
        },
    ];
    for settings in bad {
        let reject = pic.update_canister_settings(a, None, settings).unwrap_err();
        assert!(
            matches!(
                reject.error_code,
                ErrorCode::CanisterContractViolation | ErrorCode::InvalidManagementPayload
            ),
            "{reject:?}"
        );
    }
    assert_eq!(pic.canister_status(a, None).unwrap().settings, before);
}

#[test]
fn should_show_environment_variables_to_the_canister() {
    let pic = pocket_ic();
    let a = canister(&pic);
    let variable = |name: &str, value: &str| CanisterSettings {
        environment_variables: Some(vec![EnvironmentVariable {
            name: name.to_owned(),
            value: value.to_owned(),
        }]),
        ..Default::default()
    };
    pic.update_canister_settings(a, None, variable("PLACE", "here"))
        .unwrap();
    assert_eq!(run(&pic, a, program().show_variable("PLACE").reply()), "here");
    let long = "x".repeat(129);
    assert_eq!(
        pic.update_canister_settings(a, None, variable(&long, "v"))
            .unwrap_err()
            .error_code,
        ErrorCode::InvalidManagementPayload
    );
    assert_eq!(run(&pic, a, program().show_variable("PLACE").reply()), "here");
}

#[test]
fn should_count_versions() {
    let pic = pocket_ic();
    let a = canister(&pic);
    let version = || crate::world::run_number(&pic, a, program().show_version().reply());
    let first = version();
    assert!(version() > first);
    let before = version();
    pic.set_controllers(a, None, vec![anonymous()]).unwrap();
    assert!(version() >= before + 2);
}
