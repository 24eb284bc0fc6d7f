//! `ddsx licence`.

use std::time::Duration;

use candid::Principal;
use clap::{Args, Subcommand};
use ddsx_types::Account;
use ddsx_types::stream_registry::{PlanId, StreamId};

use crate::text::{parse_account, parse_duration};

#[derive(Debug, Subcommand)]
pub enum LicenceCommand {
    /// Buy a licence: quote, approve if needed, buy. Typed again after a crash it finishes the same purchase
    #[command(after_help = "\
Examples:
  ddsx licence buy 0                              # plan 0: shows the total and asks
  ddsx licence buy --stream 2                     # the one plan that stream 2 offers
  ddsx licence buy --stream 2 --plan monthly      # one of several, by name
  ddsx licence buy 0 --max-price 15DST --yes      # for scripts
  ddsx licence buy 0 --recipient ryjl3-tyaaa-aaaaa-aaaba-cai   # for someone else")]
    Buy(BuyArgs),
    /// What a plan costs now, fees included
    Quote {
        #[command(flatten)]
        choice: PlanChoice,
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

/// Which plan: by its number, or as one of a stream's.
#[derive(Args, Clone, Debug)]
pub struct PlanChoice {
    /// Number of the plan (`ddsx stream show`); plans are counted over all streams
    #[arg(value_name = "PLAN", required_unless_present = "stream", conflicts_with = "stream")]
    pub number: Option<PlanId>,
    /// Number of the stream, instead of the plan's
    #[arg(long, value_name = "STREAM")]
    pub stream: Option<StreamId>,
    /// Which of the stream's plans, by name or number, where it offers several
    #[arg(long, value_name = "NAME|NUMBER", requires = "stream")]
    pub plan: Option<String>,
}

#[derive(Args, Debug)]
pub struct BuyArgs {
    #[command(flatten)]
    pub choice: PlanChoice,
    /// Pay no more than this, the ledger's fees not counted, with the token's name: 15DST. The name may be left out where --ledger
    /// names the token
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
