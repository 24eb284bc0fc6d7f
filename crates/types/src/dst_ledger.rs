//! Install arguments and counters of `dst_ledger`. Its other methods take and return the ICRC types of
//! `icrc-ledger-types`.
//!
//! The canister's argument is `opt LedgerArgs`: `Init` at installation, `Upgrade` at an upgrade. `null` at installation
//! stands for [`InitArgs::for_installer`], at an upgrade for no change. An argument that does not hold what is written
//! here makes the installation fail with a message that says which rule it breaks.

use candid::{CandidType, Nat, Principal};
use icrc_ledger_types::icrc1::account::Account;
use serde::{Deserialize, Serialize};

/// What `install_code` passes, as `opt`. `null` at an upgrade changes nothing; `null` at installation makes the token "Data
/// Stream Token" (DST, 8 decimals, fee 10,000, cap of a billion DST, no balances) whose minting account is the
/// installer's default account. The anonymous principal cannot install so: it could never mint.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub enum LedgerArgs {
    /// Creates the token. Only at installation (or reinstallation).
    Init(InitArgs),
    /// Changes settings of the token that is there. Only at an upgrade.
    Upgrade(UpgradeArgs),
}

/// The token that a new ledger keeps.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct InitArgs {
    /// `icrc1_name`, 1 to 64 bytes.
    pub name: String,
    /// `icrc1_symbol`, 1 to 10 bytes.
    pub symbol: String,
    /// `icrc1_decimals`; 8 if absent, 38 at most.
    pub decimals: Option<u8>,
    /// `icrc1_fee`, in the smallest unit: what a transfer or approval burns, and the least amount that can be burnt. At
    /// least 1, since whatever the ledger stores has to be paid for.
    pub fee: Nat,
    /// Transfers from this account mint, transfers to it burn; it never holds tokens (ICRC-1, "Minting account").
    pub minting_account: Account,
    /// Minted to these accounts at installation, one `1mint` block each, in this order. At most 10,000 entries, each
    /// amount at least 1, never to the minting account.
    pub initial_balances: Vec<(Account, Nat)>,
    /// The supply that no mint can exceed, ever, in the smallest unit; 1 to `u128::MAX`. No call lifts it.
    pub max_supply: Nat,
    /// The longest memo taken, in bytes: 32 (the default) to 80.
    pub max_memo_length: Option<u16>,
    /// `icrc1:logo`, a URL or a data URL of at most 341,334 bytes (what an SNS takes).
    pub logo: Option<String>,
}

impl InitArgs {
    /// The token that `null` installs, ready for a local network: whoever installs it mints.
    pub fn for_installer(installer: Principal) -> Self {
        Self {
            name: "Data Stream Token".into(),
            symbol: "DST".into(),
            decimals: None,
            fee: Nat::from(10_000_u64),
            minting_account: installer.into(),
            initial_balances: Vec::new(),
            max_supply: Nat::from(100_000_000_000_000_000_u64),
            max_memo_length: None,
            logo: None,
        }
    }
}

/// What an upgrade may change; an absent field stays as it is.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
pub struct UpgradeArgs {
    /// As in [`InitArgs::name`].
    pub name: Option<String>,
    /// As in [`InitArgs::symbol`].
    pub symbol: Option<String>,
    /// As in [`InitArgs::fee`].
    pub fee: Option<Nat>,
    /// As in [`InitArgs::max_memo_length`].
    pub max_memo_length: Option<u16>,
    /// As in [`InitArgs::logo`]; an empty text removes the logo.
    pub logo: Option<String>,
}

/// The ledger's counters. At every instant `minted = total_supply + burnt + fees_burnt`, and `total_supply` is the sum of
/// all balances. Amounts are in the smallest unit.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct LedgerTotals {
    /// Sum of all balances.
    pub total_supply: Nat,
    /// The supply that no mint can exceed.
    pub max_supply: Nat,
    /// Ever minted.
    pub minted: Nat,
    /// Ever burnt by transfers to the minting account.
    pub burnt: Nat,
    /// Ever burnt as fees.
    pub fees_burnt: Nat,
    /// Length of the block log.
    pub blocks: u64,
    /// Accounts with a balance above 0.
    pub holders: u64,
    /// Accounts ever seen; they are never forgotten.
    pub accounts: u64,
    /// Allowances stored, those not yet pruned after their expiry included.
    pub allowances: u64,
    /// Transactions remembered for deduplication.
    pub deduplicated: u64,
}

/// `error_code` of the `GenericError` that the ledger answers where the standards have no variant.
pub mod error_code {
    /// The anonymous principal may read and change nothing.
    pub const ANONYMOUS_CALLER: u64 = 1;
    /// The memo is longer than `icrc1:max_memo_length`.
    pub const MEMO_TOO_LONG: u64 = 2;
    /// Both ends of the transfer are the minting account (ICRC-3: such a call is rejected).
    pub const MINT_TO_MINTING_ACCOUNT: u64 = 3;
    /// The mint would lift the supply above `max_supply`.
    pub const SUPPLY_CAP: u64 = 4;
    /// The spender's owner is the approving principal itself (ICRC-2).
    pub const SELF_APPROVAL: u64 = 5;
    /// The minting account neither approves nor mints through `icrc2_transfer_from`.
    pub const DELEGATED_MINT: u64 = 6;
}
