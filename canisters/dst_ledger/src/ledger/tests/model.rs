//! Random calls, time moving and state reloaded in between, compared with the model at every step: 102,000 steps.

use std::collections::BTreeMap;

use candid::{Nat, Principal};
use ddsx_ledger_model::{Answer, Call, Index, IntoAnswer, Model, Step, initial_balances, replay, steps};
use ic_stable_structures::VectorMemory;
use icrc_ledger_types::icrc1::account::Account;
use icrc_ledger_types::icrc2::allowance::AllowanceArgs;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use crate::block::decode;
use crate::ledger::test_support::{NOW, args, install_in, user};
use crate::ledger::{Act, Ledger, PERMITTED_DRIFT_NS, TRANSACTION_WINDOW_NS};

/// Runs a call on the ledger and names its answer as the model does.
fn run(ledger: &mut Ledger<VectorMemory>, caller: Principal, call: &Call, now: u64) -> Answer {
    let act = match call.clone() {
        Call::Transfer(args) => return ledger.transfer(caller, args, now).into_answer(),
        Call::TransferFrom(args) => return ledger.transfer_from(caller, args, now).into_answer(),
        Call::Approve(args) => return ledger.approve(caller, args, now).into_answer(),
        Call::Mint(args) => return ledger.mint(caller, args, now).into_answer(),
        Call::SetFee(fee) => Act::SetFee(fee),
        Call::SetFeeCollector(collector) => Act::SetFeeCollector(collector),
        Call::SetMinter(args) => Act::SetMinter(args),
    };
    if !ledger.may_govern(caller, caller == user(0)) {
        return Err::<u64, _>(String::new()).into_answer();
    }
    let validated = ledger.validate(&act, now);
    let executed = ledger.execute_act(&act, caller, now);
    if executed.is_ok() {
        assert!(validated.is_ok(), "{act:?} was refused to voters: {validated:?}");
    }
    executed.into_answer()
}

fn compare(model: &Model, ledger: &Ledger<VectorMemory>, now: u64) -> Result<(), TestCaseError> {
    ledger.invariants().map_err(TestCaseError::fail)?;
    prop_assert_eq!(model.supply(), ledger.total_supply());
    prop_assert_eq!(model.blocks, ledger.log_length());
    for (account, balance) in &model.balances {
        prop_assert_eq!(*balance, ledger.balance_of(account), "balance of {}", account);
    }
    for (owner, spender) in model.allowances.keys() {
        let expected = model.allowance(owner, spender, now);
        let args = AllowanceArgs {
            account: *owner,
            spender: *spender,
        };
        let have = ledger.allowance(&args, now);
        prop_assert_eq!((Nat::from(expected.0), expected.1), (have.allowance, have.expires_at));
    }
    Ok(())
}

/// The account's blocks, oldest first, as the ledger keeps them.
fn history(ledger: &Ledger<VectorMemory>, account: &Account) -> Vec<u64> {
    let (storage, _) = ledger.stored();
    let Some(number) = ledger.account_number(account) else {
        return vec![];
    };
    let state = storage.accounts.state(number);
    (0..state.history_length)
        .map(|ordinal| storage.history.get(&state, ordinal))
        .collect()
}

/// Runs the steps on both, and compares after each.
fn agree(steps: Vec<Step>) -> Result<(), TestCaseError> {
    assert_eq!(
        (ddsx_ledger_model::WINDOW_NS, ddsx_ledger_model::DRIFT_NS),
        (TRANSACTION_WINDOW_NS, PERMITTED_DRIFT_NS)
    );
    let memory = VectorMemory::default();
    let mut ledger = install_in(memory.clone(), args(&initial_balances()));
    let mut model = Model::default();
    let mut now = NOW;
    let mut calls: Vec<(Principal, Call)> = Vec::new();
    for step in steps {
        match step {
            Step::Advance(by) => now += by,
            Step::Reload => ledger = Ledger::open(memory.clone(), None).map_err(TestCaseError::fail)?,
            Step::Prune => while ledger.housekeep(now, 3).more {},
            Step::Call {
                caller,
                mut call,
                created,
                expires,
            } => {
                let at = |offset: i64| now.saturating_add_signed(offset);
                call.set_times(created.map(at), expires.map(at));
                prop_assert_eq!(
                    model.apply(caller, &call, now),
                    run(&mut ledger, caller, &call, now),
                    "{:?}",
                    call
                );
                calls.push((caller, call));
            }
            Step::Repeat(back) => {
                if let Some((caller, call)) = calls.iter().rev().nth(back).cloned() {
                    prop_assert_eq!(
                        model.apply(caller, &call, now),
                        run(&mut ledger, caller, &call, now),
                        "{:?}",
                        call
                    );
                }
            }
        }
        compare(&model, &ledger, now)?;
    }
    let blocks = || (0..ledger.log_length()).map(|index| decode(&ledger.block(index).unwrap()).unwrap());
    let replayed = replay(blocks()).map_err(TestCaseError::fail)?;
    let index = Index::of(blocks()).map_err(TestCaseError::fail)?;
    prop_assert_eq!(replayed.tip, ledger.tip_hash());
    for (account, balance) in &model.balances {
        prop_assert_eq!(*balance, replayed.balances.get(account).copied().unwrap_or(0));
        prop_assert_eq!(*balance, index.balance(account), "the ecosystem's index of {}", account);
    }
    prop_assert_eq!(replayed.supply(), ledger.total_supply());
    let histories: BTreeMap<_, _> = model
        .histories
        .keys()
        .map(|account| (*account, history(&ledger, account)))
        .collect();
    prop_assert_eq!(histories, model.histories);
    Ok(())
}

#[test]
fn should_agree_with_the_model_at_every_step() {
    let half = || {
        let config = ProptestConfig {
            cases: 170,
            max_shrink_iters: 2_000,
            source_file: Some(file!()),
            ..ProptestConfig::default()
        };
        TestRunner::new(config)
            .run(&steps(300), agree)
            .unwrap_or_else(|failure| panic!("{failure}"));
    };
    // The longest of all unit tests: a core each.
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(half);
        }
    });
}
