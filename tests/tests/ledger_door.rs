//! What the ledger turns away before it costs anything, what it bounds where all nodes run it, and what it tells of its cycles.
#![allow(clippy::unwrap_used, reason = "test code")]

#[path = "federated_rules/proxy.rs"]
mod proxy;

use std::time::Duration;

use candid::{Nat, Principal};
use ddsx_tests::ledger::{FEE, approve, transfer, transfer_from};
use ddsx_tests::{Ledger, World, user};
use ddsx_types::dst_ledger::index::{
    GetAccountTransactionsArgs, GetTransactions, GetTransactionsErr, ListSubaccountsArgs,
};
use ddsx_types::dst_ledger::{MintArgs, MintError, SetMinterArgs};
use icrc_ledger_types::icrc1::account::{Account, Subaccount};
use icrc_ledger_types::icrc1::transfer::{TransferArg, TransferError};
use icrc_ledger_types::icrc3::blocks::{GetBlocksRequest, GetBlocksResult};
use proxy::Proxy;

type History = Result<GetTransactions, GetTransactionsErr>;

/// What the network takes in one ingress message, less room for what is around the argument.
const HUGE: usize = 2 * 1024 * 1024 - 4_096;

const CHANGING: [&str; 9] = [
    "icrc1_transfer",
    "icrc2_approve",
    "icrc2_transfer_from",
    "mint",
    "set_fee",
    "set_fee_collector",
    "set_minter",
    "icrc107_set_fee_collector",
    "icrc21_canister_call_consent_message",
];

fn refusal(world: &World, ledger: &Ledger<'_>, caller: Principal, method: &str, argument: Vec<u8>) -> String {
    let answer = world.pic.update_call(ledger.id, caller, method, argument);
    answer.expect_err(method).reject_message
}

/// The cycles that `work` costs the ledger.
fn cost(ledger: &Ledger<'_>, work: impl FnOnce()) -> u128 {
    let balance = || ledger.world.pic.cycle_balance(ledger.id);
    let before = balance();
    work();
    before - balance()
}

#[test]
fn should_turn_away_2_mib_for_nothing() {
    let world = World::new();
    let ledger = Ledger::install(&world, &[(user(1).into(), 1_000 * FEE)]);
    let one_transfer = cost(&ledger, || {
        ledger.transfer(user(1), transfer(user(2), 1_u8)).unwrap();
    });
    let memo = TransferArg {
        memo: Some(vec![0; HUGE - 200].into()),
        ..transfer(user(2), 1_u8)
    };
    let memo = candid::encode_one(memo).unwrap();
    let refused = cost(&ledger, || {
        for caller in [user(1), world.controller, Principal::anonymous()] {
            let message = refusal(&world, &ledger, caller, "icrc1_transfer", memo.clone());
            assert!(message.contains("at most 4096 are taken"), "{message}");
            for method in CHANGING {
                let message = refusal(&world, &ledger, caller, method, vec![0; HUGE]);
                assert!(message.contains("at most 4096 are taken"), "{method}: {message}");
            }
            for method in ["icrc1_balance_of", "validate_set_fee", "get_account_transactions"] {
                refusal(&world, &ledger, caller, method, vec![0; HUGE]);
            }
        }
    });
    // Let in, each would have cost 2,000 cycles a byte: 39 of them 163 billion.
    assert!(
        refused < 10 * one_transfer,
        "39 refused messages cost {refused} cycles, a transfer {one_transfer}"
    );
    assert_eq!(ledger.totals().blocks, 2);
}

#[test]
fn should_turn_away_what_cannot_succeed() {
    let world = World::new();
    let ledger = Ledger::install(&world, &[(user(1).into(), 1_000 * FEE)]);
    let anonymous = Principal::anonymous();
    let mint = MintArgs {
        to: user(2).into(),
        amount: 5_u8.into(),
        memo: None,
        created_at_time: None,
    };
    let blocks = vec![GetBlocksRequest {
        start: 0_u8.into(),
        length: 1_u8.into(),
    }];
    let table = [
        (
            anonymous,
            "icrc1_transfer",
            candid::encode_one(transfer(user(2), 1_u8)),
            "sign the call",
        ),
        (
            anonymous,
            "icrc2_approve",
            candid::encode_one(approve(user(2), 1_u8)),
            "sign the call",
        ),
        (
            anonymous,
            "icrc2_transfer_from",
            candid::encode_one(transfer_from(user(1), user(2), 1_u8)),
            "sign the call",
        ),
        (user(1), "mint", candid::encode_one(&mint), "is no minter"),
        (
            user(1),
            "set_fee",
            candid::encode_one(Nat::from(5_u8)),
            "only governance",
        ),
        (
            user(1),
            "icrc3_get_blocks",
            candid::encode_one(&blocks),
            "call it as a query",
        ),
        (
            user(1),
            "icrc103_get_allowances",
            candid::encode_one(()),
            "call it as a query",
        ),
        (user(1), "http_request", candid::encode_one(()), "call it as a query"),
    ];
    let refused = cost(&ledger, || {
        for (caller, method, argument, expected) in table {
            let message = refusal(&world, &ledger, caller, method, argument.unwrap());
            assert!(message.contains(expected), "{method}: {message}");
        }
    });
    assert!(refused < 5_000_000, "eight refused messages cost {refused} cycles");

    // What may succeed comes in, and governance and minters do.
    ledger.transfer(user(1), transfer(user(2), 1_u8)).unwrap();
    let capped = SetMinterArgs::Capped {
        minter: user(8),
        cap: 5_u8.into(),
    };
    world
        .pic
        .update_call(
            ledger.id,
            world.controller,
            "set_minter",
            candid::encode_one(capped).unwrap(),
        )
        .unwrap();
    let minted: Result<Nat, MintError> = world.call(user(8), ledger.id, "mint", (mint,));
    assert_eq!(minted, Ok(Nat::from(2_u8)));
    let fee: Nat = world.call(anonymous, ledger.id, "icrc1_fee", ());
    assert_eq!(fee, FEE, "a wallet asks for a certified answer");
}

