//! `ddsx licence`.

use std::time::Duration;

use candid::Principal;
use clap::{Args, Subcommand};
use ddsx_types::Account;

use crate::text::{parse_account, parse_duration};

#[derive(Debug, Subcommand)]
pub enum LicenceCommand {
    /// Buy a licence: quote, approve if needed, buy. Typed again after a crash it finishes the same purchase
    #[command(after_help = "\
Examples:
  ddsx licence buy 0                         # shows the total and asks
  ddsx licence buy 0 --max-price 15 --yes    # for scripts
  ddsx licence buy 0 --recipient aaaaa-aa    # for someone else")]
    Buy(BuyArgs),
    /// What a plan costs now, fees included
    Quote {
        /// Number of the plan (`ddsx stream show`)
        plan: u64,
    },
    /// List licences
    List {
        /// Whose; yours if absent
        #[arg(long, value_name = "PRINCIPAL")]
        owner: Option<Principal>,
    },
    /// Show a licence, verified up to the root key
    Show {
        /// Number of the licence
        licence: u64,
    },
}

#[derive(Args, Debug)]
pub struct BuyArgs {
    /// Number of the plan (`ddsx stream show`)
    pub plan: u64,
    /// Pay no more than this, the ledger's fees not counted
    #[arg(long, value_name = "AMOUNT")]
    pub max_price: Option<String>,
    /// Who shall own the licence; you if absent
    #[arg(long, value_name = "ACCOUNT", value_parser = parse_account)]
    pub recipient: Option<Account>,
    /// Do not ask
    #[arg(long, short)]
    pub yes: bool,
    /// How long to wait while the payment's outcome is not known
    #[arg(long, default_value = "2m", value_parser = parse_duration, value_name = "DURATION")]
    pub patience: Duration,
}
