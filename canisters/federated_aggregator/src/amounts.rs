//! Amounts: `Nat` on the wire, `u128` inside.

use candid::Nat;

/// The largest amount of a reward, a stake, a fee or a budget: sums and products of those stay far below 2^128.
pub const MAX_AMOUNT: u128 = 1 << 96;

/// For the wire.
pub fn nat(amount: u128) -> Nat {
    Nat::from(amount)
}

/// From the wire; `None` above [`MAX_AMOUNT`].
pub fn amount(amount: &Nat) -> Option<u128> {
    u128::try_from(&amount.0).ok().filter(|amount| *amount <= MAX_AMOUNT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn should_refuse_what_could_overflow() {
        assert_eq!(amount(&nat(MAX_AMOUNT)), Some(MAX_AMOUNT));
        assert_eq!(amount(&nat(MAX_AMOUNT + 1)), None);
        assert_eq!(amount(&(nat(u128::MAX) + 1u8)), None);
    }
}
