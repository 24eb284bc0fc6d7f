//! `mint`: what a repeat answers, and who is told from whom.

use ddsx_types::dst_ledger::{MintArgs, MintError, SetMinterArgs};
use icrc_ledger_types::icrc::generic_value::ICRC3Value;

use super::*;
use crate::block::{Block, Transaction, decode, dedup_minter};
use crate::ledger::Act;

const CAP: u128 = 1_000;

fn set_cap(ledger: &mut Ledger<VectorMemory>, minter: u8, cap: u128) {
    let act = Act::SetMinter(SetMinterArgs::Capped {
        minter: user(minter),
        cap: cap.into(),
    });
    ledger.execute_act(&act, user(0), NOW).unwrap();
}

fn with_minters(memory: &VectorMemory) -> Ledger<VectorMemory> {
    let mut ledger = install_in(memory.clone(), args(&[]));
    for minter in [8, 9] {
        set_cap(&mut ledger, minter, CAP);
    }
    ledger
}

fn mint(amount: u128, created_at_time: Option<u64>) -> MintArgs {
    MintArgs {
        to: account(1),
        amount: amount.into(),
        memo: None,
        created_at_time,
    }
}

fn duplicate(block: u64) -> Result<u64, MintError> {
    Err(MintError::Duplicate {
        duplicate_of: block.into(),
    })
}

fn minted(ledger: &Ledger<VectorMemory>) -> Vec<Nat> {
    ledger.minters().into_iter().map(|minter| minter.minted).collect()
}

#[test]
fn should_tell_a_repeat_that_it_was_done_whatever_the_cap_leaves() {
    let memory = VectorMemory::default();
    let mut ledger = with_minters(&memory);
    let whole = mint(CAP, Some(NOW));
    assert_eq!(ledger.mint(user(8), whole.clone(), NOW), Ok(0));
    let left = || MintError::OverMinterCap { left: 0_u8.into() };
    for _ in 0..2 {
        assert_eq!(
            ledger.mint(user(8), whole.clone(), NOW + 5),
            duplicate(0),
            "the cap is used up"
        );
        assert_eq!(ledger.mint(user(8), mint(CAP, Some(NOW + 1)), NOW + 5), Err(left()));
        assert_eq!(ledger.mint(user(8), mint(CAP, None), NOW + 5), Err(left()));
        ledger = Ledger::open(memory.clone(), None).unwrap();
    }
    set_cap(&mut ledger, 8, 0);
    assert_eq!(
        ledger.mint(user(8), whole.clone(), NOW),
        duplicate(0),
        "its right has ended"
    );
    set_cap(&mut ledger, 8, 3 * CAP);
    assert_eq!(ledger.mint(user(8), whole, NOW), duplicate(0), "it may mint again");
    assert_eq!(minted(&ledger), [CAP, 0]);
    assert_eq!(ledger.total_supply(), CAP);
    ledger.invariants().unwrap();
}

#[test]
fn should_take_two_minters_and_the_minting_account_for_three() {
    let memory = VectorMemory::default();
    let mut ledger = with_minters(&memory);
    let pay = TransferArg {
        created_at_time: Some(NOW),
        ..transfer(account(1), 300)
    };
    assert_eq!(ledger.mint(user(8), mint(300, Some(NOW)), NOW), Ok(0));
    assert_eq!(ledger.mint(user(9), mint(300, Some(NOW)), NOW), Ok(1));
    assert_eq!(ledger.transfer(user(0), pay.clone(), NOW), Ok(2));
    for _ in 0..2 {
        assert_eq!(ledger.mint(user(8), mint(300, Some(NOW)), NOW), duplicate(0));
        assert_eq!(ledger.mint(user(9), mint(300, Some(NOW)), NOW), duplicate(1));
        assert_eq!(
            ledger.transfer(user(0), pay.clone(), NOW),
            Err(TransferError::Duplicate {
                duplicate_of: 2_u8.into()
            })
        );
        ledger = Ledger::open(memory.clone(), None).unwrap();
    }
    assert_eq!(minted(&ledger), [300_u64, 300]);
    assert_eq!(ledger.balance_of(&account(1)), 900);
    assert_eq!(ledger.totals().deduplicated, 3);
    // It is forgotten as every transaction is.
    ledger.housekeep(NOW + TRANSACTION_WINDOW_NS + 2 * PERMITTED_DRIFT_NS + 1, 100);
    assert_eq!(ledger.totals().deduplicated, 0);
    ledger.invariants().unwrap();
}

