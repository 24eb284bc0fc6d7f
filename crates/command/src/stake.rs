//! Consent to a stake, before anything of it is paid.

use candid::Nat;
use ddsx_client::{Aggregator, LedgerInfo, Short};
use ddsx_types::federated_aggregator::TaskInfo;

use crate::context::Context;
use crate::failure::Failure;
use crate::money;
use crate::output;
use crate::text::one_line;

/// Who pays, for how many, and what was said of it on the command line.
#[derive(Clone, Copy, Debug)]
pub struct Consent<'a> {
    /// Clients that have not joined yet.
    pub joining: usize,
    /// Whether they are simulated: each gets its stake from the user's account first.
    pub simulated: bool,
    /// `--yes`.
    pub yes: bool,
    /// `--max-stake`.
    pub max_stake: Option<&'a str>,
}

impl Consent<'_> {
    /// Everything that leaves the user's account: stakes, and at most so much in fees.
    fn total(&self, stake: &Nat, info: &LedgerInfo) -> Nat {
        let fees: u64 = if self.simulated { 3 } else { 2 };
        (stake.clone() + Nat::from(info.fee) * fees) * self.joining
    }
}

/// Asks before a stake is paid; what may be paid for each client at most. `info` and `units` are the subnet's word.
pub async fn ask(
    context: &Context,
    aggregator: &Aggregator,
    info: &TaskInfo,
    units: Option<&LedgerInfo>,
    consent: Consent<'_>,
) -> Result<Nat, Failure> {
    let (Some(reward), Some(units)) = (&info.args.reward, units) else {
        return Ok(Nat::default());
    };
    let stake = &reward.stake;
    if *stake == 0_u8 || consent.joining == 0 {
        return Ok(stake.clone());
    }
    if let Some(text) = consent.max_stake
        && *stake
            > money::most(
                "--max-stake",
                text,
                units,
                context.ledger_given() == Some(reward.ledger),
            )?
    {
        return Err(Failure::refused(format!(
            "the stake is {}, above --max-stake {text}; nothing was charged",
            units.show(stake)
        )));
    }
    let network = aggregator.network();
    let ledger = network.ledger(reward.ledger).agreed();
    let total = consent.total(stake, units);
    Short::check(units, &ledger.balance_of(network.principal().into()).await?, &total).map_err(Failure::refused)?;
    context.name_place(network, &[("aggregator", aggregator.id()), ("ledger", reward.ledger)]);
    let whose = if consent.joining == 1 {
        String::new()
    } else {
        format!(" for each of {} clients", consent.joining)
    };
    let said = format!(
        "task {} ({}) takes a stake of {}{whose}; with the ledger's fees at most {} leaves your account. It comes back unless what is \
         sent is provably false",
        info.id,
        one_line(&info.args.name),
        units.show(stake),
        units.show(&total)
    );
    context.output.remark(&said);
    if consent.yes || output::confirm("Pay it?")? {
        Ok(stake.clone())
    } else {
        Err(Failure::usage("not joined, nothing was charged"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn should_count_every_fee_that_a_stake_can_cost() {
        let info = LedgerInfo {
            symbol: "DST".into(),
            decimals: 8,
            fee: 10,
        };
        for (joining, simulated, expected) in [(1, false, 120_u32), (1, true, 130), (3, true, 390), (0, true, 0)] {
            let consent = Consent {
                joining,
                simulated,
                yes: false,
                max_stake: None,
            };
            assert_eq!(consent.total(&100_u8.into(), &info), expected, "{joining} {simulated}");
        }
    }
}
