//! `ddsx balance`.

use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};

use crate::text::parse_duration;

pub const EXAMPLES: &str = "\
Examples:
  ddsx balance                       # what is there, in each asset
  ddsx balance top-up 5              # shows the total and asks
  ddsx balance withdraw              # all that is free, back to your account
  ddsx balance --of aggregator       # what pays for your tasks";

/// Who keeps the balance.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum BalanceOf {
    /// The stream registry: it pays for what streams store
    #[default]
    Registry,
    /// The federated aggregator: it pays for tasks
    Aggregator,
}

#[derive(Debug, Subcommand)]
pub enum BalanceCommand {
    /// Move tokens from your account into the balance
    TopUp(TopUpArgs),
    /// Move what is free back to your account
    Withdraw(WithdrawArgs),
}

#[derive(Args, Debug)]
pub struct TopUpArgs {
    /// How much, for example 5
    pub amount: String,
    /// Do not ask
    #[arg(long, short)]
    pub yes: bool,
    /// How long to wait while the payment's outcome is not known
    #[arg(long, default_value = "2m", value_parser = parse_duration, value_name = "DURATION")]
    pub patience: Duration,
}

#[derive(Args, Debug)]
pub struct WithdrawArgs {
    /// How much leaves the balance, the ledger's fee within it; all that is free if absent
    pub amount: Option<String>,
    /// Do not ask
    #[arg(long, short)]
    pub yes: bool,
}
