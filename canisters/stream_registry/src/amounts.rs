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

/// For people: in whole units with the symbol, for example `1.25 DST`.
pub fn shown(amount: u128, decimals: u8, symbol: &str) -> String {
    let places = usize::from(decimals);
    let digits = format!("{amount:0>width$}", width = places + 1);
    let (whole, fraction) = digits.split_at(digits.len() - places);
    match fraction.trim_end_matches('0') {
        "" => format!("{whole} {symbol}"),
        fraction => format!("{whole}.{fraction} {symbol}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn should_show_amounts_in_whole_units() {
        for (amount, decimals, text) in [
            (0, 8, "0 DST"),
            (1, 8, "0.00000001 DST"),
            (125_000_000, 8, "1.25 DST"),
            (7, 0, "7 DST"),
            (u128::MAX, 38, "3.40282366920938463463374607431768211455 DST"),
        ] {
            assert_eq!(shown(amount, decimals, "DST"), text);
        }
    }

    #[test]
    fn should_refuse_what_no_ledger_can_hold() {
        assert_eq!(u128_of(&nat(u128::MAX)), Some(u128::MAX));
        assert_eq!(u128_of(&(nat(u128::MAX) + 1u8)), None);
        assert_eq!(u128_of(&Nat::from(0u8)), Some(0));
    }
}
