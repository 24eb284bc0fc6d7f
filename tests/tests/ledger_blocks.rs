//! What an outsider can know of the ledger: its blocks, whose hashes lead to a tip that the network certifies, every balance
//! computed from them alone, and every account's history.
#![allow(clippy::unwrap_used, reason = "test code")]

use std::collections::{BTreeMap, BTreeSet};

use candid::{Nat, Principal};
use ddsx_ledger_model::{Index, kind, replay};
use ddsx_tests::ledger::{FEE, approve, minter, transfer, transfer_from};
use ddsx_tests::{Ledger, World, user};
use ddsx_types::dst_ledger::index::{
    GetAccountTransactionsArgs, GetTransactions, GetTransactionsErr, ListSubaccountsArgs, Status,
};
use ddsx_types::dst_ledger::{MintArgs, MintError, SetFeeCollectorArgs, SetFeeCollectorError, SetMinterArgs};
use ic_certificate_verification::VerifyCertificate;
use ic_certification::{Certificate, HashTree, LookupResult};
use icrc_ledger_types::icrc::generic_value::ICRC3Value;
use icrc_ledger_types::icrc1::account::{Account, Subaccount};
use icrc_ledger_types::icrc1::transfer::TransferArg;
use icrc_ledger_types::icrc2::approve::ApproveArgs;
use icrc_ledger_types::icrc3::archive::{GetArchivesArgs, GetArchivesResult};
use icrc_ledger_types::icrc3::blocks::{GetBlocksRequest, GetBlocksResult, ICRC3DataCertificate, SupportedBlockType};
use icrc_ledger_types::icrc21::errors::Icrc21Error;
use icrc_ledger_types::icrc21::requests::{ConsentMessageMetadata, ConsentMessageRequest, ConsentMessageSpec};
use icrc_ledger_types::icrc21::responses::{ConsentInfo, ConsentMessage};
use icrc_ledger_types::icrc103::get_allowances::{Allowances, GetAllowancesArgs, GetAllowancesError};

fn account(number: u64, subaccount: u8) -> Account {
    Account {
        owner: user(number),
        subaccount: (subaccount > 0).then_some([subaccount; 32]),
    }
}

/// A ledger with blocks of every kind.
fn busy(world: &World) -> Ledger<'_> {
    let ledger = Ledger::install(world, &[(account(1, 0), 1_000 * FEE), (account(2, 0), 1_000 * FEE)]);
    let govern = |method: &str, argument: Vec<u8>| {
        world
            .pic
            .update_call(ledger.id, world.controller, method, argument)
            .unwrap_or_else(|reject| panic!("{method}: {reject}"))
    };
    for round in 0..12_u8 {
        let paid = TransferArg {
            memo: Some(vec![round; 5].into()),
            created_at_time: Some(world.now()),
            ..transfer(account(3, round % 4), 3 * FEE)
        };
        ledger.transfer(user(1), paid).unwrap();
        let allow = ApproveArgs {
            fee: (round != 6).then(|| FEE.into()),
            ..approve(account(2 + u64::from(round), round % 2), 50 * FEE)
        };
        ledger.approve(user(1), allow).unwrap();
        ledger.transfer(user(2), transfer(user(2), FEE)).unwrap();
        match round {
            2 => drop(govern(
                "set_fee_collector",
                candid::encode_one(Some(account(9, 1))).unwrap(),
            )),
            5 => drop(govern("set_fee", candid::encode_one(Nat::from(2 * FEE)).unwrap())),
            6 => drop(govern("set_fee", candid::encode_one(Nat::from(FEE)).unwrap())),
            7 => {
                let args = SetFeeCollectorArgs {
                    fee_collector: None,
                    created_at_time: world.now(),
                };
                let set: Result<Nat, SetFeeCollectorError> =
                    world.call(world.controller, ledger.id, "icrc107_set_fee_collector", (args,));
                assert!(set.is_ok(), "{set:?}");
            }
            8 => {
                let capped = SetMinterArgs::Capped {
                    minter: user(8),
                    cap: Nat::from(10 * FEE),
                };
                govern("set_minter", candid::encode_one(capped).unwrap());
                let args = |amount: u64| MintArgs {
                    to: account(3, 0),
                    amount: amount.into(),
                    memo: None,
                    created_at_time: None,
                };
                let mint = |caller, amount| -> Result<Nat, MintError> {
                    world.call(caller, ledger.id, "mint", (args(amount),))
                };
                mint(user(8), 4 * FEE).unwrap();
                let left = Nat::from(6 * FEE);
                assert_eq!(mint(user(8), 7 * FEE), Err(MintError::OverMinterCap { left }));
            }
            9 => drop(ledger.transfer(minter(), transfer(account(2, 0), 7_u64)).unwrap()),
            10 => drop(ledger.transfer(user(2), transfer(minter(), FEE)).unwrap()),
            11 => {
                let draw = transfer_from(account(1, 0), account(5, 2), FEE);
                ledger.transfer_from(user(2), draw).unwrap();
            }
            _ => {}
        }
    }
    ledger
}

