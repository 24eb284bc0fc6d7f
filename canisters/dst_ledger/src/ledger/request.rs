//! What a caller asks for, as plain data: what the hot calls are decoded into, whichever decoder read them.

use candid::Nat;
use icrc_ledger_types::icrc1::account::{Account, Subaccount};
use icrc_ledger_types::icrc1::transfer::TransferArg;
use icrc_ledger_types::icrc2::approve::ApproveArgs;
use icrc_ledger_types::icrc2::transfer_from::TransferFromArgs;

/// An amount that a caller names, smallest units. A `nat` may be larger than any account can hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quantity {
    /// At most `u128::MAX`.
    Of(u128),
    /// Above it.
    Excess,
}

impl From<&Nat> for Quantity {
    fn from(amount: &Nat) -> Self {
        u128::try_from(&amount.0).map_or(Self::Excess, Self::Of)
    }
}

impl From<u128> for Quantity {
    fn from(amount: u128) -> Self {
        Self::Of(amount)
    }
}

/// Arguments of `icrc1_transfer`; the caller is given apart.
#[derive(Clone, Debug)]
pub struct Transfer {
    /// Of the caller.
    pub from_subaccount: Option<Subaccount>,
    /// Where to.
    pub to: Account,
    /// How much.
    pub amount: Quantity,
    /// The fee named, if one is.
    pub fee: Option<Quantity>,
    /// As given.
    pub memo: Option<Vec<u8>>,
    /// Nanoseconds.
    pub created_at_time: Option<u64>,
}

/// Arguments of `icrc2_transfer_from`; the caller is given apart.
#[derive(Clone, Debug)]
pub struct TransferFrom {
    /// Of the caller, who spends.
    pub spender_subaccount: Option<Subaccount>,
    /// Whose allowance.
    pub from: Account,
    /// Where to.
    pub to: Account,
    /// How much.
    pub amount: Quantity,
    /// The fee named, if one is.
    pub fee: Option<Quantity>,
    /// As given.
    pub memo: Option<Vec<u8>>,
    /// Nanoseconds.
    pub created_at_time: Option<u64>,
}

/// Arguments of `icrc2_approve`; the caller is given apart.
#[derive(Clone, Debug)]
pub struct Approve {
    /// Of the caller, who approves.
    pub from_subaccount: Option<Subaccount>,
    /// Who may spend.
    pub spender: Account,
    /// How much, fees included.
    pub amount: Quantity,
    /// What the caller thinks the allowance is.
    pub expected_allowance: Option<Quantity>,
    /// When it ends, nanoseconds.
    pub expires_at: Option<u64>,
    /// The fee named, if one is.
    pub fee: Option<Quantity>,
    /// As given.
    pub memo: Option<Vec<u8>>,
    /// Nanoseconds.
    pub created_at_time: Option<u64>,
}

impl From<TransferArg> for Transfer {
    fn from(args: TransferArg) -> Self {
        Self {
            from_subaccount: args.from_subaccount,
            to: args.to,
            amount: (&args.amount).into(),
            fee: args.fee.as_ref().map(Quantity::from),
            memo: args.memo.map(|memo| memo.0.into_vec()),
            created_at_time: args.created_at_time,
        }
    }
}

impl From<TransferFromArgs> for TransferFrom {
    fn from(args: TransferFromArgs) -> Self {
        Self {
            spender_subaccount: args.spender_subaccount,
            from: args.from,
            to: args.to,
            amount: (&args.amount).into(),
            fee: args.fee.as_ref().map(Quantity::from),
            memo: args.memo.map(|memo| memo.0.into_vec()),
            created_at_time: args.created_at_time,
        }
    }
}

impl From<ApproveArgs> for Approve {
    fn from(args: ApproveArgs) -> Self {
        Self {
            from_subaccount: args.from_subaccount,
            spender: args.spender,
            amount: (&args.amount).into(),
            expected_allowance: args.expected_allowance.as_ref().map(Quantity::from),
            expires_at: args.expires_at,
            fee: args.fee.as_ref().map(Quantity::from),
            memo: args.memo.map(|memo| memo.0.into_vec()),
            created_at_time: args.created_at_time,
        }
    }
}
