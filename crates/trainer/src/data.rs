//! What a client trains on: labelled samples from a file or from a licensed stream.
//!
//! | source | what it holds |
//! |---|---|
//! | `.csv`, `.tsv` | rows of numbers between commas, semicolons or tabs, with a heading or without |
//! | `.json`, `.jsonl`, `.ndjson` | a record a line (or a list of records): a list of numbers, or an object of numbers and lists of numbers |
//! | `.safetensors` | `inputs`, samples first, and `labels` (whole numbers) or `targets` |
//! | a stream | chunks of CSV or JSON Lines, pulled with proof |
//!
//! Each of the first three may be compressed by gzip (`.gz` behind the name). Text is read as [`ddsx_client::input`] says.
//! Columns are in the order of the heading, or of the first record's fields; nothing is guessed without being said.

mod columns;
mod json;
mod place;
mod rows;
pub mod stream;
mod table;
pub mod tensors;

use std::path::Path;

use ddsx_client::input::{self, InputError};
use ddsx_nn::build::{InputError as Refused, check_inputs};
use ddsx_nn::spec::{OutputKind, Plan};
use ddsx_nn::train::data::{DataError as SetError, Dataset, Labels};
use serde::{Deserialize, Serialize};

pub use place::{ColumnName, Place};
pub use table::Table;

/// Whether a table's first row names its columns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Header {
    /// It does if nothing in it is a number, or if its numbers count from 0 or 1; what may be both is asked about.
    #[default]
    Auto,
    /// It does.
    Yes,
    /// It does not.
    No,
}

/// How a table becomes samples.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Columns {
    /// Whether the first row names the columns.
    pub header: Header,
    /// Columns that hold the label or the targets. If empty: those called `label`, `labels`, `class`, `target`, `targets` or `y` in
    /// any case; the last ones where columns have no names.
    pub labels: Vec<String>,
    /// Columns that hold the inputs, in this order; all others if empty.
    pub inputs: Vec<String>,
    /// What inputs are divided by; 1 if absent.
    pub scale: Option<f32>,
}

