use super::*;
use crate::testing::*;
use candid::Nat;
use ddsx_runtime::CallError;

fn execute(world: &World, caller: Principal, action: Action) -> Result<(), String> {
    world.runtime.set_caller(caller);
    let host = world.host.clone();
    world
        .runtime
        .run(async move { execute_(&host, action).await })
        .expect("it ends")
}

use super::execute as execute_;

#[test]
fn should_obey_governance_and_nobody_else() {
    let world = World::new();
    let actions = [
        Action::SetPaused(true),
        Action::SetPaused(false),
        Action::SetProtocolFee(300),
        Action::SetTreasury(holder(9)),
        Action::SetPayoutInterval(30),
        Action::DelistAsset(LEDGER),
        Action::SetGovernance(OTHER),
    ];
    for action in actions {
        assert!(validate(&world.host, &action).is_ok(), "{action:?}");
        assert!(execute(&world, BUYER, action.clone()).is_err(), "{action:?}");
        assert_eq!(execute(&world, GOVERNANCE, action.clone()), Ok(()), "{action:?}");
    }
    let parameters = storage::with(parameters);
    assert_eq!(
        (parameters.governance, parameters.treasury, parameters.protocol_fee_bps),
        (OTHER, holder(9), 300)
    );
    assert_eq!(
        (parameters.payout_interval_s, parameters.paused, parameters.assets.len()),
        (30, false, 0)
    );
    assert!(
        execute(&world, GOVERNANCE, Action::SetPaused(true)).is_err(),
        "it was handed over"
    );
    world.upgrade();
    assert_eq!(storage::with(super::parameters), parameters);
}

#[test]
fn should_validate_what_it_executes() {
    let world = World::new();
    let listing = |change: fn(&mut AssetListing)| {
        let mut listing = listing();
        change(&mut listing);
        Action::ListAsset(listing)
    };
    let refused = [
        Action::SetProtocolFee(2_001),
        Action::SetTreasury(Principal::anonymous().into()),
        Action::SetGovernance(Principal::anonymous()),
        Action::SetPayoutInterval(0),
        Action::SetPayoutInterval(86_401),
        Action::DelistAsset(OTHER),
        Action::SettleQuarantined(SettleQuarantinedArgs {
            intent: 7,
            evidence: Evidence::NotPaid,
        }),
        Action::SettleQuarantinedBatch(Vec::new()),
        Action::SettleQuarantinedBatch(
            (0..101)
                .map(|intent| SettleQuarantinedArgs {
                    intent,
                    evidence: Evidence::NotPaid,
                })
                .collect(),
        ),
        listing(|listing| listing.ledger = Principal::anonymous()),
        listing(|listing| listing.symbol = "$".to_owned()),
        listing(|listing| listing.decimals = 39),
        listing(|listing| listing.fee = Nat::from(u128::MAX)),
        listing(|listing| listing.transaction_window_ns = Some(1)),
    ];
    for action in refused {
        assert!(validate(&world.host, &action).is_err(), "{action:?}");
        assert!(execute(&world, GOVERNANCE, action.clone()).is_err(), "{action:?}");
    }
    let text = validate(&world.host, &Action::SetProtocolFee(300)).unwrap();
    assert_eq!(text, "Set the protocol fee from 250 to 300 basis points.");
}

#[test]
fn should_list_an_asset_only_if_the_ledger_says_the_same() {
    let world = World::new();
    let ledger = Principal::from_slice(&[0, 0, 0, 0, 0, 0, 0, 10, 1, 1]);
    let other = AssetListing {
        ledger,
        symbol: "ICP".to_owned(),
        ..listing()
    };
    let with = |decimals: u8, standard: &'static str| {
        world.runtime.install(ledger, move |message| {
            #[derive(candid::CandidType)]
            struct Standard {
                name: String,
                url: String,
            }
            let reply = match message.method.as_str() {
                "icrc1_fee" => candid::encode_one(Nat::from(FEE)),
                "icrc1_decimals" => candid::encode_one(decimals),
                "icrc1_minting_account" => candid::encode_one(Some(holder(77))),
                _ => candid::encode_one(vec![Standard {
                    name: standard.to_owned(),
                    url: String::new(),
                }]),
            };
            reply.map_err(|error| CallError::NotSent(error.to_string()))
        });
        execute(&world, GOVERNANCE, Action::ListAsset(other.clone()))
    };
    assert!(
        execute(&world, GOVERNANCE, Action::ListAsset(other.clone())).is_err(),
        "there is no such canister"
    );
    assert_eq!(with(8, "ICRC-1"), Err("the ledger does not support ICRC-2".to_owned()));
    assert_eq!(with(6, "ICRC-2"), Err("the ledger has 6 decimals".to_owned()));
    assert_eq!(with(8, "ICRC-2"), Ok(()));
    assert_eq!(storage::with(parameters).assets.len(), 2);
    let minting = storage::with(|storage| storage.asset(ledger).unwrap().minting_account);
    assert_eq!(minting, Some(holder(77)));
    let treasury = Action::SetTreasury(holder(77));
    assert!(validate(&world.host, &treasury).is_err(), "what is paid there is burnt");
    assert!(execute(&world, GOVERNANCE, treasury).is_err());
    assert_eq!(execute(&world, GOVERNANCE, Action::DelistAsset(ledger)), Ok(()));
    assert_eq!(with(8, "ICRC-2"), Ok(()), "listed again");
    assert_eq!(
        storage::with(|storage| storage.asset(ledger).unwrap().number),
        1,
        "under its number"
    );
}

#[test]
fn should_refuse_bad_install_arguments() {
    let mut storage = storage();
    let bad = [
        RegistryArgs {
            governance: Some(Principal::anonymous()),
            ..RegistryArgs::default()
        },
        RegistryArgs {
            treasury: Some(Principal::anonymous().into()),
            ..RegistryArgs::default()
        },
        RegistryArgs {
            protocol_fee_bps: Some(2_001),
            ..RegistryArgs::default()
        },
        RegistryArgs {
            payout_interval_s: Some(0),
            ..RegistryArgs::default()
        },
        RegistryArgs {
            assets: Some(vec![listing(); 21]),
            ..RegistryArgs::default()
        },
        RegistryArgs {
            assets: Some(vec![AssetListing {
                symbol: String::new(),
                ..listing()
            }]),
            ..RegistryArgs::default()
        },
    ];
    for args in bad {
        assert!(install(&mut storage, GOVERNANCE, args.clone()).is_err(), "{args:?}");
    }
    assert_eq!(install(&mut storage, GOVERNANCE, RegistryArgs::default()), Ok(()));
    let parameters = parameters(&storage);
    assert_eq!(
        (parameters.governance, parameters.treasury),
        (GOVERNANCE, GOVERNANCE.into())
    );
    assert_eq!((parameters.protocol_fee_bps, parameters.payout_interval_s), (250, 60));
}
