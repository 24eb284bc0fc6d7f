use ic_stable_structures::VectorMemory;
use icrc_ledger_types::icrc2::approve::ApproveArgs;

use super::*;
use crate::ledger::test_support::{NOW, account, approve, install, transfer, user};

fn sub(n: u8, subaccount: u8) -> Account {
    Account {
        subaccount: Some([subaccount; 32]),
        ..account(n)
    }
}

fn args(from: Option<Account>, prev: Option<Account>, take: Option<u64>) -> GetAllowancesArgs {
    GetAllowancesArgs {
        from_account: from,
        prev_spender: prev,
        take: take.map(Nat::from),
    }
}

fn give(ledger: &mut Ledger<VectorMemory>, from: Account, spender: Account, amount: u128, expires_at: Option<u64>) {
    let args = ApproveArgs {
        from_subaccount: from.subaccount,
        expires_at,
        ..approve(spender, amount)
    };
    ledger.approve(from.owner, args, NOW).unwrap();
}

/// The five allowances of ICRC-103, section 5, given in another order than theirs: owners 10 and 11, spenders 1 to 5.
fn example() -> (Ledger<VectorMemory>, [Allowance; 5]) {
    let mut ledger = install(&[(account(90), 900_000_000)]);
    let given = [
        (account(10), sub(1, 1), 1),
        (account(10), sub(2, 2), 2),
        (sub(10, 1), sub(3, 3), 3),
        (sub(11, 1), sub(4, 4), 4),
        (sub(11, 2), sub(5, 5), 5),
    ];
    for (from, _, _) in given {
        ledger.transfer(user(90), transfer(from, 10_000_000), NOW).unwrap();
    }
    for at in [3, 1, 4, 2, 0] {
        let (from, spender, amount) = given[at];
        give(&mut ledger, from, spender, amount, None);
    }
    let allowances = given.map(|(from_account, to_spender, amount)| Allowance {
        from_account,
        to_spender,
        allowance: amount.into(),
        expires_at: None,
    });
    (ledger, allowances)
}

#[test]
fn should_list_as_the_examples_of_the_standard_do() {
    let (ledger, [a1, a2, a3, a4, a5]) = example();
    let from = Some(account(10));
    let between = Account {
        subaccount: Some([1; 32]),
        ..account(2)
    };
    let table = [
        (args(from, None, Some(4)), vec![a1.clone(), a2.clone(), a3.clone()]),
        (args(from, Some(sub(1, 1)), Some(3)), vec![a2.clone(), a3.clone()]),
        (args(from, Some(between), Some(2)), vec![a2.clone(), a3.clone()]),
        (args(None, None, None), vec![a1.clone(), a2.clone(), a3.clone()]),
        (args(from, None, Some(2)), vec![a1.clone(), a2.clone()]),
        (args(from, None, Some(0)), vec![]),
        (args(Some(sub(10, 1)), None, None), vec![a3.clone()]),
        (args(Some(sub(10, 1)), Some(sub(3, 3)), None), vec![]),
        (args(Some(account(11)), None, None), vec![a4.clone(), a5]),
        (args(Some(account(11)), Some(sub(200, 255)), Some(1)), vec![a4]),
        (args(Some(account(12)), None, None), vec![]),
    ];
    for (args, expected) in table {
        assert_eq!(
            get_allowances(&ledger, user(10), &args, NOW, false),
            Ok(expected),
            "{args:?}"
        );
    }
    let default = args(
        Some(Account {
            subaccount: Some([0; 32]),
            ..account(10)
        }),
        None,
        Some(1),
    );
    assert_eq!(
        get_allowances(&ledger, user(99), &default, NOW, false),
        Ok(vec![a1]),
        "anybody may ask"
    );
}

