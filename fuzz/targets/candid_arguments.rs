//! Any bytes as the argument of the ledger's hot calls: what our decoder takes, `candid` takes, with the same values.
#![no_main]

#[path = "../../crates/icrc_wire/tests/common/compare.rs"]
#[allow(dead_code)]
mod compare;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|message: &[u8]| {
    compare::taken(message);
});
