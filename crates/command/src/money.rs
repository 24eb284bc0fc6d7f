//! What people say of money before it is spent.

use candid::Nat;
use ddsx_client::{AllowanceChange, LedgerInfo, Payment, amount};

use crate::context::Context;
use crate::failure::Failure;

/// Approves what a payment needs; whether that was a new approval.
pub async fn approve(context: &Context, payment: &Payment) -> Result<bool, Failure> {
    let change = payment.approve().await;
    let change = change.map_err(|error| Failure::call_in(&error, &payment.info))?;
    Ok(approved(context, &change))
}

/// Says that something was approved; whether it was.
pub fn approved(context: &Context, change: &AllowanceChange) -> bool {
    match change {
        AllowanceChange::Enough => false,
        AllowanceChange::Raised { block } => {
            context.output.remark(&format!("approved (block {})", block.0));
            true
        }
    }
}

/// The most that somebody is willing to pay. It names the token, since a number alone would be taken in whatever token the other side
/// chose; only who chose the ledger on the command line has named it already.
pub fn most(option: &str, text: &str, info: &LedgerInfo, ledger_given: bool) -> Result<Nat, Failure> {
    let named = text.chars().any(char::is_alphabetic);
    if !named && !ledger_given {
        return Err(Failure::usage(format!(
            "{option} names its token: {option} {}{}",
            text.trim(),
            info.symbol
        )));
    }
    amount::parse(text, info.decimals, &info.symbol)
        .map(Nat::from)
        .map_err(|error| Failure::usage(format!("{option}: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn should_want_the_token_named_in_a_limit() {
        let dst = LedgerInfo {
            symbol: "DST".into(),
            decimals: 8,
            fee: 10_000,
        };
        for text in ["5DST", "5 DST", "5.0dst"] {
            assert_eq!(
                most("--max-price", text, &dst, false),
                Ok(500_000_000_u64.into()),
                "{text}"
            );
        }
        let bare = most("--max-price", "5", &dst, false).unwrap_err();
        assert_eq!(bare.code(), crate::failure::USAGE);
        assert_eq!(bare.message(), "--max-price names its token: --max-price 5DST");
        assert_eq!(most("--max-price", "5", &dst, true), Ok(500_000_000_u64.into()));
        let other = most("--max-price", "5ICP", &dst, true).unwrap_err();
        assert!(other.message().contains("ICP was written"), "{}", other.message());
    }
}
