//! The model.

use std::collections::BTreeMap;

use candid::{Nat, Principal};
use ddsx_types::dst_ledger::{MintArgs, SetMinterArgs};
use icrc_ledger_types::icrc1::account::Account;
use icrc_ledger_types::icrc2::approve::ApproveArgs;
use icrc_ledger_types::icrc2::transfer_from::TransferFromArgs;

use crate::answer::{Answer, error};
use crate::steps::{Call, DRIFT_NS, WINDOW_NS};
use crate::{FEE, MAX_SUPPLY, MEMO_LIMIT, account, initial_balances};

/// A ledger made of plain maps.
#[derive(Clone, Debug)]
pub struct Model {
    /// Of every account that ever had one.
    pub balances: BTreeMap<Account, u128>,
    /// By owner and spender: how much and until when, those that have expired included.
    pub allowances: BTreeMap<(Account, Account), (u128, Option<u64>)>,
    /// Blocks written.
    pub blocks: u64,
    /// Blocks that concern an account, by account.
    pub histories: BTreeMap<Account, Vec<u64>>,
    /// Identity of every executed call with `created_at_time`.
    seen: BTreeMap<String, u64>,
    minting: Account,
    fee: u128,
    collector: Option<Account>,
    /// Cap and what was minted, by principal.
    minters: BTreeMap<Principal, (u128, u128)>,
}

fn small(amount: &Nat) -> Option<u128> {
    amount.0.to_string().parse().ok()
}

impl Default for Model {
    fn default() -> Self {
        let mut model = Self {
            balances: BTreeMap::new(),
            allowances: BTreeMap::new(),
            blocks: 0,
            histories: BTreeMap::new(),
            seen: BTreeMap::new(),
            minting: account(0),
            fee: FEE,
            collector: None,
            minters: BTreeMap::new(),
        };
        for (account, amount) in initial_balances() {
            model.balances.insert(account, amount);
            model.histories.entry(account).or_default().push(model.blocks);
            model.blocks += 1;
        }
        model
    }
}

impl Model {
    fn balance(&self, account: &Account) -> u128 {
        self.balances.get(account).copied().unwrap_or(0)
    }

    /// What a spender may take at `now`, and until when.
    pub fn allowance(&self, owner: &Account, spender: &Account, now: u64) -> (u128, Option<u64>) {
        let found = self.allowances.get(&(*owner, *spender)).copied();
        found
            .filter(|(_, expiry)| expiry.is_none_or(|expiry| expiry > now))
            .unwrap_or((0, None))
    }

    /// Sum of all balances.
    pub fn supply(&self) -> u128 {
        self.balances.values().sum()
    }

    fn window(&self, created: Option<u64>, identity: &str, now: u64) -> Result<(), String> {
        let Some(created) = created else { return Ok(()) };
        if created + WINDOW_NS + DRIFT_NS < now {
            return Err("TooOld ".into());
        }
        if created > now + DRIFT_NS {
            return Err(format!("CreatedInFuture {now}"));
        }
        match self.seen.get(identity) {
            Some(block) => Err(format!("Duplicate {block}")),
            None => Ok(()),
        }
    }

    #[allow(clippy::unnecessary_wraps, reason = "every operation of the model ends with it")]
    fn done(&mut self, created: Option<u64>, identity: String, concerned: &[Account]) -> Answer {
        if created.is_some() {
            self.seen.insert(identity, self.blocks);
        }
        for account in concerned {
            let history = self.histories.entry(*account).or_default();
            if history.last() != Some(&self.blocks) {
                history.push(self.blocks);
            }
        }
        self.blocks += 1;
        Ok(Some(self.blocks - 1))
    }

    /// Executes a call, or says why not.
    pub fn apply(&mut self, caller: Principal, call: &Call, now: u64) -> Answer {
        if let Call::SetFee(_) | Call::SetFeeCollector(_) | Call::SetMinter(_) = call {
            return self.govern(caller, call, now);
        }
        if let Call::Mint(args) = call {
            return self.mint(caller, args, now);
        }
        if caller == Principal::anonymous() {
            return error("Generic", &1);
        }
        match call.clone() {
            Call::Transfer(args) => {
                let from = Account {
                    owner: caller,
                    subaccount: args.from_subaccount,
                };
                let args = TransferFromArgs {
                    spender_subaccount: None,
                    from,
                    to: args.to,
                    amount: args.amount,
                    fee: args.fee,
                    memo: args.memo,
                    created_at_time: args.created_at_time,
                };
                self.transfer(&args, None, now)
            }
            Call::TransferFrom(args) => {
                let spender = Account {
                    owner: caller,
                    subaccount: args.spender_subaccount,
                };
                self.transfer(&args, Some(spender), now)
            }
            Call::Approve(args) => self.approve(caller, &args, now),
            _ => error("Refused", &""),
        }
    }

