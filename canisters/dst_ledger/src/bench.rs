//! Measurements inside the canister (feature `bench`), run by `scripts/bench ledger`: no Candid, no message, the rules alone, the
//! block's hash and the certificate's root included. The work is that of the DFINITY ICRC-1 ledger's own canbench benchmark: one
//! account pays 10,000 fresh ones (29-byte principals, 32-byte subaccounts, 41-byte memo, `created_at_time` set), approves them
//! with `expected_allowance` 0, and they each transfer from it.

use canbench_rs::{BenchResult, bench, bench_fn, bench_scope};
use candid::Nat;
use ddsx_hash_index::page_count::PageCounting;
use ddsx_types::dst_ledger::InitArgs;
use dst_ledger::icrc3::tip_root;
use dst_ledger::ledger::Ledger;
use dst_ledger::ledger::bench::account;
use ic_cdk::{query, update};
use ic_stable_structures::{DefaultMemoryImpl, Memory};
use icrc_ledger_types::icrc1::account::Account;
use icrc_ledger_types::icrc1::transfer::TransferArg;
use icrc_ledger_types::icrc2::approve::ApproveArgs;
use icrc_ledger_types::icrc2::transfer_from::TransferFromArgs;

/// Calls of each kind.
const CALLS: u64 = 10_000;
const NOW: u64 = 1_790_000_000_000_000_000;
const KEY: [u8; 16] = *b"a key for a test";
/// The account that pays; its number is beyond those that fill the state.
const PAYER: u64 = u64::MAX;

fn memo() -> Vec<u8> {
    vec![9; 41]
}

/// A ledger with this many accounts, one of them rich.
fn filled<M: Memory>(memory: M, accounts: u64) -> Ledger<M> {
    let args = InitArgs {
        fee: Nat::from(10_000_u64),
        max_supply: Nat::from(u128::MAX),
        max_memo_length: Some(80),
        ..InitArgs::for_installer(account(u64::MAX - 1).owner)
    };
    let mut ledger = Ledger::install(memory, args).expect("the arguments are right");
    ledger.set_index_key(KEY);
    ledger.fill(0, accounts - 1, 1_000_000);
    ledger.fill(PAYER, PAYER, 0);
    ledger.fill(PAYER - 1, PAYER, 0);
    ledger
}
