//! The command line. Its help is meant to be enough to learn the command from.

use std::path::PathBuf;
use std::time::Duration;

use candid::Principal;
use clap::{Args, Parser, Subcommand, ValueEnum};
use ddsx_types::Account;

use crate::text::{parse_account, parse_bytes, parse_duration};

const EXIT_CODES: &str = "\
Exit codes:
  0    done
  1    the canister refused (no licence, not the owner, too little money, …)
  2    the command line or a file given is wrong
  3    verification failed: what came is not proved, nothing of it was written
  4    the network does not answer
  5    a file here cannot be read or written
  130  stopped with Ctrl-C

Which network and which canisters:
  --network, --registry, --ledger and --root-key; or the environment (DDSX_NETWORK, …); or a file: --config or DDSX_CONFIG, else
  the nearest ddsx.toml, .ddsx/ids.json or target/local/ddsx.json in this folder or above. Such a file holds
    {\"network\": \"http://127.0.0.1:4943\", \"root_key\": \"3081…\", \"registry\": \"…-cai\", \"ledger\": \"…-cai\"}

First steps on a local network (scripts/demo starts one):
  ddsx identity new alice
  ddsx --identity alice stream list
  ddsx --identity alice licence buy 0 --yes
  ddsx --identity alice stream pull 0 --follow --cursor quakes.cursor --out quakes/";

/// Streams of data with proof: publish them, buy licences, pull them verified, see who is paid.
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
    /// Tokens: balance, transfer, approve
    Token {
        #[command(subcommand)]
        command: TokenCommand,
    },
    /// Your keys
    Identity {
        #[command(subcommand)]
        command: IdentityCommand,
    },
}

#[derive(Debug, Subcommand)]
pub enum StreamCommand {
    /// Create a stream with its contributor table
    #[command(after_help = "\
Examples:
  ddsx stream create quakes --content-type application/x-ndjson --licence CC0-1.0 \\
      --contributors-share 70% --contributor uw --contributor ak=$(ddsx identity show alaska --principal)
  ddsx stream create --from quakes.toml

A definition file (TOML, or the same in JSON):
  name = \"quakes\"
  description = \"Earthquakes as they are located\"
  tags = [\"geo\"]
  content_type = \"application/x-ndjson\"
  licence = \"CC0-1.0\"              # an SPDX identifier, or licence_text = \"…\"
  schema_file = \"event.schema.json\"
  contributors_share = \"70%\"       # of what is left after the protocol fee
  [[contributors]]
  label = \"uw\"
  account = \"…\"                    # may be bound later: ddsx stream contributors 0 --bind")]
    Create(CreateArgs),
    /// Append JSON Lines (or whole files) as chunks; can be repeated, never writes twice
    #[command(after_help = "\
Examples:
  ddsx stream append 0 events.jsonl --credit-field properties.net --add-contributors
  generator | ddsx stream append 0 - --credit me
  ddsx stream append 0 big.jsonl --credit-field net --resume big.state   # killed? type it again
  ddsx stream append 1 a.parquet b.parquet --raw --credit me --records 5000")]
    Append(AppendArgs),
    /// List streams
    List(ListArgs),
    /// Show a stream and its plans
    Show {
        /// Number of the stream
        stream: u64,
    },
    /// Show a stream's head, verified up to the root key
    Head {
        /// Number of the stream
        stream: u64,
    },
    /// Pull a stream; every record is verified up to the root key before it is written
    #[command(after_help = "\
Examples:
  ddsx stream pull 0                                    # all there is, to stdout
  ddsx stream pull 0 --out quakes/                      # one file a chunk
  ddsx stream pull 0 --follow --cursor c.json --out -   # goes on as the stream grows; type it again to resume
  ddsx stream pull 0 --json | jq .sequence              # one JSON object a chunk

What is written is verified: certificate, delegation, canister, witness, head, freshness, that history was not rewritten since the
cursor was saved, every leaf, payload and credit. On any failure it stops with exit code 3, says what failed, and writes nothing of
that reply. The cursor is saved after the output, so that a crash repeats chunks and loses none.")]
    Pull(PullArgs),
    /// Verify a folder that was pulled, or a whole stream, anew
    #[command(after_help = "\
Examples:
  ddsx stream verify 0 quakes/     # the files here, against the log as it is certified now; needs no licence
  ddsx stream verify 0             # the whole stream, pulled and thrown away")]
    Verify(VerifyArgs),
    /// List, add or bind contributors
    #[command(after_help = "\