    fn transfer(&mut self, args: &TransferFromArgs, spender: Option<Account>, now: u64) -> Answer {
        let (mint, burn) = (args.from == self.minting, args.to == self.minting);
        if mint && burn {
            return error("Generic", &3);
        }
        if mint && spender.is_some() {
            return error("Generic", &6);
        }
        let memo_length = args.memo.as_ref().map_or(0, |memo| memo.0.len());
        if memo_length > 80 {
            return error("Generic", &2);
        }
        let fee = if mint || burn { 0 } else { self.fee };
        if args.fee.as_ref().is_some_and(|named| small(named).is_none()) {
            return error("BadFee", &fee);
        }
        let Some(amount) = small(&args.amount) else {
            return if mint {
                error("Generic", &4)
            } else {
                error("InsufficientFunds", &self.balance(&args.from))
            };
        };

        // What a mint's sender, a burn's recipient and the fee of both say cannot tell two calls apart.
        let identity = if mint {
            mint_identity(
                &args.to,
                amount,
                args.memo.as_ref().map(|memo| &memo.0[..]),
                args.created_at_time,
            )
        } else {
            let to = (!burn).then_some(args.to);
            let named_fee = args.fee.as_ref().filter(|_| !burn);
            format!(
                "{:?} {to:?} {spender:?} {amount} {named_fee:?} {:?} {:?}",
                args.from, args.memo, args.created_at_time
            )
        };
        self.window(args.created_at_time, &identity, now)?;
        if memo_length > MEMO_LIMIT {
            return error("Generic", &2);
        }
        if args.fee.as_ref().is_some_and(|named| small(named) != Some(fee)) {
            return error("BadFee", &fee);
        }
        if mint {
            if self.supply() + amount.min(MAX_SUPPLY + 1) > MAX_SUPPLY {
                return error("Generic", &4);
            }
            *self.balances.entry(args.to).or_default() += amount;
            return self.done(args.created_at_time, identity, &[args.to]);
        }
        if burn && amount < self.fee {
            return error("BadBurn", &self.fee);
        }
        let total = amount.checked_add(fee);
        let drawn = spender.filter(|spender| *spender != args.from);
        if let Some(spender) = &drawn {
            let (allowed, _) = self.allowance(&args.from, spender, now);
            if total.is_none_or(|total| total > allowed) {
                return error("InsufficientAllowance", &allowed);
            }
        }
        let balance = self.balance(&args.from);
        let Some(total) = total.filter(|total| *total <= balance) else {
            return error("InsufficientFunds", &balance);
        };
        self.balances.insert(args.from, balance - total);
        if !burn {
            *self.balances.entry(args.to).or_default() += amount;
            self.collect(fee);
        }
        if let Some(spender) = drawn {
            let (allowed, expiry) = self.allowance(&args.from, &spender, now);
            self.set_allowance(args.from, spender, allowed - total, expiry);
        }
        let concerned = if burn {
            vec![args.from]
        } else {
            vec![args.from, args.to]
        };
        self.done(args.created_at_time, identity, &concerned)
    }

    fn collect(&mut self, fee: u128) {
        if let Some(collector) = self.collector {
            *self.balances.entry(collector).or_default() += fee;
        }
    }

    fn approve(&mut self, caller: Principal, args: &ApproveArgs, now: u64) -> Answer {
        let from = Account {
            owner: caller,
            subaccount: args.from_subaccount,
        };
        if from == self.minting {
            return error("Generic", &6);
        }
        if args.spender.owner == caller {
            return error("Generic", &5);
        }
        let memo_length = args.memo.as_ref().map_or(0, |memo| memo.0.len());
        if memo_length > 80 {
            return error("Generic", &2);
        }
        if args.fee.as_ref().is_some_and(|named| small(named).is_none()) {
            return error("BadFee", &self.fee);
        }
        let (allowed, _) = self.allowance(&from, &args.spender, now);
        let expected = args.expected_allowance.as_ref();
        if expected.is_some_and(|expected| small(expected).is_none()) {
            return error("AllowanceChanged", &allowed);
        }
        let amount = small(&args.amount).unwrap_or(u128::MAX);
        let identity = ApproveArgs {
            amount: amount.into(),
            ..args.clone()
        };
        let identity = format!("{from:?} {identity:?}");
        self.window(args.created_at_time, &identity, now)?;
        if memo_length > MEMO_LIMIT {
            return error("Generic", &2);
        }
        if args.fee.as_ref().is_some_and(|named| small(named) != Some(self.fee)) {
            return error("BadFee", &self.fee);
        }
        let balance = self.balance(&from);
        if balance < self.fee {
            return error("InsufficientFunds", &balance);
        }
        if args.expires_at.is_some_and(|expiry| expiry <= now) {
            return error("Expired", &now);
        }
        if expected.is_some_and(|expected| small(expected) != Some(allowed)) {
            return error("AllowanceChanged", &allowed);
        }
        self.balances.insert(from, balance - self.fee);
        self.collect(self.fee);
        self.set_allowance(from, args.spender, amount, args.expires_at);
        self.done(args.created_at_time, identity, &[from])
    }

