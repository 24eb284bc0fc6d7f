//! What the ledger's three changing calls cost, end to end: cycles charged, less those of an empty update call and of the
//! bytes that travel. One cycle is one instruction on the 13-node subnet that the network plays, so the figures compare
//! with the instruction counts of other ledgers. The bounds catch a step backwards; they are not a goal.
#![allow(clippy::unwrap_used, reason = "test code")]

use candid::{CandidType, Principal};
use ddsx_tests::ledger::{FEE, approve, init_args, transfer, transfer_from};
use ddsx_tests::{Ledger, World, user};
use ddsx_types::dst_ledger::LedgerArgs;
use icrc_ledger_types::icrc1::account::Account;
use icrc_ledger_types::icrc1::transfer::TransferArg;
use icrc_ledger_types::icrc2::approve::ApproveArgs;
use icrc_ledger_types::icrc2::transfer_from::TransferFromArgs;

const ACCOUNTS: u64 = 1_000;
const CALLS: u64 = 20;
const CYCLES_A_BYTE: u128 = 2_000;

/// Cycles that a call takes from the ledger, less those for the bytes of its argument and method name.
fn cycles<A: CandidType>(ledger: &Ledger<'_>, caller: Principal, method: &str, args: Option<&A>) -> u128 {
    let bytes = args.map_or_else(
        || candid::encode_args(()).unwrap(),
        |args| candid::encode_one(args).unwrap(),
    );
    let pic = &ledger.world.pic;
    let travelling = (bytes.len() + method.len()) as u128;
    let before = pic.cycle_balance(ledger.id);
    pic.update_call(ledger.id, caller, method, bytes).unwrap();
    before - pic.cycle_balance(ledger.id) - travelling * CYCLES_A_BYTE
}

/// An account with a subaccount of its own.
fn account(number: u64) -> Account {
    let mut subaccount = [7; 32];
    subaccount[..8].copy_from_slice(&number.to_be_bytes());
    Account {
        owner: user(number),
        subaccount: Some(subaccount),
    }
}

#[test]
fn should_cost_no_more_than_it_did() {
    let world = World::new();
    let initial: Vec<_> = (0..ACCOUNTS).map(|number| (account(number), 1_000 * FEE)).collect();
    let mut args = init_args(&initial);
    args.max_memo_length = Some(80);
    let ledger = Ledger::at(&world, world.install("dst_ledger", (Some(LedgerArgs::Init(args)),)));
    let empty = cycles::<()>(&ledger, user(1), "icrc1_decimals", None);
    let memo = || Some(vec![9; 41].into());
    let created_at_time = Some(world.now());

    let mut sums = [0; 3];
    for number in 0..CALLS {
        let from_subaccount = account(number).subaccount;
        let pay = TransferArg {
            from_subaccount,
            memo: memo(),
            created_at_time,
            ..transfer(account(ACCOUNTS + number), 5_u64)
        };
        sums[0] += cycles(&ledger, user(number), "icrc1_transfer", Some(&pay)) - empty;
        let allow = ApproveArgs {
            from_subaccount,
            memo: memo(),
            created_at_time,
            expected_allowance: Some(0_u8.into()),
            ..approve(account(2 * ACCOUNTS + number), 10 * FEE)
        };
        sums[1] += cycles(&ledger, user(number), "icrc2_approve", Some(&allow)) - empty;
        let draw = TransferFromArgs {
            spender_subaccount: account(2 * ACCOUNTS + number).subaccount,
            memo: memo(),
            created_at_time,
            ..transfer_from(account(number), account(3 * ACCOUNTS + number), 5_u64)
        };
        sums[2] += cycles(&ledger, user(2 * ACCOUNTS + number), "icrc2_transfer_from", Some(&draw)) - empty;
    }
    assert_eq!(ledger.totals().blocks, ACCOUNTS + 3 * CALLS, "every call was executed");
    let averages = sums.map(|sum| sum / u128::from(CALLS));
    let bounds = [800_000, 900_000, 950_000];
    for ((method, average), bound) in ["transfer", "approve", "transfer_from"]
        .iter()
        .zip(averages)
        .zip(bounds)
    {
        println!("{method}: {average} instructions");
        assert!(
            average < bound,
            "{method} takes {average} instructions, more than {bound}"
        );
    }
}
