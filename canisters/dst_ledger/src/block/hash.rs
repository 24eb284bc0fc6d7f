//! Representation-independent hashing of blocks (ICRC-3, "Value Hash"), without building the value.

use icrc_ledger_types::icrc1::account::Account;
use sha2::{Digest, Sha256};

use super::codec::leb128;
use super::{Block, Field, Transaction};

/// A SHA-256 digest.
pub type Sha256Hash = [u8; 32];

fn sha256(bytes: &[u8]) -> Sha256Hash {
    Sha256::digest(bytes).into()
}

fn hash_nat(value: u128) -> Sha256Hash {
    let (bytes, length) = leb128(value);
    sha256(&bytes[..length])
}

/// An array of one or two blobs: the owner and, if the caller gave one, the subaccount.
fn hash_account(account: &Account) -> Sha256Hash {
    let mut hasher = Sha256::new();
    hasher.update(sha256(account.owner.as_slice()));
    if let Some(subaccount) = &account.subaccount {
        hasher.update(sha256(subaccount));
    }
    hasher.finalize().into()
}

impl Transaction {
    /// Hash of the `tx` map. It identifies the call for deduplication.
    pub fn hash(&self) -> Sha256Hash {
        let mut hasher = Sha256::new();
        self.fields(|key, field| {
            hasher.update(key.hash);
            hasher.update(field.hash(None));
        });
        hasher.finalize().into()
    }
}

impl Block {
    /// The block's hash: the next block's `phash`, and the `last_block_hash` of the tip.
    pub fn hash(&self) -> Sha256Hash {
        self.hash_with(&self.transaction.hash())
    }

    /// As [`Block::hash`], for a caller that has the transaction's hash already.
    pub fn hash_with(&self, transaction_hash: &Sha256Hash) -> Sha256Hash {
        let mut hasher = Sha256::new();
        self.fields(|key, field| {
            hasher.update(key.hash);
            hasher.update(field.hash(Some(transaction_hash)));
        });
        hasher.finalize().into()
    }
}

impl Field<'_> {
    fn hash(&self, transaction_hash: Option<&Sha256Hash>) -> Sha256Hash {
        match self {
            Field::Constant(constant) => constant.hash,
            Field::Nat(value) => hash_nat(*value),
            Field::Blob(bytes) => sha256(bytes),
            Field::Account(account) => hash_account(account),
            Field::Transaction(transaction) => transaction_hash.copied().unwrap_or_else(|| transaction.hash()),
        }
    }
}
