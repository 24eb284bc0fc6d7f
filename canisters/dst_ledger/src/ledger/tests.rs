//! Rules one by one; `model` runs random calls against a plain model of the whole.

mod ecosystem;
mod mint;
mod model;

use candid::{Nat, Principal};
use ddsx_types::dst_ledger::{UpgradeArgs, error_code};
use ic_stable_structures::VectorMemory;
use icrc_ledger_types::icrc1::account::Account;
use icrc_ledger_types::icrc1::transfer::{Memo, TransferArg, TransferError};
use icrc_ledger_types::icrc2::approve::{ApproveArgs, ApproveError};
use icrc_ledger_types::icrc2::transfer_from::{TransferFromArgs, TransferFromError};

use super::test_support::*;
use super::*;

fn too_large() -> Nat {
    Nat::from(u128::MAX) + 1_u8
}

fn code_of<T: std::fmt::Debug>(result: Result<T, TransferError>) -> Nat {
    match result {
        Err(TransferError::GenericError { error_code, .. }) => error_code,
        other => panic!("expected a GenericError, got {other:?}"),
    }
}

#[test]
fn should_move_the_amount_and_burn_the_fee() {
    let mut ledger = install(&[(account(1), 100_000)]);
    assert_eq!(ledger.transfer(user(1), transfer(account(2), 30_000), NOW), Ok(1));
    assert_eq!(ledger.balance_of(&account(1)), 60_000);
    assert_eq!(ledger.balance_of(&account(2)), 30_000);
    assert_eq!(
        ledger.balance_of(&Account {
            subaccount: Some([0; 32]),
            ..account(2)
        }),
        30_000
    );
    assert_eq!(ledger.total_supply(), 90_000);
    ledger.invariants().unwrap();
}

#[test]
fn should_charge_only_the_fee_for_a_transfer_to_oneself() {
    let mut ledger = install(&[(account(1), 100_000)]);
    ledger.transfer(user(1), transfer(account(1), 90_000), NOW).unwrap();
    assert_eq!(ledger.balance_of(&account(1)), 90_000);
    ledger.invariants().unwrap();
}

#[test]
fn should_mint_and_burn_without_a_fee_through_the_minting_account() {
    let mut ledger = install(&[]);
    ledger.transfer(user(0), transfer(account(1), 50_000), NOW).unwrap();
    assert_eq!(
        (ledger.balance_of(&account(1)), ledger.total_supply()),
        (50_000, 50_000)
    );
    assert_eq!(
        ledger.transfer(user(1), transfer(account(0), FEE - 1), NOW),
        Err(TransferError::BadBurn {
            min_burn_amount: FEE.into()
        })
    );
    ledger.transfer(user(1), transfer(account(0), 50_000), NOW).unwrap();
    assert_eq!((ledger.balance_of(&account(1)), ledger.total_supply()), (0, 0));
    assert_eq!(ledger.totals().burnt, 50_000_u64);
    assert_eq!(ledger.totals().holders, 0);
    for fee in [1_u128, FEE] {
        let named = TransferArg {
            fee: Some(fee.into()),
            ..transfer(account(1), 50_000)
        };
        assert_eq!(
            ledger.transfer(user(0), named, NOW),
            Err(TransferError::BadFee {
                expected_fee: 0_u8.into()
            })
        );
    }
    ledger.invariants().unwrap();
}

#[test]
fn should_never_exceed_the_supply_cap() {
    let mut ledger = install(&[(account(1), MAX_SUPPLY - 5)]);
    assert_eq!(
        code_of(ledger.transfer(user(0), transfer(account(2), 6), NOW)),
        error_code::SUPPLY_CAP
    );
    let huge = TransferArg {
        amount: too_large(),
        ..transfer(account(2), 0)
    };
    assert_eq!(code_of(ledger.transfer(user(0), huge, NOW)), error_code::SUPPLY_CAP);
    assert_eq!(
        code_of(ledger.transfer(user(0), transfer(account(2), u128::MAX), NOW)),
        error_code::SUPPLY_CAP
    );
    ledger.transfer(user(0), transfer(account(2), 5), NOW).unwrap();
    assert_eq!(ledger.total_supply(), MAX_SUPPLY);
    ledger.invariants().unwrap();
}

