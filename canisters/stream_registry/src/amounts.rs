//! Amounts: `Nat` on the wire, `u128` inside.

use candid::Nat;

/// For the wire.
pub fn nat(amount: u128) -> Nat {
    Nat::from(amount)
}

/// From the wire; `None` above `u128::MAX`, which no ledger can hold.
pub fn u128_of(amount: &Nat) -> Option<u128> {
    u128::try_from(&amount.0).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn should_refuse_what_no_ledger_can_hold() {
        assert_eq!(u128_of(&nat(u128::MAX)), Some(u128::MAX));
        assert_eq!(u128_of(&(nat(u128::MAX) + 1u8)), None);
        assert_eq!(u128_of(&Nat::from(0u8)), Some(0));
    }
}