Examples:
  ddsx stream contributors 0
  ddsx stream contributors 0 --add nc --add us=ryjl3-tyaaa-aaaaa-aaaba-cai
  ddsx stream contributors 0 --bind 3=ryjl3-tyaaa-aaaaa-aaaba-cai     # once, by the owner; paid after 7 days")]
    Contributors(ContributorsArgs),
    /// List, add or remove who may append besides the owner
    Publishers(PublishersArgs),
    /// What the stream sells
    Plan {
        #[command(subcommand)]
        command: PlanCommand,
    },
    /// Close a stream for good: nothing is added or sold any more, what was bought can be pulled
    Close {
        /// Number of the stream
        stream: u64,
        /// Do not ask
        #[arg(long, short)]
        yes: bool,
    },
}

#[derive(Args, Debug, Default)]
pub struct CreateArgs {
    /// Name, unique among your streams
    pub name: Option<String>,
    /// Definition file (TOML or JSON); options given besides take precedence
    #[arg(long, value_name = "FILE")]
    pub from: Option<PathBuf>,
    /// For buyers
    #[arg(long)]
    pub description: Option<String>,
    /// For search; can be repeated
    #[arg(long = "tag")]
    pub tags: Vec<String>,
    /// Media type of the chunks, for example application/x-ndjson
    #[arg(long, value_name = "TYPE")]
    pub content_type: Option<String>,
    /// JSON Schema of one record
    #[arg(long, value_name = "FILE")]
    pub schema: Option<PathBuf>,
    /// Terms of use: an SPDX identifier
    #[arg(long, value_name = "SPDX")]
    pub licence: Option<String>,
    /// Terms of use in full
    #[arg(long, value_name = "FILE", conflicts_with = "licence")]
    pub licence_text: Option<PathBuf>,
    /// How to reach you
    #[arg(long)]
    pub contact: Option<String>,
    /// Where your share is paid; your own account if absent
    #[arg(long, value_name = "ACCOUNT", value_parser = parse_account)]
    pub provider_account: Option<Account>,
    /// The contributors' part of what is left after the protocol fee, for example 70%
    #[arg(long, value_name = "PERCENT")]
    pub contributors_share: Option<String>,
    /// A contributor, numbered from 0 in this order; can be repeated
    #[arg(long = "contributor", value_name = "LABEL[=ACCOUNT]")]
    pub contributors: Vec<String>,
    /// If you have a stream of this name, answer its number instead of failing
    #[arg(long)]
    pub exist_ok: bool,
}

#[derive(Args, Debug)]
pub struct AppendArgs {
    /// Number of the stream
    pub stream: u64,
    /// JSON Lines file, or - for stdin; with --raw, files that become a chunk each
    #[arg(required = true, value_name = "FILE|-")]
    pub files: Vec<PathBuf>,
    /// Credit every record to this contributor
    #[arg(
        long,
        value_name = "LABEL",
        conflicts_with = "credit_field",
        required_unless_present = "credit_field"
    )]
    pub credit: Option<String>,
    /// Credit each record to the contributor named in this field, for example properties.net
    #[arg(long, value_name = "FIELD")]
    pub credit_field: Option<String>,
    /// Enter labels that are not in the contributor table, without an account
    #[arg(long)]
    pub add_contributors: bool,
    /// Records in a chunk at most
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u64).range(1..))]
    pub chunk_records: u64,
    /// Bytes in a chunk at most, for example 64KiB
    #[arg(long, default_value = "64KiB", value_parser = parse_bytes)]
    pub chunk_bytes: u64,
    /// Keep progress in this file, so that the same command goes on after a crash
    #[arg(long, value_name = "FILE", conflicts_with = "raw")]
    pub resume: Option<PathBuf>,
    /// Each file is one chunk, byte for byte
    #[arg(long, conflicts_with = "credit_field")]
    pub raw: bool,
    /// With --raw: how many records each file holds
    #[arg(long, default_value_t = 1, requires = "raw", value_parser = clap::value_parser!(u64).range(1..))]
    pub records: u64,
}

#[derive(Args, Debug)]
pub struct ListArgs {
    /// How many at most
    #[arg(long, default_value_t = 100)]
    pub limit: usize,
    /// Only streams after this number
    #[arg(long, value_name = "STREAM")]
    pub after: Option<u64>,
    /// Only streams whose name, description or tags contain this
    #[arg(long, value_name = "TEXT")]
    pub search: Option<String>,
}

