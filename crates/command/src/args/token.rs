//! `ddsx token`.

use std::time::Duration;

use clap::Subcommand;
use ddsx_types::Account;

use crate::text::{parse_account, parse_duration};

#[derive(Debug, Subcommand)]
pub enum TokenCommand {
    /// What an account holds
    Balance {
        /// Whose; yours if absent
        #[arg(value_parser = parse_account)]
        account: Option<Account>,
    },
    /// Send tokens
    #[command(after_help = "\
Example:
  ddsx token transfer ryjl3-tyaaa-aaaaa-aaaba-cai --amount 12.5")]
    Transfer {
        /// To whom
        #[arg(value_parser = parse_account)]
        to: Account,
        /// How much, for example 12.5
        #[arg(long)]
        amount: String,
        /// A remark of at most 32 bytes
        #[arg(long)]
        memo: Option<String>,
    },
    /// Let someone take tokens from your account
    #[command(after_help = "\
Example:
  ddsx token approve ryjl3-tyaaa-aaaaa-aaaba-cai --amount 12.5 --expires-in 1h")]
    Approve {
        /// Whom
        #[arg(value_parser = parse_account)]
        spender: Account,
        /// How much in all; 0 takes it back
        #[arg(long)]
        amount: String,
        /// For how long
        #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
        expires_in: Option<Duration>,
    },
    /// What someone may take from an account
    Allowance {
        /// Who may take
        #[arg(value_parser = parse_account)]
        spender: Account,
        /// From whom; you if absent
        #[arg(long, value_name = "ACCOUNT", value_parser = parse_account)]
        from: Option<Account>,
    },
}
