use super::*;
use ic_stable_structures::{Storable, VectorMemory};
use proptest::collection::vec;
use proptest::prelude::*;

fn owner(number: u8) -> Principal {
    Principal::from_slice(&[number, 1])
}

fn fresh() -> Prepaid<VectorMemory> {
    Prepaid::open(VectorMemory::default(), VectorMemory::default())
}

#[test]
fn should_move_amounts_between_columns() {
    let mut prepaid = fresh();
    prepaid.top_up(owner(1), 0, 100).unwrap();
    prepaid.set_aside(owner(1), 0, 40).unwrap();
    prepaid.charge(owner(1), 0, 7).unwrap();
    prepaid.charge_set_aside(owner(1), 0, 3).unwrap();
    prepaid.release(owner(1), 0, 37).unwrap();
    prepaid.begin_withdrawal(owner(1), 0, 50).unwrap();
    prepaid.finish_withdrawal(owner(1), 0, 50, 2).unwrap();
    prepaid.begin_withdrawal(owner(1), 0, 30).unwrap();
    prepaid.abort_withdrawal(owner(1), 0, 30).unwrap();
    let expected = Account {
        topped_up: 100,
        free: 40,
        set_aside: 0,
        charged: 10,
        withdrawing: 0,
        withdrawn: 48,
        fees: 2,
    };
    assert_eq!(prepaid.account(owner(1), 0), expected);
    assert_eq!(prepaid.totals(0), Totals(expected));
    assert!(expected.conserved());
    assert_eq!(prepaid.account(owner(1), 1), Account::default(), "assets are apart");
    assert_eq!(prepaid.account(owner(2), 0), Account::default(), "owners are apart");
}

#[test]
fn should_refuse_what_is_not_there_and_change_nothing() {
    let mut prepaid = fresh();
    prepaid.top_up(owner(1), 0, 10).unwrap();
    prepaid.top_up(owner(2), 0, 1_000).unwrap();
    let before = prepaid.account(owner(1), 0);
    let not_free = Err(PrepaidError::NotFree { free: 10 });
    assert_eq!(
        prepaid.charge(owner(1), 0, 11),
        not_free,
        "another's money is another's"
    );
    assert_eq!(prepaid.set_aside(owner(1), 0, 11), not_free);
    assert_eq!(prepaid.begin_withdrawal(owner(1), 0, 11), not_free);
    let not_set_aside = Err(PrepaidError::NotSetAside { set_aside: 0 });
    assert_eq!(prepaid.release(owner(1), 0, 1), not_set_aside);
    assert_eq!(prepaid.charge_set_aside(owner(1), 0, 1), not_set_aside);
    let not_withdrawing = Err(PrepaidError::NotWithdrawing);
    assert_eq!(prepaid.finish_withdrawal(owner(1), 0, 1, 0), not_withdrawing);
    assert_eq!(prepaid.finish_withdrawal(owner(1), 0, 0, 1), not_withdrawing);
    assert_eq!(prepaid.abort_withdrawal(owner(1), 0, 1), not_withdrawing);
    assert_eq!(prepaid.top_up(owner(1), 0, u128::MAX), Err(PrepaidError::TooLarge));
    assert_eq!(
        prepaid.top_up(owner(3), 0, u128::MAX),
        Err(PrepaidError::TooLarge),
        "the sum too"
    );
    assert_eq!(prepaid.account(owner(1), 0), before);
    assert_eq!(prepaid.totals(0).0.topped_up, 1_010);
}

#[test]
fn should_read_what_version_1_wrote() {
    let mut bytes = vec![1];
    for amount in 1_u128..=7 {
        bytes.extend_from_slice(&amount.to_be_bytes());
    }
    let account = Account {
        topped_up: 1,
        free: 2,
        set_aside: 3,
        charged: 4,
        withdrawing: 5,
        withdrawn: 6,
        fees: 7,
    };
    assert_eq!(Account::from_bytes(bytes.clone().into()), account);
    assert_eq!(account.into_bytes(), bytes);
}

proptest! {
    /// Whatever is tried in whatever order, each account and each asset's sums are conserved, and a reopened memory says the same.
    #[test]
    fn should_lose_no_unit(steps in vec((0_u8..8, 0_u8..3, 0_u32..2, 0_u128..1_000, 0_u128..20), 1..200)) {
        let (accounts, totals) = (VectorMemory::default(), VectorMemory::default());
        let mut prepaid = Prepaid::open(accounts.clone(), totals.clone());
        for (what, who, asset, amount, fee) in steps {
            let who = owner(who);
            let _ = match what {
                0 | 1 => prepaid.top_up(who, asset, amount),
                2 => prepaid.charge(who, asset, amount),
                3 => prepaid.set_aside(who, asset, amount),
                4 => prepaid.release(who, asset, amount),
                5 => prepaid.charge_set_aside(who, asset, amount),
                6 => prepaid.begin_withdrawal(who, asset, amount),
                _ if fee % 2 == 0 => prepaid.finish_withdrawal(who, asset, amount, fee),
                _ => prepaid.abort_withdrawal(who, asset, amount),
            };
            for asset in 0..2 {
                let mut sum = Totals::default();
                for who in 0..3 {
                    let account = prepaid.account(owner(who), asset);
                    prop_assert!(account.conserved(), "{account:?}");
                    sum = sum.replace(&Account::default(), &account).unwrap();
                }
                prop_assert_eq!(prepaid.totals(asset), sum);
            }
        }
        let reopened = Prepaid::open(accounts, totals);
        prop_assert_eq!(reopened.totals(0), prepaid.totals(0));
        prop_assert_eq!(reopened.account(owner(1), 1), prepaid.account(owner(1), 1));
    }
}
