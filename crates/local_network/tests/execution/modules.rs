//! Which modules can be installed, and that what was compiled once is loaded the second time (how fast: `scripts/bench network`).

use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::process::Command;

use local_network::execution::{InstallMode, Visibility, compile, install};
use pocket_ic::ErrorCode;
use proptest::prelude::*;
use sha2::{Digest, Sha256};

use crate::harness::{module, template, wasm};

#[test]
fn should_refuse_modules_that_are_not_canisters() {
    for (wat, part) in [
        (
            r#"(module (import "env" "f" (func)))"#,
            "imports function 'f' from 'env'",
        ),
        (
            r#"(module (import "ic0" "no_such" (func)))"#,
            "imports function 'no_such' from 'ic0'",
        ),
        (r#"(module (import "ic0" "time" (func)))"#, "invalid import section"),
        (
            r#"(module (import "env" "memory" (memory 1)))"#,
            "Only functions can be imported",
        ),
        (
            r#"(module (import "ic0" "g" (global i32)))"#,
            "Only functions can be imported",
        ),
        (
            r#"(module (func (export "canister_foo")))"#,
            "Exporting reserved function 'canister_foo'",
        ),
        (
            r#"(module (func (export "canister_update f") (param i32)))"#,
            "invalid function signature",
        ),
        (
            r#"(module (func (export "canister_init") (result i32) i32.const 1))"#,
            "invalid function signature",
        ),
        (
            r#"(module (func (export "canister_update f")) (func (export "canister_query f")))"#,
            "Duplicate function 'f'",
        ),
        (r"(module (memory i64 1))", "memory64"),
        (r"(module (memory 1) (memory 1))", "multiple memories"),
        (r"(module (memory 1 1 shared))", "threads"),
        (
            r#"(module (memory 1) (data (i32.const 65535) "ab"))"#,
            "outside of the memory",
        ),
        (r"(module (func i32.add drop))", "failed to validate"),
        (r#"(module (func (export "__local_network_memory")))"#, "reserved"),
    ] {
        let error = compile(&wat::parse_str(wat).unwrap()).unwrap_err();
        assert_eq!(error.code, ErrorCode::CanisterInvalidWasm);
        assert!(
            error.message.starts_with("Canister's Wasm module is not valid: "),
            "{}",
            error.message
        );
        assert!(error.message.contains(part), "{wat}: {}", error.message);
    }
    for bytes in [
        &b""[..],
        b"\0asm",
        b"\0asm\x02\0\0\0",
        b"hello",
        b"\x1f\x8b\x08 no gzip",
    ] {
        assert_eq!(compile(bytes).unwrap_err().code, ErrorCode::CanisterInvalidWasm);
    }
}

#[test]
fn should_accept_gzip_and_hash_what_was_given() {
    let plain = wasm(&module("", r#"(func (export "canister_update f") (call $reply))"#));
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(&plain).unwrap();
    let packed = encoder.finish().unwrap();
    for bytes in [&plain, &packed] {
        let module = compile(bytes).unwrap();
        assert_eq!(module.hash()[..], Sha256::digest(bytes)[..]);
        assert!(module.has_update("f") && !module.has_query("f") && !module.has_heartbeat());
        assert_eq!(module.size(), plain.len());
    }
}

#[test]
fn should_keep_custom_sections() {
    let module = compile(&wasm(
        r#"(module (@custom "icp:public candid:service" "service : {}") (@custom "icp:private secret" "s") (@custom "other" "x"))"#,
    ))
    .unwrap();
    let sections = module.custom_sections();
    assert_eq!(sections.len(), 2);
    assert_eq!(
        (&sections[0].name[..], sections[0].visibility),
        ("candid:service", Visibility::Public)
    );
    assert_eq!(sections[0].content, b"service : {}");
    assert_eq!(
        (&sections[1].name[..], sections[1].visibility),
        ("secret", Visibility::Private)
    );
    assert!(compile(&wasm(r#"(module (@custom "icp:secret x" ""))"#)).is_err());
    assert!(
        compile(&wasm(
            r#"(module (@custom "icp:public x" "") (@custom "icp:private x" ""))"#
        ))
        .is_err()
    );
}

#[test]
fn should_load_what_another_process_has_compiled() {
    const CHILD: &str = "LOCAL_NETWORK_TEST_CHILD";
    let wasm = wasm(&module("", r#"(func (export "canister_query q") (call $reply))"#));
    if std::env::var_os(CHILD).is_some() {
        compile(&wasm).unwrap();
        return;
    }
    let cache = tempfile::tempdir().unwrap();
    let folder = cache.path().join("compiled");
    // What is compiled is written to a new file, which takes the place of the old one.
    let compiled_by_a_process = || {
        let output = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "modules::should_load_what_another_process_has_compiled"])
            .env(CHILD, "")
            .env("LOCAL_NETWORK_CACHE", &folder)
            .output()
            .unwrap();
        assert!(output.status.success());
        let files: Vec<(PathBuf, u64)> = std::fs::read_dir(&folder)
            .unwrap()
            .map(|entry| entry.unwrap())
            .map(|entry| (entry.path(), entry.metadata().unwrap().ino()))
            .collect();
        assert_eq!(files.len(), 1);
        files
    };
    let first = compiled_by_a_process();
    assert_eq!(compiled_by_a_process(), first);
    // A file that cannot be loaded is no failure: the module is compiled again. Kept open, so that its number is not given to the next.
    let broken = std::fs::OpenOptions::new().write(true).open(&first[0].0).unwrap();
    broken.set_len(100).unwrap();
    let again = compiled_by_a_process();
    assert_eq!(again[0].0, first[0].0);
    assert_ne!(again[0].1, first[0].1);
    assert_eq!(compiled_by_a_process(), again);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]
    #[test]
    fn should_survive_modules_of_any_bytes(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        length in prop::option::weighted(0.2, any::<prop::sample::Index>()),
    ) {
        let mut bytes = wasm(&module(
            r#"(import "ic0" "stable64_grow" (func $sgrow (param i64) (result i64)))"#,
            r#"(global $g (mut i64) (i64.const 7))
            (table funcref (elem $f $answer))
            (start $f)
            (func $f (global.set $g (i64.const 8)) (drop (call $sgrow (i64.const 1))))
            (data (i32.const 10) "some data")
            (@custom "icp:public text" "public")
            (func (export "canister_init") (call $f))
            (func (export "canister_query get") (call $answer (global.get $g)))"#,
        ));
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if let Some(length) = length {
            bytes.truncate(length.index(bytes.len()));
        }
        // A loop that the changes may have made must end soon.
        let input = local_network::execution::MessageInput { instruction_limit: 1_000_000, ..template() };
        if let Ok(module) = compile(&bytes) {
            let (output, memory) = install(InstallMode::Install, None, &module, vec![], &input);
            prop_assert_eq!(output.result.is_ok(), memory.is_some());
        }
    }
}
