//! The public conformance suite `icrc1-test-suite` against `dst_ledger`.
#![allow(clippy::unwrap_used, reason = "test code")]

use ddsx_tests::conformance::PocketIcLedger;
use ddsx_tests::{Ledger, World, user};
use icrc1_test_suite::{execute_tests, test_suite};

#[test]
fn should_pass_the_public_icrc1_and_icrc2_suite() {
    let world = World::new();
    let ledger = Ledger::install(&world, &[(user(1).into(), 1_000_000_000_000)]);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let passed = runtime.block_on(async {
        let tests = test_suite(PocketIcLedger::new(&world, ledger.id, user(1))).await;
        assert_eq!(tests.len(), 16, "eight tests for each of ICRC-1 and ICRC-2");
        execute_tests(tests).await
    });
    assert!(passed, "see the list above");
}
