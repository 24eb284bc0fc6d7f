//! A payment that a canister takes by ICRC-2: looked at whole before its first step, which costs a fee already; and what is approved for
//! nothing is taken back.

use candid::{Nat, Principal};
use ddsx_types::Account;
use icrc_ledger_types::icrc2::approve::ApproveError;

use crate::ledger::is_enough;
use crate::{AllowanceChange, CallError, Ledger, LedgerInfo, NetworkError};

/// A payment before anything of it has happened.
#[derive(Clone, Debug)]
pub struct Payment {
    /// The asset.
    pub info: LedgerInfo,
    ledger: Ledger,
    from: Account,
    spender: Account,
    /// What the canister must be allowed to take: what it is to receive, and the ledger's fee.
    needed: Nat,
    /// What the payer holds.
    balance: Nat,
    /// What the approval costs, if one is needed.
    approval_fee: Nat,
}

/// An account holds less than what is to leave it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the account holds {balance}, and {total} is needed, fees included; nothing was charged")]
pub struct Short {
    /// What it holds, with its unit.
    pub balance: String,
    /// What is needed, with its unit.
    pub total: String,
}

impl Short {
    /// Whether an account can pay, as everybody says it.
    pub fn check(info: &LedgerInfo, balance: &Nat, total: &Nat) -> Result<(), Self> {
        if balance >= total {
            return Ok(());
        }
        Err(Self {
            balance: info.show(balance),
            total: info.show(total),
        })
    }
}

impl Payment {
    /// Looks at the asset, at what the caller holds and at what `spender` may take already; it is to receive `amount`. Give
    /// [`Ledger::agreed`] where a payment follows.
    pub async fn look(ledger: Ledger, spender: Principal, amount: &Nat) -> Result<Self, NetworkError> {
        let (from, spender) = (Account::from(ledger.network().principal()), Account::from(spender));
        // Boxed: three questions with all that an agent keeps for each make a future too large for a caller's own.
        let asked = async { tokio::try_join!(ledger.info(), ledger.balance_of(from), ledger.allowance(from, spender)) };
        let (info, balance, allowance) = Box::pin(asked).await?;
        let needed = amount.clone() + info.fee;
        let approval_fee = if is_enough(&allowance, &needed) {
            Nat::default()
        } else {
            Nat::from(info.fee)
        };
        Ok(Self {
            info,
            ledger,
            from,
            spender,
            needed,
            balance,
            approval_fee,
        })
    }

    /// The ledger's canister.
    pub fn ledger(&self) -> Principal {
        self.ledger.id()
    }

    /// What the approval costs; nothing if none is needed.
    pub fn approval_fee(&self) -> &Nat {
        &self.approval_fee
    }

    /// Everything that leaves the payer's account.
    pub fn total(&self) -> Nat {
        self.needed.clone() + self.approval_fee.clone()
    }

    /// Refuses what the payer cannot pay.
    pub fn check_funds(&self) -> Result<(), Short> {
        Short::check(&self.info, &self.balance, &self.total())
    }

    /// Lets the canister take what is needed and no more, at the fee that was seen.
    pub async fn approve(&self) -> Result<AllowanceChange, CallError<ApproveError>> {
        let fee = Some(Nat::from(self.info.fee));
        self.ledger
            .raise_allowance(self.from, self.spender, &self.needed, fee)
            .await
    }

    /// Takes an approval back of which nothing came; what has become of the money, in words.
    pub async fn take_back(&self) -> String {
        let fee = self.info.show(&Nat::from(self.info.fee));
        let taken = self
            .ledger
            .take_back_allowance(self.from, self.spender, &self.needed, self.info.fee.into())
            .await;
        match taken {
            Ok(_) => format!("the approval cost {fee}, and it was taken back for {fee} more: no allowance is left"),
            Err(error) => format!(
                "the approval cost {fee}, and {} may still be taken with it ({}); take it back: ddsx token approve {} --amount 0 \
                 --ledger {}",
                self.info.show(&self.needed),
                error.explain_in(&self.info),
                self.spender,
                self.ledger.id()
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn should_say_what_is_missing_in_the_assets_unit() {
        let info = LedgerInfo {
            symbol: "DST".into(),
            decimals: 8,
            fee: 10_000,
        };
        assert_eq!(Short::check(&info, &5_u8.into(), &5_u8.into()), Ok(()));
        let short = Short::check(&info, &4_999_970_020_u64.into(), &5_000_020_000_u64.into()).unwrap_err();
        assert_eq!(
            short.to_string(),
            "the account holds 49.9997002 DST, and 50.0002 DST is needed, fees included; nothing was charged"
        );
    }
}
