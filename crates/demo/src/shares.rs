//! What each party should get, from the raw file and the announced percentages alone: the canister is not asked.

use std::collections::BTreeMap;

/// One price, split. The parts sum to it to the last unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shares {
    /// The protocol's: basis points of the price, rounded down.
    pub protocol: u128,
    /// The provider's: basis points of the rest, rounded down.
    pub provider: u128,
    /// Each contributor's: what is left, by records, rounded down.
    pub contributors: BTreeMap<String, u128>,
    /// What rounding the contributors' shares down leaves over.
    pub carried: u128,
}

/// Splits `price` (smallest unit) among the protocol, the provider and contributors with these record counts.
/// Basis points are at most 10,000; the price is at most 2^64, which no product here overflows.
pub fn split(price: u64, protocol_bps: u16, contributors_bps: u16, records: &BTreeMap<String, u64>) -> Shares {
    let price = u128::from(price);
    let protocol = price * u128::from(protocol_bps) / 10_000;
    let rest = price - protocol;
    let provider = rest * u128::from(10_000 - contributors_bps) / 10_000;
    let part = rest - provider;
    let all: u128 = records.values().copied().map(u128::from).sum();
    let contributors: BTreeMap<String, u128> = records
        .iter()
        .map(|(name, count)| (name.clone(), part * u128::from(*count) / all))
        .collect();
    let carried = part - contributors.values().sum::<u128>();
    Shares {
        protocol,
        provider,
        contributors,
        carried,
    }
}

impl Shares {
    /// Everything together: the price.
    pub fn total(&self) -> u128 {
        self.protocol + self.provider + self.contributors.values().sum::<u128>() + self.carried
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn should_split_by_records_and_lose_no_unit() {
        let records = BTreeMap::from([("a".to_owned(), 1), ("b".to_owned(), 2)]);
        let shares = split(1_000, 250, 7_000, &records);
        // 1,000 − 25 = 975; the provider 30 % = 292 (rounded down); the contributors 683: 227 and 455, 1 carried.
        assert_eq!((shares.protocol, shares.provider, shares.carried), (25, 292, 1));
        assert_eq!((shares.contributors["a"], shares.contributors["b"]), (227, 455));
        assert_eq!(shares.total(), 1_000);
    }

    #[test]
    fn should_sum_to_the_price_whatever_it_is() {
        let records = BTreeMap::from([("a".to_owned(), 7), ("b".to_owned(), 11), ("c".to_owned(), 386)]);
        for price in [0, 1, 2, 3, 99, 12_345_678_901, u64::MAX] {
            assert_eq!(split(price, 250, 6_667, &records).total(), u128::from(price), "{price}");
        }
    }
}
