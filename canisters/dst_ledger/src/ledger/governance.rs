//! What governance sets: the fee, who collects it, who mints. Each rule is asked twice: by `validate_x` when a proposal is made,
//! and again when it is executed.

use candid::{Nat, Principal};
use ddsx_types::dst_ledger::{Minter, SetFeeCollectorArgs, SetFeeCollectorError, SetMinterArgs, error_code};
use ic_stable_structures::Memory;
use icrc_ledger_types::icrc1::account::Account;

use super::Ledger;
use super::failure::Failure;
use super::working_set::WorkingSet;
use crate::amount::to_u128;
use crate::block::Transaction;
use crate::config::{CappedMinter, Config};

/// A change that governance may make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// The fee of transfers and approvals, and the least amount that can be burnt.
    SetFee(Nat),
    /// Who gets the fees; `None` burns them.
    SetFeeCollector(Option<Account>),
    /// Who mints.
    SetMinter(SetMinterArgs),
}

impl<M: Memory> Ledger<M> {
    /// Whether this caller may use the governed methods: the governance principal, or a controller where none is set.
    pub fn may_govern(&self, caller: Principal, is_controller: bool) -> bool {
        match self.config.governance {
            Some(governance) => caller == governance,
            None => is_controller,
        }
    }

    /// What the act would change at time `now` (nanoseconds), in words for voters, or the rule that it breaks.
    pub fn validate(&self, act: &Act, now: u64) -> Result<String, String> {
        let config = self.after(act, now)?;
        let symbol = &config.symbol;
        Ok(match act {
            Act::SetFee(_) => format!(
                "Set the fee of a transfer or approval, which is also the least amount that can be burnt, from {} to {} smallest units of {symbol} ({} decimals).",
                self.config.fee, config.fee, config.decimals
            ),
            Act::SetFeeCollector(Some(account)) => {
                format!("Credit all fees, from the next block on, to the account {account}.")
            }
            Act::SetFeeCollector(None) => "Burn all fees, from the next block on.".into(),
            Act::SetMinter(SetMinterArgs::MintingAccount(account)) => format!(
                "Make {account} the minting account of {symbol} in place of {}: transfers from it mint, transfers to it burn.",
                self.config.minting_account
            ),
            Act::SetMinter(SetMinterArgs::Capped { minter, cap }) if *cap == 0_u8 => {
                format!("End the right of {minter} to mint {symbol}.")
            }
            Act::SetMinter(SetMinterArgs::Capped { minter, .. }) => {
                let found = config.minters.iter().find(|other| other.minter == *minter);
                let (cap, minted) = found.map_or((0, 0), |minter| (minter.cap, minter.minted));
                format!(
                    "Let {minter} mint {cap} smallest units of {symbol} ({} decimals) in all, of which it has minted {minted}.",
                    config.decimals
                )
            }
        })
    }

    /// Makes the change. A new fee collector is recorded as a `107feecol` block, whose index is returned.
    pub fn execute_act(&mut self, act: &Act, caller: Principal, now: u64) -> Result<Option<u64>, String> {
        let config = self.after(act, now)?;
        if let Act::SetFeeCollector(collector) = act {
            let block = self.record_collector(*collector, Some(now), caller, now);
            return block.map(Some).map_err(|failure| failure.to_string());
        }
        self.set_config(config)?;
        Ok(None)
    }

    /// ICRC-107 `icrc107_set_fee_collector`, for callers that [`Ledger::may_govern`]. Returns the block's index.
    pub fn set_fee_collector(
        &mut self,
        caller: Principal,
        args: &SetFeeCollectorArgs,
        now: u64,
    ) -> Result<u64, SetFeeCollectorError> {
        if let Some(account) = &args.fee_collector {
            self.check_collector(account)
                .map_err(SetFeeCollectorError::InvalidAccount)?;
        }
        self.record_collector(args.fee_collector, Some(args.created_at_time), caller, now)
            .map_err(|failure| match failure {
                Failure::Duplicate { duplicate_of } => SetFeeCollectorError::Duplicate {
                    duplicate_of: duplicate_of.into(),
                },
                other => SetFeeCollectorError::GenericError {
                    error_code: error_code::SET_FEE_COLLECTOR.into(),
                    message: other.to_string(),
                },
            })
    }

