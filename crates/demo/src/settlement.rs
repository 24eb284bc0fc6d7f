//! Who got what: the table that must sum to the price.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use anyhow::{Result, ensure};

use crate::shares::Shares;

/// What one payee should get and what came.
#[derive(Clone, Debug)]
pub struct Row {
    /// Who.
    pub name: String,
    /// Records credited, for contributors.
    pub records: Option<u64>,
    /// Its share, from the raw file.
    pub share: u128,
    /// What its account holds at the ledger.
    pub arrived: u128,
}

/// The whole settlement of one price.
#[derive(Clone, Debug)]
pub struct Settlement {
    /// What the buyer paid.
    pub price: u128,
    /// What the ledger takes for each payment.
    pub ledger_fee: u128,
    /// Contributors, the provider, the protocol.
    pub rows: Vec<Row>,
    /// What rounding left over.
    pub carried: u128,
}

impl Settlement {
    /// Joins expectations with what accounts hold. `arrived` answers by the row's name; `PROVIDER` and `PROTOCOL` are names too.
    pub fn new(
        price: u128,
        ledger_fee: u128,
        shares: &Shares,
        records: &BTreeMap<String, u64>,
        arrived: &BTreeMap<String, u128>,
    ) -> Self {
        let row = |name: &str, records, share| Row {
            name: name.to_owned(),
            records,
            share,
            arrived: arrived.get(name).copied().unwrap_or(0),
        };
        let mut rows: Vec<_> = shares
            .contributors
            .iter()
            .map(|(name, share)| row(name, records.get(name).copied(), *share))
            .collect();
        rows.sort_by(|a, b| b.records.cmp(&a.records).then_with(|| a.name.cmp(&b.name)));
        rows.push(row(PROVIDER, None, shares.provider));
        rows.push(row(PROTOCOL, None, shares.protocol));
        Self {
            price,
            ledger_fee,
            rows,
            carried: shares.carried,
        }
    }

    /// What the ledger took for payments that arrived.
    pub fn ledger_fees(&self) -> u128 {
        self.rows
            .iter()
            .filter(|row| row.arrived > 0)
            .map(|_| self.ledger_fee)
            .sum()
    }

    /// Whether every share has arrived, less the ledger's fee, and everything sums to the price.
    pub fn check(&self) -> Result<()> {
        for row in &self.rows {
            ensure!(
                row.arrived + self.ledger_fee == row.share,
                "{} should have {} less the ledger's fee of {}, but has {}",
                row.name,
                row.share,
                self.ledger_fee,
                row.arrived
            );
        }
        let arrived: u128 = self.rows.iter().map(|row| row.arrived).sum();
        let total = arrived + self.ledger_fees() + self.carried;
        ensure!(
            total == self.price,
            "the parts sum to {total}, the price was {}",
            self.price
        );
        Ok(())
    }

    /// As a table for people, amounts in DST.
    pub fn table(&self) -> String {
        let mut text = String::new();
        let mut line = |name: &str, records: &str, share: &str, fee: &str, arrived: &str| {
            let _ = writeln!(text, "  {name:<22} {records:>8} {share:>18} {fee:>12} {arrived:>18}");
        };
        line("", "records", "share", "ledger fee", "arrived");
        for row in &self.rows {
            let records = row.records.map(|count| count.to_string()).unwrap_or_default();
            let fee = if row.arrived > 0 { self.ledger_fee } else { 0 };
            line(&row.name, &records, &dst(row.share), &dst(fee), &dst(row.arrived));
        }
        let arrived: u128 = self.rows.iter().map(|row| row.arrived).sum();
        line("arrived in all", "", "", "", &dst(arrived));
        line("ledger fees in all", "", "", "", &dst(self.ledger_fees()));
        line("carried remainder", "", "", "", &dst(self.carried));
        line(
            "= the price",
            "",
            "",
            "",
            &dst(arrived + self.ledger_fees() + self.carried),
        );
        text
    }
}

/// The provider's row.
pub const PROVIDER: &str = "provider";
/// The protocol fee's row.
pub const PROTOCOL: &str = "protocol fee";

/// An amount in DST with all its decimals.
pub fn dst(amount: u128) -> String {
    format!("{}.{:08}", amount / 100_000_000, amount % 100_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shares::split;

    fn settled(forget: u128) -> Settlement {
        let records = BTreeMap::from([("a".to_owned(), 1), ("b".to_owned(), 2)]);
        let shares = split(1_000_000, 250, 7_000, &records);
        let mut arrived: BTreeMap<_, _> = shares
            .contributors
            .iter()
            .map(|(name, share)| (name.clone(), share - 10))
            .collect();
        arrived.insert(PROVIDER.to_owned(), shares.provider - 10 - forget);
        arrived.insert(PROTOCOL.to_owned(), shares.protocol - 10);
        Settlement::new(1_000_000, 10, &shares, &records, &arrived)
    }

    #[test]
    fn should_accept_a_settlement_that_sums_to_the_price() {
        settled(0).check().unwrap();
    }

    #[test]
    fn should_refuse_one_that_misses_a_single_unit() {
        let error = settled(1).check().unwrap_err().to_string();
        assert!(error.starts_with("provider should have 292500"), "{error}");
    }

    #[test]
    fn should_print_every_decimal() {
        assert_eq!(dst(1), "0.00000001");
        assert_eq!(dst(9_995_000_000), "99.95000000");
        let table = settled(0).table();
        assert!(table.contains("carried remainder"), "{table}");
        assert!(table.lines().last().unwrap().ends_with(" 0.01000000"), "{table}");
    }
}
