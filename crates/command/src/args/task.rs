//! `ddsx task`.

use std::path::PathBuf;
use std::time::Duration;

use candid::Principal;
use clap::{Args, Subcommand};
use ddsx_types::Account;

use crate::text::{parse_account, parse_duration};

#[derive(Debug, Subcommand)]
pub enum TaskCommand {
    /// Make a task of a definition file: create, pay, upload, fund, start. Typed again after a crash it goes on, and pays nothing twice
    #[command(after_help = "\
Examples:
  ddsx task example | tee digits.toml  # a definition with every field, to begin from
  ddsx task create digits.toml         # shows what it costs and asks
  ddsx task create digits.toml --yes   # for scripts")]
    Create(TaskCreateArgs),
    /// Print a definition file to begin from
    Example,
    /// List tasks
    List(TaskListArgs),
    /// Show a task: stage, rounds with accuracy, loss and outcome (verified), clients, books
    Show {
        /// Number of the task
        task: u64,
        /// How many of the last rounds
        #[arg(long, default_value_t = 20)]
        rounds: u32,
    },
    /// Take part without training yet; pays the stake, if there is one. `ddsx train` does it by itself
    Join(TaskJoinArgs),
    /// Take part no longer; the stake comes back
    Leave {
        /// Number of the task
        task: u64,
    },
    /// Show a round's report, verified up to the root key: every client's score and reward, and what model came of it
    #[command(after_help = "\
Example:
  ddsx task report 0 3 --json")]
    Report {
        /// Number of the task
        task: u64,
        /// The round, from 1
        round: u32,
    },
    /// Exclude a client of a task of yours for what the reports show; it gets its stake back, keeps what it earned, and everybody can read the reason
    Exclude {
        /// Number of the task
        task: u64,
        /// Principal of the client
        client: Principal,
        /// Why, for everybody to read
        #[arg(long)]
        reason: String,
        /// Do not ask
        #[arg(long, short)]
        yes: bool,
    },
    /// End a task of yours early; what is left of its budget comes back
    Stop {
        /// Number of the task
        task: u64,
        /// Do not ask
        #[arg(long, short)]
        yes: bool,
    },
    /// Keep what a task of yours holds from your prepaid balance when its time is over, or do not
    Keep {
        /// Number of the task
        task: u64,
        /// Let it go when its time is over
        #[arg(long)]
        off: bool,
    },
    /// Forget model and evaluation set of a task of yours that has ended; reports stay
    Free {
        /// Number of the task
        task: u64,
        /// Do not ask
        #[arg(long, short)]
        yes: bool,
    },
}

#[derive(Args, Debug)]
pub struct TaskCreateArgs {
    /// Definition file (`ddsx task example`)
    pub definition: PathBuf,
    /// Do not ask
    #[arg(long, short)]
    pub yes: bool,
    /// How long to wait for payments, and for the task to begin
    #[arg(long, default_value = "5m", value_parser = parse_duration, value_name = "DURATION")]
    pub patience: Duration,
}

#[derive(Args, Debug)]
pub struct TaskListArgs {
    /// How many at most
    #[arg(long, default_value_t = 100)]
    pub limit: usize,
    /// Only tasks after this number
    #[arg(long, value_name = "TASK")]
    pub after: Option<u64>,
    /// Only tasks whose name or description contains this
    #[arg(long, value_name = "TEXT")]
    pub search: Option<String>,
    /// Only tasks that have not ended
    #[arg(long)]
    pub open: bool,
}

#[derive(Args, Debug)]
pub struct TaskJoinArgs {
    /// Number of the task
    pub task: u64,
    /// Where rewards and the stake are paid; your own account if absent
    #[arg(long, value_name = "ACCOUNT", value_parser = parse_account)]
    pub account: Option<Account>,
    /// Do not ask before a stake is paid
    #[arg(long, short)]
    pub yes: bool,
    /// Pay no larger stake than this, with the token's name: 5DST
    #[arg(long, value_name = "AMOUNT")]
    pub max_stake: Option<String>,
    /// Where the request is noted; a folder of its own under DDSX_HOME if absent
    #[arg(long, value_name = "DIR")]
    pub state: Option<PathBuf>,
}
