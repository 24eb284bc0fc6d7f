//! Measurements of large states, run by `scripts/bench ledger` with the module that has the feature `bench`. Each prints one JSON
//! object a line.
#![allow(clippy::unwrap_used, reason = "test code")]

use candid::Nat;
use ddsx_tests::ledger::{FEE, init_args};
use ddsx_tests::ledger_cost::{METHODS, measure, payer};
use ddsx_tests::{Ledger, World, user};
use ddsx_types::dst_ledger::{InitArgs, LedgerArgs};

/// Accounts that one message of `bench_fill` makes.
const FILL: u64 = 50_000;

fn report(bench: &str, value: impl std::fmt::Display, unit: &str) {
    println!(r#"{{"bench": "{bench}", "value": {value}, "unit": "{unit}"}}"#);
}

fn module() -> Vec<u8> {
    let path = std::env::var("LEDGER_BENCH_MODULE").expect("scripts/bench ledger says where the module is");
    std::fs::read(path).unwrap()
}

/// A ledger whose state has so many accounts.
fn ledger(world: &World, accounts: u64) -> Ledger<'_> {
    let args = InitArgs {
        max_memo_length: Some(80),
        ..init_args(&[(payer(), 1_000_000_000 * FEE)])
    };
    let id = world.create();
    world.install_module_at(id, module(), (Some(LedgerArgs::Init(args)),));
    let ledger = Ledger::at(world, id);
    let mut first = 0;
    while first + 1 < accounts {
        let end = (first + FILL).min(accounts - 1);
        let args = (first, end, Nat::from(1_000_u64));
        let () = world.call(user(1), id, "bench_fill", args);
        first = end;
    }
    assert_eq!(ledger.totals().accounts, accounts);
    ledger
}

#[test]
#[ignore = "a measurement: scripts/bench ledger"]
fn measure_end_to_end() {
    for accounts in [1_000, 10_000, 20_000, 1_000_000] {
        let world = World::new();
        let ledger = ledger(&world, accounts);
        let costs = measure(&ledger, 0, 50, &|_, argument| argument);
        for (method, cost) in METHODS.iter().zip(costs) {
            report(&format!("{method}/end_to_end/{accounts}"), cost, "instructions");
        }
        let cycles = upgrade(&ledger);
        report(&format!("upgrade/{accounts}"), cycles, "cycles");
        ledger.assert_totals();
    }
}

/// Cycles that an upgrade to the same module takes, with what timers do in the rounds after it.
fn upgrade(ledger: &Ledger<'_>) -> u128 {
    let pic = &ledger.world.pic;
    let before = pic.cycle_balance(ledger.id);
    let args = candid::encode_one(None::<LedgerArgs>).unwrap();
    pic.upgrade_canister(ledger.id, module(), args, Some(ledger.world.controller))
        .unwrap();
    before - pic.cycle_balance(ledger.id)
}

#[test]
#[ignore = "a measurement: scripts/bench ledger"]
fn measure_pages_and_housekeeping() {
    let world = World::new();
    let ledger = ledger(&world, 1_000);
    for accounts in [20_000_u64, 1_000_000] {
        let pages: Vec<(String, u64, u64)> = call(&ledger, "bench_pages", accounts);
        for (method, mean, most) in pages {
            let whole = format!("{}.{:03}", mean / 1_000, mean % 1_000);
            report(
                &format!("{method}/stable_pages/{accounts}"),
                whole,
                "pages of 4 KiB, mean",
            );
            report(
                &format!("{method}/stable_pages_max/{accounts}"),
                most,
                "pages of 4 KiB, most",
            );
            if accounts == 1_000_000 {
                report(&format!("{method}/stable_pages"), most, "pages of 4 KiB, most");
            }
        }
    }
    let chores: Vec<(String, u64)> = call(&ledger, "bench_housekeeping", 20_000);
    for (chore, cost) in chores {
        report(&format!("housekeeping/{chore}"), cost, "instructions");
    }
}

fn call<R: candid::CandidType + serde::de::DeserializeOwned>(ledger: &Ledger<'_>, method: &str, accounts: u64) -> R {
    let args = candid::encode_one(accounts).unwrap();
    let reply = ledger.world.pic.update_call(ledger.id, user(1), method, args).unwrap();
    candid::decode_one(&reply).unwrap()
}