/// Every block, asked for in pages of odd lengths.
fn blocks(ledger: &Ledger<'_>) -> Vec<ICRC3Value> {
    let mut blocks = Vec::new();
    loop {
        let ranges: Vec<GetBlocksRequest> = [(0, 3_u64), (3, 4)]
            .map(|(offset, length)| GetBlocksRequest {
                start: (blocks.len() + offset).into(),
                length: length.into(),
            })
            .into();
        let page: GetBlocksResult = ledger.world.query(ledger.id, "icrc3_get_blocks", (ranges,));
        assert!(page.archived_blocks.is_empty());
        if page.blocks.is_empty() {
            assert_eq!(page.log_length, Nat::from(blocks.len()));
            return blocks;
        }
        for block in page.blocks {
            assert_eq!(block.id, Nat::from(blocks.len()));
            blocks.push(block.block);
        }
    }
}

/// The tip that the network certifies: index and hash, verified up to its root key.
fn certified_tip(ledger: &Ledger<'_>) -> Result<(u64, Vec<u8>), String> {
    let answer: Option<ICRC3DataCertificate> = ledger.world.query(ledger.id, "icrc3_get_tip_certificate", ());
    let answer = answer.ok_or("there is no certificate")?;
    verified_tip(ledger, &answer.certificate, &answer.hash_tree)
}

fn verified_tip(ledger: &Ledger<'_>, certificate: &[u8], tree: &[u8]) -> Result<(u64, Vec<u8>), String> {
    let pic = &ledger.world.pic;
    let certificate: Certificate = serde_cbor::from_slice(certificate).map_err(|error| error.to_string())?;
    let tree: HashTree = serde_cbor::from_slice(tree).map_err(|error| error.to_string())?;
    let certified = [&b"canister"[..], ledger.id.as_slice(), b"certified_data"];
    if certificate.tree.lookup_path(certified) != LookupResult::Found(&tree.digest()) {
        return Err("the tree's root is not what the network certifies".into());
    }
    let root_key = pic.root_key().ok_or("no root key")?;
    let (now, five_minutes) = (u128::from(ledger.world.now()), 300_000_000_000);
    certificate
        .verify(ledger.id.as_slice(), &root_key, &now, &five_minutes)
        .map_err(|error| error.to_string())?;
    let found = |label: &str| match tree.lookup_path([label]) {
        LookupResult::Found(bytes) => Ok(bytes.to_vec()),
        other => Err(format!("{label}: {other:?}")),
    };
    let index = found("last_block_index")?;
    let index = index
        .iter()
        .rev()
        .fold(0, |number: u64, byte| number << 7 | u64::from(byte & 0x7f));
    Ok((index, found("last_block_hash")?))
}