#[test]
fn should_leave_out_what_has_expired_or_was_taken_back() {
    let (mut ledger, [_, a2, _, _, _]) = example();
    give(&mut ledger, account(10), sub(1, 1), 9, Some(NOW + 5));
    give(&mut ledger, sub(10, 1), sub(3, 3), 0, None);
    let all = args(Some(account(10)), None, None);
    let at = |now| get_allowances(&ledger, user(10), &all, now, false).unwrap();
    assert_eq!(at(NOW + 4).len(), 2);
    assert_eq!(
        (at(NOW + 4)[0].expires_at, at(NOW + 4)[0].allowance.clone()),
        (Some(NOW + 5), 9_u8.into())
    );
    assert_eq!(at(NOW + 5), [a2]);
}

#[test]
fn should_lead_through_all_page_by_page() {
    let mut ledger = install(&[(account(90), 900_000_000)]);
    let mut expected = vec![];
    for subaccount in 1..=3 {
        let from = sub(10, subaccount);
        ledger.transfer(user(90), transfer(from, 10_000_000), NOW).unwrap();
        for n in (0..40_u8).rev() {
            let spender = sub(20 + n % 5, n);
            give(&mut ledger, from, spender, u128::from(n) + 1, None);
            expected.push((from, spender));
        }
    }
    expected.sort();
    for take in [1, 7, 119, 120, 500, 10_000] {
        let mut read: Vec<(Account, Account)> = vec![];
        loop {
            let (from, prev) = match read.last() {
                Some((from, spender)) => (*from, Some(*spender)),
                None => (account(10), None),
            };
            let page = get_allowances(&ledger, user(1), &args(Some(from), prev, Some(take)), NOW, false).unwrap();
            assert!(page.len() as u64 <= take);
            read.extend(page.iter().map(|entry| (entry.from_account, entry.to_spender)));
            if (page.len() as u64) < take {
                break;
            }
        }
        assert_eq!(read, expected, "{take} at once");
    }
}

#[test]
fn should_take_500_at_most() {
    let mut ledger = install(&[(account(1), 900_000_000)]);
    for n in 0..510_u16 {
        let spender = Account::from(Principal::from_slice(&n.to_be_bytes()));
        give(&mut ledger, account(1), spender, 1, None);
    }
    for take in [None, Some(500), Some(u64::MAX)] {
        let list = get_allowances(&ledger, user(1), &args(None, None, take), NOW, false).unwrap();
        assert_eq!(list.len(), 500);
        assert_eq!(list[499].to_spender.owner.as_slice(), 499_u16.to_be_bytes());
    }
    let huge = GetAllowancesArgs {
        take: Some(Nat::from(u128::MAX) + 1_u8),
        ..args(None, None, None)
    };
    assert_eq!(get_allowances(&ledger, user(1), &huge, NOW, false).unwrap().len(), 500);
}

/// 700 accounts without allowances lie before the one that has some: more than are read at once.
#[test]
fn should_pass_over_accounts_without_allowances_and_stop_with_an_error() {
    let mut ledger = install(&[(account(1), 900_000_000)]);
    for n in 0..700_u16 {
        let mut subaccount = [0; 32];
        subaccount[..2].copy_from_slice(&n.to_be_bytes());
        let to = Account {
            subaccount: Some(subaccount),
            ..account(5)
        };
        ledger.transfer(user(1), transfer(to, 20_000), NOW).unwrap();
    }
    ledger.transfer(user(1), transfer(sub(5, 2), 20_000), NOW).unwrap();
    give(&mut ledger, sub(5, 2), account(6), 1, None);
    let whole = args(Some(account(5)), None, None);
    for replicated in [false, true] {
        let listed = get_allowances(&ledger, user(1), &whole, NOW, replicated);
        assert_eq!(listed.unwrap().len(), 1);
    }
    let stopped = list(&ledger, user(1), &whole, NOW, 600);
    assert!(
        matches!(&stopped, Err(GetAllowancesError::GenericError { error_code, message })
            if *error_code == error_code::TOO_MANY_ALLOWANCES && message.contains("more than 600")),
        "{stopped:?}"
    );
}
