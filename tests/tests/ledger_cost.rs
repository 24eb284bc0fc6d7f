//! What the ledger's changing calls cost at 1,000 accounts: bounds that catch a step backwards. `scripts/bench ledger` measures
//! large states too.
#![allow(clippy::unwrap_used, reason = "test code")]

use ddsx_tests::ledger::{FEE, init_args};
use ddsx_tests::ledger_cost::{HEADERS, METHODS, account, measure, payer};
use ddsx_tests::{Ledger, World};
use ddsx_types::dst_ledger::{InitArgs, LedgerArgs};

/// Calls of each kind whose mean is taken.
const CALLS: u64 = 20;

fn args(accounts: u64) -> InitArgs {
    let mut initial: Vec<_> = (0..accounts).map(|number| (account(number), 1_000 * FEE)).collect();
    initial.push((payer(), 1_000_000_000 * FEE));
    InitArgs {
        max_memo_length: Some(80),
        ..init_args(&initial)
    }
}

#[test]
fn should_cost_no_more_than_it_did() {
    let world = World::new();
    let args = LedgerArgs::Init(args(999));
    let ledger = Ledger::at(&world, world.install("dst_ledger", (Some(args),)));
    let bounds = [370_000, 510_000, 530_000];
    for (run, (header, encode)) in (0..).zip(HEADERS) {
        let averages = measure(&ledger, run * CALLS, CALLS, encode);
        for ((method, average), bound) in METHODS.iter().zip(averages).zip(bounds) {
            println!("{method}{header}: {average} instructions");
            assert!(
                average < bound,
                "{method}{header} takes {average} instructions, more than {bound}"
            );
        }
    }
}
