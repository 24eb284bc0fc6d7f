//! `icrc2_approve`.

use candid::Principal;
use ic_stable_structures::Memory;
use icrc_ledger_types::icrc1::account::Account;
use icrc_ledger_types::icrc2::approve::{ApproveArgs, ApproveError};

use super::Ledger;
use super::failure::Failure;
use super::window::{check_memo_length, refuse_anonymous};
use crate::amount::to_u128;
use crate::block::{Operation, Transaction};
use crate::config::MAX_MEMO_BYTES;
use crate::storage::allowances::StoredAllowance;

impl<M: Memory> Ledger<M> {
    /// ICRC-2 `icrc2_approve` at time `now` (nanoseconds). Returns the block's index.
    pub fn approve(&mut self, caller: Principal, args: ApproveArgs, now: u64) -> Result<u64, ApproveError> {
        refuse_anonymous(caller)
            .and_then(|()| self.execute_approve(caller, args, now))
            .map_err(ApproveError::from)
    }

    fn execute_approve(&mut self, caller: Principal, args: ApproveArgs, now: u64) -> Result<u64, Failure> {
        let from = Account {
            owner: caller,
            subaccount: args.from_subaccount,
        };
        if from == self.config.minting_account {
            return Err(Failure::DelegatedMint);
        }
        if args.spender.owner == caller {
            return Err(Failure::SelfApproval);
        }
        let memo = args.memo.map(|memo| memo.0.into_vec());
        check_memo_length(memo.as_deref(), MAX_MEMO_BYTES)?;
        let expected_fee = self.config.fee;
        let named_fee = match &args.fee {
            None => None,
            Some(fee) => Some(to_u128(fee).ok_or(Failure::BadFee { expected_fee })?),
        };
        let expected_allowance = match &args.expected_allowance {
            None => None,
            Some(expected) => Some(to_u128(expected).ok_or_else(|| Failure::AllowanceChanged {
                current_allowance: self.allowance_amount(&from, &args.spender, now),
            })?),
        };

        let transaction = Transaction {
            operation: Operation::Approve,
            from: Some(from),
            to: None,
            spender: Some(args.spender),
            amount: to_u128(&args.amount).unwrap_or(u128::MAX),
            fee: named_fee,
            memo,
            created_at_time: args.created_at_time,
            expected_allowance,
            expires_at: args.expires_at,
        };
        let hash = transaction.hash();
        self.deduplicate(args.created_at_time, &hash, now)?;
        self.check_memo(transaction.memo.as_deref())?;
        if named_fee.is_some_and(|fee| fee != expected_fee) {
            return Err(Failure::BadFee { expected_fee });
        }

        let owner = self.storage.accounts.find(&(&from).into());
        let balance = owner.map_or(0, |owner| self.storage.accounts.balance(owner));
        let owner = owner
            .filter(|_| balance >= expected_fee)
            .ok_or(Failure::InsufficientFunds { balance })?;
        if args.expires_at.is_some_and(|expiry| expiry <= now) {
            return Err(Failure::Expired { ledger_time: now });
        }
        let spender = self.storage.accounts.find(&(&args.spender).into());
        if let Some(expected) = expected_allowance {
            let current_allowance = spender
                .and_then(|spender| self.storage.allowances.active(owner, spender, now))
                .map_or(0, |allowance| allowance.amount);
            if expected != current_allowance {
                return Err(Failure::AllowanceChanged { current_allowance });
            }
        }

        self.set_balance(owner, balance, balance - expected_fee);
        self.totals.fees_burnt += expected_fee;
        self.totals.supply -= expected_fee;
        // Removing an allowance of a spender never seen is a transaction like any other, and stores no account.
        if spender.is_some() || transaction.amount > 0 {
            let spender = spender.unwrap_or_else(|| self.storage.accounts.create((&args.spender).into()));
            let allowance = StoredAllowance {
                amount: transaction.amount,
                expires_at: args.expires_at,
            };
            self.storage.allowances.set(owner, spender, allowance);
        }
        let unnamed_fee = named_fee.is_none().then_some(expected_fee);
        Ok(self.commit(transaction, &hash, unnamed_fee, now))
    }

    fn allowance_amount(&self, owner: &Account, spender: &Account, now: u64) -> u128 {
        let accounts = &self.storage.accounts;
        accounts
            .find(&owner.into())
            .zip(accounts.find(&spender.into()))
            .and_then(|(owner, spender)| self.storage.allowances.active(owner, spender, now))
            .map_or(0, |allowance| allowance.amount)
    }
}
