//! `ddsx train` and `ddsx predict`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use ddsx_nn::encoding::UpdateEncoding;
use ddsx_nn::train::ClassWeight;
use ddsx_trainer::Recipe;
use ddsx_trainer::data::{Columns, Header};
use ddsx_types::Account;

use crate::text::{parse_account, parse_duration};

pub const TRAIN_EXAMPLES: &str = "\
Examples:
  ddsx train 0 --data my-digits.csv                  # until the task ends; killed? type it again
  ddsx train 0 --data table.csv --label kind --epochs 3 --upload f16
  ddsx train 0 --stream 7                            # a stream that you have a licence of, pulled with proof
  ddsx train 0 --data my-digits.csv --max-stake 5DST --yes   # for scripts: pays a stake of up to 5 DST without asking
  ddsx train 0 --data digits.csv.gz --clients 10 --dirichlet 0.5 --seed 1   # ten clients on this machine

The model is downloaded and verified up to the root key before every round; a report is verified before it is printed. What the task's
owner asks for (learning rate, epochs, …) is done unless you choose otherwise. What stays on this machine: your data, and a folder that
remembers the round, so that a run that was killed sends the very same update, and joins (and pays a stake) once.";

pub const PREDICT_EXAMPLES: &str = "\
Examples:
  ddsx predict 0 --input samples.csv
  ddsx predict 0 --input 0.5,1,-2 --scale 1
  ddsx predict 0 --input samples.safetensors --verified --json";

/// How updates travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Upload {
    /// Four bytes a number, exact
    F32,
    /// Two bytes a number
    F16,
    /// About one byte a number
    Int8,
}

impl From<Upload> for UpdateEncoding {
    fn from(upload: Upload) -> Self {
        match upload {
            Upload::F32 => Self::F32,
            Upload::F16 => Self::F16,
            Upload::Int8 => Self::Int8,
        }
    }
}

/// Whether the first row names the columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum HeaderChoice {
    /// If nothing in it is a number, or its numbers count from 0 or 1; asks where it may be both
    Auto,
    Yes,
    No,
}

#[derive(Args, Debug)]
pub struct TrainArgs {
    /// Number of the task
    pub task: u64,
    /// What to train on: CSV, JSON Lines or safetensors (`inputs`, and `labels` or `targets`); .gz may follow
    #[arg(
        long,
        value_name = "FILE",
        required_unless_present = "stream",
        conflicts_with = "stream"
    )]
    pub data: Option<PathBuf>,
    /// Train on this stream, whose chunks are CSV or JSON records; you need a licence
    #[arg(long, value_name = "STREAM")]
    pub stream: Option<u64>,
    #[command(flatten)]
    pub columns: ColumnArgs,
    #[command(flatten)]
    pub recipe: RecipeArgs,
    /// How updates travel: fewer bytes, or more exact
    #[arg(long, value_enum, default_value = "int8")]
    pub upload: Upload,
    /// Where rewards and the stake are paid; your own account if absent
    #[arg(long, value_name = "ACCOUNT", value_parser = parse_account)]
    pub account: Option<Account>,
    #[command(flatten)]
    pub division: DivisionArgs,
    /// Decides the order of samples, and how data is divided among simulated clients; drawn if absent
    #[arg(long)]
    pub seed: Option<u64>,
    /// How often to look for the next round
    #[arg(long, default_value = "2s", value_parser = parse_duration, value_name = "DURATION")]
    pub interval: Duration,
    /// Folder that remembers how far the rounds have come; one of its own under DDSX_HOME if absent
    #[arg(long, value_name = "DIR")]
    pub state: Option<PathBuf>,
    /// Do not ask before a stake is paid
    #[arg(long, short)]
    pub yes: bool,
    /// Pay no larger stake than this for a client, with the token's name: 5DST
    #[arg(long, value_name = "AMOUNT")]
    pub max_stake: Option<String>,
}

#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Columns")]
pub struct ColumnArgs {
    /// Column of the label (or of a target), by name or by number from 1; can be repeated. If absent, the one called label, class, target
    /// or y, or the last one where columns have no names
    #[arg(long = "label", value_name = "COLUMN")]
    pub labels: Vec<String>,
    /// Columns of the inputs in this order, separated by commas; all others if absent
    #[arg(long, value_name = "COLUMNS", value_delimiter = ',')]
    pub columns: Vec<String>,
    /// Whether the first row names the columns
    #[arg(long, value_enum)]
    pub header: Option<HeaderChoice>,
    /// Divide inputs by this; what the task asks for if absent
    #[arg(long)]
    pub scale: Option<f32>,
}

impl ColumnArgs {
    /// As the trainer takes them; `scale` is what the task asks for.
    pub fn columns(&self, scale: Option<f32>) -> Columns {
        Columns {
            header: match self.header {
                None | Some(HeaderChoice::Auto) => Header::Auto,
                Some(HeaderChoice::Yes) => Header::Yes,
                Some(HeaderChoice::No) => Header::No,
            },
            labels: self.labels.clone(),
            inputs: self.columns.clone(),
            scale: self.scale.or(scale),
        }
    }
}

#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Training (what the task asks for, unless given)")]
pub struct RecipeArgs {
    /// Step size
    #[arg(long)]
    pub learning_rate: Option<f32>,
    /// Memory of past steps, 0 to 1
    #[arg(long)]
    pub momentum: Option<f32>,
    /// Samples in a batch
    #[arg(long)]
    pub batch: Option<usize>,
    /// Passes over the data in a round
    #[arg(long)]
    pub epochs: Option<u32>,
    /// What a sample counts in the loss
    #[arg(long, value_enum)]
    pub class_weight: Option<ClassWeightChoice>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum ClassWeightChoice {
    /// Every sample the same
    None,
    /// Every class the same, however few samples there are of it
    Balanced,
}

impl RecipeArgs {
    pub fn recipe(&self) -> Recipe {
        Recipe {
            learning_rate: self.learning_rate,
            momentum: self.momentum,
            batch: self.batch,
            epochs: self.epochs,
            class_weight: self.class_weight.map(|choice| match choice {
                ClassWeightChoice::None => ClassWeight::None,
                ClassWeightChoice::Balanced => ClassWeight::Balanced,
            }),
            scale: None,
        }
    }
}

#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Simulation")]
pub struct DivisionArgs {
    /// Divide the data among so many clients, each with a key of its own, and run them all here
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1_000))]
    pub clients: Option<u16>,
    /// Divide each class by a Dirichlet distribution of this concentration: the smaller, the more skewed. Evenly if absent
    #[arg(long, value_name = "ALPHA", requires = "clients")]
    pub dirichlet: Option<f64>,
    /// Samples that each client gets at least
    #[arg(long, value_name = "N", requires = "clients", default_value_t = 10)]
    pub at_least: usize,
}

#[derive(Args, Debug)]
pub struct PredictArgs {
    /// Number of the task
    pub task: u64,
    /// Inputs: a file (CSV, JSON Lines, safetensors), or numbers separated by commas
    #[arg(long, value_name = "FILE|NUMBERS", allow_hyphen_values = true)]
    pub input: String,
    #[command(flatten)]
    pub columns: ColumnArgs,
    /// Download the model, verify it up to the root key, and predict here, instead of taking one node's word
    #[arg(long)]
    pub verified: bool,
}
