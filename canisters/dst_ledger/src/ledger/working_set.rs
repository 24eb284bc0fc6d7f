//! The accounts that one transaction reads and writes, each read once and written once however many parts it plays: sender and
//! recipient may be one account, the fee collector may be either.

use ic_stable_structures::Memory;
use icrc_ledger_types::icrc1::account::Account;

use super::Ledger;
use crate::account::AccountKey;
use crate::block::{Sha256Hash, account_hash};
use crate::storage::accounts::{AccountNumber, AccountState, Place};

/// A part's place in the set.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Part(usize);

struct Member {
    key: AccountKey,
    place: Place,
    state: AccountState,
    balance_before: u128,
    in_history: bool,
    changed: bool,
}

/// Sender, recipient, spender and fee collector at most.
pub(super) struct WorkingSet(Vec<Member>);

impl WorkingSet {
    pub(super) fn new() -> Self {
        Self(Vec::with_capacity(4))
    }

    /// The account's number, if it has been seen before.
    pub(super) fn number(&self, part: Part) -> Option<AccountNumber> {
        match self.0[part.0].place {
            Place::Known(number, _) => Some(number),
            Place::New(_) => None,
        }
    }

    pub(super) fn balance(&self, part: Part) -> u128 {
        self.0[part.0].state.balance
    }

    /// Takes from a balance, which must hold as much.
    pub(super) fn debit(&mut self, part: Part, amount: u128) {
        let member = &mut self.0[part.0];
        member.state.balance -= amount;
        member.changed = true;
    }

    /// Adds to a balance. It cannot overflow: the supply, checked before, holds every balance.
    pub(super) fn credit(&mut self, part: Part, amount: u128) {
        let member = &mut self.0[part.0];
        member.state.balance += amount;
        member.changed = true;
    }

    /// Has the account written, a new one created, even if its balance stays.
    pub(super) fn keep(&mut self, part: Part) {
        self.0[part.0].changed = true;
    }

    /// The block to come concerns this account: it enters its history.
    pub(super) fn record(&mut self, part: Part) {
        let member = &mut self.0[part.0];
        member.in_history = true;
        member.changed = true;
    }

    /// Hash of the account as the caller gave it, kept with the account if it is the one that is stored.
    pub(super) fn hash(&mut self, part: Part, account: &Account) -> Sha256Hash {
        // A default subaccount given in full has another hash than one left out; the record keeps the latter's.
        if account.subaccount == Some([0; 32]) {
            return account_hash(account);
        }
        *self.0[part.0].state.hash.get_or_insert_with(|| account_hash(account))
    }
}

impl<M: Memory> Ledger<M> {
    /// Takes an account into the set, or finds it there.
    pub(super) fn enlist(&self, set: &mut WorkingSet, account: &Account) -> Part {
        let key = AccountKey::from(account);
        if let Some(at) = set.0.iter().position(|member| member.key == key) {
            return Part(at);
        }
        let place = self.storage.accounts.locate(&key, &self.index_key, &self.totals);
        let state = match place {
            Place::Known(_, state) => state,
            Place::New(_) => AccountState::default(),
        };
        set.0.push(Member {
            key,
            place,
            state,
            balance_before: state.balance,
            in_history: false,
            changed: false,
        });
        Part(set.0.len() - 1)
    }

    /// Writes what has changed in the set; `block` is the index of the block to come.
    pub(super) fn write(&mut self, set: &mut WorkingSet, block: u64) {
        // While older blocks are still missing from the histories, this one waits for its turn among them.
        let history_is_complete = self.totals.history_blocks == block;
        for member in &mut set.0 {
            if !member.changed {
                continue;
            }
            if member.in_history && history_is_complete {
                self.storage.history.append(&mut member.state, block, &mut self.totals);
            }
            match (member.balance_before, member.state.balance) {
                (0, 1..) => self.totals.holders += 1,
                (1.., 0) => self.totals.holders -= 1,
                _ => {}
            }
            let accounts = &mut self.storage.accounts;
            match member.place {
                Place::Known(number, _) => accounts.set_state(number, &member.key, &member.state),
                Place::New(vacancy) => {
                    let number = accounts.create(&member.key, vacancy, &member.state, &mut self.totals);
                    member.place = Place::Known(number, member.state);
                }
            }
        }
        if history_is_complete {
            self.totals.history_blocks += 1;
        }
    }
}
