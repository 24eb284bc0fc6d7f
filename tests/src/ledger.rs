//! `dst_ledger` in the world.

use candid::{Nat, Principal};
use ddsx_types::dst_ledger::{InitArgs, LedgerArgs, LedgerTotals};
use icrc_ledger_types::icrc1::account::Account;
use icrc_ledger_types::icrc1::transfer::{TransferArg, TransferError};
use icrc_ledger_types::icrc2::allowance::{Allowance, AllowanceArgs};
use icrc_ledger_types::icrc2::approve::{ApproveArgs, ApproveError};
use icrc_ledger_types::icrc2::transfer_from::{TransferFromArgs, TransferFromError};

use crate::world::{World, user};

/// The ledger's fee in the tests: 0.0001 DST.
pub const FEE: u64 = 10_000;
/// The supply cap in the tests: a billion DST.
pub const MAX_SUPPLY: u64 = 100_000_000_000_000_000;

/// Who owns the minting account in the tests.
pub fn minter() -> Principal {
    user(1_000_000)
}

/// The settings of the tests' DST ledger.
pub fn init_args(initial_balances: &[(Account, u64)]) -> InitArgs {
    InitArgs {
        name: "Data Stream Token".into(),
        symbol: "DST".into(),
        decimals: None,
        fee: FEE.into(),
        minting_account: minter().into(),
        initial_balances: initial_balances
            .iter()
            .map(|(account, amount)| (*account, Nat::from(*amount)))
            .collect(),
        max_supply: MAX_SUPPLY.into(),
        max_memo_length: None,
        logo: None,
        governance: None,
    }
}

/// A transfer from the caller's default account, nothing optional set.
pub fn transfer(to: impl Into<Account>, amount: impl Into<Nat>) -> TransferArg {
    TransferArg {
        from_subaccount: None,
        to: to.into(),
        fee: None,
        created_at_time: None,
        memo: None,
        amount: amount.into(),
    }
}

/// An approval on the caller's default account, nothing optional set.
pub fn approve(spender: impl Into<Account>, amount: impl Into<Nat>) -> ApproveArgs {
    ApproveArgs {
        from_subaccount: None,
        spender: spender.into(),
        amount: amount.into(),
        expected_allowance: None,
        expires_at: None,
        fee: None,
        memo: None,
        created_at_time: None,
    }
}

/// A transfer on an allowance, nothing optional set.
pub fn transfer_from(from: impl Into<Account>, to: impl Into<Account>, amount: impl Into<Nat>) -> TransferFromArgs {
    TransferFromArgs {
        spender_subaccount: None,
        from: from.into(),
        to: to.into(),
        amount: amount.into(),
        fee: None,
        memo: None,
        created_at_time: None,
    }
}

/// A ledger that speaks ICRC-1 and ICRC-2, with typed calls.
#[derive(Clone, Copy)]
pub struct Ledger<'w> {
    /// Where it runs.
    pub world: &'w World,
    /// Its canister.
    pub id: Principal,
}

impl<'w> Ledger<'w> {
    /// A `dst_ledger` with these initial balances.
    pub fn install(world: &'w World, initial_balances: &[(Account, u64)]) -> Self {
        let args = LedgerArgs::Init(init_args(initial_balances));
        Self {
            world,
            id: world.install("dst_ledger", (Some(args),)),
        }
    }

    /// The ledger at `id`, whoever installed it.
    pub const fn at(world: &'w World, id: Principal) -> Self {
        Self { world, id }
    }

    /// Upgrades it to the same module, without an argument.
    pub fn upgrade(&self) {
        self.world
            .upgrade(self.id, "dst_ledger", (None::<LedgerArgs>,))
            .unwrap();
    }

    /// `icrc1_transfer`.
    pub fn transfer(&self, caller: Principal, args: TransferArg) -> Result<Nat, TransferError> {
        self.world.call(caller, self.id, "icrc1_transfer", (args,))
    }

    /// `icrc2_approve`.
    pub fn approve(&self, caller: Principal, args: ApproveArgs) -> Result<Nat, ApproveError> {
        self.world.call(caller, self.id, "icrc2_approve", (args,))
    }

    /// `icrc2_transfer_from`.
    pub fn transfer_from(&self, caller: Principal, args: TransferFromArgs) -> Result<Nat, TransferFromError> {
        self.world.call(caller, self.id, "icrc2_transfer_from", (args,))
    }

    /// `icrc1_balance_of`.
    pub fn balance(&self, account: impl Into<Account>) -> Nat {
        self.world.query(self.id, "icrc1_balance_of", (account.into(),))
    }

    /// `icrc2_allowance`.
    pub fn allowance(&self, owner: impl Into<Account>, spender: impl Into<Account>) -> Allowance {
        let args = AllowanceArgs {
            account: owner.into(),
            spender: spender.into(),
        };
        self.world.query(self.id, "icrc2_allowance", (args,))
    }

    /// `icrc1_total_supply`.
    pub fn total_supply(&self) -> Nat {
        self.world.query(self.id, "icrc1_total_supply", ())
    }

    /// The counters of `dst_ledger`.
    pub fn totals(&self) -> LedgerTotals {
        self.world.query(self.id, "ledger_totals", ())
    }

    /// The counters agree with each other.
    ///
    /// # Panics
    /// If they do not.
    pub fn assert_totals(&self) {
        let totals = self.totals();
        assert_eq!(
            totals.minted,
            totals.total_supply.clone() + totals.burnt + totals.fees_burnt
        );
        assert_eq!(totals.total_supply, self.total_supply());
        assert!(totals.total_supply <= totals.max_supply);
    }

    /// Nothing was lost and nothing made from nothing: `accounts`, which must be all that hold tokens, sum to the supply,
    /// and the supply is what was minted less what was burnt.
    ///
    /// # Panics
    /// If it is not so.
    pub fn assert_conserved(&self, accounts: &[Account]) {
        self.assert_totals();
        let totals = self.totals();
        let mut sum = Nat::from(0_u8);
        let mut holders = 0;
        for account in accounts {
            let balance = self.balance(*account);
            holders += u64::from(balance != 0_u8);
            sum += balance;
        }
        assert_eq!(
            (sum, holders),
            (totals.total_supply, totals.holders),
            "balances against the supply"
        );
        assert_eq!(self.balance(minter()), 0_u8, "the minting account holds tokens");
    }
}
