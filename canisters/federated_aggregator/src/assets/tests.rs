use candid::Nat;
use ddsx_payments::Failure;
use ddsx_payments::testing::MINTER;
use ddsx_runtime::Runtime as _;
use ddsx_types::federated_aggregator::{JoinArgs, JoinError};
use serde_bytes::ByteBuf;

use super::*;
use crate::governance::{self, Action};
use crate::storage::{with, with_mut};
use crate::testing::{FEE, GOVERNANCE, LEDGER, OWNER, World, client, task_args};
use crate::{join, owner};

fn facts(fee: u128, has_icrc2: bool) -> LedgerFacts {
    LedgerFacts {
        fee: Nat::from(fee),
        decimals: 8,
        has_icrc2,
        minting_account: Some(MINTER.into()),
    }
}

fn asset() -> AssetRecord {
    with(|storage| storage.asset(LEDGER)).unwrap()
}

#[test]
fn should_take_over_what_a_ledger_says_of_itself() {
    let world = World::new();
    world.wait(1);
    assert_eq!(asset().minting_account, Some(MINTER.into()), "it was asked at once");
    with_mut(|storage| {
        learn(storage, LEDGER, &facts(25, true));
        assert_eq!(storage.asset(LEDGER).unwrap().fee, 25);
        learn(storage, LEDGER, &facts(u128::MAX, true));
        assert_eq!(
            storage.asset(LEDGER).unwrap().fee,
            25,
            "an absurd fee is not taken over"
        );
        learn(storage, LEDGER, &facts(25, false));
        assert!(!storage.asset(LEDGER).unwrap().listed);
    });
    let listing = asset().listing();
    assert_eq!(agree(&listing, &facts(25, true)), Ok(()));
    assert!(agree(&listing, &facts(25, false)).is_err(), "without ICRC-2");
    assert!(agree(&listing, &facts(24, true)).is_err(), "another fee");
}

#[test]
fn should_believe_a_ledgers_fee_within_a_bound_of_what_governance_listed() {
    let world = World::new();
    world.top_up(OWNER, 5_000, 1).unwrap().unwrap();
    with_mut(|storage| {
        learn(storage, LEDGER, &facts(100 * FEE, true));
        assert_eq!(storage.asset(LEDGER).unwrap().fee, 100 * FEE);
        // A fee that was believed is no ground for a higher one.
        learn(storage, LEDGER, &facts(100 * FEE + 1, true));
        assert_eq!(storage.asset(LEDGER).unwrap().fee, 100 * FEE);
    });
    let waits = |world: &World| {
        let page = crate::metrics::respond(&world.host, &ddsx_runtime::http::HttpRequest::get("/metrics"));
        String::from_utf8(page.body.into_vec())
            .unwrap()
            .contains("\naggregator_assets_waiting 1 ")
    };
    assert!(waits(&world));
    assert!(world.top_up(OWNER, 5_000, 2).unwrap().is_err());
    assert!(world.withdraw(OWNER, None).unwrap().is_err());
    assert_eq!(
        world.ledger.balance(world.runtime.canister_self().into()),
        5_000,
        "nothing moves"
    );
    with_mut(|storage| learn(storage, LEDGER, &facts(FEE, true)));
    assert!(!waits(&world));
    world.withdraw(OWNER, None).unwrap().unwrap();
    with_mut(|storage| {
        let mut listing = storage.asset(LEDGER).unwrap().listing();
        listing.fee = Nat::from(1_000 * FEE);
        enter(storage, &listing).unwrap();
        learn(storage, LEDGER, &facts(1_000 * FEE, true));
        assert_eq!(
            storage.asset(LEDGER).unwrap().fee,
            1_000 * FEE,
            "governance has listed it with that"
        );
    });
}

#[test]
fn should_ask_for_the_fee_once_a_day() {
    let world = World::new();
    world.wait(1);
    world.ledger.set_fee(30);
    world.wait(86_000);
    assert_eq!(asset().fee, FEE);
    world.wait(1_000);
    assert_eq!(asset().fee, 30);
}

#[test]
fn should_not_learn_the_fee_from_whom_a_payment_is_for() {
    let world = World::new();
    let task = world.start(&task_args());
    world.runtime.set_caller(client(0));
    let args = JoinArgs {
        task,
        account: Some(MINTER.into()),
        from_subaccount: None,
        request_id: ByteBuf::from([1; 16]),
        licence: None,
    };
    let host = world.host.clone();
    let joined = world.runtime.run(async move { join::join(&host, args).await });
    assert_eq!(joined, Some(Err(JoinError::InvalidAccount)));
    // One that joined before the ledger was asked waits, and teaches nothing.
    world.join(task, 1).unwrap();
    with_mut(|storage| {
        let mut entry = storage.client(task, &client(1)).unwrap();
        entry.account = MINTER.into();
        storage.put_client(task, &client(1), entry);
        let mut asset = storage.asset(LEDGER).unwrap();
        asset.minting_account = None;
        storage.put_asset(asset);
        owner::stop(storage, OWNER, world.now(), task).unwrap();
    });
    world.wait(7_200);
    assert_eq!((asset().fee, asset().minting_account), (FEE, Some(MINTER.into())));
    let entry = with(|storage| storage.client(task, &client(1))).unwrap();
    assert!(entry.payable.due > 0 && entry.payable.in_flight == 0);
    let sent = world.runtime.sent().len();
    world.wait(7_200);
    assert_eq!(world.runtime.sent().len(), sent, "it waits without a call");
    world.check(task);
    let treasury = Action::SetTreasury(MINTER.into());
    assert!(governance::validate(&world.host, &treasury).is_err());
    assert_ne!(GOVERNANCE, MINTER);
}

#[test]
fn should_ask_when_a_payment_fails_over_its_fee() {
    let world = World::new();
    let task = world.start(&task_args());
    world.wait(100);
    world.ledger.refuse_next(Failure::BadFee { expected_fee: 0 });
    assert!(matches!(world.join(task, 0), Err(JoinError::PaymentRefused(_))));
    assert_eq!(asset().fee, FEE);
    world.ledger.set_fee(30);
    world.wait(100);
    assert!(matches!(world.join_with(task, 0, 8), Err(JoinError::PaymentRefused(_))));
    assert_eq!(asset().fee, 30);
    assert_eq!(world.join_with(task, 0, 9), Ok(()));
    world.check(task);
}

#[test]
fn should_read_assets_of_the_first_release() {
    let world = World::new();
    world.wait(1);
    let asset = asset();
    let mut stored = ciborium::Value::serialized(&asset).unwrap();
    stored.as_map_mut().unwrap().retain(|(name, _)| {
        let newer = ["minting_account", "number", "listed_fee", "absurd_fee"];
        !newer.iter().any(|newer| name.as_text() == Some(*newer))
    });
    let read: AssetRecord = stored.deserialized().unwrap();
    let expected = AssetRecord {
        minting_account: None,
        number: None,
        listed_fee: None,
        ..asset
    };
    assert_eq!(read, expected);
}
