//! `ddsx stream`, its plans included.

use std::path::PathBuf;
use std::time::Duration;

use candid::Principal;
use clap::{Args, Subcommand, ValueEnum};
use ddsx_types::Account;

use crate::text::{parse_account, parse_bytes, parse_duration};

#[derive(Debug, Subcommand)]
#[allow(clippy::large_enum_variant, reason = "one value a run")]
pub enum StreamCommand {
    /// Create a stream with its contributor table
    #[command(after_help = "\
Examples:
  ddsx stream create quakes --content-type application/x-ndjson --licence CC0-1.0 \\
      --contributors-share 70% --contributor uw --contributor ak=$(ddsx identity show alaska --principal)
  ddsx stream create --from quakes.toml            # shows what it costs and what comes back, and asks
  ddsx stream create --from quakes.toml --prepay 2 --max-price 5DST --yes

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
    /// Pay a stream's payloads ahead from your balance: shows what it costs and asks
    #[command(after_help = "\
Example:
  ddsx stream extend 0 --for 365d --max-price 2DST --yes")]
    Extend(ExtendArgs),
    /// Give up the payloads of a closed stream that no licence covers any more; its deposit comes back
    Drop {
        /// Number of the stream
        stream: u64,
        /// Do not ask
        #[arg(long, short)]
        yes: bool,
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
    /// Put this besides into your balance, for the storage to come
    #[arg(long, value_name = "AMOUNT")]
    pub prepay: Option<String>,
    /// Pay no more than this in all, the ledger's fees not counted, with the token's name: 5DST. The name may be left out where --ledger
    /// names the token
    #[arg(long, value_name = "AMOUNT")]
    pub max_price: Option<String>,
    /// Do not ask
    #[arg(long, short)]
    pub yes: bool,
    /// How long to wait while a payment's outcome is not known; 2 minutes if absent
    #[arg(long, value_parser = parse_duration, value_name = "DURATION")]
    pub patience: Option<Duration>,
}

#[derive(Args, Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "one for each flag")]
pub struct AppendArgs {
    /// Number of the stream
    pub stream: u64,
    /// JSON Lines file (perhaps compressed by gzip), or - for stdin; with --raw, files that become a chunk each
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
    /// With --resume: if the file is not the one that was read (a log was rotated), begin at its start
    #[arg(long, requires = "resume")]
    pub new_file: bool,
    /// With --resume: the file does not grow any more; append its last line even if it has no newline
    #[arg(long, requires = "resume")]
    pub finished: bool,
    /// Each file is one chunk, byte for byte
    #[arg(long, conflicts_with = "credit_field")]
    pub raw: bool,
    /// With --raw: how many records each file holds
    #[arg(long, default_value_t = 1, requires = "raw", value_parser = clap::value_parser!(u64).range(1..))]
    pub records: u64,
}

#[derive(Args, Debug)]
pub struct ExtendArgs {
    /// Number of the stream
    pub stream: u64,
    /// For how long from now, for example 365d
    #[arg(long = "for", value_parser = parse_duration, value_name = "DURATION")]
    pub time: Duration,
    /// Pay no more than this, with the token's name: 2DST. The name may be left out where --ledger names the token
    #[arg(long, value_name = "AMOUNT")]
    pub max_price: Option<String>,
    /// Do not ask
    #[arg(long, short)]
    pub yes: bool,
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
    /// With --add: bytes that it may append each day, for example 1GiB (the default)
    #[arg(long, value_name = "BYTES", value_parser = parse_bytes, requires = "add")]
    pub bytes_a_day: Option<u64>,
    /// With --add: records that it may append each day; 10,000,000 if absent
    #[arg(long, value_name = "RECORDS", requires = "add")]
    pub records_a_day: Option<u64>,
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
