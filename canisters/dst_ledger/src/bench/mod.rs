//! Measurements inside the canister (feature `bench`), run by `scripts/bench ledger`: no Candid, no message, the rules alone, the
//! block's hash and the certificate's root included. The work is that of the DFINITY ICRC-1 ledger's own canbench benchmark: one
//! account pays 10,000 fresh ones (29-byte principals, 32-byte subaccounts, 41-byte memo, `created_at_time` set), approves them
//! with `expected_allowance` 0, and they each transfer from it.

mod parts;

use std::hint::black_box;

use canbench_rs::{BenchResult, bench, bench_fn, bench_scope};
use candid::{Nat, Principal};
use ddsx_hash_index::page_count::PageCounting;
use ddsx_hash_index::{HashIndex, SipKey};
use ddsx_types::dst_ledger::InitArgs;
use ddsx_types::dst_ledger::index::GetAccountTransactionsArgs;
use dst_ledger::ledger::Ledger;
use dst_ledger::ledger::bench::account;
use dst_ledger::{icrc3, icrc103, index_api, tip};
use ic_cdk::update;
use ic_stable_structures::memory_manager::{MemoryId, MemoryManager};
use ic_stable_structures::{DefaultMemoryImpl, Memory, RestrictedMemory};
use icrc_ledger_types::icrc1::account::Account;
use icrc_ledger_types::icrc1::transfer::TransferArg;
use icrc_ledger_types::icrc2::approve::ApproveArgs;
use icrc_ledger_types::icrc2::transfer_from::TransferFromArgs;
use icrc_ledger_types::icrc3::blocks::GetBlocksRequest;
use icrc_ledger_types::icrc103::get_allowances::GetAllowancesArgs;

type Fresh = RestrictedMemory<DefaultMemoryImpl>;
type Work<M> = fn(&mut Ledger<M>, u64);

/// Calls of each kind.
const CALLS: u64 = 10_000;
/// Calls of each kind whose pages are counted.
const COUNTED: u64 = 2_000;
/// Calls between two rounds of housekeeping while pages are counted.
const KEPT_HOUSE_AFTER: u64 = 200;
const NOW: u64 = 1_790_000_000_000_000_000;
const FEE: u64 = 10_000;
const KEY: [u8; 16] = *b"a key for a test";
/// The numbers of the accounts that play a part lie beyond those that fill the state.
const PAYER: u64 = 1 << 40;
const FRESH: u64 = PAYER + 1;
const OTHERS: u64 = FRESH + CALLS;

/// A ledger's memory behind what the canister itself has.
fn fresh_memory() -> Fresh {
    let memory = DefaultMemoryImpl::default();
    let used = memory.size();
    RestrictedMemory::new(memory, used..1 << 23)
}

/// A ledger with this many accounts, one of them rich.
fn filled<M: Memory>(memory: M, accounts: u64) -> Ledger<M> {
    let args = InitArgs {
        fee: Nat::from(FEE),
        max_supply: Nat::from(u128::MAX),
        max_memo_length: Some(80),
        ..InitArgs::for_installer(Principal::from_slice(&[1]))
    };
    let mut ledger = Ledger::install(memory, args).unwrap_or_else(|error| ic_cdk::trap(error));
    ledger.set_index_key(KEY);
    ledger.fill(0, accounts - 1, 1_000_000);
    ledger.fill(PAYER, PAYER + 1, 1 << 100);
    ledger
}

fn memo() -> Option<Vec<u8>> {
    Some(vec![9; 41])
}

fn transfer<M: Memory>(ledger: &mut Ledger<M>, call: u64) {
    let Account { owner, subaccount } = account(PAYER);
    let args = TransferArg {
        from_subaccount: subaccount,
        to: account(FRESH + call),
        amount: Nat::from(1_000_000_u64),
        fee: Some(Nat::from(FEE)),
        memo: memo().map(Into::into),
        created_at_time: Some(NOW),
    };
    certify(ledger.transfer(owner, args, NOW).is_ok(), ledger);
}

fn approve<M: Memory>(ledger: &mut Ledger<M>, call: u64) {
    let Account { owner, subaccount } = account(PAYER);
    let args = ApproveArgs {
        from_subaccount: subaccount,
        spender: account(FRESH + call),
        amount: Nat::from(1_000_000_000_u64),
        expected_allowance: Some(Nat::from(0_u8)),
        expires_at: None,
        fee: Some(Nat::from(FEE)),
        memo: memo().map(Into::into),
        created_at_time: Some(NOW),
    };
    certify(ledger.approve(owner, args, NOW).is_ok(), ledger);
}

fn transfer_from<M: Memory>(ledger: &mut Ledger<M>, call: u64) {
    let Account { owner, subaccount } = account(FRESH + call);
    let args = TransferFromArgs {
        spender_subaccount: subaccount,
        from: account(PAYER),
        to: account(OTHERS + call),
        amount: Nat::from(1_000_u64),
        fee: Some(Nat::from(FEE)),
        memo: memo().map(Into::into),
        created_at_time: Some(NOW),
    };
    certify(ledger.transfer_from(owner, args, NOW).is_ok(), ledger);
}

/// What an endpoint does after a call, except that a query may not set what is certified: computes the root.
fn certify<M: Memory>(executed: bool, ledger: &Ledger<M>) {
    match ledger.tip() {
        Some((index, hash)) if executed => {
            black_box(tip::root(index, &hash));
        }
        _ => ic_cdk::trap("a call of the benchmark was not executed"),
    }
}

