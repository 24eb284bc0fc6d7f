//! The command line. Its help is meant to be enough to learn the command from. A file each for what stands below one word.

mod balance;
mod identity;
mod licence;
mod revenue;
mod stream;
mod task;
mod token;
mod train;

use std::path::PathBuf;

use candid::Principal;
use clap::{Args, Parser, Subcommand};

pub use balance::{BalanceCommand, BalanceOf, TopUpArgs, WithdrawArgs};
pub use identity::{IdentityCommand, Scheme};
pub use licence::{BuyArgs, LicenceCommand, PlanChoice};
pub use revenue::{ClaimArgs, RevenueCommand};
pub use stream::{
    AppendArgs, ContributorsArgs, CreateArgs, ExtendArgs, Kind, ListArgs, PlanAddArgs, PlanCommand, PublishersArgs,
    PullArgs, StreamCommand, VerifyArgs,
};
pub use task::{TaskCommand, TaskCreateArgs, TaskJoinArgs, TaskListArgs};
pub use token::TokenCommand;
pub use train::{PredictArgs, TrainArgs};

const EXIT_CODES: &str = "\
Exit codes:
  0    done
  1    the canister refused (no licence, not the owner, too little money, …)
  2    the command line or a file given is wrong, or this machine's clock is off
  3    verification failed: what came is not proved, nothing of it was written
  4    the network does not answer
  5    a file here cannot be read or written
  130  stopped with Ctrl-C

