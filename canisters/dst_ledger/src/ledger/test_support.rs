//! What several tests share: accounts, a ledger in memory, short forms of calls.

use candid::{Nat, Principal};
use ddsx_types::dst_ledger::InitArgs;
use ic_stable_structures::VectorMemory;
use icrc_ledger_types::icrc1::account::Account;
use icrc_ledger_types::icrc1::transfer::TransferArg;
use icrc_ledger_types::icrc2::allowance::AllowanceArgs;
use icrc_ledger_types::icrc2::approve::ApproveArgs;
use icrc_ledger_types::icrc2::transfer_from::TransferFromArgs;

use super::Ledger;

/// A time in 2026, nanoseconds.
pub const NOW: u64 = 1_790_000_000_000_000_000;
pub const FEE: u128 = 10_000;
pub const MAX_SUPPLY: u128 = 1_000_000_000;

/// The principal of user `n`; user 0 owns the minting account.
pub fn user(n: u8) -> Principal {
    Principal::from_slice(&[n, 1, 2, 3])
}

pub fn account(n: u8) -> Account {
    Account::from(user(n))
}

pub fn args(initial_balances: &[(Account, u128)]) -> InitArgs {
    InitArgs {
        name: "Data Stream Token".into(),
        symbol: "DST".into(),
        decimals: None,
        fee: FEE.into(),
        minting_account: account(0),
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

pub fn install(initial_balances: &[(Account, u128)]) -> Ledger<VectorMemory> {
    install_in(VectorMemory::default(), args(initial_balances))
}

/// A ledger that takes transactions: its key is there, its initial balances are entered.
pub fn install_in(memory: VectorMemory, args: InitArgs) -> Ledger<VectorMemory> {
    let mut ledger = Ledger::install(memory, args).unwrap();
    ledger.set_index_key([7; 16]);
    ledger.housekeep(NOW, 10_000);
    ledger
}

pub fn transfer(to: Account, amount: u128) -> TransferArg {
    TransferArg {
        from_subaccount: None,
        to,
        fee: None,
        created_at_time: None,
        memo: None,
        amount: amount.into(),
    }
}

pub fn approve(spender: Account, amount: u128) -> ApproveArgs {
    ApproveArgs {
        from_subaccount: None,
        spender,
        amount: amount.into(),
        expected_allowance: None,
        expires_at: None,
        fee: None,
        memo: None,
        created_at_time: None,
    }
}

pub fn transfer_from(from: Account, to: Account, amount: u128) -> TransferFromArgs {
    TransferFromArgs {
        spender_subaccount: None,
        from,
        to,
        amount: amount.into(),
        fee: None,
        memo: None,
        created_at_time: None,
    }
}

pub fn allowance(ledger: &Ledger<VectorMemory>, owner: Account, spender: Account, now: u64) -> (Nat, Option<u64>) {
    let allowance = ledger.allowance(
        &AllowanceArgs {
            account: owner,
            spender,
        },
        now,
    );
    (allowance.allowance, allowance.expires_at)
}
