//! Representation-independent hashing of blocks (ICRC-3, "Value Hash"), without building the value.
//!
//! Hashing is what a transaction costs most: a compression of 64 bytes takes about 5,000 instructions in Wasm. So nothing is
//! hashed twice, and no more compressions are done than the values need:
//! - an item of a map is the hash of its key and the hash of its value, 64 bytes, exactly one compression;
//! - any single value of at most 55 bytes takes one compression, padding included;
//! - the hashes of keys and of the ledger's own texts are constants ([`super::keys`]);
//! - the hash of an account that has been seen before is read from its record.

use candid::Principal;
use icrc_ledger_types::icrc1::account::Account;
use sha2::compress256;

use super::codec::leb128;
use super::{Block, Field, Transaction};

/// A SHA-256 digest.
pub type Sha256Hash = [u8; 32];

/// Initial hash value of SHA-256 (FIPS 180-4, section 5.3.3).
const INITIAL_STATE: [u32; 8] = [
    0x6a09_e667,
    0xbb67_ae85,
    0x3c6e_f372,
    0xa54f_f53a,
    0x510e_527f,
    0x9b05_688c,
    0x1f83_d9ab,
    0x5be0_cd19,
];

fn compress(state: &mut [u32; 8], block: [u8; 64]) {
    compress256(state, &[block.into()]);
}

fn digest(state: [u32; 8]) -> Sha256Hash {
    let mut hash = [0; 32];
    for (bytes, word) in hash.chunks_exact_mut(4).zip(state) {
        bytes.copy_from_slice(&word.to_be_bytes());
    }
    hash
}

/// SHA-256 of at most 55 bytes, one compression; of more, as many as it takes.
pub fn sha256(bytes: &[u8]) -> Sha256Hash {
    let mut state = INITIAL_STATE;
    let mut chunks = bytes.chunks_exact(64);
    for chunk in &mut chunks {
        let mut block = [0; 64];
        block.copy_from_slice(chunk);
        compress(&mut state, block);
    }
    let rest = chunks.remainder();
    let mut block = [0; 64];
    block[..rest.len()].copy_from_slice(rest);
    block[rest.len()] = 0x80;
    if rest.len() > 55 {
        compress(&mut state, block);
        block = [0; 64];
    }
    block[56..].copy_from_slice(&(bytes.len() as u64 * 8).to_be_bytes());
    compress(&mut state, block);
    digest(state)
}

/// SHA-256 of pairs of hashes, each pair one compression.
struct PairHasher {
    state: [u32; 8],
    pairs: u64,
}

impl PairHasher {
    const fn new() -> Self {
        Self {
            state: INITIAL_STATE,
            pairs: 0,
        }
    }

    fn update(&mut self, first: &Sha256Hash, second: &Sha256Hash) {
        let mut block = [0; 64];
        block[..32].copy_from_slice(first);
        block[32..].copy_from_slice(second);
        compress(&mut self.state, block);
        self.pairs += 1;
    }

    fn finalize(mut self) -> Sha256Hash {
        let mut block = [0; 64];
        block[0] = 0x80;
        block[56..].copy_from_slice(&(self.pairs * 512).to_be_bytes());
        compress(&mut self.state, block);
        digest(self.state)
    }
}

fn hash_nat(value: u128) -> Sha256Hash {
    let (bytes, length) = leb128(value);
    sha256(&bytes[..length])
}

/// Hash of an account as an ICRC-3 value: an array of one or two blobs, the owner and, if the caller gave one, the subaccount.
pub fn account_hash(account: &Account) -> Sha256Hash {
    let owner = sha256(account.owner.as_slice());
    match &account.subaccount {
        None => sha256(&owner),
        Some(subaccount) => {
            let mut hasher = PairHasher::new();
            hasher.update(&owner, &sha256(subaccount));
            hasher.finalize()
        }
    }
}

/// What a `mint` is remembered by: the hash of its `tx` map with the minter, which the map does not name. No `tx` map has the same
/// hash: what is hashed here is no whole number of pairs.
pub fn minters_hash(transaction: &Sha256Hash, minter: &Principal) -> Sha256Hash {
    sha256(&[&transaction[..], minter.as_slice()].concat())
}

/// Hashes that are known before a transaction is hashed: of its accounts, from their records.
#[derive(Clone, Copy, Debug, Default)]
pub struct KnownHashes {
    /// Of `from`.
    pub from: Option<Sha256Hash>,
    /// Of `to`.
    pub to: Option<Sha256Hash>,
    /// Of `spender`.
    pub spender: Option<Sha256Hash>,
}

impl Transaction {
    /// Hash of the `tx` map. It identifies the call for deduplication.
    pub fn hash(&self) -> Sha256Hash {
        self.hash_with(&KnownHashes::default())
    }

    /// As [`Transaction::hash`], for a caller that knows some of the hashes in it.
    pub fn hash_with(&self, known: &KnownHashes) -> Sha256Hash {
        let mut hasher = PairHasher::new();
        self.fields(|key, field| {
            let value = match key.text {
                "from" => known.from,
                "to" | "fee_collector" => known.to,
                "spender" => known.spender,
                _ => None,
            };
            hasher.update(&key.hash, &value.unwrap_or_else(|| field.hash(None)));
        });
        hasher.finalize()
    }
}

impl Block {
    /// The block's hash: the next block's `phash`, and the `last_block_hash` of the tip.
    pub fn hash(&self) -> Sha256Hash {
        self.hash_with(&self.transaction.hash())
    }

    /// As [`Block::hash`], for a caller that has the transaction's hash already.
    pub fn hash_with(&self, transaction_hash: &Sha256Hash) -> Sha256Hash {
        let mut hasher = PairHasher::new();
        self.fields(|key, field| hasher.update(&key.hash, &field.hash(Some(transaction_hash))));
        hasher.finalize()
    }
}

impl Field<'_> {
    fn hash(&self, transaction_hash: Option<&Sha256Hash>) -> Sha256Hash {
        match self {
            Field::Constant(constant) => constant.hash,
            Field::Nat(value) => hash_nat(*value),
            Field::Blob(bytes) => sha256(bytes),
            Field::Account(account) => account_hash(account),
            Field::Transaction(transaction) => transaction_hash.copied().unwrap_or_else(|| transaction.hash()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sha2::{Digest, Sha256};

    #[test]
    fn should_be_sha256_at_every_length() {
        let bytes: Vec<u8> = (0..=200).collect();
        for length in 0..bytes.len() {
            let expected: Sha256Hash = Sha256::digest(&bytes[..length]).into();
            assert_eq!(sha256(&bytes[..length]), expected, "{length} bytes");
        }
        let mut hasher = PairHasher::new();
        for pair in bytes.chunks_exact(64) {
            hasher.update(pair[..32].try_into().unwrap(), pair[32..].try_into().unwrap());
        }
        let expected: Sha256Hash = Sha256::digest(&bytes[..192]).into();
        assert_eq!(hasher.finalize(), expected);
    }
}
