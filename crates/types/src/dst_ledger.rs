//! Install arguments and counters of `dst_ledger`. Its other methods take and return the ICRC types of
//! `icrc-ledger-types`.
//!
//! The canister's argument is `opt LedgerArgs`: `Init` at installation, `Upgrade` at an upgrade. `null` at installation
//! stands for [`InitArgs::for_installer`], at an upgrade for no change. An argument that does not hold what is written
//! here makes the installation fail with a message that says which rule it breaks.

pub mod index;

use candid::{CandidType, Nat, Principal};
use icrc_ledger_types::icrc1::account::Account;
use icrc_ledger_types::icrc1::transfer::Memo;
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
    /// Who may call the governed methods: an SNS's governance canister, for example. The controllers if absent.
    pub governance: Option<Principal>,
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
            governance: None,
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
    /// As in [`InitArgs::governance`].
    pub governance: Option<Principal>,
}

/// What `set_minter` changes.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub enum SetMinterArgs {
    /// Another `icrc1_minting_account`: transfers from it mint, transfers to it burn. It must have neither balance nor
    /// allowances, and not be the fee collector.
    MintingAccount(Account),
    /// A principal that may call `mint`, up to a cap of its own; a cap that is there already is replaced, what was minted under
    /// it counts on. 16 minters at most.
    Capped {
        /// Who; not the anonymous principal.
        minter: Principal,
        /// All that it may ever mint, in the smallest unit; 0 ends its right to mint.
        cap: Nat,
    },
}

/// A principal that may call `mint`.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct Minter {
    /// Who.
    pub minter: Principal,
    /// All that it may ever mint, in the smallest unit.
    pub cap: Nat,
    /// What it has minted.
    pub minted: Nat,
}

/// Arguments of `mint`.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct MintArgs {
    /// To whom; not the minting account.
    pub to: Account,
    /// How much, in the smallest unit; at least 1.
    pub amount: Nat,
    /// At most `icrc1:max_memo_length` bytes.
    pub memo: Option<Memo>,
    /// Deduplicates as in `icrc1_transfer`, nanoseconds.
    pub created_at_time: Option<u64>,
}

/// Why `mint` minted nothing.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub enum MintError {
    /// The caller is no minter: governance makes one by `set_minter`.
    NotAMinter,
    /// The amount is above what the minter's cap leaves; governance may lift the cap.
    OverMinterCap {
        /// What it leaves, in the smallest unit.
        left: Nat,
    },
    /// The mint would lift the supply above `max_supply`, which no call lifts.
    SupplyCap {
        /// In the smallest unit.
        max_supply: Nat,
    },
    /// The amount is 0, or `to` is the minting account, which holds no tokens.
    BadRequest(String),
    /// The memo is too long.
    MemoTooLong {
        /// Bytes allowed.
        limit: u16,
    },
    /// `created_at_time` is outside the window: make a new request.
    TooOld,
    /// `created_at_time` is ahead of the ledger's clock.
    CreatedInFuture {
        /// Nanoseconds.
        ledger_time: u64,
    },
    /// The same mint was executed already.
    Duplicate {
        /// Its block.
        duplicate_of: Nat,
    },
    /// Try again.
    TemporarilyUnavailable,
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

/// Arguments of `icrc107_set_fee_collector` (ICRC-107).
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct SetFeeCollectorArgs {
    /// Who gets all fees from the new block on; absent: they are burnt.
    pub fee_collector: Option<Account>,
    /// Deduplicates as in `icrc1_transfer`, nanoseconds.
    pub created_at_time: u64,
}

/// Why `icrc107_set_fee_collector` changed nothing (ICRC-107).
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub enum SetFeeCollectorError {
    /// The caller does not govern the ledger.
    AccessDenied(String),
    /// The account cannot collect fees.
    InvalidAccount(String),
    /// The same change was made already.
    Duplicate {
        /// Its block.
        duplicate_of: Nat,
    },
    /// Anything else.
    GenericError {
        /// [`error_code::SET_FEE_COLLECTOR`].
        error_code: Nat,
        /// Why.
        message: String,
    },
}

/// Why `icrc107_get_fee_collector` has no answer; this ledger always has one.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct GetFeeCollectorError {
    /// A code.
    pub error_code: Nat,
    /// Why.
    pub message: String,
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
    /// `icrc107_set_fee_collector` cannot be executed now; the message says why.
    pub const SET_FEE_COLLECTOR: u64 = 7;
    /// `icrc103_get_allowances` would have to look at more than it may in one query; the message says how to ask.
    pub const TOO_MANY_ALLOWANCES: u64 = 8;
}