#[test]
fn should_answer_amounts_that_no_account_can_hold_with_an_error() {
    let mut ledger = install(&[(account(1), 100_000)]);
    for amount in [too_large(), Nat::from(u128::MAX), Nat::from(u128::MAX - FEE + 1)] {
        assert_eq!(
            ledger.transfer(
                user(1),
                TransferArg {
                    amount,
                    ..transfer(account(2), 0)
                },
                NOW
            ),
            Err(TransferError::InsufficientFunds {
                balance: 100_000_u64.into()
            })
        );
    }
    assert_eq!(
        ledger.transfer(
            user(1),
            TransferArg {
                fee: Some(too_large()),
                ..transfer(account(2), 0)
            },
            NOW
        ),
        Err(TransferError::BadFee {
            expected_fee: FEE.into()
        })
    );
    let expected = ApproveArgs {
        expected_allowance: Some(too_large()),
        ..approve(account(2), 1)
    };
    assert_eq!(
        ledger.approve(user(1), expected, NOW),
        Err(ApproveError::AllowanceChanged {
            current_allowance: 0_u8.into()
        })
    );
    ledger
        .approve(
            user(1),
            ApproveArgs {
                amount: too_large(),
                ..approve(account(2), 0)
            },
            NOW,
        )
        .unwrap();
    assert_eq!(
        allowance(&ledger, account(1), account(2), NOW),
        (u128::MAX.into(), None)
    );
    let from = TransferFromArgs {
        amount: u128::MAX.into(),
        ..transfer_from(account(1), account(3), 0)
    };
    assert_eq!(
        ledger.transfer_from(user(2), from, NOW),
        Err(TransferFromError::InsufficientAllowance {
            allowance: u128::MAX.into()
        })
    );
    assert_eq!(ledger.balance_of(&account(1)), 90_000);
    ledger.invariants().unwrap();
}

#[test]
fn should_let_the_anonymous_principal_change_nothing() {
    let anonymous = Principal::anonymous();
    let mut ledger = install(&[(anonymous.into(), 100_000), (account(1), 100_000)]);
    assert_eq!(
        code_of(ledger.transfer(anonymous, transfer(account(1), 1), NOW)),
        error_code::ANONYMOUS_CALLER
    );
    assert!(matches!(
        ledger.approve(anonymous, approve(account(1), 1), NOW),
        Err(ApproveError::GenericError { error_code, .. }) if error_code == error_code::ANONYMOUS_CALLER
    ));
    ledger.approve(user(1), approve(anonymous.into(), 50_000), NOW).unwrap();
    assert!(matches!(
        ledger.transfer_from(anonymous, transfer_from(account(1), account(2), 1), NOW),
        Err(TransferFromError::GenericError { error_code, .. }) if error_code == error_code::ANONYMOUS_CALLER
    ));
    assert_eq!(ledger.log_length(), 3);
}

#[test]
fn should_take_memos_up_to_the_limit_of_the_settings() {
    let memory = VectorMemory::default();
    let mut ledger = install_in(memory.clone(), args(&[(account(1), 1_000_000)]));
    let with_memo = |bytes: usize| TransferArg {
        memo: Some(vec![7; bytes].into()),
        ..transfer(account(2), 1)
    };
    ledger.transfer(user(1), with_memo(32), NOW).unwrap();
    assert_eq!(
        code_of(ledger.transfer(user(1), with_memo(33), NOW)),
        error_code::MEMO_TOO_LONG
    );
    drop(ledger);
    let longer = UpgradeArgs {
        max_memo_length: Some(80),
        ..Default::default()
    };
    let mut ledger = Ledger::open(memory, Some(longer)).unwrap();
    ledger.transfer(user(1), with_memo(80), NOW).unwrap();
    assert_eq!(
        code_of(ledger.transfer(user(1), with_memo(81), NOW)),
        error_code::MEMO_TOO_LONG
    );
}