#[test]
fn should_let_an_outsider_compute_every_balance_from_certified_blocks() {
    let world = World::new();
    let ledger = busy(&world);
    for _ in 0..2 {
        let blocks = blocks(&ledger);
        let replayed = replay(blocks.iter().cloned()).unwrap();
        let tip = (blocks.len() as u64 - 1, replayed.tip.unwrap().to_vec());
        assert_eq!(certified_tip(&ledger), Ok(tip), "the blocks lead to the certified tip");
        for (account, balance) in &replayed.balances {
            assert_eq!(ledger.balance(*account), *balance, "balance of {account}");
        }
        assert_eq!(ledger.total_supply(), replayed.supply());
        // The ecosystem's own index takes each of them, and comes to the same balances.
        let index = Index::of(blocks).unwrap();
        for (account, balance) in &replayed.balances {
            assert_eq!(index.balance(account), *balance, "the index's balance of {account}");
        }
        // What is certified is there again after an upgrade.
        ledger.upgrade();
    }
    let kinds: Vec<SupportedBlockType> = world.query(ledger.id, "icrc3_supported_block_types", ());
    let kinds: BTreeSet<String> = kinds.into_iter().map(|kind| kind.block_type).collect();
    let seen: BTreeSet<String> = blocks(&ledger).iter().map(kind_of).collect();
    assert_eq!(kinds, seen, "a block of every kind, and of no other");
    let archives: GetArchivesResult = world.query(ledger.id, "icrc3_get_archives", (GetArchivesArgs { from: None },));
    assert!(archives.is_empty());
}

#[test]
fn should_not_prove_a_tip_of_which_a_bit_was_flipped() {
    let world = World::new();
    let ledger = busy(&world);
    let answer: Option<ICRC3DataCertificate> = world.query(ledger.id, "icrc3_get_tip_certificate", ());
    let answer = answer.unwrap();
    let right = verified_tip(&ledger, &answer.certificate, &answer.hash_tree).unwrap();
    for at in 0..answer.hash_tree.len() * 8 {
        let mut tree = answer.hash_tree.to_vec();
        tree[at / 8] ^= 1 << (at % 8);
        if let Ok(tip) = verified_tip(&ledger, &answer.certificate, &tree) {
            assert_eq!(
                tip, right,
                "bit {at} changes how the tree is written and not what it says"
            );
        }
    }
    // A signature check takes its time: some bits of the certificate.
    for at in (0..answer.certificate.len() * 8).step_by(331) {
        let mut certificate = answer.certificate.to_vec();
        certificate[at / 8] ^= 1 << (at % 8);
        if let Ok(tip) = verified_tip(&ledger, &certificate, &answer.hash_tree) {
            assert_eq!(tip, right, "bit {at}");
        }
    }
}

fn field<'a>(value: &'a ICRC3Value, key: &str) -> Option<&'a ICRC3Value> {
    match value {
        ICRC3Value::Map(map) => map.get(key),
        other => panic!("{other} is no map"),
    }
}

fn kind_of(block: &ICRC3Value) -> String {
    match (block, field(block, "tx")) {
        (ICRC3Value::Map(block), Some(ICRC3Value::Map(tx))) => kind(block, tx).unwrap().to_owned(),
        _ => panic!("{block} is no block"),
    }
}

fn named_account(block: &ICRC3Value, key: &str) -> Option<Account> {
    let Some(ICRC3Value::Array(parts)) = field(field(block, "tx")?, key) else {
        return None;
    };
    let blob = |part: &ICRC3Value| match part {
        ICRC3Value::Blob(bytes) => bytes.to_vec(),
        other => panic!("{other} is no blob"),
    };
    Some(Account {
        owner: Principal::from_slice(&blob(&parts[0])),
        subaccount: parts.get(1).map(|part| blob(part).try_into().unwrap()),
    })
}

