//! How fast messages and installations are, through the public client: measurements, run by `scripts/bench network`. The design asks
//! for 300 ICRC-1 transfers a second on one core, and for installing a module of 1.5 MB a second time within 50 ms.
#![allow(clippy::unwrap_used, reason = "helpers of tests may fail as tests do")]

mod common;

use std::fmt::Write as _;
use std::io::Read as _;
use std::process::Child;
use std::time::{Duration, Instant};

use candid::{CandidType, Decode, Deserialize, Encode, Nat, Principal};
use common::{CYCLES, anonymous, install, pocket_ic, server};
use flate2::read::GzDecoder;
use pocket_ic::{PocketIc, PocketIcBuilder, StartServerParams, start_server};

/// Messages that are timed.
const MESSAGES: u32 = 600;
/// Installations whose median is taken.
const INSTALLATIONS: usize = 9;

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

/// What `scripts/build` made of a canister.
fn module(canister: &str) -> Option<Vec<u8>> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/canisters/");
    let module = std::fs::read(format!("{folder}{canister}.wasm.gz")).ok();
    if module.is_none() {
        println!("skipped: {canister} is not built (scripts/build)");
    }
    module
}

fn user() -> Principal {
    Principal::from_slice(&[2; 29])
}

/// A ledger on which the user has tokens, and how long the call that installed it took.
fn install_ledger(pic: &PocketIc, module: Vec<u8>) -> (Principal, Duration) {
    let minter = Principal::from_slice(&[1; 29]);
    let canister = pic.create_canister_with_settings(Some(minter), None);
    pic.add_cycles(canister, CYCLES);
    let token = Token {
        fee: 10_000_u64.into(),
        decimals: None,
        minting_account: account(minter),
        logo: None,
        name: "Token".into(),
        initial_balances: vec![(account(user()), 1_000_000_000_000_u64.into())],
        max_supply: 1_000_000_000_000_000_u64.into(),
        max_memo_length: None,
        symbol: "TOK".into(),
    };
    let argument = Encode!(&Some(LedgerArgument::Init(token))).unwrap();
    let start = Instant::now();
    pic.install_canister(canister, module, argument, Some(minter));
    (canister, start.elapsed())
}

/// A network in a server process of its own.
fn network_in_another_process() -> (Child, PocketIc) {
    let params = StartServerParams {
        server_binary: Some(server()),
        reuse: false,
        ..StartServerParams::default()
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (process, url) = runtime.block_on(start_server(params));
    let pic = PocketIcBuilder::new()
        .with_server_url(url)
        .with_application_subnet()
        .build();
    (process, pic)
}

/// A module of a little over so many bytes: functions of straight arithmetic, no two alike, as optimised code is.
fn module_of(bytes: usize) -> Vec<u8> {
    let mut text = String::from("(module (memory 1) (func (export \"canister_init\"))");
    let mut constant = 1_u64;
    // Each turn takes about 13 bytes, a function some 970.
    for _ in 0..bytes / 960 {
        text.push_str("(func (param i64) (result i64) local.get 0");
        for _ in 0..72 {
            constant = constant.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let (factor, mask) = (constant >> 32, constant >> 36);
            write!(text, " i64.const {factor} i64.mul i64.const {mask} i64.xor").unwrap();
        }
        text.push(')');
    }
    text.push(')');
    wat::parse_str(text).unwrap()
}

/// How long a call that installs takes, the upload included; the median of some that are not the first.
fn measure_installations(name: &str, size: usize, install: impl Fn(&PocketIc) -> Duration) {
    // The module is compiled by whoever has it first, in this process or one before.
    install(&pocket_ic());
    println!(r#"{{"bench": "local_network/install/{name}/module", "value": {size}, "unit": "bytes"}}"#);
    let report = |bench: &str, mut times: Vec<Duration>| {
        times.sort_unstable();
        let median = times[times.len() / 2].as_secs_f64() * 1_000.0;
        println!(r#"{{"bench": "local_network/install/{name}/{bench}", "value": {median:.1}, "unit": "ms"}}"#);
    };

    let pic = pocket_ic();
    report("same_process", (0..INSTALLATIONS).map(|_| install(&pic)).collect());
    let elsewhere = || {
        let (mut process, pic) = network_in_another_process();
        let time = install(&pic);
        drop(pic);
        process.kill().unwrap();
        process.wait().unwrap();
        time
    };
    report("another_process", (0..INSTALLATIONS).map(|_| elsewhere()).collect());
}

#[test]
#[ignore = "a measurement: scripts/bench network"]
fn measure_second_installations() {
    if !is_ours() {
        return;
    }
    let code = module_of(1_500_000);
    measure_installations("1_5_mb", code.len(), |pic| {
        let canister = pic.create_canister();
        pic.add_cycles(canister, CYCLES);
        let start = Instant::now();
        pic.install_canister(canister, code.clone(), vec![], None);
        start.elapsed()
    });

    let Some(compressed) = module("dst_ledger") else { return };
    let mut ledger = Vec::new();
    GzDecoder::new(&compressed[..]).read_to_end(&mut ledger).unwrap();
    for (name, module) in [("dst_ledger", ledger), ("dst_ledger_gz", compressed)] {
        measure_installations(name, module.len(), |pic| install_ledger(pic, module.clone()).1);
    }
}

#[test]
#[ignore = "a measurement: scripts/bench network"]
fn measure_icrc1_transfers() {
    if !is_ours() {
        return;
    }
    let Some(ledger) = module("dst_ledger") else { return };
    let pic = pocket_ic();
    let (canister, _) = install_ledger(&pic, ledger);
    let user = user();
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
