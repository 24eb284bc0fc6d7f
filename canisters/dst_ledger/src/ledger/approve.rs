//! `icrc2_approve`.

use candid::Principal;
use ic_stable_structures::Memory;
use icrc_ledger_types::icrc1::account::Account;
use icrc_ledger_types::icrc2::approve::ApproveError;

use super::Ledger;
use super::failure::Failure;
use super::request::{Approve, Quantity};
use super::window::{check_memo_length, refuse_anonymous};
use super::working_set::{Part, WorkingSet};
use crate::block::{KnownHashes, Operation, Transaction};
use crate::config::MAX_MEMO_BYTES;
use crate::storage::allowances::StoredAllowance;

impl<M: Memory> Ledger<M> {
    /// ICRC-2 `icrc2_approve` at time `now` (nanoseconds). Returns the block's index.
    pub fn approve(&mut self, caller: Principal, args: impl Into<Approve>, now: u64) -> Result<u64, ApproveError> {
        refuse_anonymous(caller)
            .and_then(|()| self.execute_approve(caller, args.into(), now))
            .map_err(ApproveError::from)
    }

    fn execute_approve(&mut self, caller: Principal, args: Approve, now: u64) -> Result<u64, Failure> {
        self.refuse_until_ready()?;
        let account = Account {
            owner: caller,
            subaccount: args.from_subaccount,
        };
        if account == self.config.minting_account {
            return Err(Failure::DelegatedMint);
        }
        if args.spender.owner == caller {
            return Err(Failure::SelfApproval);
        }
        check_memo_length(args.memo.as_deref(), MAX_MEMO_BYTES)?;
        let expected_fee = self.config.fee;
        let named_fee = match args.fee {
            None => None,
            Some(Quantity::Of(fee)) => Some(fee),
            Some(Quantity::Excess) => return Err(Failure::BadFee { expected_fee }),
        };
        let mut set = WorkingSet::new();
        let from = self.enlist(&mut set, &account);
        let spender = self.enlist(&mut set, &args.spender);
        let expected_allowance = match args.expected_allowance {
            None => None,
            Some(Quantity::Of(expected)) => Some(expected),
            Some(Quantity::Excess) => {
                return Err(Failure::AllowanceChanged {
                    current_allowance: self.current_allowance(&set, from, spender, now),
                });
            }
        };

        let transaction = Transaction {
            operation: Operation::Approve,
            from: Some(account),
            to: None,
            spender: Some(args.spender),
            amount: match args.amount {
                Quantity::Of(amount) => amount,
                Quantity::Excess => u128::MAX,
            },
            fee: named_fee,
            memo: args.memo,
            created_at_time: args.created_at_time,
            expected_allowance,
            expires_at: args.expires_at,
            caller: None,
        };
        let known = KnownHashes {
            from: Some(set.hash(from, &account)),
            to: None,
            spender: Some(set.hash(spender, &args.spender)),
        };
        let hash = transaction.hash_with(&known);
        let remember = self.deduplicate(args.created_at_time, &hash, now)?;
        self.check_memo(transaction.memo.as_deref())?;
        if named_fee.is_some_and(|fee| fee != expected_fee) {
            return Err(Failure::BadFee { expected_fee });
        }

        let balance = set.balance(from);
        if balance < expected_fee {
            return Err(Failure::InsufficientFunds { balance });
        }
        if args.expires_at.is_some_and(|expiry| expiry <= now) {
            return Err(Failure::Expired { ledger_time: now });
        }
        if let Some(expected) = expected_allowance {
            let current_allowance = self.current_allowance(&set, from, spender, now);
            if expected != current_allowance {
                return Err(Failure::AllowanceChanged { current_allowance });
            }
        }

        set.debit(from, expected_fee);
        set.record(from);
        self.collect_fee(&mut set, expected_fee);
        // Removing an allowance of a spender never seen is a transaction like any other, and stores no account.
        if transaction.amount > 0 {
            set.keep(spender);
        }
        let allowance = StoredAllowance {
            amount: transaction.amount,
            expires_at: args.expires_at,
        };
        let unnamed_fee = named_fee.is_none().then_some(expected_fee);
        let index = self.commit(&mut set, transaction, &hash, remember, unnamed_fee, now);
        if let Some((owner, spender)) = set.number(from).zip(set.number(spender)) {
            self.storage.allowances.set(owner, spender, allowance);
        }
        Ok(index)
    }

    fn current_allowance(&self, set: &WorkingSet, owner: Part, spender: Part, now: u64) -> u128 {
        set.number(owner)
            .zip(set.number(spender))
            .and_then(|(owner, spender)| self.storage.allowances.active(owner, spender, now))
            .map_or(0, |allowance| allowance.amount)
    }
}