/// The ids of an account's transactions, in pages of `size`.
fn history(ledger: &Ledger<'_>, account: Account, method: &str, size: u64) -> Vec<Nat> {
    let mut ids: Vec<Nat> = Vec::new();
    loop {
        let args = GetAccountTransactionsArgs {
            account,
            start: ids.last().cloned(),
            max_results: size.into(),
        };
        let page: Result<GetTransactions, GetTransactionsErr> = ledger.world.query(ledger.id, method, (args,));
        let page = page.unwrap();
        assert_eq!(page.balance, ledger.balance(account));
        if page.transactions.is_empty() {
            return ids;
        }
        ids.extend(page.transactions.into_iter().map(|transaction| transaction.id));
    }
}

#[test]
fn should_serve_every_accounts_history_both_ways() {
    let world = World::new();
    let ledger = busy(&world);
    let mut expected: BTreeMap<Account, Vec<Nat>> = BTreeMap::new();
    for (index, block) in blocks(&ledger).iter().enumerate() {
        let accounts: BTreeSet<Account> = ["from", "to"]
            .into_iter()
            .filter_map(|key| named_account(block, key))
            .collect();
        for account in accounts {
            expected.entry(account).or_default().push(Nat::from(index));
        }
    }
    for (account, ids) in &expected {
        let newest_first: Vec<Nat> = ids.iter().rev().cloned().collect();
        for size in [1, 3, 1_000] {
            assert_eq!(
                history(&ledger, *account, "get_account_transactions", size),
                newest_first
            );
            assert_eq!(
                history(&ledger, *account, "get_account_transactions_ascending", size),
                *ids
            );
        }
    }
    let status: Status = world.query(ledger.id, "status", ());
    assert_eq!(status.num_blocks_synced, Nat::from(ledger.totals().blocks));
    let subaccounts: Vec<Subaccount> = world.query(
        ledger.id,
        "list_subaccounts",
        (ListSubaccountsArgs {
            owner: user(3),
            start: Some([1; 32]),
        },),
    );
    assert_eq!(subaccounts, [[2; 32], [3; 32]]);
}

#[test]
fn should_list_allowances_in_order() {
    let world = World::new();
    let ledger = busy(&world);
    let list = |prev_spender: Option<Account>, take: u64| -> Allowances {
        let args = GetAllowancesArgs {
            from_account: Some(account(1, 0)),
            prev_spender,
            take: Some(take.into()),
        };
        let listed: Result<Allowances, GetAllowancesError> = world.query(ledger.id, "icrc103_get_allowances", (args,));
        listed.unwrap()
    };
    let all = list(None, 100);
    assert_eq!(all.len(), 12);
    assert!(all.windows(2).all(|pair| pair[0].to_spender < pair[1].to_spender));
    let mut paged = Vec::new();
    while let page @ [_, ..] = &list(
        paged
            .last()
            .map(|allowance: &icrc_ledger_types::icrc103::get_allowances::Allowance| allowance.to_spender),
        5,
    )[..]
    {
        paged.extend_from_slice(page);
    }
    assert_eq!(paged, all);
    for allowance in all {
        let now = ledger.allowance(account(1, 0), allowance.to_spender);
        assert_eq!(
            (now.allowance, now.expires_at),
            (allowance.allowance, allowance.expires_at)
        );
    }
}

#[test]
fn should_say_what_a_call_would_do_before_it_is_signed() {
    let world = World::new();
    let ledger = busy(&world);
    let consent = |caller: Principal, method: &str, arg: Vec<u8>| -> Result<ConsentInfo, Icrc21Error> {
        let request = ConsentMessageRequest {
            method: method.into(),
            arg,
            user_preferences: ConsentMessageSpec {
                metadata: ConsentMessageMetadata {
                    language: "en".into(),
                    utc_offset_minutes: None,
                },
                device_spec: None,
            },
        };
        world.call(caller, ledger.id, "icrc21_canister_call_consent_message", (request,))
    };
    let args = candid::encode_one(transfer(account(2, 0), 150_000_000_u64)).unwrap();
    for caller in [user(1), Principal::anonymous()] {
        let info = consent(caller, "icrc1_transfer", args.clone()).unwrap();
        let ConsentMessage::GenericDisplayMessage(message) = info.consent_message else {
            panic!("a generic display was asked for")
        };
        assert!(message.contains("1.5 DST"), "{message}");
        assert!(message.contains(&account(2, 0).to_string()), "{message}");
    }
    assert!(matches!(
        consent(user(1), "set_fee", args.clone()),
        Err(Icrc21Error::UnsupportedCanisterCall(_))
    ));
    assert!(
        consent(user(1), "icrc2_approve", args).is_err(),
        "another method's argument"
    );
}

