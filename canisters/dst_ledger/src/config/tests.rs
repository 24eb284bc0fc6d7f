use candid::Principal;
use ddsx_types::dst_ledger::{InitArgs, UpgradeArgs};

use super::*;

fn account(byte: u8) -> Account {
    Account::from(Principal::from_slice(&[byte]))
}

fn args() -> InitArgs {
    InitArgs {
        name: "Data Stream Token".into(),
        symbol: "DST".into(),
        decimals: None,
        fee: 10_000_u64.into(),
        minting_account: account(0),
        initial_balances: vec![(account(1), 600_u64.into()), (account(2), 400_u64.into())],
        max_supply: 1_000_u64.into(),
        max_memo_length: None,
        logo: None,
        governance: None,
    }
}

/// Makes an argument wrong.
type Change = fn(&mut InitArgs);

#[test]
fn should_fill_in_the_defaults() {
    let config = Config::new(args()).unwrap();
    assert_eq!(
        (config.decimals, config.max_memo_length, config.logo.as_deref()),
        (8, 32, None)
    );
    assert_eq!(config.initial_balances, [(account(1), 600), (account(2), 400)]);
    assert_eq!(
        (config.governance, config.fee_collector, config.minters),
        (None, None, vec![])
    );
}

#[test]
fn should_accept_what_no_argument_stands_for() {
    let config = Config::new(InitArgs::for_installer(account(7).owner)).unwrap();
    assert_eq!(
        (config.minting_account, config.max_supply),
        (account(7), 10_u128.pow(9 + 8))
    );
    assert_eq!(config.initial_balances, []);
}

#[test]
fn should_say_which_rule_an_argument_breaks() {
    let too_large = Nat::from(u128::MAX) + 1_u8;
    let cases: [(Change, &str); 14] = [
        (|args| args.name.clear(), "name has 0 bytes"),
        (|args| args.name = "n".repeat(65), "name has 65 bytes"),
        (|args| args.symbol = "S".repeat(11), "symbol has 11 bytes"),
        (|args| args.decimals = Some(39), "decimals is 39"),
        (|args| args.fee = 0_u8.into(), "fee is 0"),
        (|args| args.max_supply = 0_u8.into(), "max_supply is 0"),
        (|args| args.max_memo_length = Some(31), "max_memo_length is 31"),
        (|args| args.max_memo_length = Some(81), "max_memo_length is 81"),
        (|args| args.logo = Some("x".repeat(341_335)), "logo has 341335 bytes"),
        (
            |args| args.governance = Some(Principal::anonymous()),
            "governance is the anonymous principal",
        ),
        (
            |args| args.max_supply = 999_u64.into(),
            "sum to more than max_supply (999)",
        ),
        (|args| args.initial_balances[0].1 = 0_u8.into(), "is 0, at least 1"),
        (
            |args| args.initial_balances[0].0 = account(0),
            "names the minting account",
        ),
        (
            |args| args.initial_balances = vec![(account(1), 1_u8.into()); 10_001],
            "10001 initial_balances",
        ),
    ];
    for (change, message) in cases {
        let mut args = args();
        change(&mut args);
        let error = Config::new(args).unwrap_err();
        assert!(error.contains(message), "{error} does not say: {message}");
    }
    let error = Config::new(InitArgs {
        fee: too_large,
        ..args()
    })
    .unwrap_err();
    assert!(error.starts_with("fee is 340"), "{error}");
}

#[test]
fn should_change_only_what_an_upgrade_names() {
    let config = Config::new(InitArgs {
        logo: Some("data:,".into()),
        ..args()
    })
    .unwrap();
    assert_eq!(config.upgraded(UpgradeArgs::default()), Ok(config.clone()));
    let upgraded = config
        .upgraded(UpgradeArgs {
            name: Some("Other".into()),
            symbol: Some("OTH".into()),
            fee: Some(7_u8.into()),
            max_memo_length: Some(80),
            logo: Some(String::new()),
            governance: Some(account(9).owner),
        })
        .unwrap();
    assert_eq!(
        upgraded,
        Config {
            name: "Other".into(),
            symbol: "OTH".into(),
            fee: 7,
            max_memo_length: 80,
            logo: None,
            governance: Some(account(9).owner),
            ..config.clone()
        }
    );
    assert!(
        config
            .upgraded(UpgradeArgs {
                fee: Some(0_u8.into()),
                ..Default::default()
            })
            .is_err()
    );
}

#[test]
fn should_read_back_stored_settings_and_nothing_else() {
    let config = Config::new(InitArgs {
        logo: Some("data:,".into()),
        ..args()
    })
    .unwrap();
    let mut bytes = config.encode().unwrap();
    assert_eq!(Config::decode(&bytes), Ok(config));
    bytes[0] = 3;
    assert!(Config::decode(&bytes).unwrap_err().contains("version 3"));
    assert!(Config::decode(&[]).unwrap_err().contains("no ledger"));
    assert!(Config::decode(&[1, 2, 3]).is_err());
}

#[test]
fn should_list_the_metadata_once_each() {
    let config = Config::new(InitArgs {
        logo: Some("data:,".into()),
        ..args()
    })
    .unwrap();
    let keys: Vec<_> = config.metadata().into_iter().map(|(key, _)| key).collect();
    assert_eq!(
        keys,
        [
            "icrc1:name",
            "icrc1:symbol",
            "icrc1:decimals",
            "icrc1:fee",
            "icrc1:max_memo_length",
            "icrc1:logo"
        ]
    );
}

/// Settings as version 1 stored them.
#[test]
fn should_decode_version_1() {
    let old = ConfigV1 {
        name: "Data Stream Token".into(),
        symbol: "DST".into(),
        decimals: 8,
        fee: 10_000,
        minting_account: account(0),
        max_supply: 1_000,
        max_memo_length: 32,
        logo: None,
    };
    let stored = [vec![1], encode_one(&old).unwrap()].concat();
    assert_eq!(hex::encode(&stored), include_str!("version_1.hex").trim());
    let expected = Config {
        initial_balances: vec![],
        ..Config::new(args()).unwrap()
    };
    assert_eq!(Config::decode(&stored), Ok(expected));
}
