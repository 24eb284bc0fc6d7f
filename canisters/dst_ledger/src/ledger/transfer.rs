//! `icrc1_transfer` and `icrc2_transfer_from`: transfers, mints and burns.

use candid::{Nat, Principal};
use ic_stable_structures::Memory;
use icrc_ledger_types::icrc1::account::Account;
use icrc_ledger_types::icrc1::transfer::{Memo, TransferArg, TransferError};
use icrc_ledger_types::icrc2::transfer_from::{TransferFromArgs, TransferFromError};

use super::Ledger;
use super::failure::Failure;
use super::window::{check_memo_length, refuse_anonymous};
use crate::amount::to_u128;
use crate::block::{Operation, Transaction};
use crate::config::MAX_MEMO_BYTES;
use crate::storage::accounts::AccountNumber;
use crate::storage::allowances::StoredAllowance;

/// Both methods' arguments. `spender` is the caller's account in `icrc2_transfer_from`.
struct Request {
    from: Account,
    to: Account,
    spender: Option<Account>,
    amount: Nat,
    fee: Option<Nat>,
    memo: Option<Memo>,
    created_at_time: Option<u64>,
}

/// The allowance that a transfer draws on: whose, and what it is before.
struct Draw {
    owner: AccountNumber,
    spender: AccountNumber,
    allowance: StoredAllowance,
}

impl<M: Memory> Ledger<M> {
    /// ICRC-1 `icrc1_transfer` at time `now` (nanoseconds). Returns the block's index.
    pub fn transfer(&mut self, caller: Principal, args: TransferArg, now: u64) -> Result<u64, TransferError> {
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
        args: TransferFromArgs,
        now: u64,
    ) -> Result<u64, TransferFromError> {
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
        let memo = memo.map(|memo| memo.0.into_vec());
        check_memo_length(memo.as_deref(), MAX_MEMO_BYTES)?;

        let expected_fee = if operation == Operation::Transfer {
            self.config.fee
        } else {
            0
        };
        let named_fee = match &fee {
            None => None,
            Some(fee) => Some(to_u128(fee).ok_or(Failure::BadFee { expected_fee })?),
        };
        let amount = to_u128(&amount).ok_or_else(|| match operation {
            Operation::Mint => Failure::SupplyCap {
                max_supply: self.config.max_supply,
            },
            _ => Failure::InsufficientFunds {
                balance: self.balance_of(&from),
            },
        })?;

        let transaction = Transaction {
            operation,
            from: (operation != Operation::Mint).then_some(from),
            to: (operation != Operation::Burn).then_some(to),
            spender,
            amount,
            fee: named_fee.filter(|_| operation == Operation::Transfer),
            memo,
            created_at_time,
            expected_allowance: None,
            expires_at: None,
        };
        let hash = transaction.hash();
        self.deduplicate(created_at_time, &hash, now)?;
        self.check_memo(transaction.memo.as_deref())?;
        if named_fee.is_some_and(|fee| fee != expected_fee) {
            return Err(Failure::BadFee { expected_fee });
        }

        match operation {
            Operation::Mint => self.mint(&to, amount)?,
            _ => self.take(
                &from,
                (operation == Operation::Transfer).then_some(&to),
                spender.as_ref(),
                amount,
                now,
            )?,
        }
        let unnamed_fee = (expected_fee > 0 && named_fee.is_none()).then_some(expected_fee);
        Ok(self.commit(transaction, &hash, unnamed_fee, now))
    }

    fn mint(&mut self, to: &Account, amount: u128) -> Result<(), Failure> {
        let max_supply = self.config.max_supply;
        let supply = self
            .totals
            .supply
            .checked_add(amount)
            .filter(|supply| *supply <= max_supply);
        // What was ever minted fits 128 bits too: `minted` is part of the conservation that `invariants` checks.
        let minted = self.totals.minted.checked_add(amount);
        let (supply, minted) = supply.zip(minted).ok_or(Failure::SupplyCap { max_supply })?;
        let to = self.ensure_account(&to.into());
        self.credit(to, amount);
        self.totals.supply = supply;
        self.totals.minted = minted;
        Ok(())
    }

    /// Takes `amount`, and the fee if there is a `to`, from `from`; gives the amount to `to` or burns it.
    fn take(
        &mut self,
        from: &Account,
        to: Option<&Account>,
        spender: Option<&Account>,
        amount: u128,
        now: u64,
    ) -> Result<(), Failure> {
        let fee = if to.is_some() { self.config.fee } else { 0 };
        if to.is_none() && amount < self.config.fee {
            return Err(Failure::BadBurn {
                min_burn_amount: self.config.fee,
            });
        }
        let owner = self.storage.accounts.find(&from.into());
        let total = amount.checked_add(fee);

        // A spender that is the account itself draws on no allowance (ICRC-2, `icrc2_transfer_from`).
        let draw = match spender {
            Some(spender) if spender != from => Some(self.draw(owner, spender, total, now)?),
            _ => None,
        };
        let balance = owner.map_or(0, |owner| self.storage.accounts.balance(owner));
        let (owner, total) = owner
            .zip(total)
            .filter(|(_, total)| *total <= balance)
            .ok_or(Failure::InsufficientFunds { balance })?;

        self.set_balance(owner, balance, balance - total);
        if let Some(to) = to {
            let to = self.ensure_account(&to.into());
            self.credit(to, amount);
            self.totals.fees_burnt += fee;
            self.totals.supply -= fee;
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

    /// The allowance of `spender` on `owner`, which must cover `total` (`None`: more than any allowance).
    fn draw(
        &self,
        owner: Option<AccountNumber>,
        spender: &Account,
        total: Option<u128>,
        now: u64,
    ) -> Result<Draw, Failure> {
        let found = owner
            .zip(self.storage.accounts.find(&spender.into()))
            .and_then(|(owner, spender)| {
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
