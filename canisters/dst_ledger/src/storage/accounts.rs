//! Balances: an array of fixed-size account records and an index that finds an account's number.
//!
//! ```text
//! 0 version (1) · 1 account key (62 bytes) · 63 zero · 64 balance (16 bytes, little-endian) · 80 to 128 zero
//! ```
//! A record never moves and never goes: what an account can be in debt of (allowances, history) refers to its number.
//! Creating one has always cost somebody a fee or taken a mint. 32 records fill a 4 KiB page exactly, so that a balance
//! is read and written within one page.

use ic_stable_structures::{Memory, StableBTreeMap};

use super::raw;
use crate::account::{ACCOUNT_KEY_BYTES, AccountKey};

const RECORD_BYTES: usize = 128;
const KEY_AT: usize = 1;
const BALANCE_AT: u64 = 64;
const VERSION: u8 = 1;

/// An account's place in the array, from 0.
pub type AccountNumber = u64;

/// Where a record begins.
const fn offset(number: AccountNumber) -> u64 {
    number * RECORD_BYTES as u64
}

/// All accounts ever seen.
pub struct Accounts<M: Memory> {
    records: M,
    index: StableBTreeMap<AccountKey, AccountNumber, M>,
}

impl<M: Memory> Accounts<M> {
    pub(super) fn open(records: M, index: M) -> Self {
        Self {
            records,
            index: StableBTreeMap::init(index),
        }
    }

    /// How many there are.
    pub fn len(&self) -> u64 {
        self.index.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The account's number, if it has ever been seen.
    pub fn find(&self, account: &AccountKey) -> Option<AccountNumber> {
        self.index.get(account)
    }

    /// A new record, its balance 0, for an account that [`Accounts::find`] does not know.
    pub fn create(&mut self, account: AccountKey) -> AccountNumber {
        let number = self.index.len();
        let mut record = [0; RECORD_BYTES];
        record[0] = VERSION;
        record[KEY_AT..][..ACCOUNT_KEY_BYTES].copy_from_slice(&account.0);
        raw::write(&self.records, offset(number), &record);
        self.index.insert(account, number);
        number
    }

    /// The account with this number, which must be below [`Accounts::len`].
    pub fn key(&self, number: AccountNumber) -> AccountKey {
        AccountKey(raw::read(&self.records, offset(number) + KEY_AT as u64))
    }

    /// Its balance in smallest units.
    pub fn balance(&self, number: AccountNumber) -> u128 {
        u128::from_le_bytes(raw::read(&self.records, offset(number) + BALANCE_AT))
    }

    /// Sets its balance.
    pub fn set_balance(&mut self, number: AccountNumber, balance: u128) {
        self.records.write(offset(number) + BALANCE_AT, &balance.to_le_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candid::Principal;
    use ic_stable_structures::VectorMemory;
    use icrc_ledger_types::icrc1::account::Account;

    #[test]
    fn should_keep_accounts_by_number() {
        let (records, index) = (VectorMemory::default(), VectorMemory::default());
        let key = |n: u16| AccountKey::from(&Account::from(Principal::from_slice(&n.to_be_bytes())));
        let mut accounts = Accounts::open(records.clone(), index.clone());
        for n in 0..1000 {
            assert_eq!(accounts.find(&key(n)), None);
            assert_eq!(accounts.create(key(n)), u64::from(n));
            accounts.set_balance(n.into(), u128::MAX - u128::from(n));
        }
        let accounts = Accounts::open(records, index);
        for n in 0..1000 {
            assert_eq!(accounts.find(&key(n)), Some(n.into()));
            assert_eq!(accounts.key(n.into()), key(n));
            assert_eq!(accounts.balance(n.into()), u128::MAX - u128::from(n));
        }
    }
}
