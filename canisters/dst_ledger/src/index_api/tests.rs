use candid::{Nat, encode_one};
use ic_stable_structures::VectorMemory;
use icrc_ledger_types::icrc1::transfer::TransferArg;
use icrc_ledger_types::icrc3::transactions::{Approve, Transaction};

use super::*;
use crate::ledger::test_support::{NOW, account, approve, install, transfer, transfer_from, user};

fn args(account: Account, start: Option<u64>, max_results: u64) -> GetAccountTransactionsArgs {
    GetAccountTransactionsArgs {
        account,
        start: start.map(Nat::from),
        max_results: max_results.into(),
    }
}

fn ids(page: &GetTransactions) -> Vec<u64> {
    page.transactions
        .iter()
        .map(|entry| to_u64(&entry.id).unwrap())
        .collect()
}

fn page(ledger: &Ledger<VectorMemory>, args: &GetAccountTransactionsArgs, order: Order) -> GetTransactions {
    account_transactions(ledger, args, order, false).unwrap()
}

/// Account 1 is in every block, account 2 in the even ones from 2 on.
fn busy(blocks: u64) -> Ledger<VectorMemory> {
    let mut ledger = install(&[(account(1), 900_000_000)]);
    for n in 1..blocks {
        let to = account(if n % 2 == 0 { 2 } else { 3 });
        ledger.transfer(user(1), transfer(to, n.into()), NOW).unwrap();
    }
    ledger
}

#[test]
fn should_give_the_newest_first_and_the_oldest_id() {
    let ledger = busy(10);
    let newest = page(&ledger, &args(account(2), None, 3), Order::NewestFirst);
    assert_eq!(
        (ids(&newest), newest.oldest_tx_id.clone()),
        (vec![8, 6, 4], Some(2_u8.into()))
    );
    assert_eq!(newest.balance, 2_u64 + 4 + 6 + 8);
    assert_eq!(
        ids(&page(&ledger, &args(account(2), Some(4), 3), Order::NewestFirst)),
        [2]
    );
    assert_eq!(
        ids(&page(&ledger, &args(account(2), Some(7), 9), Order::NewestFirst)),
        [6, 4, 2],
        "a start that is not the account's own"
    );
}

#[test]
fn should_give_the_oldest_first_after_what_was_seen() {
    let ledger = busy(10);
    let oldest = page(&ledger, &args(account(2), None, 3), Order::OldestFirst);
    assert_eq!(
        (ids(&oldest), oldest.oldest_tx_id.clone()),
        (vec![2, 4, 6], Some(2_u8.into()))
    );
    assert_eq!(
        ids(&page(&ledger, &args(account(2), Some(6), 3), Order::OldestFirst)),
        [8]
    );
    assert_eq!(
        ids(&page(&ledger, &args(account(2), Some(8), 3), Order::OldestFirst)),
        Vec::<u64>::new()
    );
}

#[test]
fn should_take_any_number_for_start_and_length() {
    let ledger = busy(5);
    let huge = Nat::from(u128::MAX) + 1_u8;
    let args = |start: Option<Nat>| GetAccountTransactionsArgs {
        account: account(1),
        start,
        max_results: huge.clone(),
    };
    assert_eq!(ids(&page(&ledger, &args(None), Order::NewestFirst)), [4, 3, 2, 1, 0]);
    assert_eq!(
        ids(&page(&ledger, &args(Some(huge.clone())), Order::NewestFirst)),
        [4, 3, 2, 1, 0]
    );
    assert!(ids(&page(&ledger, &args(Some(huge.clone())), Order::OldestFirst)).is_empty());
}

#[test]
fn should_know_nothing_of_an_account_never_seen() {
    let ledger = busy(3);
    let expected = GetTransactions {
        balance: 0_u8.into(),
        transactions: vec![],
        oldest_tx_id: None,
    };
    for order in [Order::NewestFirst, Order::OldestFirst] {
        assert_eq!(page(&ledger, &args(account(77), Some(1), 5), order), expected);
    }
}

