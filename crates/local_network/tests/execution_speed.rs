//! How fast messages are, through the public client: measurements, run by `scripts/bench network`. The design asks for 300 ICRC-1
//! transfers a second on one core.
#![allow(clippy::unwrap_used, reason = "helpers of tests may fail as tests do")]

mod common;

use std::time::Instant;

use candid::{CandidType, Decode, Deserialize, Encode, Nat, Principal};
use common::{CYCLES, anonymous, install, pocket_ic, server};

/// Messages that are timed.
const MESSAGES: u32 = 600;

/// Prints a figure as `scripts/bench` collects it.
fn report(bench: &str, rate: f64) {
    println!(r#"{{"bench": "local_network/{bench}", "value": {rate:.0}, "unit": "messages/s"}}"#);
}

/// Only our own server makes a promise.
fn is_ours() -> bool {
    let ours = server().file_name().is_some_and(|name| name == "local-network");
    if !ours {
        println!("skipped: how fast a real PocketIC is, is not for these tests to say");
    }
    ours
}

#[test]
#[ignore = "a measurement: scripts/bench network"]
fn measure_updates_with_a_large_heap() {
    if !is_ours() {
        return;
    }
    let pic = pocket_ic();
    // A heap of 512 MB, most of it written once.
    let canister = install(
        &pic,
        r#"(module
          (import "ic0" "msg_reply" (func $reply))
          (memory 8192)
          (func (export "canister_init") (memory.fill (i32.const 0) (i32.const 1) (i32.const 400000000)))
          (func (export "canister_update work") (local $i i32)
            (loop $l
              (i32.store (i32.mul (local.get $i) (i32.const 1000000)) (local.get $i))
              (local.set $i (i32.add (local.get $i) (i32.const 1)))
              (br_if $l (i32.lt_u (local.get $i) (i32.const 64))))
            (call $reply)))"#,
    );
    let start = Instant::now();
    for _ in 0..MESSAGES {
        pic.update_call(canister, anonymous(), "work", vec![]).unwrap();
    }
    let rate = f64::from(MESSAGES) / start.elapsed().as_secs_f64();
    report("update/heap_512_mb", rate);
}

#[derive(CandidType)]
struct Account {
    owner: Principal,
    subaccount: Option<Vec<u8>>,
}

#[derive(CandidType)]
struct Transfer {
    from_subaccount: Option<Vec<u8>>,
    to: Account,
    amount: Nat,
    fee: Option<Nat>,
    memo: Option<Vec<u8>>,
    created_at_time: Option<u64>,
}

#[derive(CandidType)]
struct Token {
    fee: Nat,
    decimals: Option<u8>,
    minting_account: Account,
    logo: Option<String>,
    name: String,
    initial_balances: Vec<(Account, Nat)>,
    max_supply: Nat,
    max_memo_length: Option<u16>,
    symbol: String,
}

#[derive(CandidType)]
enum LedgerArgument {
    Init(Token),
}

fn account(owner: Principal) -> Account {
    Account {
        owner,
        subaccount: None,
    }
}

/// What can go wrong does not matter here, only that nothing does.
#[derive(CandidType, Deserialize, Debug)]
enum Answer {
    Ok(Nat),
    Err(candid::Reserved),
}

#[test]
#[ignore = "a measurement: scripts/bench network"]
fn measure_icrc1_transfers() {
    if !is_ours() {
        return;
    }
    let ledger = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/canisters/dst_ledger.wasm.gz");
    let Ok(ledger) = std::fs::read(ledger) else {
        println!("skipped: dst_ledger is not built (scripts/build)");
        return;
    };
    let pic = pocket_ic();
    let (minter, user) = (Principal::from_slice(&[1; 29]), Principal::from_slice(&[2; 29]));
    let canister = pic.create_canister_with_settings(Some(minter), None);
    pic.add_cycles(canister, CYCLES);
    let token = Token {
        fee: 10_000_u64.into(),
        decimals: None,
        minting_account: account(minter),
        logo: None,
        name: "Token".into(),
        initial_balances: vec![(account(user), 1_000_000_000_000_u64.into())],
        max_supply: 1_000_000_000_000_000_u64.into(),
        max_memo_length: None,
        symbol: "TOK".into(),
    };
    let argument = Encode!(&Some(LedgerArgument::Init(token))).unwrap();
    pic.install_canister(canister, ledger, argument, Some(minter));
    // The ledger takes transactions when the randomness that keys its indexes has arrived.
    for _ in 0..10 {
        pic.tick();
    }
    let transfer = |from: Principal, to: Principal, amount: u64| {
        let argument = Transfer {
            from_subaccount: None,
            to: Account {
                owner: to,
                subaccount: None,
            },
            amount: amount.into(),
            fee: None,
            memo: None,
            created_at_time: None,
        };
        let reply = pic
            .update_call(canister, from, "icrc1_transfer", Encode!(&argument).unwrap())
            .unwrap();
        match Decode!(&reply, Answer).unwrap() {
            Answer::Ok(block) => block,
            Answer::Err(_) => panic!("the transfer failed"),
        }
    };
    let start = Instant::now();
    for i in 0..MESSAGES {
        transfer(user, Principal::from_slice(&i.to_be_bytes()), 100_000);
    }
    let rate = f64::from(MESSAGES) / start.elapsed().as_secs_f64();
    report("icrc1_transfer", rate);
}
