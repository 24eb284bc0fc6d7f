//! Token amounts: `Nat` on the wire, `u128` inside.

use candid::Nat;

/// The amount, or `None` if it is above `u128::MAX`, which no account can hold.
pub fn to_u128(amount: &Nat) -> Option<u128> {
    u128::try_from(&amount.0).ok()
}

/// The number, or `None` if it is above `u64::MAX`, as no block index and no count of this ledger is.
pub fn to_u64(number: &Nat) -> Option<u64> {
    u64::try_from(&number.0).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn should_know_what_does_not_fit() {
        assert_eq!(to_u128(&Nat::from(0_u8)), Some(0));
        assert_eq!(to_u128(&Nat::from(u128::MAX)), Some(u128::MAX));
        assert_eq!(to_u128(&(Nat::from(u128::MAX) + 1_u8)), None);
        assert_eq!(to_u64(&Nat::from(u64::MAX)), Some(u64::MAX));
        assert_eq!(to_u64(&(Nat::from(u64::MAX) + 1_u8)), None);
    }
}
