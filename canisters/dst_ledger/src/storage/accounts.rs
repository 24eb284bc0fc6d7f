//! Balances: an array of fixed-size account records, a keyed index that finds an account's number, and a sorted one that
//! lists an owner's subaccounts.
//!
//! ```text
//! 0 version (1 or 2) · 1 account key (62 bytes) · 63 zero · 64 balance (16 bytes, little-endian) ·
//! 80 hash of the account's ICRC-3 value (32 bytes) · 112 blocks in its history · 120 its last history extent (8 bytes each)
//! ```
//! Version 1 has zeroes from 80 on: it knows no hash and no history. A record never moves and never goes: what an account
//! can be in debt of (allowances, history) refers to its number. Creating one has always cost somebody a fee or taken a mint.
//! 32 records fill a 4 KiB page exactly, so that an account is read and written within one page.
//!
//! # The two indexes
//! The keyed index ([`ddsx_hash_index`]) is on the path of every transaction: one page, a few thousand instructions, its key
//! secret so that nobody can choose accounts that collide. The sorted index is a B-tree ten times as dear; accounts enter it
//! afterwards, in slices ([`Accounts::sort`]), and a listing reads the few that are not in it yet from the records.
//!
//! Version 1 of the ledger had the sorted index alone. Its accounts enter the keyed one in slices after the upgrade
//! ([`Accounts::index_legacy`]); until they all have, a miss there is asked of the sorted index too.

use std::ops::Bound;

use ddsx_hash_index::{HashIndex, SipKey, Vacancy};
use ic_stable_structures::{Memory, StableBTreeMap};

use super::{Totals, raw};
use crate::account::{ACCOUNT_KEY_BYTES, AccountKey};
use crate::block::Sha256Hash;

const RECORD_BYTES: usize = 128;
const KEY_AT: usize = 1;
const STATE_AT: usize = 64;
const WITHOUT_HASH: u8 = 1;
const WITH_HASH: u8 = 2;

/// An account's place in the array, from 0.
pub type AccountNumber = u64;

/// Where a record begins.
const fn offset(number: AccountNumber) -> u64 {
    number * RECORD_BYTES as u64
}

/// What changes in an account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AccountState {
    /// Smallest units.
    pub balance: u128,
    /// Hash of the account as an ICRC-3 value, a default subaccount left out. `None` in a record of version 1.
    pub hash: Option<Sha256Hash>,
    /// Blocks in its history.
    pub history_length: u64,
    /// Where the last extent of its history begins; 0 if there is none.
    pub history_extent: u64,
}

impl AccountState {
    fn decode(record: &[u8; RECORD_BYTES]) -> Self {
        let number = |at: usize| u64::from_le_bytes(std::array::from_fn(|i| record[at + i]));
        Self {
            balance: u128::from_le_bytes(std::array::from_fn(|i| record[64 + i])),
            hash: (record[0] == WITH_HASH).then(|| std::array::from_fn(|i| record[80 + i])),
            history_length: number(112),
            history_extent: number(120),
        }
    }

    fn encode(&self, record: &mut [u8; RECORD_BYTES]) {
        record[0] = if self.hash.is_some() { WITH_HASH } else { WITHOUT_HASH };
        record[64..80].copy_from_slice(&self.balance.to_le_bytes());
        record[80..112].copy_from_slice(&self.hash.unwrap_or_default());
        record[112..120].copy_from_slice(&self.history_length.to_le_bytes());
        record[120..].copy_from_slice(&self.history_extent.to_le_bytes());
    }
}

/// Where an account is, or where its number would go.
#[derive(Clone, Copy)]
pub enum Place {
    /// It has been seen before.
    Known(AccountNumber, AccountState),
    /// It has not.
    New(Vacancy),
}

/// All accounts ever seen.
pub struct Accounts<M: Memory> {
    records: M,
    sorted: StableBTreeMap<AccountKey, AccountNumber, M>,
    index: HashIndex<M>,
}

impl<M: Memory> Accounts<M> {
    pub(super) fn open(records: M, sorted: M, index: M) -> Result<Self, String> {
        Ok(Self {
            records,
            sorted: StableBTreeMap::init(sorted),
            index: HashIndex::open(index).map_err(|error| format!("account index: {error}"))?,
        })
    }

    /// Accounts in the sorted index: with version 1, all there are.
    pub fn sorted_len(&self) -> u64 {
        self.sorted.len()
    }