fn measure(accounts: u64) -> BenchResult {
    let mut ledger = filled(fresh_memory(), accounts);
    bench_fn(|| {
        for (scope, work) in WORK {
            let _scope = bench_scope(scope);
            for call in 0..CALLS {
                work(&mut ledger, call);
            }
        }
    })
}

const WORK: [(&str, Work<Fresh>); 3] = [
    ("icrc1_transfer", transfer),
    ("icrc2_approve", approve),
    ("icrc2_transfer_from", transfer_from),
];

#[bench(raw)]
fn at_20000() -> BenchResult {
    measure(20_000)
}

#[bench(raw)]
fn at_1000000() -> BenchResult {
    measure(1_000_000)
}

/// Pages of stable memory that calls of each kind touch at this many accounts: for each kind the mean over 2,000 calls, in
/// thousandths, and the most. House is kept in between, as the timer does seconds after a transaction, and not counted.
#[update]
fn bench_pages(accounts: u64) -> Vec<(String, u64, u64)> {
    // Counting is dear, so the state is filled without it.
    let memory = fresh_memory();
    drop(filled(memory.clone(), accounts));
    let memory = PageCounting::new(memory);
    let mut ledger = Ledger::open(memory.clone(), None).unwrap_or_else(|error| ic_cdk::trap(error));
    let work: [(&str, Work<PageCounting<Fresh>>); 3] = [
        ("icrc1_transfer", transfer),
        ("icrc2_approve", approve),
        ("icrc2_transfer_from", transfer_from),
    ];
    memory.start();
    work.map(|(kind, work)| {
        let (mut sum, mut most) = (0, 0);
        for call in 0..COUNTED {
            if call % KEPT_HOUSE_AFTER == 0 {
                ledger.housekeep(NOW, KEPT_HOUSE_AFTER);
                memory.start();
            }
            work(&mut ledger, call);
            let pages = memory.start().pages.len() as u64;
            sum += pages;
            most = most.max(pages);
        }
        (kind.to_owned(), sum * 1_000 / COUNTED, most)
    })
    .into()
}

/// Instructions of one kind of housekeeping for each thing done: what transactions leave to timers.
#[update]
fn bench_housekeeping(accounts: u64) -> Vec<(String, u64)> {
    let mut ledger = filled(fresh_memory(), 1);
    ledger.fill(0, accounts, 1_000_000);
    vec![
        (
            "sort_an_account".into(),
            instructions(|| ledger.housekeep(NOW, accounts)) / accounts,
        ),
        ("split_a_bucket".into(), split_a_bucket()),
    ]
}

/// Mean instructions of splitting a full bucket of an index.
fn split_a_bucket() -> u64 {
    const SPLITS: u64 = 100;
    let memory = MemoryManager::init(fresh_memory()).get(MemoryId::new(0));
    let index = HashIndex::open(memory).unwrap_or_else(|error| ic_cdk::trap(error.to_string()));
    let mut index = index.with_splits_put_off();
    let mut number = 0;
    while index.owed_splits() < SPLITS {
        if index.buckets() < 128 {
            index.settle(u64::MAX);
        }
        index.insert(SipKey(KEY).hash(&u64::to_le_bytes(number)), number);
        number += 1;
    }
    instructions(|| index.settle(SPLITS)) / SPLITS
}

/// Instructions of the dearest answers to readers, candid aside: 2,000 blocks, 2,000 transactions of one account, and the list of
/// allowances that looks at as many as it may (a tenth of them here, times ten).
#[update]
fn bench_listings() -> Vec<(String, u64)> {
    let mut ledger = filled(fresh_memory(), 20_000);
    for call in 0..2_000 {
        transfer(&mut ledger, call);
    }
    for call in 0..CALLS {
        approve(&mut ledger, call);
    }
    let range = GetBlocksRequest {
        start: 0_u8.into(),
        length: 2_000_u64.into(),
    };
    let history = GetAccountTransactionsArgs {
        account: account(PAYER),
        start: None,
        max_results: 2_000_u64.into(),
    };
    let allowances = GetAllowancesArgs {
        from_account: Some(account(PAYER)),
        prev_spender: None,
        take: None,
    };
    let scans = icrc103::MAX_SCANNED as u64 / CALLS;
    vec![
        (
            "icrc3_get_blocks/2000".into(),
            instructions(|| icrc3::get_blocks(&ledger, &[range], false)),
        ),
        (
            "get_account_transactions/2000".into(),
            instructions(|| index_api::account_transactions(&ledger, &history, index_api::Order::NewestFirst, false)),
        ),
        (
            "icrc103_get_allowances/100000_scanned".into(),
            scans * instructions(|| icrc103::get_allowances(&ledger, Principal::anonymous(), &allowances, NOW, false)),
        ),
    ]
}

/// Instructions that `work` takes.
fn instructions<T>(work: impl FnOnce() -> T) -> u64 {
    let before = ddsx_runtime::Runtime::instruction_counter(&ddsx_runtime::System);
    keep(work());
    ddsx_runtime::Runtime::instruction_counter(&ddsx_runtime::System) - before
}

/// Adds accounts to the canister's own ledger: see [`dst_ledger::ledger::bench`].
#[update]
fn bench_fill(first: u64, end: u64, balance: Nat) {
    let balance = u128::try_from(&balance.0).unwrap_or(0);
    super::change(|ledger, _, _| ledger.fill(first, end, balance));
}

/// Has the value made, and does nothing with it.
fn keep<T>(value: T) {
    black_box(value);
}