#[test]
fn should_give_at_most_2_000_and_fit_a_replicated_reply() {
    let ledger = busy(2_300);
    let newest = page(&ledger, &args(account(1), None, 5_000), Order::NewestFirst);
    assert_eq!(ids(&newest), (300..2_300).rev().collect::<Vec<u64>>());
    let replicated = account_transactions(&ledger, &args(account(1), None, 5_000), Order::NewestFirst, true).unwrap();
    assert_eq!(
        ids(&replicated),
        (2_200..2_300).rev().collect::<Vec<u64>>(),
        "where all nodes read them"
    );
    let whole = Account {
        owner: candid::Principal::from_slice(&[1; 29]),
        subaccount: Some([1; 32]),
    };
    let largest = Transaction::approve(
        Approve {
            from: whole,
            spender: whole,
            amount: u128::MAX.into(),
            expected_allowance: Some(u128::MAX.into()),
            expires_at: Some(u64::MAX),
            memo: Some(vec![1; 80].into()),
            fee: Some(u128::MAX.into()),
            created_at_time: Some(u64::MAX),
        },
        u64::MAX,
    );
    let entry = TransactionWithId {
        id: u64::MAX.into(),
        transaction: largest,
    };
    let reply = GetTransactions {
        balance: u128::MAX.into(),
        transactions: vec![entry; 2_000],
        oldest_tx_id: Some(u64::MAX.into()),
    };
    let bytes = encode_one(Ok::<_, GetTransactionsErr>(reply)).unwrap().len();
    assert!(bytes < 2 * 1024 * 1024, "{bytes} bytes");
}

#[test]
fn should_serve_every_kind_of_transaction() {
    let mut ledger = install(&[(account(1), 900_000_000)]);
    ledger.approve(user(1), approve(account(2), 500_000), NOW).unwrap();
    ledger
        .transfer_from(user(2), transfer_from(account(1), account(3), 1_000), NOW)
        .unwrap();
    ledger.transfer(user(1), transfer(account(0), 20_000), NOW).unwrap();
    let named = TransferArg {
        fee: Some(10_000_u64.into()),
        ..transfer(account(3), 5)
    };
    ledger.transfer(user(1), named, NOW).unwrap();
    let kinds = |account| -> Vec<String> {
        let page = page(&ledger, &args(account, None, 10), Order::OldestFirst);
        page.transactions
            .into_iter()
            .map(|entry| entry.transaction.kind)
            .collect()
    };
    assert_eq!(kinds(account(1)), ["mint", "approve", "transfer", "burn", "transfer"]);
    assert_eq!(kinds(account(3)), ["transfer", "transfer"]);
    assert_eq!(kinds(account(2)), Vec::<String>::new(), "a spender has no history");
    assert_eq!(status(&ledger).num_blocks_synced, 5_u8);
    let page = page(&ledger, &args(account(3), None, 10), Order::NewestFirst);
    for entry in page.transactions {
        assert_eq!(entry.transaction.transfer.unwrap().fee, Some(10_000_u64.into()));
    }
}

#[test]
fn should_list_an_owners_subaccounts_in_order_page_by_page() {
    let mut ledger = install(&[(account(1), 900_000_000)]);
    let sub = |n: u16| {
        let mut subaccount = [0; 32];
        subaccount[30..].copy_from_slice(&n.to_be_bytes());
        subaccount
    };
    for n in (0..2_100).rev() {
        let to = Account {
            subaccount: Some(sub(n)),
            ..account(2)
        };
        ledger.transfer(user(1), transfer(to, 1), NOW).unwrap();
        if n == 1_000 {
            while ledger.housekeep(NOW, 500).more {}
        }
    }
    let list = |owner, start| {
        subaccounts(
            &ledger,
            &ListSubaccountsArgs {
                owner: user(owner),
                start,
            },
            false,
        )
    };
    let all = ListSubaccountsArgs {
        owner: user(2),
        start: None,
    };
    assert_eq!(subaccounts(&ledger, &all, true), (0..500).map(sub).collect::<Vec<_>>());
    let first = list(2, None);
    assert_eq!(first, (0..2_000).map(sub).collect::<Vec<_>>());
    assert_eq!(
        list(2, first.last().copied()),
        (2_000..2_100).map(sub).collect::<Vec<_>>()
    );
    assert_eq!(list(2, Some(sub(2_097))), [sub(2_098), sub(2_099)]);
    assert!(list(2, Some([255; 32])).is_empty());
    assert_eq!(list(1, None), [[0; 32]]);
    assert!(list(9, None).is_empty());
}
