//! Each governed method: who may call it, what its validator says, what it changes, and that bad arguments change nothing.

use std::time::Duration;

use candid::{Nat, Principal};
use ddsx_tests::federated::{Federation, governance};
use ddsx_tests::ledger::FEE;
use ddsx_tests::{Ledger, World, user};
use ddsx_types::federated_aggregator::{BanArgs, ComputeFee, Limits, StorageFee, TaskError};
use ddsx_types::{Account, AssetListing};

use crate::governed::{Row, assert_not_taken, call, encoded, go_through};
use crate::support::{start, task_args};

fn bad_limits(limits: Limits) -> Vec<(Vec<u8>, &'static str)> {
    let mut bad = Vec::new();
    for value in [0, u64::MAX] {
        bad.extend([
            (
                encoded(Limits {
                    parameters: value,
                    ..limits
                }),
                "parameters: 1 to",
            ),
            (
                encoded(Limits {
                    multiply_adds: value,
                    ..limits
                }),
                "multiply_adds: 1 to",
            ),
            (
                encoded(Limits {
                    task_bytes: value,
                    ..limits
                }),
                "task_bytes: 1 to",
            ),
            (
                encoded(Limits {
                    total_bytes: value,
                    ..limits
                }),
                "total_bytes: 1 to",
            ),
            (
                encoded(Limits {
                    evaluation_bytes: value,
                    ..limits
                }),
                "evaluation_bytes: 1 to",
            ),
        ]);
    }
    for value in [0, u32::MAX] {
        bad.extend([
            (
                encoded(Limits {
                    clients: value,
                    ..limits
                }),
                "clients: 1 to",
            ),
            (
                encoded(Limits {
                    updates: value,
                    ..limits
                }),
                "updates: 1 to",
            ),
            (
                encoded(Limits {
                    attempts: value,
                    ..limits
                }),
                "attempts: 1 to",
            ),
            (
                encoded(Limits {
                    faults: value,
                    ..limits
                }),
                "faults: 1 to",
            ),
            (
                encoded(Limits {
                    tasks_per_owner: value,
                    ..limits
                }),
                "tasks_per_owner: 1 to",
            ),
        ]);
    }
    bad
}

#[test]
fn should_obey_governance_alone_and_take_no_bad_argument() {
    let world = World::new();
    let federation = Federation::open(&world, 1);
    let mut args = task_args(federation.ledger.id);
    args.rounds.rounds = 1;
    let task = start(&federation, &args, 1);
    let before = federation.parameters();
    assert_eq!((before.governance, before.paused), (governance(), false));

    let limits = Limits {
        parameters: 20,
        clients: 70,
        total_bytes: 1 << 30,
        ..before.limits
    };
    let row = Row {
        method: "set_limits",
        good: encoded(limits),
        text: format!("Set the limits of tasks to {limits:?}."),
        bad: bad_limits(before.limits),
    };
    go_through(&federation, &row, |parameters| parameters.limits = limits);

    let fee = StorageFee {
        ledger: Some(federation.ledger.id),
        per_mib: 500_u32.into(),
        cycles_per_mib: 1_000_000_u32.into(),
    };
    let above = Nat::from((1_u128 << 64) + 1);
    let unlisted = Some(user(1));
    let row = Row {
        method: "set_storage_fee",
        good: encoded(&fee),
        text: format!(
            "Ask 500 a MiB of {} or {} cycles a MiB for a task's storage.",
            federation.ledger.id, fee.cycles_per_mib
        ),
        bad: vec![
            (
                encoded(StorageFee {
                    per_mib: above.clone(),
                    ..fee.clone()
                }),
                "at most 2^64",
            ),
            (
                encoded(StorageFee {
                    cycles_per_mib: above,
                    ..fee.clone()
                }),
                "at most 2^64",
            ),
            (
                encoded(StorageFee {
                    ledger: unlisted,
                    ..fee.clone()
                }),
                "not listed",
            ),
            (
                encoded(StorageFee {
                    ledger: None,
                    ..fee.clone()
                }),
                "needs its ledger",
            ),
        ],
    };
    go_through(&federation, &row, |parameters| parameters.storage_fee = fee);

    let fee = ComputeFee {
        per_billion: 700_u32.into(),
        cycles_per_billion: 3_000_000_u32.into(),
    };
    let row = Row {
        method: "set_compute_fee",
        good: encoded(&fee),
        text: "Ask 700 of the storage fee's asset or 3_000_000 cycles for 10^9 instructions of a task's computing."
            .into(),
        bad: vec![(
            encoded(ComputeFee {
                per_billion: Nat::from((1_u128 << 64) + 1),
                ..fee.clone()
            }),
            "at most 2^64",
        )],
    };
    go_through(&federation, &row, |parameters| parameters.compute_fee = Some(fee));

    let row = Row {
        method: "set_draft_deposit",
        good: encoded(Nat::from(7_u8)),
        text: "Set 7 of the storage fee's asset aside of the owner's prepaid balance for each draft that is not paid."
            .into(),
        bad: vec![(encoded(Nat::from((1_u128 << 64) + 1)), "at most 2^64")],
    };
    go_through(&federation, &row, |parameters| {
        parameters.draft_deposit = Some(Nat::from(7_u8));
    });

    let registries = vec![user(701), user(702)];
    let row = Row {
        method: "set_registries",
        good: encoded(&registries),
        text: format!(
            "Let clients of tasks be asked about at these registries and no others: [{}, {}].",
            user(701),
            user(702)
        ),
        bad: vec![
            (encoded(vec![Principal::anonymous()]), "nobody"),
            (encoded(vec![user(701); 21]), "at most 20"),
        ],
    };
    go_through(&federation, &row, |parameters| parameters.registries = Some(registries));

    let ban = |principal| {
        encoded(BanArgs {
            principal,
            banned: true,
        })
    };
    let row = Row {
        method: "set_banned",
        good: ban(user(77)),
        text: format!("Ban {}.", user(77)),
        bad: vec![
            (ban(Principal::anonymous()), "nobody"),
            (ban(Principal::management_canister()), "nobody"),
        ],
    };
    go_through(&federation, &row, |_| ());
    let lifted = BanArgs {
        principal: user(77),
        banned: false,
    };
    let text = format!("Lift the ban of {}.", user(77));
    assert_eq!(federation.validate("set_banned", lifted), Ok(text));

    assets(&federation, &before.assets[0]);

    let treasury = Account {
        owner: user(88),
        subaccount: Some([3; 32]),
    };
    let row = Row {
        method: "set_treasury",
        good: encoded(treasury),
        text: format!(
            "Send fees and lost stakes to {treasury} instead of {}.",
            before.treasury
        ),
        bad: vec![(encoded(Account::from(Principal::anonymous())), "nobody")],
    };
    go_through(&federation, &row, |parameters| parameters.treasury = treasury);

    for paused in [true, false] {
        let text = if paused {
            "Pause the aggregator: no upload, work or payment until it is resumed."
        } else {
            "Resume the aggregator."
        };
        let row = Row {
            method: "set_paused",
            good: encoded(paused),
            text: text.into(),
            bad: vec![],
        };
        go_through(&federation, &row, |parameters| parameters.paused = paused);
    }

    // All of it outlives an upgrade.
    let now = federation.parameters();
    federation.upgrade();
    assert_eq!(federation.parameters(), now);

    let heir = user(99);
    let row = Row {
        method: "set_governance",
        good: encoded(heir),
        text: format!("Hand governance over from {} to {heir}.", governance()),
        bad: vec![
            (encoded(Principal::anonymous()), "nobody"),
            (encoded(Principal::management_canister()), "nobody"),
        ],
    };
    go_through(&federation, &row, |parameters| parameters.governance = heir);
    let refused = call(&federation, governance(), "set_paused", &encoded(true));
    assert_not_taken(refused, "set_paused");
    federation.govern(heir, "set_paused", true).unwrap();
    federation.govern(heir, "set_paused", false).unwrap();

    federation.own("stop_task", task).unwrap();
    federation.wait(Duration::from_mins(2));
    federation.check_paid(task, 1, &[]);
}

