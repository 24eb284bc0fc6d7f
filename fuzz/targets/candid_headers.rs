//! Messages with made-up type tables, built from the fuzzer's choices, compared with `candid` as in `candid_arguments`.
#![no_main]

#[path = "../../crates/icrc_wire/tests/common/compare.rs"]
#[allow(dead_code)]
mod compare;
#[path = "../../crates/icrc_wire/tests/common/messages.rs"]
mod messages;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|choices: &[u8]| {
    compare::taken(&messages::message(choices));
});
