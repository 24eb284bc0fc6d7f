//! Amounts as people write them, exactly: no floating point, nothing rounded.

use std::fmt;

use candid::Nat;

/// The most decimal places that an amount of 128 bits can have.
pub const MAX_DECIMALS: u8 = 38;

/// Why text is not an amount.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AmountError {
    /// Nothing but digits, one point, `_` between digits and the asset's symbol may stand there.
    #[error("{0:?} is not an amount; write for example 12.5")]
    NotANumber(String),
    /// More digits after the point than the asset has.
    #[error("{text:?} has more than {decimals} decimal places, the most that {symbol} has")]
    TooPrecise {
        /// What was given.
        text: String,
        /// Decimal places of the asset.
        decimals: u8,
        /// The asset.
        symbol: String,
    },
    /// More than 128 bits hold.
    #[error("{0:?} is too large")]
    TooLarge(String),
    /// The symbol written is not the asset's.
    #[error("{given} was written, but the ledger's token is {symbol}")]
    OtherSymbol {
        /// What was written.
        given: String,
        /// The ledger's symbol.
        symbol: String,
    },
}

/// Reads an amount such as `12.5`, `1_000` or `12.5 DST` as a number of smallest units.
pub fn parse(text: &str, decimals: u8, symbol: &str) -> Result<u128, AmountError> {
    let trimmed = text.trim();
    let split = trimmed
        .find(|c: char| !(c.is_ascii_digit() || c == '.' || c == '_'))
        .unwrap_or(trimmed.len());
    let (number, unit) = (trimmed[..split].trim(), trimmed[split..].trim());
    if !unit.is_empty() && !unit.eq_ignore_ascii_case(symbol) {
        let looks_like_symbol = unit.chars().all(char::is_alphanumeric);
        return Err(if looks_like_symbol && !number.is_empty() {
            AmountError::OtherSymbol {
                given: unit.to_string(),
                symbol: symbol.to_string(),
            }
        } else {
            AmountError::NotANumber(text.to_string())
        });
    }
    let not_a_number = || AmountError::NotANumber(text.to_string());
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let misplaced = |part: &str| part.starts_with('_') || part.ends_with('_');
    if (whole.is_empty() && fraction.is_empty())
        || (number.contains('.') && fraction.is_empty())
        || misplaced(whole)
        || misplaced(fraction)
        || fraction.contains('.')
    {
        return Err(not_a_number());
    }
    let digits = |part: &str| part.chars().filter(|c| *c != '_').collect::<String>();
    let (whole, fraction) = (digits(whole), digits(fraction));
    let significant = fraction.trim_end_matches('0');
    if significant.len() > usize::from(decimals) {
        return Err(AmountError::TooPrecise {
            text: text.to_string(),
            decimals,
            symbol: symbol.to_string(),
        });
    }
    let padded = format!("{whole}{significant:0<width$}", width = usize::from(decimals));
    if padded.is_empty() {
        return Err(not_a_number());
    }
    padded.parse().map_err(|_| AmountError::TooLarge(text.to_string()))
}

/// A number of smallest units as people read it: `12.5 DST`. Every digit is kept, zeros at the end are not.
#[derive(Clone, Copy, Debug)]
pub struct Display<'a> {
    /// How many smallest units.
    pub units: u128,
    /// Decimal places of the asset.
    pub decimals: u8,
    /// The asset.
    pub symbol: &'a str,
}

impl fmt::Display for Display<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", plain(self.units, self.decimals), self.symbol)
    }
}

/// A number of smallest units as a plain decimal number.
pub fn plain(units: u128, decimals: u8) -> String {
    let digits = format!("{units:0>width$}", width = usize::from(decimals) + 1);
    let (whole, fraction) = digits.split_at(digits.len() - usize::from(decimals));
    let fraction = fraction.trim_end_matches('0');
    if fraction.is_empty() {
        whole.to_string()
    } else {
        format!("{whole}.{fraction}")
    }
}

/// A wire amount in 128 bits, if it fits.
pub fn units(amount: &Nat) -> Option<u128> {
    u128::try_from(amount.0.clone()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn should_read_amounts_exactly() {
        for (text, decimals, expected) in [
            ("12.5", 8, 1_250_000_000),
            ("0.00000001", 8, 1),
            ("1_000", 2, 100_000),
            (".5", 1, 5),
            ("7", 0, 7),
            ("12.50000000000", 8, 1_250_000_000),
            ("12.5 DST", 8, 1_250_000_000),
            ("12.5dst", 8, 1_250_000_000),
            ("0", 8, 0),
            ("340282366920938463463374607431768211455", 0, u128::MAX),
            ("3.40282366920938463463374607431768211455", 38, u128::MAX),
        ] {
            assert_eq!(parse(text, decimals, "DST"), Ok(expected), "{text}");
        }
    }

    #[test]
    fn should_refuse_what_is_not_an_exact_amount() {
        for (text, words) in [
            ("", "not an amount"),
            (".", "not an amount"),
            ("1.", "not an amount"),
            ("-1", "not an amount"),
            ("+1", "not an amount"),
            ("1e3", "e3 was written"),
            ("1,5", "not an amount"),
            ("1.2.3", "not an amount"),
            ("_1", "not an amount"),
            ("1_", "not an amount"),
            ("DST", "not an amount"),
            ("٣", "not an amount"),
            ("0.000000001", "more than 8 decimal places"),
            ("12.5 ICP", "ICP was written"),
            ("340282366920938463463374607431768211456", "too large"),
        ] {
            let error = parse(text, 8, "DST").expect_err(text).to_string();
            assert!(error.contains(words), "{text}: {error}");
        }
    }

    proptest! {
        #[test]
        fn should_read_back_what_it_writes(units: u128, decimals in 0..=MAX_DECIMALS) {
            prop_assert_eq!(parse(&plain(units, decimals), decimals, "X"), Ok(units));
            let written = Display { units, decimals, symbol: "X" }.to_string();
            prop_assert_eq!(parse(&written, decimals, "X"), Ok(units));
        }
    }
}