#[test]
fn should_tell_operators_what_goes_on() {
    let world = World::new();
    let ledger = busy(&world);
    let (status, metrics) = world.http_get(ledger.id, "/metrics");
    assert_eq!(status, 200);
    let blocks = ledger.totals().blocks;
    assert!(
        metrics.contains(&format!("dst_ledger_blocks_total {blocks}")),
        "{metrics}"
    );
    let (status, logs) = world.http_get(ledger.id, "/logs");
    assert_eq!(status, 200);
    assert!(logs.contains("governance"), "{logs}");

    ledger.upgrade();
    let (_, later) = world.http_get(ledger.id, "/logs");
    assert!(
        later.ends_with(&logs) && later.len() > logs.len(),
        "an upgrade adds lines and loses none: {later}"
    );
    let (_, later) = world.http_get(ledger.id, "/metrics");
    let figure = |page: &str, name: &str| -> Option<f64> {
        let sample = page
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))?;
        sample.split(' ').next()?.parse().ok()
    };
    let kept = [
        "total_supply",
        "holders",
        "accounts",
        "allowances",
        "blocks_total",
        "history_blocks",
        "dedup_entries",
    ];
    for name in kept.map(|name| format!("dst_ledger_{name}")) {
        let before = figure(&metrics, &name);
        assert!(before.is_some(), "{name} in {metrics}");
        assert_eq!(figure(&later, &name), before, "{name} after an upgrade");
    }
    assert!(figure(&later, "dst_ledger_cycles_days_left").is_some());
    assert_eq!(
        figure(&later, "dst_ledger_cycles"),
        None,
        "the balance is for controllers"
    );
}

#[test]
fn should_obey_governance_and_nobody_else() {
    let world = World::new();
    let ledger = busy(&world);
    let balance = ledger.balance(account(3, 0));
    let acts: [(&str, Vec<u8>); 3] = [
        ("set_fee", candid::encode_one(Nat::from(5_u8)).unwrap()),
        ("set_fee_collector", candid::encode_one(None::<Account>).unwrap()),
        (
            "set_minter",
            candid::encode_one(SetMinterArgs::Capped {
                minter: user(1),
                cap: Nat::from(1_u8),
            })
            .unwrap(),
        ),
    ];
    for (method, argument) in &acts {
        for caller in [user(1), Principal::anonymous(), minter()] {
            let reject = world
                .pic
                .update_call(ledger.id, caller, method, argument.clone())
                .unwrap_err();
            assert!(reject.reject_message.contains("only governance"), "{method}: {reject}");
        }
        let validated = world
            .pic
            .query_call(ledger.id, user(1), &format!("validate_{method}"), argument.clone())
            .unwrap();
        let validated: Result<String, String> = candid::decode_one(&validated).unwrap();
        assert!(validated.is_ok(), "{method}: {validated:?}");
    }
    // What voters are told cannot be is not done: it traps.
    let holder = SetMinterArgs::MintingAccount(account(3, 0));
    let validated: Result<String, String> = world.query(ledger.id, "validate_set_minter", (holder.clone(),));
    assert!(validated.unwrap_err().contains("holds"));
    let reject = world
        .pic
        .update_call(
            ledger.id,
            world.controller,
            "set_minter",
            candid::encode_one(holder).unwrap(),
        )
        .unwrap_err();
    assert!(reject.reject_message.contains("holds"), "{reject}");
    assert_eq!(ledger.balance(account(3, 0)), balance);
}