    /// Finds an account, reading its record once.
    pub fn locate(&self, account: &AccountKey, key: &SipKey, totals: &Totals) -> Place {
        let mut record = [0; RECORD_BYTES];
        let found = self.index.find_or_vacancy(key.hash(&account.0), |number| {
            self.records.read(offset(number), &mut record);
            record[KEY_AT..STATE_AT - 1] == account.0
        });
        match found {
            Ok(number) => Place::Known(number, AccountState::decode(&record)),
            Err(vacancy) => self
                .find_legacy(account, totals)
                .map_or(Place::New(vacancy), |number| Place::Known(number, self.state(number))),
        }
    }

    /// The account's number, if it has ever been seen. Works without a key too, for what version 1 has stored.
    pub fn find(&self, account: &AccountKey, totals: &Totals) -> Option<AccountNumber> {
        let indexed = totals.index_key.as_ref().and_then(|key| {
            self.index
                .find(key.hash(&account.0), |number| self.key(number) == *account)
        });
        indexed.or_else(|| self.find_legacy(account, totals))
    }

    fn find_legacy(&self, account: &AccountKey, totals: &Totals) -> Option<AccountNumber> {
        if totals.indexed_accounts < totals.legacy_accounts {
            self.sorted.get(account)
        } else {
            None
        }
    }

    /// Stores a new account at the place where [`Accounts::locate`] did not find it; returns its number.
    pub fn create(
        &mut self,
        account: &AccountKey,
        vacancy: Vacancy,
        state: &AccountState,
        totals: &mut Totals,
    ) -> AccountNumber {
        let number = totals.accounts;
        let mut record = [0; RECORD_BYTES];
        record[KEY_AT..][..ACCOUNT_KEY_BYTES].copy_from_slice(&account.0);
        state.encode(&mut record);
        raw::write(&self.records, offset(number), &record);
        self.index.insert_at(vacancy, number);
        totals.accounts += 1;
        number
    }

    /// The account with this number, which must be below `totals.accounts`.
    pub fn key(&self, number: AccountNumber) -> AccountKey {
        AccountKey(raw::read(&self.records, offset(number) + KEY_AT as u64))
    }

    /// What is stored of it.
    pub fn state(&self, number: AccountNumber) -> AccountState {
        AccountState::decode(&raw::read(&self.records, offset(number)))
    }

    /// Stores what has changed in it; `account` is its key.
    pub fn set_state(&mut self, number: AccountNumber, account: &AccountKey, state: &AccountState) {
        let mut record = [0; RECORD_BYTES];
        record[KEY_AT..][..ACCOUNT_KEY_BYTES].copy_from_slice(&account.0);
        state.encode(&mut record);
        self.records.write(offset(number), &record);
    }

    /// Enters at most `limit` more accounts in the sorted index; returns how many.
    pub fn sort(&mut self, totals: &mut Totals, limit: u64) -> u64 {
        let end = totals.accounts.min(totals.sorted_accounts.saturating_add(limit));
        let begin = totals.sorted_accounts;
        for number in begin..end {
            self.sorted.insert(self.key(number), number);
        }
        totals.sorted_accounts = end;
        end - begin
    }

    /// Enters at most `limit` more accounts of version 1 in the keyed index; returns how many.
    pub fn index_legacy(&mut self, key: &SipKey, totals: &mut Totals, limit: u64) -> u64 {
        let end = totals
            .legacy_accounts
            .min(totals.indexed_accounts.saturating_add(limit));
        let begin = totals.indexed_accounts;
        for number in begin..end {
            self.index.insert(key.hash(&self.key(number).0), number);
        }
        totals.indexed_accounts = end;
        end - begin
    }

