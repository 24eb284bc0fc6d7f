//! `icrc1_transfer` and `icrc2_transfer_from`: transfers, mints and burns.

use candid::Principal;
use ic_stable_structures::Memory;
use icrc_ledger_types::icrc1::account::Account;
use icrc_ledger_types::icrc1::transfer::TransferError;
use icrc_ledger_types::icrc2::transfer_from::TransferFromError;

use super::Ledger;
use super::failure::Failure;
use super::request::{Quantity, Transfer, TransferFrom};
use super::window::{check_memo_length, refuse_anonymous};
use super::working_set::{Part, WorkingSet};
use crate::block::{KnownHashes, Operation, Transaction};
use crate::config::MAX_MEMO_BYTES;
use crate::storage::accounts::AccountNumber;
use crate::storage::allowances::StoredAllowance;

/// Both methods' arguments. `spender` is the caller's account in `icrc2_transfer_from`.
struct Request {
    from: Account,
    to: Account,
    spender: Option<Account>,
    amount: Quantity,
    fee: Option<Quantity>,
    memo: Option<Vec<u8>>,
    created_at_time: Option<u64>,
}

/// The accounts of a transaction in the working set.
#[derive(Clone, Copy)]
struct Parts {
    from: Option<Part>,
    to: Option<Part>,
    spender: Option<Part>,
}

/// The allowance that a transfer draws on: whose, and what it is before.
struct Draw {
    owner: AccountNumber,
    spender: AccountNumber,
    allowance: StoredAllowance,
}

impl<M: Memory> Ledger<M> {
    /// ICRC-1 `icrc1_transfer` at time `now` (nanoseconds). Returns the block's index.
    pub fn transfer(&mut self, caller: Principal, args: impl Into<Transfer>, now: u64) -> Result<u64, TransferError> {
        let args = args.into();
        let request = Request {
            from: Account {
                owner: caller,
                subaccount: args.from_subaccount,
            },
            to: args.to,
            spender: None,
            amount: args.amount,
            fee: args.fee,
            memo: args.memo,
            created_at_time: args.created_at_time,
        };
        refuse_anonymous(caller)
            .and_then(|()| self.execute(request, now))
            .map_err(TransferError::from)
    }

    /// ICRC-2 `icrc2_transfer_from` at time `now` (nanoseconds). Returns the block's index.
    pub fn transfer_from(
        &mut self,
        caller: Principal,
        args: impl Into<TransferFrom>,
        now: u64,
    ) -> Result<u64, TransferFromError> {
        let args = args.into();
        let request = Request {
            from: args.from,
            to: args.to,
            spender: Some(Account {
                owner: caller,
                subaccount: args.spender_subaccount,
            }),
            amount: args.amount,
            fee: args.fee,
            memo: args.memo,
            created_at_time: args.created_at_time,
        };
        refuse_anonymous(caller)
            .and_then(|()| self.execute(request, now))
            .map_err(TransferFromError::from)
    }

    fn execute(&mut self, request: Request, now: u64) -> Result<u64, Failure> {
        self.refuse_until_ready()?;
        let Request {
            from,
            to,
            spender,
            amount,
            fee,
            memo,
            created_at_time,
        } = request;
        let minting = self.config.minting_account;
        let operation = match (from == minting, to == minting) {
            (true, true) => return Err(Failure::BothEndsMint),
            (true, false) if spender.is_some() => return Err(Failure::DelegatedMint),
            (true, false) => Operation::Mint,
            (false, true) => Operation::Burn,
            (false, false) => Operation::Transfer,
        };
        check_memo_length(memo.as_deref(), MAX_MEMO_BYTES)?;

        let expected_fee = if operation == Operation::Transfer {
            self.config.fee
        } else {
            0
        };
        let named_fee = match fee {
            None => None,
            Some(Quantity::Of(fee)) => Some(fee),
            Some(Quantity::Excess) => return Err(Failure::BadFee { expected_fee }),
        };

        let mut set = WorkingSet::new();
        let parts = Parts {
            from: (operation != Operation::Mint).then(|| self.enlist(&mut set, &from)),
            to: (operation != Operation::Burn).then(|| self.enlist(&mut set, &to)),
            spender: spender.as_ref().map(|spender| self.enlist(&mut set, spender)),
        };
        let Quantity::Of(amount) = amount else {
            return Err(match parts.from {
                None => Failure::SupplyCap {
                    max_supply: self.config.max_supply,
                },
                Some(from) => Failure::InsufficientFunds {
                    balance: set.balance(from),
                },
            });
        };

        let transaction = Transaction {
            operation,
            from: parts.from.map(|_| from),
            to: parts.to.map(|_| to),
            spender,
            amount,
            fee: named_fee.filter(|_| operation == Operation::Transfer),
            memo,
            created_at_time,
            expected_allowance: None,
            expires_at: None,
            caller: None,
        };
        let known = KnownHashes {
            from: parts.from.map(|part| set.hash(part, &from)),
            to: parts.to.map(|part| set.hash(part, &to)),
            spender: parts
                .spender
                .zip(spender.as_ref())
                .map(|(part, spender)| set.hash(part, spender)),
        };
        let hash = transaction.hash_with(&known);
        let remember = self.deduplicate(created_at_time, &hash, now)?;
        self.check_memo(transaction.memo.as_deref())?;
        if named_fee.is_some_and(|fee| fee != expected_fee) {
            return Err(Failure::BadFee { expected_fee });
        }

        match (parts.from, parts.to) {
            (Some(from), to) => self.take(&mut set, from, to, parts.spender, amount, now)?,
            (None, Some(to)) => self.mint_to(&mut set, to, amount)?,
            (None, None) => return Err(Failure::BothEndsMint),
        }
        let unnamed_fee = (expected_fee > 0 && named_fee.is_none()).then_some(expected_fee);
        Ok(self.commit(&mut set, transaction, &hash, remember, unnamed_fee, now))
    }