/// Listing and delisting; at the end all is as before.
fn assets(federation: &Federation<'_>, known: &AssetListing) {
    let world = federation.world;
    let other = Ledger::install(world, &[]);
    let listing = AssetListing {
        ledger: other.id,
        symbol: "OTHER".into(),
        ..known.clone()
    };
    let with = |change: &dyn Fn(&mut AssetListing)| {
        let mut listing = listing.clone();
        change(&mut listing);
        encoded(listing)
    };
    let row = Row {
        method: "list_asset",
        good: encoded(&listing),
        text: format!(
            "List the asset OTHER (ledger {}, 8 decimals, fee {}).",
            other.id, listing.fee
        ),
        bad: vec![
            (with(&|listing| listing.symbol = String::new()), "symbol"),
            (with(&|listing| listing.symbol = "ELEVENBYTES".into()), "symbol"),
            (with(&|listing| listing.symbol = "A B".into()), "symbol"),
            (with(&|listing| listing.decimals = 39), "38 decimals"),
            (with(&|listing| listing.fee = Nat::from((1_u128 << 96) + 1)), "fee"),
            (
                with(&|listing| listing.payout_threshold = Nat::from(u128::MAX)),
                "payout_threshold",
            ),
            (with(&|listing| listing.transaction_window_ns = Some(1)), "window"),
            (with(&|listing| listing.ledger = Principal::anonymous()), "ledger"),
        ],
    };
    go_through(federation, &row, |parameters| {
        parameters.assets.push(listing.clone());
        parameters.assets.sort_by_key(|asset| asset.ledger);
    });
    // What the ledger says of itself is asked when it is listed, not when it is voted on.
    let listed = federation.parameters();
    for (fee, ledger) in [(FEE + 1, other.id), (FEE, user(5))] {
        let wrong = AssetListing {
            fee: fee.into(),
            ledger,
            ..listing.clone()
        };
        assert!(federation.validate("list_asset", &wrong).is_ok());
        assert!(federation.govern(governance(), "list_asset", &wrong).is_err());
    }
    assert_eq!(federation.parameters(), listed);

    let row = Row {
        method: "delist_asset",
        good: encoded(other.id),
        text: format!(
            "Delist the asset OTHER (ledger {}): no new tasks; what is owed is paid.",
            other.id
        ),
        bad: vec![(encoded(user(5)), "not listed")],
    };
    go_through(federation, &row, |parameters| {
        parameters.assets.retain(|asset| asset.ledger != other.id);
    });
    let mut args = task_args(other.id);
    args.name = "in a ledger that is gone".into();
    assert_eq!(federation.create(&args), Err(TaskError::AssetNotListed));
}