#[derive(Args, Debug)]
pub struct PullArgs {
    /// Number of the stream
    pub stream: u64,
    /// First chunk; 0, or where the cursor ends
    #[arg(long, value_name = "SEQUENCE")]
    pub from: Option<u64>,
    /// Stop before this chunk
    #[arg(long, value_name = "SEQUENCE")]
    pub until: Option<u64>,
    /// Go on as the stream grows, until Ctrl-C
    #[arg(long, short)]
    pub follow: bool,
    /// With --follow: how often to look for more
    #[arg(long, default_value = "2s", value_parser = parse_duration, value_name = "DURATION")]
    pub interval: Duration,
    /// File that keeps where to go on and what was proved
    #[arg(long, value_name = "FILE")]
    pub cursor: Option<PathBuf>,
    /// Folder for one file a chunk, or - for stdout
    #[arg(long, short, default_value = "-", value_name = "DIR|-")]
    pub out: PathBuf,
    /// The licence to use; one of yours is found if absent
    #[arg(long, value_name = "LICENCE")]
    pub licence: Option<u64>,
    /// Bytes asked for at a time, for example 1MiB
    #[arg(long, value_parser = parse_bytes)]
    pub max_bytes: Option<u64>,
    /// Oldest certificate accepted
    #[arg(long, default_value = "5m", value_parser = parse_duration, value_name = "DURATION")]
    pub max_age: Duration,
}

#[derive(Args, Debug)]
pub struct VerifyArgs {
    /// Number of the stream
    pub stream: u64,
    /// A folder that `pull --out` wrote; the whole stream if absent
    pub folder: Option<PathBuf>,
}

#[derive(Args, Debug)]
pub struct ContributorsArgs {
    /// Number of the stream
    pub stream: u64,
    /// Enter a contributor; can be repeated
    #[arg(long, value_name = "LABEL[=ACCOUNT]")]
    pub add: Vec<String>,
    /// Bind an account to a contributor without one (the stream's owner, once)
    #[arg(long, value_name = "NUMBER=ACCOUNT", conflicts_with = "add")]
    pub bind: Option<String>,
    /// Change the account of a contributor (the owner of the account bound)
    #[arg(long, value_name = "NUMBER=ACCOUNT", conflicts_with_all = ["add", "bind"])]
    pub change: Option<String>,
}

#[derive(Args, Debug)]
pub struct PublishersArgs {
    /// Number of the stream
    pub stream: u64,
    /// Let this principal append
    #[arg(long, value_name = "PRINCIPAL")]
    pub add: Option<Principal>,
    /// With --add: for how long
    #[arg(long, value_name = "DURATION", value_parser = parse_duration, requires = "add")]
    pub expires_in: Option<Duration>,
    /// Let this principal append no longer
    #[arg(long, value_name = "PRINCIPAL", conflicts_with = "add")]
    pub remove: Option<Principal>,
}

/// What a plan sells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// Everything retained, for a time
    Subscription,
    /// Everything, for ever
    Perpetual,
    /// Open to everyone
    Free,
}

#[derive(Debug, Subcommand)]
pub enum PlanCommand {
    /// Offer a plan
    #[command(after_help = "\
Examples:
  ddsx stream plan add 0 --name monthly --kind subscription --duration 30d --price 12.5
  ddsx stream plan add 0 --name for-ever --kind perpetual --price 300 --price 0.004@mxzaz-hqaaa-aaaar-qaada-cai
  ddsx stream plan add 0 --name open --kind free")]
    Add(PlanAddArgs),
    /// List a stream's plans
    List {
        /// Number of the stream
        stream: u64,
    },
    /// Sell a plan no longer; licences bought stay
    Retire {
        /// Number of the stream
        stream: u64,
        /// Number of the plan
        plan: u64,
    },
}

#[derive(Args, Debug)]
pub struct PlanAddArgs {
    /// Number of the stream
    pub stream: u64,
    /// For buyers
    #[arg(long)]
    pub name: String,
    /// What it sells
    #[arg(long, value_enum)]
    pub kind: Kind,
    /// How long a subscription lasts, for example 30d
    #[arg(long, value_parser = parse_duration, required_if_eq("kind", "subscription"))]
    pub duration: Option<Duration>,
    /// Price in the ledger's token, or in another ledger's; can be repeated
    #[arg(long = "price", value_name = "AMOUNT[@LEDGER]")]
    pub prices: Vec<String>,
}

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

/// The signature scheme of a new key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Scheme {
    Secp256k1,
    Ed25519,
}

#[derive(Debug, Subcommand)]
pub enum IdentityCommand {
    /// Make a key. It lies in a PEM file that only you can read; it is never overwritten
    New {
        /// Its name; `default` is used when no --identity is given
        #[arg(default_value = "default")]
        name: String,
        /// Signature scheme
        #[arg(long, value_enum, default_value = "secp256k1")]
        scheme: Scheme,
    },
    /// Show an identity's principal and where its key lies
    Show {
        /// Its name; the one in use if absent
        name: Option<String>,
        /// The principal only
        #[arg(long)]
        principal: bool,
    },
    /// List identities
    List,
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
        ] {
            assert!(Cli::try_parse_from(line.split_whitespace()).is_err(), "{line}");
        }
    }
}
