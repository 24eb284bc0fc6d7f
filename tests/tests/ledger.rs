//! `dst_ledger` on a network: time, upgrades, arguments, hostile input. Every flow ends with the conservation of tokens.
#![allow(clippy::unwrap_used, reason = "test code")]

use std::time::Duration;

use candid::{CandidType, Nat, Principal};
use ddsx_tests::ledger::{FEE, MAX_SUPPLY, approve, init_args, minter, transfer, transfer_from};
use ddsx_tests::{Ledger, World, nanos, user};
use ddsx_types::dst_ledger::{LedgerArgs, UpgradeArgs, error_code};
use icrc_ledger_types::icrc1::account::Account;
use icrc_ledger_types::icrc1::transfer::{TransferArg, TransferError};
use icrc_ledger_types::icrc2::approve::{ApproveArgs, ApproveError};
use icrc_ledger_types::icrc2::transfer_from::TransferFromError;

const START: u64 = 1_000_000_000;
const DAY: Duration = Duration::from_hours(24);
const MINUTE: Duration = Duration::from_mins(1);

fn accounts(users: impl IntoIterator<Item = u64>) -> Vec<Account> {
    users.into_iter().map(|number| user(number).into()).collect()
}

#[test]
fn should_remember_a_payment_through_an_upgrade_and_forget_it_after_the_window() {
    let world = World::new();
    let ledger = Ledger::install(&world, &[(user(1).into(), START)]);
    let payment = TransferArg {
        created_at_time: Some(world.now()),
        ..transfer(user(2), 500_u64)
    };
    assert_eq!(ledger.transfer(user(1), payment.clone()), Ok(1_u8.into()));
    let duplicate = Err(TransferError::Duplicate {
        duplicate_of: 1_u8.into(),
    });
    assert_eq!(ledger.transfer(user(1), payment.clone()), duplicate);
    ledger.upgrade();
    assert_eq!(ledger.transfer(user(1), payment.clone()), duplicate);
    world.advance(DAY);
    assert_eq!(ledger.transfer(user(1), payment.clone()), duplicate);
    assert_eq!(ledger.totals().deduplicated, 1);

    world.advance(3 * MINUTE);
    assert_eq!(ledger.transfer(user(1), payment.clone()), Err(TransferError::TooOld));
    world.advance(11 * MINUTE);
    assert_eq!(
        ledger.totals().deduplicated,
        0,
        "the timer, set again by the upgrade, has pruned"
    );

    let early = TransferArg {
        created_at_time: Some(world.now() + nanos(3 * MINUTE)),
        ..payment
    };
    assert!(matches!(
        ledger.transfer(user(1), early),
        Err(TransferError::CreatedInFuture { .. })
    ));
    assert_eq!(ledger.balance(user(2)), 500_u64);
    ledger.assert_conserved(&accounts(1..=2));
}

#[test]
fn should_end_allowances_in_time_and_keep_them_through_an_upgrade() {
    let world = World::new();
    let ledger = Ledger::install(&world, &[(user(1).into(), START)]);
    let expiry = world.now() + nanos(30 * MINUTE);
    ledger
        .approve(
            user(1),
            ApproveArgs {
                expires_at: Some(expiry),
                ..approve(user(2), 10 * FEE)
            },
        )
        .unwrap();
    ledger.approve(user(1), approve(user(3), 10 * FEE)).unwrap();
    ledger
        .transfer_from(user(2), transfer_from(user(1), user(4), FEE))
        .unwrap();
    ledger.upgrade();
    let left = ledger.allowance(user(1), user(2));
    assert_eq!((left.allowance, left.expires_at), (Nat::from(8 * FEE), Some(expiry)));

    world.advance(31 * MINUTE);
    assert_eq!(ledger.allowance(user(1), user(2)).allowance, 0_u8);
    assert_eq!(
        ledger.transfer_from(user(2), transfer_from(user(1), user(4), 1_u8)),
        Err(TransferFromError::InsufficientAllowance { allowance: 0_u8.into() })
    );
    assert_eq!(
        ledger
            .approve(
                user(1),
                ApproveArgs {
                    expires_at: Some(expiry),
                    ..approve(user(2), 1_u8)
                }
            )
            .map_err(|error| name(&error)),
        Err("Expired".into())
    );
    world.advance(11 * MINUTE);
    assert_eq!(
        ledger.totals().allowances,
        1,
        "the timer has pruned the expired one and left the other"
    );
    ledger
        .transfer_from(user(3), transfer_from(user(1), user(4), 9 * FEE))
        .unwrap();
    assert_eq!(ledger.totals().allowances, 0);
    ledger.assert_conserved(&accounts(1..=4));
}

/// The variant's name alone: its ledger time is not the test's to know.
fn name(error: &ApproveError) -> String {
    format!("{error:?}")
        .split([' ', '{'])
        .next()
        .unwrap_or_default()
        .to_owned()
}

