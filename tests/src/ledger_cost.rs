//! What the ledger's three changing calls cost, end to end: cycles charged, less those of an empty update call and of the
//! bytes that travel. One cycle is one instruction on the 13-node subnet that the network plays, so the figures compare
//! with the instruction counts of other ledgers.
//!
//! The work is that of `scripts/bench ledger` inside the canister: one account pays fresh ones, approves them, and they transfer
//! from it; 29-byte principals, 32-byte subaccounts, 41-byte memo, `created_at_time` set.

use candid::{CandidType, Principal};
use icrc_ledger_types::icrc1::account::Account;
use icrc_ledger_types::icrc1::transfer::TransferArg;
use icrc_ledger_types::icrc2::approve::ApproveArgs;
use icrc_ledger_types::icrc2::transfer_from::TransferFromArgs;

use crate::candid_header;
use crate::ledger::{FEE, Ledger, approve, transfer, transfer_from};
use crate::user;

const CYCLES_A_BYTE: u128 = 2_000;
/// Numbers of the accounts that play a part; the others only fill the state.
const PAYER: u64 = 1 << 40;

/// The three calls, in the order in which they must run.
pub const METHODS: [&str; 3] = ["icrc1_transfer", "icrc2_approve", "icrc2_transfer_from"];

/// An account with a subaccount of its own.
pub fn account(number: u64) -> Account {
    let mut subaccount = [7; 32];
    subaccount[..8].copy_from_slice(&number.to_be_bytes());
    Account {
        owner: user(number),
        subaccount: Some(subaccount),
    }
}

/// Whoever pays; it needs tokens before anything is measured.
pub fn payer() -> Account {
    account(PAYER)
}

/// Cycles that a call takes from the ledger, less those for the bytes of its argument and method name.
pub fn cycles(ledger: &Ledger<'_>, caller: Principal, method: &str, argument: Vec<u8>) -> u128 {
    let pic = &ledger.world.pic;
    let travelling = (argument.len() + method.len()) as u128;
    let before = pic.cycle_balance(ledger.id);
    pic.update_call(ledger.id, caller, method, argument)
        .unwrap_or_else(|reject| panic!("{method}: {reject}"));
    before - pic.cycle_balance(ledger.id) - travelling * CYCLES_A_BYTE
}

/// How arguments are encoded: what this crate's `candid` writes, or something else with the same meaning.
pub type Encode = dyn Fn(&str, Vec<u8>) -> Vec<u8>;

/// The header that ic-agent and canisters in Rust send, that of JavaScript's `@icp-sdk/core`, and one that the ledger has never seen.
pub const HEADERS: [(&str, &Encode); 3] = [
    ("", &|_, argument| argument),
    ("/icp_sdk_header", &|method, argument| {
        candid_header::of_icp_sdk(method, &argument)
    }),
    ("/unknown_header", &|method, argument| {
        candid_header::of_nobody(method, &argument)
    }),
];

/// Mean cost of each call over `calls` calls; `first` sets the fresh accounts apart from those of other runs.
///
/// # Panics
/// If a call is not executed.
pub fn measure(ledger: &Ledger<'_>, first: u64, calls: u64, encode: &Encode) -> [u128; 3] {
    let empty = cycles(ledger, user(1), "icrc1_decimals", candid::encode_args(()).unwrap());
    let memo = || Some(vec![9; 41].into());
    let created_at_time = Some(ledger.world.now());
    let fee = || Some(FEE.into());
    let from = payer();
    let cost = |caller: Principal, method: &str, args: &dyn Fn() -> Vec<u8>| {
        cycles(ledger, caller, method, encode(method, args())) - empty
    };
    let blocks = ledger.totals().blocks;
    let mut sums = [0; 3];
    for number in first..first + calls {
        let fresh = account(PAYER + 1 + 2 * number);
        let pay = TransferArg {
            from_subaccount: from.subaccount,
            fee: fee(),
            memo: memo(),
            created_at_time,
            ..transfer(fresh, 5_u64)
        };
        sums[0] += cost(from.owner, METHODS[0], &|| encoded(&pay));
        let allow = ApproveArgs {
            from_subaccount: from.subaccount,
            fee: fee(),
            memo: memo(),
            created_at_time,
            expected_allowance: Some(0_u8.into()),
            ..approve(fresh, 10 * FEE)
        };
        sums[1] += cost(from.owner, METHODS[1], &|| encoded(&allow));
        let draw = TransferFromArgs {
            spender_subaccount: fresh.subaccount,
            fee: fee(),
            memo: memo(),
            created_at_time,
            ..transfer_from(from, account(PAYER + 2 + 2 * number), 5_u64)
        };
        sums[2] += cost(fresh.owner, METHODS[2], &|| encoded(&draw));
    }
    assert_eq!(ledger.totals().blocks, blocks + 3 * calls, "every call was executed");
    sums.map(|sum| sum / u128::from(calls))
}

fn encoded(args: &impl CandidType) -> Vec<u8> {
    candid::encode_one(args).unwrap()
}
