//! Random calls on the ledger's canister, time moving and upgrades in between, compared with the model at every step: 5,000 steps,
//! or as many as `DDSX_FIRE_STEPS` says (`scripts/test fire`: 100,000).
#![allow(clippy::unwrap_used, reason = "test code")]

use std::time::Duration;

use candid::{CandidType, Nat, Principal};
use ddsx_ledger_model::{
    Answer, Call, FEE, Index, IntoAnswer, MAX_SUPPLY, Model, Step, USERS, account, initial_balances, replay, steps,
    user,
};
use ddsx_tests::{Ledger, World};
use ddsx_types::dst_ledger::{InitArgs, LedgerArgs, MintError};
use icrc_ledger_types::icrc1::transfer::{TransferArg, TransferError};
use icrc_ledger_types::icrc2::approve::ApproveError;
use icrc_ledger_types::icrc2::transfer_from::TransferFromError;
use icrc_ledger_types::icrc3::blocks::{GetBlocksRequest, GetBlocksResult};
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use serde::de::DeserializeOwned;

/// A run's steps; each run has a network of its own.
const RUN: usize = 2_500;

/// A call, answered as the model does. What cannot succeed is turned away before it comes to the method.
fn call<A: CandidType, E: CandidType + DeserializeOwned>(
    ledger: &Ledger<'_>,
    caller: Principal,
    method: &str,
    args: A,
) -> Answer
where
    Result<Nat, E>: IntoAnswer,
{
    match ledger
        .world
        .try_call::<_, Result<Nat, E>>(caller, ledger.id, method, (args,))
    {
        Ok(answer) => answer.into_answer(),
        Err(reject) if reject.reject_message.contains("is no minter") => Err("NotAMinter ".into()),
        Err(reject) if reject.reject_message.contains("sign the call") => Err("Generic 1".into()),
        Err(reject) => panic!("{method}: {reject}"),
    }
}

/// A governed call: it traps if it is refused.
fn govern<A: CandidType>(ledger: &Ledger<'_>, caller: Principal, method: &str, args: A) -> Answer {
    let blocks = ledger.totals().blocks;
    let done: Result<(), _> = ledger
        .world
        .pic
        .update_call(ledger.id, caller, method, candid::encode_one(args).unwrap())
        .map(|_| ());
    let block = (ledger.totals().blocks > blocks).then_some(blocks);
    done.map(|()| block).map_err(|reject| reject.to_string()).into_answer()
}

fn run(ledger: &Ledger<'_>, caller: Principal, what: &Call) -> Answer {
    match what.clone() {
        Call::Transfer(args) => call::<_, TransferError>(ledger, caller, "icrc1_transfer", args),
        Call::TransferFrom(args) => call::<_, TransferFromError>(ledger, caller, "icrc2_transfer_from", args),
        Call::Approve(args) => call::<_, ApproveError>(ledger, caller, "icrc2_approve", args),
        Call::Mint(args) => call::<_, MintError>(ledger, caller, "mint", args),
        Call::SetFee(fee) => govern(ledger, caller, "set_fee", fee),
        Call::SetFeeCollector(collector) => govern(ledger, caller, "set_fee_collector", collector),
        Call::SetMinter(args) => govern(ledger, caller, "set_minter", args),
    }
}

fn compare(model: &Model, ledger: &Ledger<'_>) {
    // A query runs at the time of the last round, which time that was advanced since has not reached.
    ledger.world.pic.advance_time(TICK);
    ledger.world.pic.tick();
    let accounts: Vec<_> = model.balances.keys().copied().collect();
    let totals = ledger.totals();
    assert_eq!(
        totals.minted,
        totals.total_supply.clone() + totals.burnt + totals.fees_burnt
    );
    assert_eq!(
        (totals.total_supply, totals.blocks),
        (Nat::from(model.supply()), model.blocks)
    );
    for account in accounts {
        assert_eq!(
            ledger.balance(account),
            model.balances[&account],
            "balance of {account}"
        );
    }
    for (owner, spender) in model.allowances.keys() {
        let (amount, expiry) = model.allowance(owner, spender, ledger.world.now());
        let have = ledger.allowance(*owner, *spender);
        assert_eq!((have.allowance, have.expires_at), (Nat::from(amount), expiry));
    }
}