#[test]
fn should_never_name_the_minter_in_the_block() {
    let mut ledger = with_minters(&VectorMemory::default());
    ledger.mint(user(8), mint(5, Some(NOW)), NOW).unwrap();
    ledger.mint(user(8), mint(5, None), NOW).unwrap();
    let stored = [0, 1].map(|index| ledger.block(index).unwrap());
    assert_eq!(dedup_minter(&stored[0]), Ok(Some(user(8))));
    assert_eq!(dedup_minter(&stored[1]), Ok(None), "it is not remembered");
    for stored in stored {
        let ICRC3Value::Map(block) = decode(&stored).unwrap() else {
            panic!("a block is a map")
        };
        let ICRC3Value::Map(tx) = &block["tx"] else {
            panic!("a transaction is a map")
        };
        assert!(block.keys().all(|key| ["ts", "phash", "tx"].contains(&key.as_str())));
        assert!(tx.keys().all(|key| ["op", "to", "amt", "ts"].contains(&key.as_str())));
    }
}

/// What older code executed within the day before the upgrade: it wrote a `btype` into each block and remembered a mint by its
/// `tx` alone.
fn append_as_older_code(ledger: &mut Ledger<VectorMemory>, transaction: Transaction) {
    let hash = transaction.hash_by_older_code();
    let remember = ledger
        .deduplicate(transaction.created_at_time, &hash, NOW)
        .unwrap()
        .unwrap();
    let block = Block {
        parent_hash: ledger.tip_hash(),
        timestamp: NOW,
        fee: None,
        transaction,
    };
    let stored = block.encode_by_older_code(remember.tag);
    ledger.totals.tip_hash = decode(&stored).unwrap().hash();
    let index = ledger.storage.blocks.append(&stored, &mut ledger.totals);
    ledger.storage.dedup.insert(remember.vacancy, index, &mut ledger.totals);
    ledger.storage.totals.write(&ledger.totals);
}

#[test]
fn should_know_what_older_code_did_just_before_the_upgrade() {
    let memory = VectorMemory::default();
    let mut ledger = with_minters(&memory);
    let set = Transaction::set_fee_collector(Some(account(5)), Some(NOW), user(0));
    append_as_older_code(&mut ledger, Transaction::mint(account(1), 300, None, Some(NOW)));
    append_as_older_code(&mut ledger, set);
    assert_eq!(ledger.mint(user(8), mint(300, Some(NOW)), NOW), duplicate(0));
    assert_eq!(ledger.mint(user(8), mint(301, Some(NOW)), NOW), Ok(2));
    assert_eq!(
        ledger.mint(user(9), mint(301, Some(NOW)), NOW),
        Ok(3),
        "a block without btype was asked for by one minter"
    );
    let args = ddsx_types::dst_ledger::SetFeeCollectorArgs {
        fee_collector: Some(account(5)),
        created_at_time: NOW,
    };
    assert!(matches!(
        ledger.set_fee_collector(user(0), &args, NOW),
        Err(ddsx_types::dst_ledger::SetFeeCollectorError::Duplicate { duplicate_of }) if duplicate_of == 1_u8
    ));
    // The chain goes on from the older blocks, whose hashes are what they were.
    let blocks = (0..4).map(|index| decode(&ledger.block(index).unwrap()).unwrap());
    let replayed = ddsx_ledger_model::replay(blocks).unwrap();
    assert_eq!(replayed.tip, ledger.tip_hash());
    assert_eq!(replayed.balances[&account(1)], 300 + 301 + 301);
}

#[test]
fn should_check_what_it_may_not_mint_before_it_mints() {
    let mut ledger = with_minters(&VectorMemory::default());
    let to_minting = MintArgs {
        to: account(0),
        ..mint(1, None)
    };
    let long = MintArgs {
        memo: Some(vec![0; 33].into()),
        ..mint(1, None)
    };
    let too_much = MintArgs {
        amount: too_large(),
        ..mint(1, None)
    };
    let left = || MintError::OverMinterCap { left: CAP.into() };
    assert_eq!(ledger.mint(user(1), mint(1, None), NOW), Err(MintError::NotAMinter));
    assert!(matches!(
        ledger.mint(user(8), mint(0, None), NOW),
        Err(MintError::BadRequest(_))
    ));
    assert!(matches!(
        ledger.mint(user(8), to_minting, NOW),
        Err(MintError::BadRequest(_))
    ));
    assert_eq!(
        ledger.mint(user(8), long, NOW),
        Err(MintError::MemoTooLong { limit: 32 })
    );
    assert_eq!(ledger.mint(user(8), too_much, NOW), Err(left()));
    assert_eq!(ledger.mint(user(8), mint(CAP + 1, Some(NOW)), NOW), Err(left()));
    set_cap(&mut ledger, 8, u128::MAX);
    assert_eq!(
        ledger.mint(user(8), mint(MAX_SUPPLY + 1, None), NOW),
        Err(MintError::SupplyCap {
            max_supply: MAX_SUPPLY.into()
        })
    );
    assert_eq!((ledger.log_length(), minted(&ledger)), (0, vec![Nat::from(0_u8); 2]));
}