    /// The first `limit` accounts of `first`'s owner from `first` on, in order, with their numbers. Besides the sorted index it
    /// reads every record that is not in it yet: those of the last seconds.
    pub fn of_owner_from(&self, first: &AccountKey, limit: usize, totals: &Totals) -> Vec<(AccountKey, AccountNumber)> {
        let same_owner = |key: &AccountKey| key.owner_bytes() == first.owner_bytes();
        let sorted = self
            .sorted
            .range((Bound::Included(*first), Bound::Unbounded))
            .map(|entry| (*entry.key(), entry.value()))
            .take_while(|(key, _)| same_owner(key))
            .take(limit);
        let mut accounts: Vec<_> = sorted.collect();
        let recent = (totals.sorted_accounts..totals.accounts)
            .map(|number| (self.key(number), number))
            .filter(|(key, _)| key >= first && same_owner(key));
        accounts.extend(recent);
        accounts.sort_unstable();
        accounts.truncate(limit);
        accounts
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candid::Principal;
    use ic_stable_structures::VectorMemory;
    use icrc_ledger_types::icrc1::account::Account;

    const KEY: SipKey = SipKey([5; 16]);

    fn memories() -> [VectorMemory; 3] {
        std::array::from_fn(|_| VectorMemory::default())
    }

    fn open([records, sorted, index]: &[VectorMemory; 3]) -> Accounts<VectorMemory> {
        Accounts::open(records.clone(), sorted.clone(), index.clone()).unwrap()
    }

    fn key(n: u16) -> AccountKey {
        AccountKey::from(&Account {
            owner: Principal::from_slice(&(n / 10).to_be_bytes()),
            subaccount: Some([u8::try_from(n % 10).unwrap(); 32]),
        })
    }

    fn state(n: u16) -> AccountState {
        AccountState {
            balance: u128::MAX - u128::from(n),
            hash: n.is_multiple_of(2).then_some([7; 32]),
            history_length: n.into(),
            history_extent: u64::MAX - u64::from(n),
        }
    }

    fn create(accounts: &mut Accounts<VectorMemory>, n: u16, totals: &mut Totals) {
        let Place::New(vacancy) = accounts.locate(&key(n), &KEY, totals) else {
            panic!("account {n} is there already")
        };
        accounts.create(&key(n), vacancy, &state(n), totals);
    }

    #[test]
    fn should_keep_accounts_by_number() {
        let memories = memories();
        let mut totals = Totals {
            index_key: Some(KEY),
            ..Totals::default()
        };
        let mut accounts = open(&memories);
        for n in 0..1000 {
            create(&mut accounts, n, &mut totals);
        }
        let mut accounts = open(&memories);
        for n in 0..1000 {
            let number = accounts.find(&key(n), &totals).unwrap();
            assert_eq!((number, accounts.key(number)), (u64::from(n), key(n)));
            assert_eq!(accounts.state(number), state(n));
            accounts.set_state(number, &key(n), &state(n + 1));
            assert!(
                matches!(accounts.locate(&key(n), &KEY, &totals), Place::Known(found, now) if found == number && now == state(n + 1))
            );
        }
        assert_eq!(totals.accounts, 1000);
    }

    #[test]
    fn should_list_an_owners_accounts_sorted_or_not() {
        let mut totals = Totals {
            index_key: Some(KEY),
            ..Totals::default()
        };
        let mut accounts = open(&memories());
        for n in (0..100).rev() {
            create(&mut accounts, n, &mut totals);
        }
        for sorted in [0, 37, 63, 0] {
            assert_eq!(accounts.sort(&mut totals, sorted), sorted);
            let listed = accounts.of_owner_from(&key(43), 5, &totals);
            let expected: Vec<_> = (43..48).map(|n| (key(n), 99 - u64::from(n))).collect();
            assert_eq!(listed, expected, "{} in the sorted index", totals.sorted_accounts);
            assert_eq!(
                accounts.of_owner_from(&key(47), 5, &totals).len(),
                3,
                "the owner has 3 more"
            );
        }
    }

    /// What version 1 stored: records without hash and history, and the sorted index.
    #[test]
    fn should_find_what_version_1_stored_at_every_stage_of_its_indexing() {
        let memories = memories();
        let [records, sorted, _] = &memories;
        let mut index = StableBTreeMap::init(sorted.clone());
        for n in 0..50_u16 {
            let mut record = [0; RECORD_BYTES];
            record[0] = 1;
            record[KEY_AT..][..ACCOUNT_KEY_BYTES].copy_from_slice(&key(n).0);
            record[64] = u8::try_from(n).unwrap();
            raw::write(records, offset(n.into()), &record);
            index.insert(key(n), u64::from(n));
        }
        let mut totals = Totals {
            accounts: 50,
            legacy_accounts: 50,
            sorted_accounts: 50,
            ..Totals::default()
        };
        let mut accounts = open(&memories);
        assert_eq!(accounts.find(&key(49), &totals), Some(49), "before there is a key");
        totals.index_key = Some(KEY);
        create(&mut accounts, 60, &mut totals);
        for slice in [0, 20, 30, 10] {
            accounts.index_legacy(&KEY, &mut totals, slice);
            for n in 0..50 {
                let expected = AccountState {
                    balance: n.into(),
                    ..AccountState::default()
                };
                assert!(
                    matches!(accounts.locate(&key(n), &KEY, &totals), Place::Known(number, state) if number == u64::from(n) && state == expected)
                );
            }
            assert_eq!(accounts.find(&key(60), &totals), Some(50));
            assert_eq!(accounts.find(&key(61), &totals), None);
        }
        assert_eq!(totals.indexed_accounts, 50);
    }
}