#[test]
fn should_refuse_what_makes_no_sense_with_the_minting_account() {
    let mut ledger = install(&[(account(1), 100_000)]);
    assert_eq!(
        code_of(ledger.transfer(user(0), transfer(account(0), 1), NOW)),
        error_code::MINT_TO_MINTING_ACCOUNT
    );
    assert!(matches!(
        ledger.approve(user(0), approve(account(1), 1), NOW),
        Err(ApproveError::GenericError { error_code, .. }) if error_code == error_code::DELEGATED_MINT
    ));
    assert!(matches!(
        ledger.transfer_from(user(1), transfer_from(account(0), account(1), 1), NOW),
        Err(TransferFromError::GenericError { error_code, .. }) if error_code == error_code::DELEGATED_MINT
    ));
    assert!(matches!(
        ledger.approve(user(1), approve(Account { subaccount: Some([1; 32]), ..account(1) }, 1), NOW),
        Err(ApproveError::GenericError { error_code, .. }) if error_code == error_code::SELF_APPROVAL
    ));
}

#[test]
fn should_deduplicate_inside_the_window_and_its_drift() {
    let mut ledger = install(&[(account(1), 1_000_000)]);
    let at = |time: u64| TransferArg {
        created_at_time: Some(time),
        ..transfer(account(2), 1)
    };
    let oldest = NOW - TRANSACTION_WINDOW_NS - PERMITTED_DRIFT_NS;
    let newest = NOW + PERMITTED_DRIFT_NS;
    assert_eq!(
        ledger.transfer(user(1), at(oldest - 1), NOW),
        Err(TransferError::TooOld)
    );
    assert_eq!(
        ledger.transfer(user(1), at(newest + 1), NOW),
        Err(TransferError::CreatedInFuture { ledger_time: NOW })
    );
    assert_eq!(ledger.transfer(user(1), at(oldest), NOW), Ok(1));
    assert_eq!(ledger.transfer(user(1), at(newest), NOW), Ok(2));
    let duplicate = |block: u64| {
        Err(TransferError::Duplicate {
            duplicate_of: block.into(),
        })
    };
    assert_eq!(ledger.transfer(user(1), at(oldest), NOW), duplicate(1));
    assert_eq!(ledger.transfer(user(1), at(newest), NOW), duplicate(2));
    // To the last nanosecond in which it is not too old, it is remembered, however much is pruned.
    let last = newest + TRANSACTION_WINDOW_NS + PERMITTED_DRIFT_NS;
    assert_eq!(ledger.housekeep(last, 100).forgotten, 0);
    assert_eq!(ledger.totals().deduplicated, 2);
    assert_eq!(ledger.transfer(user(1), at(newest), last), duplicate(2));
    assert_eq!(
        ledger.transfer(user(1), at(newest), last + 1),
        Err(TransferError::TooOld)
    );
    ledger.housekeep(last + 1, 100);
    assert_eq!(ledger.totals().deduplicated, 0);
}

#[test]
fn should_tell_a_repeated_call_that_it_was_executed_whatever_changed_since() {
    let memory = VectorMemory::default();
    let mut ledger = install_in(
        memory.clone(),
        args(&[(account(1), 2 * FEE + 50), (account(3), FEE + 50)]),
    );
    let pay = TransferArg {
        created_at_time: Some(NOW),
        fee: Some(FEE.into()),
        ..transfer(account(2), 50)
    };
    let expiring = ApproveArgs {
        created_at_time: Some(NOW),
        expires_at: Some(NOW + 5),
        ..approve(account(3), 9)
    };
    ledger.transfer(user(1), pay.clone(), NOW).unwrap();
    ledger.approve(user(1), expiring.clone(), NOW).unwrap();
    assert_eq!(ledger.balance_of(&account(1)), 0);
    drop(ledger);
    let mut ledger = Ledger::open(
        memory,
        Some(UpgradeArgs {
            fee: Some(7_u8.into()),
            ..Default::default()
        }),
    )
    .unwrap();
    assert_eq!(
        ledger.transfer(user(1), pay, NOW + 9),
        Err(TransferError::Duplicate {
            duplicate_of: 2_u8.into()
        })
    );
    assert_eq!(
        ledger.approve(user(1), expiring, NOW + 9),
        Err(ApproveError::Duplicate {
            duplicate_of: 3_u8.into()
        })
    );
}