#[test]
fn should_answer_every_huge_amount_with_a_typed_error() {
    let world = World::new();
    let ledger = Ledger::install(&world, &[(user(1).into(), START)]);
    let beyond = Nat::from(u128::MAX) + 1_u8;
    let enormous = Nat(beyond.0.pow(40)); // 5,120 bits
    for amount in [beyond, enormous.clone(), Nat::from(u128::MAX)] {
        assert_eq!(
            ledger.transfer(user(1), transfer(user(2), amount.clone())),
            Err(TransferError::InsufficientFunds { balance: START.into() })
        );
        assert!(matches!(
            ledger.transfer(minter(), transfer(user(2), amount.clone())),
            Err(TransferError::GenericError { error_code, .. }) if error_code == error_code::SUPPLY_CAP
        ));
        assert!(
            ledger
                .transfer_from(user(3), transfer_from(user(1), user(2), amount))
                .is_err()
        );
    }
    let fee = TransferArg {
        fee: Some(enormous.clone()),
        ..transfer(user(2), 1_u8)
    };
    assert_eq!(
        ledger.transfer(user(1), fee),
        Err(TransferError::BadFee {
            expected_fee: FEE.into()
        })
    );
    let expected = ApproveArgs {
        expected_allowance: Some(enormous.clone()),
        ..approve(user(2), 1_u8)
    };
    assert_eq!(
        ledger.approve(user(1), expected),
        Err(ApproveError::AllowanceChanged {
            current_allowance: 0_u8.into()
        })
    );
    let memo = TransferArg {
        memo: Some(vec![0; 3_000].into()),
        ..transfer(user(2), 1_u8)
    };
    assert!(matches!(
        ledger.transfer(user(1), memo),
        Err(TransferError::GenericError { error_code, .. }) if error_code == error_code::MEMO_TOO_LONG
    ));
    assert_eq!(ledger.totals().blocks, 1, "nothing of it was written");
    ledger.approve(user(1), approve(user(2), enormous)).unwrap();
    assert_eq!(
        ledger.allowance(user(1), user(2)).allowance,
        u128::MAX,
        "allowances are capped"
    );
    ledger.assert_conserved(&accounts(1..=3));
}

#[test]
fn should_let_the_anonymous_principal_read_everything_and_change_nothing() {
    let world = World::new();
    let anonymous = Principal::anonymous();
    let ledger = Ledger::install(&world, &[(anonymous.into(), START)]);
    assert_eq!(ledger.balance(anonymous), START); // Every query of this world is anonymous.
    let calls = [
        ("icrc1_transfer", candid::encode_one(transfer(user(1), 1_u8))),
        ("icrc2_approve", candid::encode_one(approve(user(1), 1_u8))),
        (
            "icrc2_transfer_from",
            candid::encode_one(transfer_from(anonymous, user(1), 1_u8)),
        ),
    ];
    for (method, argument) in calls {
        let refused = world.pic.update_call(ledger.id, anonymous, method, argument.unwrap());
        let message = refused.unwrap_err().reject_message;
        assert!(message.contains("anonymous"), "{method}: {message}");
    }
    ledger.assert_conserved(&[anonymous.into(), user(1).into()]);
}

#[test]
fn should_mint_to_the_cap_and_no_further_and_burn_it_all_again() {
    let world = World::new();
    let ledger = Ledger::install(&world, &[]);
    ledger.transfer(minter(), transfer(user(1), MAX_SUPPLY)).unwrap();
    assert!(ledger.transfer(minter(), transfer(user(2), 1_u8)).is_err());
    ledger.upgrade();
    assert!(ledger.transfer(minter(), transfer(user(2), 1_u8)).is_err());
    assert_eq!(
        ledger.transfer(user(1), transfer(minter(), FEE - 1)),
        Err(TransferError::BadBurn {
            min_burn_amount: FEE.into()
        })
    );
    ledger.approve(user(1), approve(user(2), MAX_SUPPLY)).unwrap();
    ledger
        .transfer_from(user(2), transfer_from(user(1), minter(), MAX_SUPPLY - FEE))
        .unwrap();
    assert_eq!(ledger.total_supply(), 0_u8);
    ledger.assert_conserved(&accounts(1..=2));
}