    pub(super) fn mint_to(&mut self, set: &mut WorkingSet, to: Part, amount: u128) -> Result<(), Failure> {
        let max_supply = self.config.max_supply;
        let supply = self
            .totals
            .supply
            .checked_add(amount)
            .filter(|supply| *supply <= max_supply);
        // What was ever minted fits 128 bits too: `minted` is part of the conservation that `invariants` checks.
        let minted = self.totals.minted.checked_add(amount);
        let (supply, minted) = supply.zip(minted).ok_or(Failure::SupplyCap { max_supply })?;
        set.credit(to, amount);
        set.record(to);
        self.totals.supply = supply;
        self.totals.minted = minted;
        Ok(())
    }

    /// Takes `amount`, and the fee if there is a `to`, from `from`; gives the amount to `to` or burns it.
    fn take(
        &mut self,
        set: &mut WorkingSet,
        from: Part,
        to: Option<Part>,
        spender: Option<Part>,
        amount: u128,
        now: u64,
    ) -> Result<(), Failure> {
        let fee = if to.is_some() { self.config.fee } else { 0 };
        if to.is_none() && amount < self.config.fee {
            return Err(Failure::BadBurn {
                min_burn_amount: self.config.fee,
            });
        }
        let total = amount.checked_add(fee);

        // A spender that is the account itself draws on no allowance (ICRC-2, `icrc2_transfer_from`).
        let draw = match spender {
            Some(spender) if spender != from => Some(self.draw(set, from, spender, total, now)?),
            _ => None,
        };
        let balance = set.balance(from);
        let total = total
            .filter(|total| *total <= balance)
            .ok_or(Failure::InsufficientFunds { balance })?;

        set.debit(from, total);
        set.record(from);
        if let Some(to) = to {
            set.credit(to, amount);
            set.record(to);
            self.collect_fee(set, fee);
        } else {
            self.totals.burnt += amount;
            self.totals.supply -= amount;
        }
        if let Some(Draw {
            owner,
            spender,
            allowance,
        }) = draw
        {
            let left = StoredAllowance {
                amount: allowance.amount - total,
                ..allowance
            };
            self.storage.allowances.set(owner, spender, left);
        }
        Ok(())
    }

    /// Gives a fee that has been debited to the fee collector, or burns it (ICRC-107, "Effective Fee Application").
    pub(super) fn collect_fee(&mut self, set: &mut WorkingSet, fee: u128) {
        if let Some(collector) = self.config.fee_collector {
            let collector = self.enlist(set, &collector);
            set.credit(collector, fee);
        } else {
            self.totals.fees_burnt += fee;
            self.totals.supply -= fee;
        }
    }

    /// The allowance of `spender` on `owner`, which must cover `total` (`None`: more than any allowance).
    fn draw(
        &self,
        set: &WorkingSet,
        owner: Part,
        spender: Part,
        total: Option<u128>,
        now: u64,
    ) -> Result<Draw, Failure> {
        let found = set.number(owner).zip(set.number(spender)).and_then(|(owner, spender)| {
            self.storage
                .allowances
                .active(owner, spender, now)
                .map(|allowance| Draw {
                    owner,
                    spender,
                    allowance,
                })
        });
        let amount = found.as_ref().map_or(0, |draw| draw.allowance.amount);
        found
            .filter(|draw| total.is_some_and(|total| total <= draw.allowance.amount))
            .ok_or(Failure::InsufficientAllowance { allowance: amount })
    }
}