Which network and which canisters:
  --network, --registry, --aggregator, --ledger and --root-key; or the environment (DDSX_NETWORK, …); or a file: --config or DDSX_CONFIG, else
  the nearest ddsx.toml, .ddsx/ids.json or target/local/ddsx.json in this folder or above. Such a file holds
    {\"network\": \"http://127.0.0.1:4943\", \"root_key\": \"3081…\", \"registry\": \"…-cai\", \"ledger\": \"…-cai\",
     \"aggregator\": \"…-cai\"}

First steps on a local network (scripts/demo starts one):
  ddsx identity new alice
  ddsx --identity alice stream list
  ddsx --identity alice licence buy 0 --yes
  ddsx --identity alice stream pull 0 --follow --cursor quakes.cursor --out quakes/";

/// Streams of data with proof: publish them, buy licences, pull them verified, see who is paid; and train models on them together.
#[derive(Debug, Parser)]
#[command(name = "ddsx", version, after_help = EXIT_CODES, arg_required_else_help = true, infer_subcommands = true)]
pub struct Cli {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub command: Command,
}

/// Options of every command.
#[derive(Args, Clone, Debug, Default)]
pub struct Global {
    /// `ic` (mainnet), `local`, or a URL. From the config file, else `ic`
    #[arg(
        long,
        global = true,
        env = "DDSX_NETWORK",
        value_name = "local|ic|URL",
        help_heading = "Connection"
    )]
    pub network: Option<String>,
    /// Root key that everything is proved to: hexadecimal DER, or a file with it. Mainnet's is built in; a network on this
    /// machine is asked for its own; for any other it must be given
    #[arg(
        long,
        global = true,
        env = "DDSX_ROOT_KEY",
        value_name = "HEX|FILE",
        help_heading = "Connection"
    )]
    pub root_key: Option<String>,
    /// The registry canister
    #[arg(
        long,
        global = true,
        env = "DDSX_REGISTRY",
        value_name = "CANISTER",
        help_heading = "Connection"
    )]
    pub registry: Option<Principal>,
    /// The federated aggregator canister
    #[arg(
        long,
        global = true,
        env = "DDSX_AGGREGATOR",
        value_name = "CANISTER",
        help_heading = "Connection"
    )]
    pub aggregator: Option<Principal>,
    /// The ledger of the token to pay or to look at
    #[arg(
        long,
        global = true,
        env = "DDSX_LEDGER",
        value_name = "CANISTER",
        help_heading = "Connection"
    )]
    pub ledger: Option<Principal>,
    /// Who you are: the name of an identity (`ddsx identity new`), a PEM file, or `anonymous`. `default` if there is one
    #[arg(
        long,
        short = 'i',
        global = true,
        env = "DDSX_IDENTITY",
        value_name = "NAME|FILE",
        help_heading = "Connection"
    )]
    pub identity: Option<String>,
    /// File with network and canisters
    #[arg(
        long,
        global = true,
        env = "DDSX_CONFIG",
        value_name = "FILE",
        help_heading = "Connection"
    )]
    pub config: Option<PathBuf>,
    /// For programs: JSON on stdout (one document, or one a line where it goes on), words on stderr only
    #[arg(long, global = true, help_heading = "Output")]
    pub json: bool,
    /// No progress bars and no remarks
    #[arg(long, short, global = true, help_heading = "Output")]
    pub quiet: bool,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Publish, find, pull and verify streams
    Stream {
        #[command(subcommand)]
        command: StreamCommand,
    },
    /// Buy licences and look at them
    #[command(alias = "license")]
    Licence {
        #[command(subcommand)]
        command: LicenceCommand,
    },
    /// Who is paid what of a stream's income
    Revenue {
        #[command(subcommand)]
        command: RevenueCommand,
    },
    /// Your prepaid balance at the registry, which pays for what your streams store, or at the aggregator, for your tasks
    #[command(after_help = balance::EXAMPLES)]
    Balance {
        /// Who keeps it
        #[arg(long, value_enum, default_value_t, global = true, value_name = "CANISTER")]
        of: BalanceOf,
        #[command(subcommand)]
        command: Option<BalanceCommand>,
    },
    /// Tokens: balance, transfer, approve
    Token {
        #[command(subcommand)]
        command: TokenCommand,
    },
    /// Federated learning: make tasks, find them, take part, look at rounds
    Task {
        #[command(subcommand)]
        command: TaskCommand,
    },
    /// Train in a task: joins it, follows its rounds until it ends, prints what each was worth and paid
    #[command(after_help = train::TRAIN_EXAMPLES)]
    Train(TrainArgs),
    /// What a task's model makes of some inputs
    #[command(after_help = train::PREDICT_EXAMPLES)]
    Predict(PredictArgs),
    /// Your keys
    Identity {
        #[command(subcommand)]
        command: IdentityCommand,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn should_be_a_consistent_command_line() {
        Cli::command().debug_assert();
    }

    #[test]
    fn should_read_every_example_of_its_help() {
        for line in examples(&Cli::command()) {
            let words: Vec<&str> = line.split_whitespace().collect();
            if let Err(error) = Cli::try_parse_from(&words) {
                panic!("{line}: {error}");
            }
        }
    }

    /// The examples in the help of a command and of all below it, shell syntax put aside.
    fn examples(command: &clap::Command) -> Vec<String> {
        let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        let help = help
            .replace("\\\n", " ")
            .replace("$(ddsx identity show alaska --principal)", "aaaaa-aa");
        let own = help.lines().filter_map(|line| {
            let at = line
                .find("ddsx ")
                .filter(|at| line[..*at].trim().is_empty() || line[..*at].ends_with("| "))?;
            let line = line[at..].split('#').next()?.split('|').next()?;
            Some(line.trim().to_string())
        });
        let below = command.get_subcommands().flat_map(examples);
        own.chain(below).collect()
    }

    #[test]
    fn should_have_examples_to_read() {
        assert!(examples(&Cli::command()).len() > 20);
    }

    #[test]
    fn should_refuse_what_contradicts_itself() {
        for line in [
            "ddsx stream append 0 x.jsonl",
            "ddsx stream append 0 x.jsonl --credit a --credit-field b",
            "ddsx stream append 0 x --credit a --raw --resume s",
            "ddsx revenue claim 0",
            "ddsx revenue claim 0 --provider --contributor a",
            "ddsx stream plan add 0 --name a --kind subscription --price 1",
            "ddsx stream pull x",
            "ddsx token transfer nobody --amount 1",
            "ddsx stream contributors 0 --add a --bind 1=aaaaa-aa",
            "ddsx --registry nothing stream list",
            "ddsx train 0",
            "ddsx train 0 --data a.csv --stream 1",
            "ddsx train 0 --data a.csv --dirichlet 0.5",
            "ddsx train 0 --data a.csv --upload f64",
            "ddsx predict 0",
            "ddsx task report 0",
        ] {
            assert!(Cli::try_parse_from(line.split_whitespace()).is_err(), "{line}");
        }
    }
}
