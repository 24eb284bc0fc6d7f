//! Account histories, as wallets ask an index canister for them (ICRC-106, DFINITY's `index-ng`): the ledger is its own index, so
//! that a transaction is in the history the moment it is executed.
//!
//! A history holds the blocks in which the account sends, receives, approves, mints to or burns from; a block in which it is only
//! the spender, or in which it collects the fee, is not in it, and changes of the fee collector are in nobody's. It is read both
//! ways: `get_account_transactions` newest first, as `index-ng` does, `get_account_transactions_ascending` oldest first, each from
//! the last block seen on, so that a reader who follows an account asks only for what is new.

mod page;
#[cfg(test)]
mod tests;
mod transaction;

use ddsx_types::dst_ledger::index::{
    GetAccountTransactionsArgs, GetTransactions, GetTransactionsErr, ListSubaccountsArgs, Status, TransactionWithId,
};
use ic_stable_structures::Memory;
use icrc_ledger_types::icrc1::account::{Account, Subaccount};

use crate::account::AccountKey;
use crate::amount::to_u64;
use crate::block::decode;
use crate::ledger::Ledger;
pub use page::Order;

/// Transactions in one answer; each takes below 500 bytes, so that all fit a reply of 2 MiB.
pub const MAX_TRANSACTIONS: u64 = 2_000;
/// The same where all nodes run it, which the ledger pays for: what a wallet asks for at once.
pub const MAX_TRANSACTIONS_REPLICATED: u64 = 100;
/// Subaccounts in one answer.
pub const MAX_SUBACCOUNTS: usize = 2_000;
/// The same where all nodes run it.
pub const MAX_SUBACCOUNTS_REPLICATED: usize = 500;

/// `get_account_transactions` and `get_account_transactions_ascending`; `replicated` where all nodes run it.
pub fn account_transactions<M: Memory>(
    ledger: &Ledger<M>,
    args: &GetAccountTransactionsArgs,
    order: Order,
    replicated: bool,
) -> Result<GetTransactions, GetTransactionsErr> {
    let (storage, _) = ledger.stored();
    let most = if replicated {
        MAX_TRANSACTIONS_REPLICATED
    } else {
        MAX_TRANSACTIONS
    };
    let limit = to_u64(&args.max_results).unwrap_or(u64::MAX).min(most);
    // No block has an index beyond 64 bits.
    let seen = args.start.as_ref().map(|start| to_u64(start).unwrap_or(u64::MAX));
    let state = ledger
        .account_number(&args.account)
        .map(|number| storage.accounts.state(number))
        .unwrap_or_default();
    let block_at = |ordinal| storage.history.get(&state, ordinal);
    let transactions = page::ordinals(state.history_length, seen, limit, order, block_at)
        .map(|ordinal| with_id(ledger, block_at(ordinal)))
        .collect::<Result<_, _>>()?;
    Ok(GetTransactions {
        balance: ledger.balance_of(&args.account).into(),
        transactions,
        oldest_tx_id: (state.history_length > 0).then(|| block_at(0).into()),
    })
}

fn with_id<M: Memory>(ledger: &Ledger<M>, index: u64) -> Result<TransactionWithId, GetTransactionsErr> {
    let value = ledger.block(index).and_then(|stored| decode(&stored).ok());
    let transaction = value.and_then(|value| transaction::from_block(&value));
    transaction
        .map(|transaction| TransactionWithId {
            id: index.into(),
            transaction,
        })
        .ok_or_else(|| GetTransactionsErr {
            message: format!("block {index} cannot be read: ask icrc3_get_blocks for it"),
        })
}

/// `list_subaccounts`: the owner's accounts that the ledger has ever seen, from after `start` on, in order; the default one as 32
/// zeroes. `replicated` where all nodes run it.
pub fn subaccounts<M: Memory>(ledger: &Ledger<M>, args: &ListSubaccountsArgs, replicated: bool) -> Vec<Subaccount> {
    let most = if replicated {
        MAX_SUBACCOUNTS_REPLICATED
    } else {
        MAX_SUBACCOUNTS
    };
    let (storage, totals) = ledger.stored();
    let first = AccountKey::from(&Account {
        owner: args.owner,
        subaccount: args.start,
    });
    let seen = args.start.map(|_| first);
    storage
        .accounts
        .of_owner_from(&first, most + usize::from(seen.is_some()), totals)
        .into_iter()
        .filter(|(key, _)| Some(*key) != seen)
        .filter_map(|(key, _)| key.account())
        .map(|account| account.subaccount.unwrap_or_default())
        .take(most)
        .collect()
}

/// `status`.
pub fn status<M: Memory>(ledger: &Ledger<M>) -> Status {
    let (_, totals) = ledger.stored();
    Status {
        num_blocks_synced: totals.history_blocks.into(),
    }
}
