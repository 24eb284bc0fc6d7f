//! What the account history methods take and return: the interface of DFINITY's `index-ng` (ICRC-106, "Index Canister Interface"),
//! which wallets know, served by the ledger itself.

use candid::{CandidType, Nat, Principal};
use icrc_ledger_types::icrc1::account::{Account, Subaccount};
use icrc_ledger_types::icrc3::transactions::Transaction;
use serde::{Deserialize, Serialize};

/// Arguments of `get_account_transactions`, newest first, and of `get_account_transactions_ascending`, oldest first.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct GetAccountTransactionsArgs {
    /// Whose.
    pub account: Account,
    /// The block of the last transaction seen, which is not given again; absent: begin at the newest, or the oldest.
    pub start: Option<Nat>,
    /// At most this many; 2,000 in one answer.
    pub max_results: Nat,
}

/// A transaction and its block.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct TransactionWithId {
    /// Index of its block.
    pub id: Nat,
    /// What it did.
    pub transaction: Transaction,
}

/// A page of an account's history.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct GetTransactions {
    /// `icrc1_balance_of`, smallest units.
    pub balance: Nat,
    /// In the order of the method.
    pub transactions: Vec<TransactionWithId>,
    /// The block of the account's first transaction, if it has any.
    pub oldest_tx_id: Option<Nat>,
}

/// Why there is no page.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct GetTransactionsErr {
    /// For people.
    pub message: String,
}

/// Arguments of `list_subaccounts`.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct ListSubaccountsArgs {
    /// Whose.
    pub owner: Principal,
    /// The last subaccount seen, which is not given again.
    pub start: Option<Subaccount>,
}

/// How far the histories reach.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// Blocks, from the first on, that are in the histories: all of them, but for a while after an upgrade from the ledger's first
    /// version.
    pub num_blocks_synced: Nat,
}
