//! What a client trains on: labelled samples from a file or from a licensed stream.
//!
//! | source | what it holds |
//! |---|---|
//! | `.csv` | rows of numbers, with a heading or without |
//! | `.json`, `.jsonl`, `.ndjson` | a record a line (or a list of records): a list of numbers, or an object of numbers and lists of numbers |
//! | `.safetensors` | `inputs`, samples first, and `labels` (whole numbers) or `targets` |
//! | a stream | chunks of CSV or JSON Lines, pulled with proof |
//!
//! Each of the first three may be compressed by gzip (`.gz` behind the name).

mod json;
mod rows;
pub mod stream;
mod table;
pub mod tensors;

use std::io::Read;
use std::path::Path;

use ddsx_nn::spec::{OutputKind, Plan};
use ddsx_nn::train::data::{DataError as SetError, Dataset, Labels};
use serde::{Deserialize, Serialize};

pub use table::Table;

/// Whether a table's first row names its columns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Header {
    /// It does if something in it is no number.
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
    /// Columns that hold the label or the targets. If empty: those called `label`, `labels`, `class`, `target`, `targets` or `y`, else
    /// the last ones.
    pub labels: Vec<String>,
    /// Columns that hold the inputs, in this order; all others if empty.
    pub inputs: Vec<String>,
    /// What inputs are divided by; 1 if absent.
    pub scale: Option<f32>,
}

/// Why data cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// The file cannot be read.
    #[error("{path}: {error}")]
    File {
        /// Which.
        path: String,
        /// What the system said.
        error: std::io::Error,
    },
    /// A name from which the format cannot be told.
    #[error("{0}: CSV, JSON Lines or safetensors expected (.csv, .jsonl, .safetensors; .gz may follow)")]
    Format(String),
    /// Not readable as what it should be.
    #[error("{0}")]
    Malformed(String),
    /// A row or record that is not like the others, or holds something that is no number.
    #[error("record {record}: {reason}")]
    Record {
        /// Which, from 1, a heading not counted.
        record: u64,
        /// What is wrong with it.
        reason: String,
    },
    /// A column that is not there.
    #[error("there is no column {0:?}")]
    NoColumn(String),
    /// Nothing there.
    #[error("there are no samples")]
    Empty,
    /// Data of another shape than the model's.
    #[error("{found} inputs a sample, the model has {expected}")]
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

fn file_error(path: &Path) -> impl FnOnce(std::io::Error) -> DataError + '_ {
    |error| DataError::File {
        path: path.display().to_string(),
        error,
    }
}

/// Reads labelled samples for a model from a file.
///
/// # Errors
/// See [`DataError`].
pub fn read(path: &Path, plan: &Plan, columns: &Columns) -> Result<Dataset, DataError> {
    let (bytes, format) = open(path)?;
    let data = match format {
        Format::Tensors => scaled(tensors::read(&bytes, plan)?, columns),
        Format::Rows(kind) => {
            let mut table = Table::default();
            table.extend(kind, &bytes, columns.header)?;
            table.samples(plan, columns)?
        }
    };
    check(&data, plan)?;
    Ok(data)
}

/// Reads inputs alone, sample after sample: all columns, or those named in `columns.inputs`.
///
/// # Errors
/// See [`DataError`].
pub fn read_inputs(path: &Path, plan: &Plan, columns: &Columns) -> Result<Vec<f32>, DataError> {
    let (bytes, format) = open(path)?;
    let mut inputs = match format {
        Format::Tensors => tensors::read_inputs(&bytes, plan)?,
        Format::Rows(kind) => {
            let mut table = Table::default();
            table.extend(kind, &bytes, columns.header)?;
            table.inputs(plan, columns)?
        }
    };
    divide(&mut inputs, columns);
    Ok(inputs)
}

fn divide(inputs: &mut [f32], columns: &Columns) {
    if let Some(scale) = columns.scale {
        for input in inputs {
            *input /= scale;
        }
    }
}

fn scaled(mut data: Dataset, columns: &Columns) -> Dataset {
    divide(&mut data.inputs, columns);
    data
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

fn open(path: &Path) -> Result<(Vec<u8>, Format), DataError> {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    let (stem, gzip) = match name.strip_suffix(".gz") {
        Some(stem) => (stem, true),
        None => (name.as_str(), false),
    };
    let format = match stem.rsplit_once('.').map(|(_, extension)| extension) {
        Some("csv") => Format::Rows(Rows::Csv),
        Some("json" | "jsonl" | "ndjson") => Format::Rows(Rows::Json),
        Some("safetensors") => Format::Tensors,
        _ => return Err(DataError::Format(path.display().to_string())),
    };
    let mut bytes = std::fs::read(path).map_err(file_error(path))?;
    if gzip {
        let mut plain = Vec::new();
        flate2::read::MultiGzDecoder::new(bytes.as_slice())
            .read_to_end(&mut plain)
            .map_err(file_error(path))?;
        bytes = plain;
    }
    Ok((bytes, format))
}

/// Checks that samples are there and fit the model.
///
/// # Errors
/// [`DataError::Empty`], [`DataError::Width`], [`DataError::Label`], [`DataError::Kind`], [`DataError::Record`] for an input that is not finite.
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
    if let Some(at) = data.inputs.iter().position(|input| !input.is_finite()) {
        return Err(DataError::Record {
            record: (at / data.width) as u64 + 1,
            reason: "an input is not finite".into(),
        });
    }
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
