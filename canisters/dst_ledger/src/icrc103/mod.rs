//! ICRC-103: the allowances that a principal has given.
//!
//! They are listed in the order of (from account, spender account), from a place on, without those that have expired. The ledger
//! keeps an account's allowances in the order in which spenders were first seen, so one pass over them keeps the smallest that fit
//! the answer. A query looks at [`MAX_SCANNED`] accounts and allowances at most, a replicated call at [`MAX_SCANNED_REPLICATED`]. Since a list shorter than asked for means that
//! there are no more, a scan that gets so far is an error, which says how to ask instead.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use candid::{Nat, Principal};
use ddsx_types::dst_ledger::error_code;
use ic_stable_structures::Memory;
use icrc_ledger_types::icrc1::account::Account;
use icrc_ledger_types::icrc103::get_allowances::{Allowance, Allowances, GetAllowancesArgs, GetAllowancesError};

use crate::account::AccountKey;
use crate::amount::to_u64;
use crate::ledger::Ledger;
use crate::storage::accounts::AccountNumber;
use crate::storage::allowances::StoredAllowance;

/// `icrc103:max_take_value`: allowances in one answer.
pub const MAX_TAKE: usize = 500;
/// Accounts and allowances looked at for one answer: at below 20,000 instructions each, half of what a query may take.
pub const MAX_SCANNED: usize = 100_000;
/// The same where all nodes run it, which the ledger pays for.
pub const MAX_SCANNED_REPLICATED: usize = 2_000;
const ACCOUNTS_AT_ONCE: usize = 500;

/// `icrc103_get_allowances` at time `now` (nanoseconds), `replicated` where all nodes run it. Anybody may ask for anybody's.
pub fn get_allowances<M: Memory>(
    ledger: &Ledger<M>,
    caller: Principal,
    args: &GetAllowancesArgs,
    now: u64,
    replicated: bool,
) -> Result<Allowances, GetAllowancesError> {
    let max_scanned = if replicated {
        MAX_SCANNED_REPLICATED
    } else {
        MAX_SCANNED
    };
    list(ledger, caller, args, now, max_scanned)
}

fn list<M: Memory>(
    ledger: &Ledger<M>,
    caller: Principal,
    args: &GetAllowancesArgs,
    now: u64,
    max_scanned: usize,
) -> Result<Allowances, GetAllowancesError> {
    let take = args
        .take
        .as_ref()
        .and_then(to_u64)
        .and_then(|take| usize::try_from(take).ok());
    let take = match &args.take {
        Some(_) => take.unwrap_or(MAX_TAKE).min(MAX_TAKE),
        None => MAX_TAKE,
    };
    let from = args.from_account.unwrap_or_else(|| caller.into());
    let from = AccountKey::from(&from);
    let mut after = args.prev_spender.as_ref().map(AccountKey::from);
    let mut next = from;
    let mut listed = Vec::new();
    let mut budget = max_scanned;
    let (storage, totals) = ledger.stored();
    loop {
        let accounts = storage.accounts.of_owner_from(&next, ACCOUNTS_AT_ONCE, totals);
        for (owner, number) in &accounts {
            if listed.len() == take {
                return Ok(listed);
            }
            // The place to go on from is beside one spender of the first account; later accounts are listed whole.
            let after = after.take().filter(|_| *owner == from);
            let smallest = smallest_spenders(ledger, *number, after, take - listed.len(), now, &mut budget);
            let smallest = smallest.ok_or_else(|| too_many(owner, max_scanned))?;
            let from_account = readable(owner)?;
            for (spender, allowance) in smallest {
                listed.push(Allowance {
                    from_account,
                    to_spender: readable(&spender)?,
                    allowance: allowance.amount.into(),
                    expires_at: allowance.expires_at,
                });
            }
        }
        match accounts.last().and_then(|(last, _)| last.next_of_owner()) {
            Some(following) if accounts.len() == ACCOUNTS_AT_ONCE => next = following,
            _ => return Ok(listed),
        }
    }
}

/// The `count` smallest spenders of an account beyond `after`, in order, or `None` if the budget does not suffice to look at all.
fn smallest_spenders<M: Memory>(
    ledger: &Ledger<M>,
    owner: AccountNumber,
    after: Option<AccountKey>,
    count: usize,
    now: u64,
    budget: &mut usize,
) -> Option<BTreeMap<AccountKey, StoredAllowance>> {
    *budget = budget.checked_sub(1)?;
    let (storage, _) = ledger.stored();
    let mut smallest = BTreeMap::new();
    for (spender, allowance) in storage.allowances.of(owner) {
        *budget = budget.checked_sub(1)?;
        if allowance.expires_at.is_some_and(|expiry| expiry <= now) {
            continue;
        }
        let spender = storage.accounts.key(spender);
        if after.is_some_and(|after| spender <= after) {
            continue;
        }
        smallest.insert(spender, allowance);
        if smallest.len() > count {
            smallest.pop_last();
        }
    }
    Some(smallest)
}

fn too_many(account: &AccountKey, max_scanned: usize) -> GetAllowancesError {
    let place = account
        .account()
        .map_or_else(String::new, |account| account.to_string());
    generic(format!(
        "more than {max_scanned} accounts and allowances would have to be looked at: take fewer at once, or ask from {place} on"
    ))
}

fn readable(key: &AccountKey) -> Result<Account, GetAllowancesError> {
    key.account()
        .ok_or_else(|| generic("an account's record cannot be read".into()))
}

fn generic(message: String) -> GetAllowancesError {
    GetAllowancesError::GenericError {
        error_code: Nat::from(error_code::TOO_MANY_ALLOWANCES),
        message,
    }
}