    fn record_collector(
        &mut self,
        collector: Option<Account>,
        created_at_time: Option<u64>,
        caller: Principal,
        now: u64,
    ) -> Result<u64, Failure> {
        self.refuse_until_ready()?;
        let transaction = Transaction::set_fee_collector(collector, created_at_time, caller);
        let hash = transaction.hash();
        let remember = self.deduplicate(created_at_time, &hash, now)?;
        self.refuse_done_by_older_code(created_at_time, &transaction.hash_by_older_code())?;
        let mut config = self.config.clone();
        config.fee_collector = collector;
        if self.set_config(config).is_err() {
            return Err(Failure::TemporarilyUnavailable);
        }
        Ok(self.commit(&mut WorkingSet::new(), transaction, &hash, remember, None, now))
    }

    /// The settings after an act.
    fn after(&self, act: &Act, now: u64) -> Result<Config, String> {
        let mut config = self.config.clone();
        match act {
            Act::SetFee(fee) => {
                config.fee =
                    to_u128(fee).ok_or_else(|| format!("the fee is {fee}, at most {} is allowed", u128::MAX))?;
            }
            Act::SetFeeCollector(collector) => {
                if let Some(account) = collector {
                    self.check_collector(account)?;
                }
                config.fee_collector = *collector;
            }
            Act::SetMinter(SetMinterArgs::MintingAccount(account)) => {
                self.check_minting_account(account, now)?;
                config.minting_account = *account;
            }
            Act::SetMinter(SetMinterArgs::Capped { minter, cap }) => {
                let cap = to_u128(cap).ok_or_else(|| format!("the cap is {cap}, at most {} is allowed", u128::MAX))?;
                set_cap(&mut config, *minter, cap)?;
            }
        }
        config.validate()?;
        Ok(config)
    }

    /// Checks that an account may collect fees.
    pub fn check_collector(&self, account: &Account) -> Result<(), String> {
        if *account == self.config.minting_account {
            return Err("the fee collector is the minting account, which holds no tokens".into());
        }
        if account.owner == Principal::anonymous() {
            return Err("the fee collector is the anonymous principal, which could never spend the fees".into());
        }
        Ok(())
    }

    /// Checks that an account may become the minting account. What it held would be lost to the supply, and what it allowed or
    /// was allowed would become mints.
    fn check_minting_account(&self, account: &Account, now: u64) -> Result<(), String> {
        if *account == self.config.minting_account {
            return Err(format!("{account} is the minting account already"));
        }
        if account.owner == Principal::anonymous() {
            return Err("the minting account is the anonymous principal: it could never mint".into());
        }
        if self.config.fee_collector.as_ref() == Some(account) {
            return Err(format!("{account} is the fee collector: set another one first"));
        }
        if self.config.initial_balances.iter().any(|(owner, _)| owner == account) {
            return Err(format!("{account} is about to get an initial balance"));
        }
        let balance = self.balance_of(account);
        if balance > 0 {
            return Err(format!(
                "{account} holds {balance} smallest units: the minting account holds no tokens"
            ));
        }
        let allows = |number| self.storage.allowances.any_of(number, now);
        if self.account_number(account).is_some_and(allows) {
            return Err(format!("{account} has given allowances: they must be removed first"));
        }
        Ok(())
    }

    /// Whether this principal may call `mint`, whatever its cap leaves.
    pub fn is_minter(&self, caller: Principal) -> bool {
        self.config.minters.iter().any(|minter| minter.minter == caller)
    }

    /// Those who may call `mint`.
    pub fn minters(&self) -> Vec<Minter> {
        let minter = |minter: &CappedMinter| Minter {
            minter: minter.minter,
            cap: minter.cap.into(),
            minted: minter.minted.into(),
        };
        self.config.minters.iter().map(minter).collect()
    }
}

fn set_cap(config: &mut Config, minter: Principal, cap: u128) -> Result<(), String> {
    if minter == Principal::anonymous() {
        return Err("the minter is the anonymous principal, which is anybody".into());
    }
    let at = config.minters.iter().position(|other| other.minter == minter);
    match (at, cap) {
        (None, 0) => return Err(format!("{minter} is no minter")),
        // What it has minted stays known, so that a cap given again does not start anew.
        (Some(at), _) => config.minters[at].cap = cap,
        (None, _) => config.minters.push(CappedMinter { minter, cap, minted: 0 }),
    }
    Ok(())
}