fn install(world: &World, module: Vec<u8>) -> Ledger<'_> {
    let args = InitArgs {
        name: "Data Stream Token".into(),
        symbol: "DST".into(),
        decimals: None,
        fee: FEE.into(),
        minting_account: account(0),
        initial_balances: initial_balances()
            .into_iter()
            .map(|(account, amount)| (account, amount.into()))
            .collect(),
        max_supply: MAX_SUPPLY.into(),
        max_memo_length: None,
        logo: None,
        governance: Some(user(0)),
    };
    let id = world.create();
    world.install_module_at(id, module, (Some(LedgerArgs::Init(args)),));
    Ledger::at(world, id)
}

/// A round's time is the network's if that has moved since the last one, and a nanosecond more if not. So it is moved before every call.
const TICK: Duration = Duration::from_micros(1);

/// How much later than the network's time before it a message runs, nanoseconds: the ledger says so when a call is from the future.
fn lag(ledger: &Ledger<'_>) -> u64 {
    ledger.world.pic.advance_time(TICK);
    let now = ledger.world.now();
    let future = TransferArg {
        created_at_time: Some(u64::MAX),
        ..ddsx_tests::ledger::transfer(account(1), 1_u64)
    };
    match ledger.transfer(user(2), future) {
        Err(TransferError::CreatedInFuture { ledger_time }) => ledger_time - now,
        other => panic!("a call from the future was answered {other:?}"),
    }
}

/// Runs the steps on a ledger that this module begins; the first upgrade among them leads to the workspace's.
fn fire(seed: u8, module: Vec<u8>, steps: Vec<Step>) {
    let world = World::new();
    let ledger = install(&world, module);
    let mut model = Model::default();
    assert_eq!(ledger.totals().blocks, u64::from(USERS));
    let lag = lag(&ledger);
    let mut calls: Vec<(Principal, Call)> = Vec::new();
    for (at, step) in steps.into_iter().enumerate() {
        let mut execute = |caller: Principal, call: &Call| {
            let expected = model.apply(caller, call, world.now() + lag);
            assert_eq!(run(&ledger, caller, call), expected, "run {seed}, step {at}: {call:?}");
        };
        match step {
            Step::Advance(by) => world.pic.advance_time(Duration::from_nanos(by)),
            Step::Reload => ledger.upgrade(),
            Step::Prune => world.settle(),
            Step::Call {
                caller,
                mut call,
                created,
                expires,
            } => {
                world.pic.advance_time(TICK);
                let now = world.now();
                let after = |offset: i64| now.saturating_add_signed(offset);
                call.set_times(created.map(after), expires.map(after));
                execute(caller, &call);
                calls.push((caller, call));
            }
            Step::Repeat(back) => {
                if let Some((caller, call)) = calls.iter().rev().nth(back) {
                    world.pic.advance_time(TICK);
                    execute(*caller, call);
                }
            }
        }
        if at % 25 == 0 {
            compare(&model, &ledger);
        }
    }
    compare(&model, &ledger);
    let mut blocks = Vec::new();
    while (blocks.len() as u64) < model.blocks {
        let request = GetBlocksRequest {
            start: blocks.len().into(),
            length: 1_000_u64.into(),
        };
        let page: GetBlocksResult = world.query(ledger.id, "icrc3_get_blocks", (vec![request],));
        assert!(!page.blocks.is_empty(), "the log ends early");
        blocks.extend(page.blocks.into_iter().map(|block| block.block));
    }
    let replayed = replay(blocks.iter().cloned()).unwrap();
    let index = Index::of(blocks).unwrap();
    for (account, balance) in &model.balances {
        assert_eq!(index.balance(account), *balance, "the ecosystem's index of {account}");
        assert_eq!(replayed.balances.get(account).copied().unwrap_or(0), *balance);
    }
}

/// Runs of that many steps in all.
fn fire_all(count: usize, module: impl Fn() -> Vec<u8>) {
    let mut runner = TestRunner::deterministic();
    for seed in 0..count.div_ceil(RUN) {
        let drawn = steps(RUN.min(count - seed * RUN))
            .new_tree(&mut runner)
            .unwrap()
            .current();
        fire(u8::try_from(seed % 256).unwrap(), module(), drawn);
    }
}

/// The steps that `DDSX_FIRE_STEPS` asks for, or 5,000.
fn count() -> usize {
    std::env::var("DDSX_FIRE_STEPS").map_or(5_000, |steps| steps.parse().unwrap())
}

#[test]
fn should_agree_with_the_model_on_the_network() {
    fire_all(count(), || World::module("dst_ledger"));
}

/// A fifth of the steps begin on the release that landed before this one, which an upgrade in their midst replaces.
#[test]
fn should_agree_with_the_model_from_the_landed_release_on() {
    let landed = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/dst_ledger-2.wasm.gz");
    fire_all(count() / 5, || std::fs::read(landed).unwrap());
}