#[test]
fn should_stop_remembering_rather_than_grow_without_bound() {
    let mut ledger = install(&[(account(1), 10_000_000)]);
    ledger.max_dedup_entries = 3;
    let at = |time: u64| TransferArg {
        created_at_time: Some(time),
        ..transfer(account(2), 1)
    };
    for offset in 0..3 {
        ledger.transfer(user(1), at(NOW + offset), NOW).unwrap();
    }
    assert_eq!(
        ledger.transfer(user(1), at(NOW + 3), NOW),
        Err(TransferError::TemporarilyUnavailable)
    );
    ledger.transfer(user(1), transfer(account(2), 1), NOW).unwrap();
    // As soon as the oldest leave the window there is room again, even if the timer has not come.
    let later = NOW + TRANSACTION_WINDOW_NS + 2 * PERMITTED_DRIFT_NS + 1;
    ledger.transfer(user(1), at(later), later).unwrap();
    assert_eq!(ledger.totals().deduplicated, 1);
}

#[test]
fn should_draw_amount_and_fee_from_the_allowance() {
    let mut ledger = install(&[(account(1), 100_000)]);
    let approval = ApproveArgs {
        expires_at: Some(NOW + 10),
        ..approve(account(2), 40_000)
    };
    ledger.approve(user(1), approval, NOW).unwrap();
    assert_eq!(ledger.balance_of(&account(1)), 90_000);
    let take = |amount| transfer_from(account(1), account(3), amount);
    assert_eq!(
        ledger.transfer_from(user(2), take(30_001), NOW),
        Err(TransferFromError::InsufficientAllowance {
            allowance: 40_000_u64.into()
        })
    );
    ledger.transfer_from(user(2), take(20_000), NOW).unwrap();
    assert_eq!(
        allowance(&ledger, account(1), account(2), NOW),
        (10_000_u64.into(), Some(NOW + 10))
    );
    assert_eq!(
        (ledger.balance_of(&account(1)), ledger.balance_of(&account(3))),
        (60_000, 20_000)
    );
    // Used up, it is gone, and so is its expiry.
    ledger.transfer_from(user(2), take(0), NOW).unwrap();
    assert_eq!(allowance(&ledger, account(1), account(2), NOW), (0_u8.into(), None));
    assert_eq!(ledger.totals().allowances, 0);
    ledger.invariants().unwrap();
}

#[test]
fn should_burn_through_an_allowance_without_a_fee() {
    let mut ledger = install(&[(account(1), 100_000)]);
    ledger.approve(user(1), approve(account(2), 20_000), NOW).unwrap();
    ledger
        .transfer_from(user(2), transfer_from(account(1), account(0), 20_000), NOW)
        .unwrap();
    assert_eq!(
        (ledger.balance_of(&account(1)), ledger.total_supply()),
        (70_000, 70_000)
    );
    assert_eq!(allowance(&ledger, account(1), account(2), NOW), (0_u8.into(), None));
}

#[test]
fn should_need_no_allowance_for_ones_own_account() {
    let mut ledger = install(&[(account(1), 100_000)]);
    ledger
        .transfer_from(user(1), transfer_from(account(1), account(2), 1), NOW)
        .unwrap();
    // Another subaccount of the same principal is another account.
    let from_other = TransferFromArgs {
        spender_subaccount: Some([1; 32]),
        ..transfer_from(account(1), account(2), 1)
    };
    assert_eq!(
        ledger.transfer_from(user(1), from_other, NOW),
        Err(TransferFromError::InsufficientAllowance { allowance: 0_u8.into() })
    );
}