/// Calls of canisters do not pass the door: the methods refuse and bound by themselves.
#[test]
fn should_hold_inside_what_the_door_holds() {
    let world = World::new();
    let initial: Vec<(Account, u64)> = (0..600_u16)
        .map(|number| {
            let mut subaccount = [1; 32];
            subaccount[..2].copy_from_slice(&number.to_be_bytes());
            let account = Account {
                owner: user(7),
                subaccount: Some(subaccount),
            };
            (account, 5)
        })
        .chain((0..300).map(|_| (Account::from(user(1)), 10 * FEE)))
        .collect();
    let ledger = Ledger::install(&world, &initial);
    world.advance(Duration::from_secs(30));
    let proxy = Proxy::install(&world);

    let history = GetAccountTransactionsArgs {
        account: user(1).into(),
        start: None,
        max_results: 1_000_u64.into(),
    };
    let length = |history: History| history.unwrap().transactions.len();
    let method = "get_account_transactions";
    assert_eq!(length(world.query(ledger.id, method, (history.clone(),))), 300);
    assert_eq!(length(world.call(user(1), ledger.id, method, (history.clone(),))), 100);
    assert_eq!(length(proxy.call(ledger.id, method, 0, (history,))), 100);
    let owner = ListSubaccountsArgs {
        owner: user(7),
        start: None,
    };
    let listed: Vec<Subaccount> = world.query(ledger.id, "list_subaccounts", (owner.clone(),));
    assert_eq!(listed.len(), 600);
    let listed: Vec<Subaccount> = proxy.call(ledger.id, "list_subaccounts", 0, (owner,));
    assert_eq!(listed.len(), 500);
    let range = GetBlocksRequest {
        start: 850_u64.into(),
        length: 1_000_u64.into(),
    };
    let blocks: GetBlocksResult = proxy.call(ledger.id, "icrc3_get_blocks", 0, (vec![range],));
    assert_eq!(blocks.blocks.len(), 50, "an index reads the log so");

    let forward = |method: &str, argument: Vec<u8>| {
        let message = [
            ledger.id.as_slice(),
            &0_u64.to_le_bytes(),
            &[u8::try_from(method.len()).unwrap()],
            method.as_bytes(),
            &argument,
        ]
        .concat();
        world.pic.update_call(proxy.id, user(1), "forward", message)
    };
    for method in CHANGING {
        assert!(forward(method, vec![0; 4_097]).is_err(), "{method}");
    }
    let paid = candid::encode_one(transfer(user(2), 1_u8)).unwrap();
    let reply: Result<Nat, TransferError> = candid::decode_one(&forward("icrc1_transfer", paid).unwrap()).unwrap();
    assert_eq!(reply, Err(TransferError::InsufficientFunds { balance: 0_u8.into() }));
    assert!(forward("set_fee", candid::encode_one(Nat::from(5_u8)).unwrap()).is_err());
    assert_eq!(ledger.totals().blocks, 900);
}

fn days_left(ledger: &Ledger<'_>) -> u32 {
    let (_, metrics) = ledger.world.http_get(ledger.id, "/metrics");
    let mut lines = metrics.lines();
    let sample = lines.find_map(|line| line.strip_prefix("dst_ledger_cycles_days_left "));
    sample.unwrap().split(' ').next().unwrap().parse().unwrap()
}

#[test]
fn should_tell_its_cycles_in_steps_to_all_and_exactly_to_controllers() {
    let world = World::new();
    let ledger = Ledger::install(&world, &[(user(1).into(), 1_000 * FEE)]);
    assert_eq!(days_left(&ledger), 365);
    let balance = || world.pic.cycle_balance(ledger.id);
    let exact = world.pic.canister_status(ledger.id, Some(world.controller)).unwrap();
    assert!(exact.cycles >= balance() && exact.cycles < balance() + 100_000_000);
    assert!(world.pic.canister_status(ledger.id, Some(user(1))).is_err());

    let (_, before) = world.http_get(ledger.id, "/metrics");
    ledger.transfer(user(1), transfer(user(2), 1_u8)).unwrap();
    let (_, after) = world.http_get(ledger.id, "/metrics");
    let cycles = |page: &str| -> Vec<String> {
        let lines = page.lines().filter(|line| line.contains("cycles"));
        lines.map(|line| line.rsplit_once(' ').unwrap().0.to_owned()).collect()
    };
    assert_eq!(
        cycles(&before),
        cycles(&after),
        "a transfer cannot be told from the page"
    );
}
