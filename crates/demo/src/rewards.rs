//! Who earned what in the federated task: the table that must sum to what its owner paid in.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use candid::{Nat, Principal};
use ddsx_client::{Aggregator, Ledger};
use ddsx_trainer::settled;
use ddsx_types::federated_aggregator::{Participant, RoundReport, TaskInfo};

use crate::place::LEDGER_FEE;
use crate::settlement;

/// A part of an amount in DST.
pub fn dst(amount: &Nat, parts: u32) -> Result<String> {
    Ok(settlement::dst(units(amount)? / u128::from(parts)))
}

fn units(amount: &Nat) -> Result<u128> {
    Ok(u128::try_from(amount.0.clone())?)
}

/// One client at the end.
#[derive(Clone, Debug, PartialEq)]
struct Row {
    client: Principal,
    samples: u64,
    score: f64,
    earned: u128,
    due: u128,
    arrived: u128,
}

impl Row {
    /// How many transfers took how much of what was earned.
    fn fees(&self) -> Option<u128> {
        self.earned.checked_sub(self.due)?.checked_sub(self.arrived)
    }
}

/// Waits until everything is paid, prints the table, and checks it against the reports, the aggregator's books and the ledger.
pub async fn check(
    aggregator: &Aggregator,
    ledger: &Ledger,
    task: &TaskInfo,
    reports: &[RoundReport],
    samples: &[(Principal, u64)],
    owner_before: &Nat,
) -> Result<()> {
    let clients: Vec<Principal> = samples.iter().map(|(client, _)| *client).collect();
    let participants = settled(aggregator, task.id, &clients, LEDGER_FEE.into(), Duration::from_mins(1)).await?;
    let mut rows = Vec::new();
    for (client, samples) in samples {
        let participant = participants
            .iter()
            .find(|participant| participant.client == *client)
            .context("a client that trained takes no part")?;
        rows.push(row(ledger, participant, *samples).await?);
    }
    check_reports(&rows, reports)?;
    for row in &rows {
        let fees = row.fees().context("more arrived than was earned")?;
        ensure!(
            fees.is_multiple_of(LEDGER_FEE.into()) && fees / u128::from(LEDGER_FEE) <= reports.len() as u128,
            "{} earned {} and has {}",
            row.client,
            row.earned,
            row.arrived
        );
    }
    let budget = units(&task.budget)?;
    let earned: u128 = rows.iter().map(|row| row.earned).sum();
    let returned = await_return(aggregator, ledger, task, owner_before, budget - earned).await?;
    print(&rows, budget, returned);
    check_books(aggregator, ledger, task, earned).await?;
    println!("   rewards and what came back sum to what was paid in, by the reports, the books and the ledger");
    Ok(())
}

async fn row(ledger: &Ledger, participant: &Participant, samples: u64) -> Result<Row> {
    Ok(Row {
        client: participant.client,
        samples,
        score: participant.score,
        earned: units(&participant.earned)?,
        due: units(&participant.due)?,
        arrived: units(&ledger.balance_of(participant.client.into()).await?)?,
    })
}

/// What each client earned is the sum of its rewards in the certified reports.
fn check_reports(rows: &[Row], reports: &[RoundReport]) -> Result<()> {
    for row in rows {
        let own = reports
            .iter()
            .flat_map(|report| &report.clients)
            .filter(|client| client.client == row.client);
        let mut sum = 0;
        for client in own {
            sum += units(&client.reward)?;
        }
        ensure!(
            sum == row.earned,
            "{} earned {} by the reports and {} by the books",
            row.client,
            sum,
            row.earned
        );
    }
    Ok(())
}

/// Waits until what no client earned is back in the owner's account; how much came back, the ledger's fee counted.
async fn await_return(
    aggregator: &Aggregator,
    ledger: &Ledger,
    task: &TaskInfo,
    before: &Nat,
    left: u128,
) -> Result<u128> {
    let owner = aggregator.network().principal();
    // Approval and transfer of the budget each cost the owner the ledger's fee.
    let paid = units(&task.budget)? + 2 * u128::from(LEDGER_FEE);
    let base = units(before)?
        .checked_sub(paid)
        .context("the owner had less than it paid")?;
    let expected = if left > u128::from(LEDGER_FEE) {
        left - u128::from(LEDGER_FEE)
    } else {
        0
    };
    for _ in 0..120 {
        if units(&ledger.balance_of(owner.into()).await?)? == base + expected {
            return Ok(left);
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    let has = units(&ledger.balance_of(owner.into()).await?)?;
    anyhow::bail!("the owner should have {} and has {has}", base + expected)
}

/// The aggregator's own books agree, and its account holds what they say.
async fn check_books(aggregator: &Aggregator, ledger: &Ledger, task: &TaskInfo, earned: u128) -> Result<()> {
    let audit = aggregator.audit(task.id).await?.context("the task has no books")?;
    ensure!(audit.conserved, "the task's books do not balance: {audit:?}");
    ensure!(
        audit.received == task.budget && audit.stakes == 0_u8 && audit.to_treasury == 0_u8,
        "{audit:?}"
    );
    ensure!(units(&audit.paid)? + units(&audit.owed)? >= earned, "{audit:?}");
    let held = ledger.balance_of(aggregator.id().into()).await?;
    ensure!(
        held == audit.received.clone() - audit.paid.clone(),
        "the aggregator holds {held}: {audit:?}"
    );
    Ok(())
}

fn print(rows: &[Row], budget: u128, returned: u128) {
    let line = |name: &str, samples: &str, score: &str, earned: &str, fees: &str, arrived: &str| {
        println!("  {name:<12} {samples:>8} {score:>10} {earned:>16} {fees:>12} {arrived:>16}");
    };
    line("client", "samples", "score", "earned", "ledger fees", "arrived");
    for row in rows {
        line(
            row.client.to_text().split('-').next().unwrap_or_default(),
            &row.samples.to_string(),
            &format!("{:.5}", row.score),
            &settlement::dst(row.earned),
            &settlement::dst(row.fees().unwrap_or_default()),
            &settlement::dst(row.arrived),
        );
    }
    let earned: u128 = rows.iter().map(|row| row.earned).sum();
    line("rewards", "", "", &settlement::dst(earned), "", "");
    line("back", "", "", &settlement::dst(returned), "", "");
    line("= paid in", "", "", &settlement::dst(earned + returned), "", "");
    debug_assert_eq!(earned + returned, budget);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(earned: u128, due: u128, arrived: u128) -> Row {
        Row {
            client: Principal::from_slice(&[1]),
            samples: 1,
            score: 0.5,
            earned,
            due,
            arrived,
        }
    }

    #[test]
    fn should_find_what_the_ledger_took() {
        assert_eq!(row(100, 0, 80).fees(), Some(20));
        assert_eq!(row(100, 5, 75).fees(), Some(20));
        assert_eq!(row(100, 0, 101).fees(), None);
    }

    #[test]
    fn should_refuse_earnings_that_no_report_shows() {
        assert!(check_reports(&[row(0, 0, 0)], &[]).is_ok());
        let error = check_reports(&[row(1, 0, 0)], &[]).unwrap_err().to_string();
        assert!(error.contains("earned 0 by the reports and 1 by the books"), "{error}");
    }
}
