//! Where the instructions of a transfer go, and what each step that was taken saves: the part done with the
//! ecosystem's libraries alone, and as it is.

use super::{CALLS, FEE, FRESH, KEY, NOW, PAYER, filled, fresh_memory, keep, memo};

use canbench_rs::{BenchResult, bench, bench_fn, bench_scope};
use candid::{Nat, decode_one, encode_one};
use ddsx_hash_index::{HashIndex, SipKey};
use dst_ledger::account::AccountKey;
use dst_ledger::block::{Block, KnownHashes, Operation, Transaction, account_hash};
use dst_ledger::ledger::bench::account;
use dst_ledger::tip;
use ic_stable_structures::memory_manager::{MemoryId, MemoryManager};
use ic_stable_structures::{DefaultMemoryImpl, RestrictedMemory, StableBTreeMap};
use icrc_ledger_types::icrc1::account::Account;
use icrc_ledger_types::icrc1::transfer::{TransferArg, TransferError};

/// Accounts that an index holds before it is asked.
const INDEXED: u64 = 20_000;

fn transaction(call: u64) -> Transaction {
    Transaction {
        operation: Operation::Transfer,
        from: Some(account(PAYER)),
        to: Some(account(FRESH + call)),
        spender: None,
        amount: 1_000_000,
        fee: Some(u128::from(FEE)),
        memo: memo(),
        created_at_time: Some(NOW),
        expected_allowance: None,
        expires_at: None,
        caller: None,
    }
}

fn block(call: u64) -> Block {
    Block {
        parent_hash: Some([7; 32]),
        timestamp: NOW,
        fee: None,
        transaction: transaction(call),
    }
}

/// Does one thing 10,000 times, measured under a name.
fn part(name: &'static str, mut work: impl FnMut(u64)) {
    let _scope = bench_scope(name);
    for call in 0..CALLS {
        work(call);
    }
}

/// What the parts of a transfer cost, 10,000 of each.
#[bench(raw)]
fn parts_of_20000() -> BenchResult {
    let ledger = filled(fresh_memory(), INDEXED);
    let (storage, totals) = ledger.stored();
    let key = SipKey(KEY);
    let known = KnownHashes {
        from: Some([1; 32]),
        to: Some([2; 32]),
        spender: None,
    };
    bench_fn(|| {
        part("loop_and_arguments", |call| keep(block(call)));
        part("hash_account", |call| keep(account_hash(&account(call))));
        part("hash_transaction", |call| keep(transaction(call).hash_with(&known)));
        part("hash_block", |call| keep(block(call).hash_with(&[3; 32])));
        part("hash_tip", |call| keep(tip::root(call, &[4; 32])));
        part("tag_of_an_account", |call| {
            keep(key.hash(&AccountKey::from(&account(call)).0));
        });
        part("find_an_account", |call| {
            keep(storage.accounts.find(&AccountKey::from(&account(call)), totals));
        });
        part("encode_block", |call| keep(block(call).encode(5, None)));
    })
}

/// The steps: `before_…` does the part with the ecosystem's libraries alone, `after_…` as it is done now.
#[bench(raw)]
fn steps_of_20000() -> BenchResult {
    let ledger = filled(fresh_memory(), INDEXED);
    let (storage, totals) = ledger.stored();
    let key = SipKey(KEY);
    let memories = MemoryManager::init(memory_for_trees());
    let mut tree = StableBTreeMap::init(memories.get(MemoryId::new(0)));
    for number in 0..INDEXED {
        tree.insert(AccountKey::from(&account(number)), number);
    }
    let mut remembered = StableBTreeMap::<[u8; 32], u64, _>::init(memories.get(MemoryId::new(1)));
    let index = HashIndex::open(memories.get(MemoryId::new(2))).unwrap_or_else(|error| ic_cdk::trap(error.to_string()));
    let mut index = index.with_splits_put_off();
    // Hashes of transactions, as evenly spread as SHA-256 spreads them.
    let hash = |call: u64| account_hash(&account(call));
    for number in 0..INDEXED {
        remembered.insert(hash(number), number);
        index.insert(key.hash(&hash(number)), number);
        index.settle(1);
    }
    let payer = KnownHashes {
        from: Some(account_hash(&account(PAYER))),
        ..KnownHashes::default()
    };
    let argument = argument();
    bench_fn(|| {
        part("before_hash_of_transaction_and_block", |call| {
            let block = block(call);
            keep((block.transaction.to_value().hash(), block.to_value().hash()));
        });
        part("after_hash_of_transaction_and_block", |call| {
            let block = block(call);
            keep(block.hash_with(&block.transaction.hash()));
        });
        part("before_hash_of_transaction", |call| keep(transaction(call).hash()));
        part("after_hash_of_transaction", |call| {
            keep(transaction(call).hash_with(&payer));
        });
        part("before_find_account", |call| {
            keep(tree.get(&AccountKey::from(&account(call))));
        });
        part("after_find_account", |call| {
            keep(storage.accounts.find(&AccountKey::from(&account(call)), totals));
        });
        part("hash_that_is_remembered", |call| keep(hash(INDEXED + call)));
        part("before_remember_transaction", |call| {
            let hash = hash(INDEXED + call);
            if !remembered.contains_key(&hash) {
                remembered.insert(hash, call);
            }
        });
        part("after_remember_transaction", |call| {
            let hash = hash(INDEXED + call);
            if let Err(vacancy) = index.find_or_vacancy(key.hash(&hash), |_| false) {
                index.insert_at(vacancy, call);
            }
        });
        part("before_decode_and_reply", |call| {
            keep(decode_one::<TransferArg>(&argument));
            keep(encode_one(Ok::<Nat, TransferError>(call.into())));
        });
        part("after_decode_and_reply", |call| {
            keep(ddsx_icrc_wire::decode_transfer(&argument));
            keep(ddsx_icrc_wire::encode_ok(call).to_vec());
        });
    })
}

/// Room for the structures of before, behind what a ledger of this size takes.
fn memory_for_trees() -> RestrictedMemory<DefaultMemoryImpl> {
    RestrictedMemory::new(DefaultMemoryImpl::default(), 1 << 16..1 << 17)
}

/// The argument of a transfer as ic-agent sends it.
fn argument() -> Vec<u8> {
    let Account { subaccount, .. } = account(PAYER);
    let args = TransferArg {
        from_subaccount: subaccount,
        to: account(FRESH),
        amount: Nat::from(1_000_000_u64),
        fee: Some(Nat::from(FEE)),
        memo: memo().map(Into::into),
        created_at_time: Some(NOW),
    };
    encode_one(args).unwrap_or_else(|error| ic_cdk::trap(error.to_string()))
}
