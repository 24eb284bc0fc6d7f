//! `ddsx revenue`.

use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub enum RevenueCommand {
    /// What a stream earned, and what each contributor is owed and got
    Show {
        /// Number of the stream
        stream: u64,
    },
    /// What a stream earned, day by day
    Days {
        /// Number of the stream
        stream: u64,
    },
    /// Pay at once what is due
    #[command(after_help = "\
Examples:
  ddsx revenue claim 0 --provider
  ddsx revenue claim 0 --contributor uw")]
    Claim(ClaimArgs),
}

#[derive(Args, Debug)]
pub struct ClaimArgs {
    /// Number of the stream
    pub stream: u64,
    /// The provider's share
    #[arg(long, required_unless_present = "contributor")]
    pub provider: bool,
    /// A contributor's share
    #[arg(long, value_name = "NUMBER|LABEL", conflicts_with = "provider")]
    pub contributor: Option<String>,
}
