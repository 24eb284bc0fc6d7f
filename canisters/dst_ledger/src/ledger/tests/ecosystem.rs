//! The ecosystem's own index, after its sources (`ddsx_ledger_model::Index`), takes every block that the ledger writes.

use std::collections::BTreeSet;

use ddsx_ledger_model::{Index, kind};
use ddsx_types::dst_ledger::{MintArgs, SetFeeCollectorArgs, SetMinterArgs};
use icrc_ledger_types::icrc::generic_value::{ICRC3Map, ICRC3Value};

use super::*;
use crate::block::decode;
use crate::icrc3::supported_block_types;
use crate::ledger::Act;

fn fields(value: &ICRC3Value) -> &ICRC3Map {
    match value {
        ICRC3Value::Map(map) => map,
        other => panic!("{other} is no map"),
    }
}

/// A ledger with blocks of every kind, each with as little and as much as it may hold.
fn busy() -> Ledger<VectorMemory> {
    let mut ledger = install(&[(account(1), 100_000_000), (account(2), 1_000_000)]);
    let sub = |n: u8| Account {
        subaccount: Some([n; 32]),
        ..account(3)
    };
    let memo = || Some(Memo::from(vec![7; 32]));
    let collector = |account: Option<Account>, at: u64| SetFeeCollectorArgs {
        fee_collector: account,
        created_at_time: at,
    };
    for round in 0..3_u64 {
        let at = NOW + round;
        let full = TransferArg {
            fee: Some(FEE.into()),
            memo: memo(),
            created_at_time: Some(at),
            ..transfer(sub(0), 5)
        };
        ledger.transfer(user(1), transfer(account(2), 500), at).unwrap();
        ledger.transfer(user(1), full, at).unwrap();
        ledger.transfer(user(1), transfer(account(1), 0), at).unwrap();
        let allow = ApproveArgs {
            fee: Some(FEE.into()),
            memo: memo(),
            created_at_time: Some(at),
            expected_allowance: Some(0_u8.into()),
            expires_at: Some(at + 1_000),
            ..approve(sub(9), 50_000)
        };
        ledger.approve(user(1), approve(account(2), u128::MAX), at).unwrap();
        ledger.approve(user(1), allow, at).unwrap();
        let remove = ApproveArgs {
            expected_allowance: Some(50_000_u64.into()),
            ..approve(sub(9), 0)
        };
        ledger.approve(user(1), remove, at).unwrap();
        let draw = TransferFromArgs {
            fee: Some(FEE.into()),
            memo: memo(),
            created_at_time: Some(at),
            ..transfer_from(account(1), sub(1), 77)
        };
        ledger
            .transfer_from(user(2), transfer_from(account(1), sub(1), 77), at)
            .unwrap();
        ledger.transfer_from(user(2), draw, at).unwrap();
        ledger
            .transfer_from(user(2), transfer_from(account(2), account(4), 1), at)
            .unwrap();
        let burn = TransferArg {
            fee: Some(0_u8.into()),
            memo: memo(),
            created_at_time: Some(at),
            ..transfer(account(0), FEE)
        };
        ledger.transfer(user(1), transfer(account(0), FEE), at).unwrap();
        ledger.transfer(user(1), burn, at).unwrap();
        ledger
            .transfer_from(user(2), transfer_from(account(1), account(0), FEE), at)
            .unwrap();
        let issue = TransferArg {
            fee: Some(0_u8.into()),
            memo: memo(),
            created_at_time: Some(at),
            ..transfer(account(5), 9)
        };
        ledger.transfer(user(0), issue, at).unwrap();
        let capped = SetMinterArgs::Capped {
            minter: user(8),
            cap: 100_u8.into(),
        };
        ledger.execute_act(&Act::SetMinter(capped), user(0), at).unwrap();
        for created_at_time in [None, Some(at)] {
            let issue = MintArgs {
                to: sub(2),
                amount: 3_u8.into(),
                memo: memo(),
                created_at_time,
            };
            ledger.mint(user(8), issue, at).unwrap();
        }
        let next = (round == 0).then(|| sub(4));
        if round < 2 {
            ledger.set_fee_collector(user(0), &collector(next, at), at).unwrap();
        } else {
            let act = Act::SetFeeCollector(Some(account(6)));
            ledger.execute_act(&act, user(0), at).unwrap();
        }
    }
    ledger.transfer(user(1), transfer(account(2), 500), NOW).unwrap();
    ledger
}

#[test]
fn should_write_every_kind_of_block_as_the_ecosystems_index_takes_it() {
    let ledger = busy();
    let blocks: Vec<ICRC3Value> = (0..ledger.log_length())
        .map(|index| decode(&ledger.block(index).unwrap()).unwrap())
        .collect();
    let kinds: BTreeSet<&str> = blocks
        .iter()
        .map(|block| kind(fields(block), fields(&fields(block)["tx"])).unwrap())
        .collect();
    let supported = supported_block_types();
    let supported: BTreeSet<&str> = supported.iter().map(|kind| kind.block_type.as_str()).collect();
    assert_eq!(kinds, supported, "a block of every kind");
    for block in &blocks {
        let is_classic = fields(&fields(block)["tx"]).contains_key("op");
        assert_eq!(fields(block).contains_key("btype"), !is_classic, "{block}");
    }

    let index = Index::of(blocks).unwrap();
    assert_eq!(index.blocks, ledger.log_length());
    for (account, balance) in &index.balances {
        assert_eq!(ledger.balance_of(account), *balance, "{account}");
    }
    assert_eq!(index.balances.values().sum::<u128>(), ledger.total_supply());
    ledger.invariants().unwrap();
}

#[test]
fn should_name_every_kind_to_wallets() {
    use crate::index_api::{Order, account_transactions};
    use ddsx_types::dst_ledger::index::GetAccountTransactionsArgs;
    let ledger = busy();
    let args = GetAccountTransactionsArgs {
        account: account(1),
        start: None,
        max_results: 1_000_u64.into(),
    };
    let page = account_transactions(&ledger, &args, Order::OldestFirst, false).unwrap();
    let kinds: BTreeSet<String> = page
        .transactions
        .into_iter()
        .map(|entry| entry.transaction.kind)
        .collect();
    assert_eq!(
        kinds,
        BTreeSet::from(["mint", "burn", "transfer", "approve"].map(String::from))
    );
}
