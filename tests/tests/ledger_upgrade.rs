//! The ledger that landed before this one, upgraded with data: `fixtures/dst_ledger-1.wasm.gz` is the module as it was built then.
//! Its records, indexes and deduplication go on; what is new is filled in by slices, and nothing stops meanwhile.
#![allow(clippy::unwrap_used, reason = "test code")]

use std::time::Duration;

use candid::{Nat, Principal};
use ddsx_ledger_model::replay;
use ddsx_tests::ledger::{FEE, approve, minter, transfer, transfer_from};
use ddsx_tests::{Ledger, World, nanos, user};
use ddsx_types::dst_ledger::LedgerArgs;
use icrc_ledger_types::icrc::generic_value::ICRC3Value;
use icrc_ledger_types::icrc1::account::Account;
use icrc_ledger_types::icrc1::transfer::{TransferArg, TransferError};
use icrc_ledger_types::icrc2::approve::ApproveArgs;
use icrc_ledger_types::icrc3::blocks::{GetBlocksRequest, GetBlocksResult};

const USERS: u64 = 300;

/// What version 1 was installed with.
#[derive(candid::CandidType)]
enum LedgerArgs1 {
    Init(InitArgs1),
}

#[derive(candid::CandidType)]
struct InitArgs1 {
    name: String,
    symbol: String,
    decimals: Option<u8>,
    fee: Nat,
    minting_account: Account,
    initial_balances: Vec<(Account, Nat)>,
    max_supply: Nat,
    max_memo_length: Option<u16>,
    logo: Option<String>,
}

fn version_1() -> Vec<u8> {
    std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/dst_ledger-1.wasm.gz")).unwrap()
}

fn account(number: u64) -> Account {
    Account {
        owner: user(number),
        subaccount: number
            .is_multiple_of(3)
            .then_some([u8::try_from(number % 200).unwrap(); 32]),
    }
}

/// A ledger of version 1 with accounts, blocks of every kind, allowances that expire and some that do not, and remembered
/// transactions; and those of the last, to be repeated.
fn old_ledger(world: &World) -> (Ledger<'_>, Vec<(Principal, TransferArg)>) {
    let args = InitArgs1 {
        name: "Data Stream Token".into(),
        symbol: "DST".into(),
        decimals: None,
        fee: FEE.into(),
        minting_account: minter().into(),
        initial_balances: (0..USERS).map(|n| (account(n), Nat::from(1_000 * FEE))).collect(),
        max_supply: Nat::from(u64::MAX),
        max_memo_length: None,
        logo: None,
    };
    let id = world.create();
    world.install_module_at(id, version_1(), (Some(LedgerArgs1::Init(args)),));
    let ledger = Ledger::at(world, id);
    let now = world.now();
    let mut remembered = vec![];
    for n in 0..100 {
        let from = account(n);
        let to = if n % 10 == 9 {
            minter().into()
        } else {
            account(USERS - 1 - n)
        };
        let pay = TransferArg {
            from_subaccount: from.subaccount,
            created_at_time: Some(now + n),
            ..transfer(to, 2 * FEE)
        };
        ledger.transfer(from.owner, pay.clone()).unwrap();
        remembered.push((from.owner, pay));
        let allow = ApproveArgs {
            from_subaccount: from.subaccount,
            expires_at: n.is_multiple_of(2).then(|| now + nanos(Duration::from_hours(1))),
            ..approve(account(n + 1), 50 * FEE)
        };
        ledger.approve(from.owner, allow).unwrap();
        let draw = icrc_ledger_types::icrc2::transfer_from::TransferFromArgs {
            spender_subaccount: account(n + 1).subaccount,
            ..transfer_from(from, account(n + 2), FEE)
        };
        ledger.transfer_from(user(n + 1), draw).unwrap();
    }
    (ledger, remembered)
}

#[test]
fn should_carry_everything_of_version_1_over() {
    let world = World::new();
    let (ledger, remembered) = old_ledger(&world);
    let before = ledger.totals();
    let all: Vec<Account> = (0..USERS).map(account).collect();
    let balances: Vec<Nat> = all.iter().map(|account| ledger.balance(*account)).collect();
    let allowances: Vec<_> = (0..100).map(|n| ledger.allowance(account(n), account(n + 1))).collect();

    // Right after the upgrade, however far its timers have come: everything is there to be read.
    let args = candid::encode_one(None::<LedgerArgs>).unwrap();
    world.upgrade_to(ledger.id, World::module("dst_ledger"), args).unwrap();
    let check = |ledger: &Ledger<'_>| {
        let now: Vec<Nat> = all.iter().map(|account| ledger.balance(*account)).collect();
        assert_eq!(now, balances);
        let now: Vec<_> = (0..100).map(|n| ledger.allowance(account(n), account(n + 1))).collect();
        assert_eq!(now, allowances);
        assert_eq!(ledger.totals(), before);
        ledger.assert_conserved(&all);
    };
    check(&ledger);

    world.settle();
    check(&ledger);
    for (index, (caller, pay)) in remembered.iter().enumerate() {
        let duplicate_of = Nat::from(USERS + 3 * index as u64);
        assert_eq!(
            ledger.transfer(*caller, pay.clone()),
            Err(TransferError::Duplicate { duplicate_of }),
            "transaction {index} is remembered"
        );
    }
    ledger.upgrade();
    check(&ledger);

    let older = ledger.totals().blocks;
    // It goes on: old and new accounts, allowances of before, and the window passes.
    ledger.transfer(user(1), transfer(user(7_000), 5_u64)).unwrap();
    let draw = transfer_from(account(1), user(7_001), FEE);
    let draw = icrc_ledger_types::icrc2::transfer_from::TransferFromArgs {
        spender_subaccount: account(2).subaccount,
        ..draw
    };
    ledger.transfer_from(user(2), draw).unwrap();
    let mut all = all.clone();
    all.extend([Account::from(user(7_000)), user(7_001).into()]);
    ledger.assert_conserved(&all);
    assert_chain(&ledger, older);
    world.advance(Duration::from_hours(25));
    world.advance(Duration::from_mins(10));
    let after = ledger.totals();
    assert_eq!(
        (after.deduplicated, after.allowances),
        (0, 50),
        "what has expired is forgotten"
    );
    ledger.assert_conserved(&all);
}

/// The older blocks, whose type is in `btype`, and those since, whose type is in `tx.op`, are one chain that leads to the tip and to
/// every balance.
fn assert_chain(ledger: &Ledger<'_>, older: u64) {
    let range = GetBlocksRequest {
        start: 0_u8.into(),
        length: 2_000_u64.into(),
    };
    let log: GetBlocksResult = ledger.world.query(ledger.id, "icrc3_get_blocks", (vec![range],));
    assert_eq!(log.log_length, Nat::from(log.blocks.len()));
    for block in &log.blocks {
        let ICRC3Value::Map(fields) = &block.block else {
            panic!("a block is a map")
        };
        assert_eq!(fields.contains_key("btype"), block.id < older, "block {}", block.id);
    }
    let replayed = replay(log.blocks.into_iter().map(|block| block.block)).unwrap();
    for (account, balance) in &replayed.balances {
        assert_eq!(ledger.balance(*account), *balance, "{account}");
    }
    assert_eq!(ledger.total_supply(), replayed.supply());
}