/// Why data cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// The file cannot be read, or is no text.
    #[error(transparent)]
    Input(#[from] InputError),
    /// What is wrong with a file.
    #[error("{file}: {error}")]
    In {
        /// Which.
        file: String,
        /// What.
        error: Box<DataError>,
    },
    /// A name from which the format cannot be told.
    #[error("{0}: CSV, JSON Lines or safetensors expected (.csv, .tsv, .jsonl, .safetensors; .gz may follow)")]
    Format(String),
    /// Not readable as what it should be.
    #[error("{0}")]
    Malformed(String),
    /// A first row that may be a heading or not.
    #[error("{0}; say which it is: --header yes or --header no (`header` in a definition)")]
    Heading(String),
    /// A row or record that is not like the others.
    #[error("{place}: {reason}")]
    Record {
        /// Where.
        place: Place,
        /// What is wrong with it.
        reason: String,
    },
    /// A value that is no number, or none that the model can take.
    #[error("{place}, {column}: {reason}")]
    Field {
        /// Where.
        place: Place,
        /// The column.
        column: ColumnName,
        /// What is wrong with it.
        reason: String,
    },
    /// A number that the model cannot take, in a tensor or a list.
    #[error("sample {sample}, number {number} of its inputs: {reason}")]
    Sample {
        /// Which, from 1.
        sample: u64,
        /// Which of its numbers, from 1.
        number: u64,
        /// What is wrong with it.
        reason: String,
    },
    /// A column that is not there.
    #[error("there is no column {name:?}; there are {columns}")]
    NoColumn {
        /// As it was asked for.
        name: String,
        /// Those that are there.
        columns: String,
    },
    /// Several columns of one name.
    #[error("several columns are called {name:?}: {columns}; name one by its number")]
    Ambiguous {
        /// As it was asked for.
        name: String,
        /// Those that are called so.
        columns: String,
    },
    /// No column is called as labels are.
    #[error(
        "no column is called label, class, target or y; there are {columns}. Name the one that holds the label: --label"
    )]
    NoLabel {
        /// Those that are there.
        columns: String,
    },
    /// Nothing there.
    #[error("there are no samples")]
    Empty,
    /// Data of another shape than the model's.
    #[error("{found} inputs a sample, the model has {expected}; name the columns of the inputs with --columns")]
    Width {
        /// Found.
        found: usize,
        /// The model's.
        expected: usize,
    },
    /// A label that the model does not have.
    #[error("sample {sample}: {reason}")]
    Label {
        /// Which, from 1.
        sample: u64,
        /// What is wrong with it.
        reason: String,
    },
    /// Classes for a model of numbers, or the other way round.
    #[error("{0}")]
    Kind(&'static str),
    /// The set cannot be divided as asked.
    #[error(transparent)]
    Division(#[from] SetError),
}

impl DataError {
    /// Whether a file could not be read; otherwise what is in it is wrong.
    pub fn is_unreadable(&self) -> bool {
        match self {
            Self::Input(error) => error.is_unreadable(),
            Self::In { error, .. } => error.is_unreadable(),
            _ => false,
        }
    }
}

/// Data from a file, and what was decided about its columns, for people.
#[derive(Clone, Debug, PartialEq)]
pub struct FromFile<T> {
    /// The data.
    pub data: T,
    /// One sentence each, beginning with the file's name.
    pub remarks: Vec<String>,
}

/// Reads a file; what is said and what is wrong begins with its name.
fn from_file<T>(
    path: &Path,
    tensors: impl FnOnce(&[u8]) -> Result<T, DataError>,
    rows: impl FnOnce(&Table) -> Result<(T, Vec<String>), DataError>,
    header: Header,
) -> Result<FromFile<T>, DataError> {
    let file = path.display().to_string();
    let format = format(path)?;
    let taken = match format {
        Format::Tensors => tensors(&input::read_binary(path)?).map(|data| (data, Vec::new())),
        Format::Rows(kind) => {
            let text = input::read_records(path)?;
            let mut table = Table::default();
            table.extend(kind, &text, header, None).and_then(|()| rows(&table))
        }
    };
    match taken {
        Ok((data, remarks)) => Ok(FromFile {
            data,
            remarks: remarks.iter().map(|remark| format!("{file}: {remark}")).collect(),
        }),
        Err(error) => Err(DataError::In {
            file,
            error: Box::new(error),
        }),
    }
}

/// Reads labelled samples for a model from a file.
///
/// # Errors
/// See [`DataError`].
pub fn read(path: &Path, plan: &Plan, columns: &Columns) -> Result<FromFile<Dataset>, DataError> {
    from_file(
        path,
        |bytes| {
            let mut data = tensors::read(bytes, plan)?;
            divide(&mut data.inputs, columns);
            check(&data, plan)?;
            Ok(data)
        },
        |table| {
            let (data, remarks) = table.samples(plan, columns)?;
            check(&data, plan)?;
            Ok((data, remarks))
        },
        columns.header,
    )
}

/// Reads inputs alone, sample after sample: all columns, or those named in `columns.inputs`.
///
/// # Errors
/// See [`DataError`].
pub fn read_inputs(path: &Path, plan: &Plan, columns: &Columns) -> Result<FromFile<Vec<f32>>, DataError> {
    from_file(
        path,
        |bytes| {
            let mut inputs = tensors::read_inputs(bytes, plan)?;
            divide(&mut inputs, columns);
            check_samples(plan, &inputs)?;
            Ok(inputs)
        },
        |table| table.inputs(plan, columns),
        columns.header,
    )
}

/// Checks that numbers are whole samples that a model can take.
///
/// # Errors
/// [`DataError::Width`], [`DataError::Sample`].
pub fn check_samples(plan: &Plan, inputs: &[f32]) -> Result<(), DataError> {
    let width = plan.input_len();
    match check_inputs(plan, inputs) {
        Ok(()) => Ok(()),
        Err(Refused::Length { found, expected }) => Err(DataError::Width { found, expected }),
        Err(Refused::NotFinite(index) | Refused::NotAnEntry { index, .. }) => Err(DataError::Sample {
            sample: (index / width) as u64 + 1,
            number: (index % width) as u64 + 1,
            reason: input_reason(plan, inputs[index]),
        }),
    }
}

/// Why a model cannot take a number.
fn input_reason(plan: &Plan, input: f32) -> String {
    match plan.vocabulary() {
        _ if input.is_nan() => "not a number; fill in what is missing, or leave the row out".into(),
        _ if input.is_infinite() => "infinite, or too large for 32 bits".into(),
        Some(limit) => format!("{input} is no whole number below {limit}"),
        None => format!("{input} cannot be taken"),
    }
}

/// The beginning of what a person wrote.
fn short(text: &str) -> &str {
    text.char_indices().nth(40).map_or(text, |(end, _)| &text[..end])
}

fn divide(inputs: &mut [f32], columns: &Columns) {
    if let Some(scale) = columns.scale {
        for input in inputs {
            *input /= scale;
        }
    }
}

/// What rows are written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rows {
    /// Comma-separated values (RFC 4180).
    Csv,
    /// JSON records.
    Json,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Rows(Rows),
    Tensors,
}

fn format(path: &Path) -> Result<Format, DataError> {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    let stem = name.strip_suffix(".gz").unwrap_or(&name);
    match stem.rsplit_once('.').map(|(_, extension)| extension) {
        Some("csv" | "tsv") => Ok(Format::Rows(Rows::Csv)),
        Some("json" | "jsonl" | "ndjson") => Ok(Format::Rows(Rows::Json)),
        Some("safetensors") => Ok(Format::Tensors),
        _ => Err(DataError::Format(path.display().to_string())),
    }
}

/// Checks that samples are there and fit the model.
///
/// # Errors
/// [`DataError::Empty`], [`DataError::Width`], [`DataError::Sample`], [`DataError::Label`], [`DataError::Kind`].
pub fn check(data: &Dataset, plan: &Plan) -> Result<(), DataError> {
    if data.is_empty() {
        return Err(DataError::Empty);
    }
    if data.width != plan.input_len() {
        return Err(DataError::Width {
            found: data.width,
            expected: plan.input_len(),
        });
    }
    check_samples(plan, &data.inputs)?;
    match (&data.labels, plan.output) {
        (Labels::Classes(classes), OutputKind::Classes(count)) => {
            match classes.iter().position(|class| *class >= count) {
                Some(at) => Err(DataError::Label {
                    sample: at as u64 + 1,
                    reason: format!("class {}, the model has {count}, from 0", classes[at]),
                }),
                None => Ok(()),
            }
        }
        (Labels::Values(values), OutputKind::Regression(_)) => match values.iter().position(|value| !value.is_finite())
        {
            Some(at) => Err(DataError::Label {
                sample: (at / plan.output_len()) as u64 + 1,
                reason: "a target is not finite".into(),
            }),
            None => Ok(()),
        },
        (Labels::Classes(_), _) => Err(DataError::Kind("the data has classes, the model has none")),
        (Labels::Values(_), _) => Err(DataError::Kind("the data has targets, the model has classes")),
    }
}

#[cfg(test)]
mod tests;