    fn set_allowance(&mut self, owner: Account, spender: Account, amount: u128, expiry: Option<u64>) {
        if amount == 0 {
            self.allowances.remove(&(owner, spender));
        } else {
            self.allowances.insert((owner, spender), (amount, expiry));
        }
    }

    fn mint(&mut self, caller: Principal, args: &MintArgs, now: u64) -> Answer {
        let Some((cap, minted)) = self.minters.get(&caller).copied() else {
            return error("NotAMinter", &"");
        };
        let left = cap.saturating_sub(minted);
        let amount = match small(&args.amount) {
            Some(0) => return error("BadRequest", &""),
            Some(amount) => amount,
            None => return error("OverMinterCap", &left),
        };
        if args.to == self.minting {
            return error("BadRequest", &"");
        }
        let memo = args.memo.as_ref().map(|memo| &memo.0[..]);
        let memo_length = memo.map_or(0, <[u8]>::len);
        if memo_length > 80 {
            return error("MemoTooLong", &80);
        }
        // Two minters that ask for the same are two, and neither is the minting account.
        let identity = mint_identity(&args.to, amount, memo, args.created_at_time);
        let identity = format!("{caller} {identity}");
        self.window(args.created_at_time, &identity, now)?;
        if memo_length > MEMO_LIMIT {
            return error("MemoTooLong", &MEMO_LIMIT);
        }
        if amount > left {
            return error("OverMinterCap", &left);
        }
        if self.supply() + amount.min(MAX_SUPPLY + 1) > MAX_SUPPLY {
            return error("SupplyCap", &MAX_SUPPLY);
        }
        *self.balances.entry(args.to).or_default() += amount;
        self.minters.insert(caller, (cap, minted + amount));
        self.done(args.created_at_time, identity, &[args.to])
    }

    fn govern(&mut self, caller: Principal, call: &Call, now: u64) -> Answer {
        let refused = error("Refused", &"");
        if caller != crate::user(0) {
            return refused;
        }
        match call {
            Call::SetFee(fee) => match small(fee) {
                Some(fee @ 1..) => self.fee = fee,
                _ => return refused,
            },
            Call::SetFeeCollector(collector) => {
                let wrong = |account: &Account| *account == self.minting || account.owner == Principal::anonymous();
                if collector.as_ref().is_some_and(wrong) {
                    return refused;
                }
                let identity = format!("107 {collector:?} {now} {caller}");
                if self.seen.contains_key(&identity) {
                    return refused;
                }
                self.collector = *collector;
                return self.done(Some(now), identity, &[]);
            }
            Call::SetMinter(SetMinterArgs::MintingAccount(account)) => {
                let gave = |((owner, spender), _): (&(Account, Account), &(u128, Option<u64>))| {
                    owner == account && self.allowance(owner, spender, now).0 > 0
                };
                if *account == self.minting
                    || account.owner == Principal::anonymous()
                    || self.collector.as_ref() == Some(account)
                    || self.balance(account) > 0
                    || self.allowances.iter().any(gave)
                {
                    return refused;
                }
                self.minting = *account;
            }
            Call::SetMinter(SetMinterArgs::Capped { minter, cap }) => {
                let known = self.minters.get(minter).copied();
                match (small(cap), known) {
                    (None, _) | (Some(0), None) => return refused,
                    _ if *minter == Principal::anonymous() => return refused,
                    (Some(cap), known) => {
                        let minted = known.map_or(0, |(_, minted)| minted);
                        self.minters.insert(*minter, (cap, minted));
                    }
                }
            }
            _ => return refused,
        }
        Ok(None)
    }
}

fn mint_identity(to: &Account, amount: u128, memo: Option<&[u8]>, created: Option<u64>) -> String {
    format!("mint {to:?} {amount} {memo:?} {created:?}")
}