#[test]
fn should_end_an_allowance_at_its_expiry() {
    let mut ledger = install(&[(account(1), 100_000)]);
    let until = |time| ApproveArgs {
        expires_at: Some(time),
        ..approve(account(2), 40_000)
    };
    for expiry in [0, NOW - 1, NOW] {
        assert_eq!(
            ledger.approve(user(1), until(expiry), NOW),
            Err(ApproveError::Expired { ledger_time: NOW })
        );
    }
    ledger.approve(user(1), until(NOW + 10), NOW).unwrap();
    assert_eq!(
        allowance(&ledger, account(1), account(2), NOW + 9),
        (40_000_u64.into(), Some(NOW + 10))
    );
    assert_eq!(
        allowance(&ledger, account(1), account(2), NOW + 10),
        (0_u8.into(), None)
    );
    assert_eq!(
        ledger.transfer_from(user(2), transfer_from(account(1), account(3), 1), NOW + 10),
        Err(TransferFromError::InsufficientAllowance { allowance: 0_u8.into() })
    );
    let again = ApproveArgs {
        expected_allowance: Some(40_000_u64.into()),
        ..until(NOW + 20)
    };
    assert_eq!(
        ledger.approve(user(1), again, NOW + 10),
        Err(ApproveError::AllowanceChanged {
            current_allowance: 0_u8.into()
        })
    );
    assert_eq!(ledger.housekeep(NOW + 10, 10).expired, 1);
    assert_eq!(ledger.totals().allowances, 0);
}

#[test]
fn should_set_an_allowance_only_if_it_is_what_the_caller_expects() {
    let mut ledger = install(&[(account(1), 100_000)]);
    let expecting = |expected: u64, amount| ApproveArgs {
        expected_allowance: Some(expected.into()),
        ..approve(account(2), amount)
    };
    ledger.approve(user(1), expecting(0, 5), NOW).unwrap();
    assert_eq!(
        ledger.approve(user(1), expecting(0, 9), NOW),
        Err(ApproveError::AllowanceChanged {
            current_allowance: 5_u8.into()
        })
    );
    ledger.approve(user(1), expecting(5, 0), NOW).unwrap();
    assert_eq!(ledger.totals().allowances, 0);
    assert_eq!(ledger.balance_of(&account(1)), 100_000 - 2 * FEE);
    let broke = ledger.approve(user(4), approve(account(2), 1), NOW);
    assert_eq!(broke, Err(ApproveError::InsufficientFunds { balance: 0_u8.into() }));
}

#[test]
fn should_keep_everything_across_an_upgrade() {
    let memory = VectorMemory::default();
    let mut ledger = install_in(memory.clone(), args(&[(account(1), 1_000_000)]));
    let paid = TransferArg {
        created_at_time: Some(NOW),
        ..transfer(account(2), 5)
    };
    ledger.transfer(user(1), paid.clone(), NOW).unwrap();
    ledger.approve(user(1), approve(account(3), 77), NOW).unwrap();
    let (totals, tip, block) = (ledger.totals(), ledger.tip_hash(), ledger.block(1));
    drop(ledger);

    let mut ledger = Ledger::open(memory.clone(), None).unwrap();
    assert_eq!(
        (ledger.totals(), ledger.tip_hash(), ledger.block(1)),
        (totals, tip, block)
    );
    assert_eq!(allowance(&ledger, account(1), account(3), NOW), (77_u8.into(), None));
    assert_eq!(
        ledger.transfer(user(1), paid, NOW),
        Err(TransferError::Duplicate {
            duplicate_of: 1_u8.into()
        })
    );
    drop(ledger);
    assert!(Ledger::install(memory, args(&[])).is_err());
    assert!(Ledger::open(VectorMemory::default(), None).is_err());
}

#[test]
fn should_take_the_memo_into_the_identity_of_a_transaction() {
    let mut ledger = install(&[(account(1), 1_000_000)]);
    let with = |memo: Option<u64>, subaccount| TransferArg {
        created_at_time: Some(NOW),
        memo: memo.map(Memo::from),
        ..transfer(
            Account {
                subaccount,
                ..account(2)
            },
            5,
        )
    };
    let calls = [
        with(None, None),
        with(Some(1), None),
        with(Some(2), None),
        with(None, Some([0; 32])),
    ];
    for (index, call) in calls.iter().enumerate() {
        assert_eq!(ledger.transfer(user(1), call.clone(), NOW), Ok(index as u64 + 1));
    }
    for (index, call) in calls.iter().enumerate() {
        assert_eq!(
            ledger.transfer(user(1), call.clone(), NOW),
            Err(TransferError::Duplicate {
                duplicate_of: Nat::from(index as u64 + 1)
            })
        );
    }
}