#[test]
fn should_change_settings_by_upgrade_and_refuse_bad_arguments_leaving_all_as_it_was() {
    let world = World::new();
    let ledger = Ledger::install(&world, &[(user(1).into(), START)]);
    let bad = [
        (LedgerArgs::Init(init_args(&[])), "an upgrade takes"),
        (
            LedgerArgs::Upgrade(UpgradeArgs {
                fee: Some(0_u8.into()),
                ..UpgradeArgs::default()
            }),
            "fee is 0",
        ),
        (
            LedgerArgs::Upgrade(UpgradeArgs {
                max_memo_length: Some(81),
                ..UpgradeArgs::default()
            }),
            "max_memo_length is 81",
        ),
    ];
    for (args, message) in bad {
        let reject = world.upgrade(ledger.id, "dst_ledger", (Some(args),)).unwrap_err();
        assert!(
            reject.reject_message.contains(message),
            "{} does not say: {message}",
            reject.reject_message
        );
        assert_eq!(ledger.balance(user(1)), START);
    }
    let change = UpgradeArgs {
        fee: Some(5_u8.into()),
        logo: Some("data:,x".into()),
        ..UpgradeArgs::default()
    };
    world
        .upgrade(ledger.id, "dst_ledger", (Some(LedgerArgs::Upgrade(change)),))
        .unwrap();
    assert_eq!(world.query::<_, Nat>(ledger.id, "icrc1_fee", ()), 5_u8);
    ledger.transfer(user(1), transfer(user(2), 95_u8)).unwrap();
    assert_eq!(ledger.balance(user(1)), START - 100);

    // No bytes at all are no argument: what a client that knows of none sends.
    world
        .upgrade_to(ledger.id, World::module("dst_ledger"), vec![])
        .unwrap();
    assert_eq!(world.query::<_, Nat>(ledger.id, "icrc1_fee", ()), 5_u8);
    ledger.assert_conserved(&accounts(1..=2));
}

#[test]
fn should_install_without_an_argument_a_token_that_the_installer_mints() {
    let world = World::new();
    let ledger = Ledger::at(&world, world.install("dst_ledger", (None::<LedgerArgs>,)));
    let minting: Option<Account> = world.query(ledger.id, "icrc1_minting_account", ());
    assert_eq!(minting, Some(world.controller.into()));
    ledger.transfer(world.controller, transfer(user(1), START)).unwrap();
    assert_eq!(
        (ledger.balance(user(1)), ledger.total_supply()),
        (START.into(), START.into())
    );
    assert_eq!(ledger.totals().max_supply, MAX_SUPPLY);
}

#[derive(CandidType, serde::Deserialize, Debug, PartialEq)]
struct Standard {
    name: String,
    url: String,
}

#[test]
fn should_tell_who_it_is_and_what_it_supports() {
    let world = World::new();
    let ledger = Ledger::install(&world, &[(user(1).into(), START), (user(2).into(), START)]);
    assert_eq!(
        world.query::<_, String>(ledger.id, "icrc1_name", ()),
        "Data Stream Token"
    );
    assert_eq!(world.query::<_, String>(ledger.id, "icrc1_symbol", ()), "DST");
    assert_eq!(world.query::<_, u8>(ledger.id, "icrc1_decimals", ()), 8);
    assert_eq!(
        world.query::<_, Option<Account>>(ledger.id, "icrc1_minting_account", ()),
        Some(minter().into())
    );
    let standards: Vec<Standard> = world.query(ledger.id, "icrc1_supported_standards", ());
    let names: Vec<_> = standards.iter().map(|standard| standard.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "ICRC-1", "ICRC-2", "ICRC-3", "ICRC-10", "ICRC-21", "ICRC-103", "ICRC-106", "ICRC-107"
        ]
    );
    assert_eq!(
        world.query::<_, Vec<Standard>>(ledger.id, "icrc10_supported_standards", ()),
        standards
    );

    let (status, metrics) = world.http_get(ledger.id, "/metrics");
    assert_eq!(status, 200);
    for line in [
        "dst_ledger_blocks_total 2 ",
        "dst_ledger_holders 2 ",
        "dst_ledger_total_supply 2000000000 ",
    ] {
        assert!(
            metrics.lines().any(|have| have.starts_with(line)),
            "no `{line}` in\n{metrics}"
        );
    }
    assert_eq!(world.http_get(ledger.id, "/").0, 404);
    ledger.assert_conserved(&accounts(1..=2));
}

#[test]
fn should_conserve_tokens_through_many_transfers_with_upgrades_between() {
    let world = World::new();
    let users = 8;
    let initial: Vec<(Account, u64)> = (1..=users).map(|number| (user(number).into(), START)).collect();
    let ledger = Ledger::install(&world, &initial);
    for round in 0..120_u64 {
        let (payer, payee) = (user(1 + round % users), user(1 + (round * 7 + 3) % (users + 4)));
        match round % 4 {
            0 | 1 => ledger
                .transfer(payer, transfer(payee, round * 1_000))
                .map(drop)
                .unwrap(),
            2 => ledger
                .approve(payer, approve(user(50), 100 * FEE + round))
                .map(drop)
                .unwrap(),
            _ => {
                let owner = user(1 + (round - 1) % users);
                ledger
                    .transfer_from(user(50), transfer_from(owner, payee, FEE))
                    .map(drop)
                    .unwrap();
            }
        }
        if round % 40 == 20 {
            ledger.upgrade();
        }
    }
    assert_eq!(ledger.totals().blocks, users + 120);
    ledger.assert_conserved(&accounts((1..=users + 4).chain([50])));
}
