//! Rows of numbers, and how they become samples.

use ddsx_nn::spec::{OutputKind, Plan};
use ddsx_nn::train::data::{Dataset, Labels};

use super::{Columns, DataError, Header, Rows, divide, json, rows};

/// Columns that hold labels if nothing else is said.
const LABELS: [&str; 6] = ["label", "labels", "class", "target", "targets", "y"];

/// Rows of numbers, all of one length.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Table {
    /// What the columns are called, where they have names. A list in a record gives columns `name.0`, `name.1`, ….
    pub(super) names: Option<Vec<String>>,
    pub(super) width: usize,
    pub(super) numbers: Vec<f32>,
}

impl Table {
    /// Number of rows.
    pub fn len(&self) -> usize {
        self.numbers.len() / self.width.max(1)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.numbers.is_empty()
    }

    /// Adds rows, which must be like those that are there.
    ///
    /// # Errors
    /// [`DataError::Malformed`], [`DataError::Record`].
    pub fn extend(&mut self, kind: Rows, bytes: &[u8], header: Header) -> Result<(), DataError> {
        match kind {
            Rows::Csv => rows::read(self, bytes, header),
            Rows::Json => json::read(self, bytes),
        }
    }

    /// Adds one row.
    pub(super) fn push(&mut self, row: &[f32]) -> Result<(), DataError> {
        if self.numbers.is_empty() && self.names.is_none() {
            self.width = row.len();
        }
        if row.len() != self.width || row.is_empty() {
            return Err(DataError::Record {
                record: self.len() as u64 + 1,
                reason: format!("{} numbers, the others have {}", row.len(), self.width),
            });
        }
        self.numbers.extend_from_slice(row);
        Ok(())
    }

    /// Names the columns, or compares them with the names that they have.
    pub(super) fn name(&mut self, names: Vec<String>) -> Result<(), DataError> {
        let record = self.len() as u64 + 1;
        match &self.names {
            None if self.is_empty() => {
                self.width = names.len();
                self.names = Some(names);
                Ok(())
            }
            Some(known) if *known == names => Ok(()),
            _ => Err(DataError::Record {
                record,
                reason: "its columns are not those of the first".into(),
            }),
        }
    }

    /// The places of a column, or of all that a list made.
    fn find(&self, name: &str) -> Result<Vec<usize>, DataError> {
        let missing = || DataError::NoColumn(name.to_owned());
        let Some(names) = &self.names else {
            // Without names a column is told by its number, from 1.
            let number: usize = name.parse().map_err(|_| missing())?;
            return if (1..=self.width).contains(&number) {
                Ok(vec![number - 1])
            } else {
                Err(missing())
            };
        };
        let is_part = |column: &str| column.strip_prefix(name).is_some_and(|rest| rest.starts_with('.'));
        let found: Vec<usize> = (0..names.len())
            .filter(|at| names[*at] == name || is_part(&names[*at]))
            .collect();
        if found.is_empty() { Err(missing()) } else { Ok(found) }
    }

    fn find_all(&self, names: &[String]) -> Result<Vec<usize>, DataError> {
        let mut all = Vec::new();
        for name in names {
            all.extend(self.find(name)?);
        }
        Ok(all)
    }

    /// The columns that hold `count` labels.
    fn label_columns(&self, columns: &Columns, count: usize) -> Result<Vec<usize>, DataError> {
        let found = if columns.labels.is_empty() {
            let named = LABELS
                .iter()
                .filter(|_| self.names.is_some())
                .find_map(|name| self.find(name).ok());
            named.unwrap_or_else(|| (self.width.saturating_sub(count)..self.width).collect())
        } else {
            self.find_all(&columns.labels)?
        };
        if found.len() == count {
            Ok(found)
        } else {
            Err(DataError::Malformed(format!(
                "{} columns hold labels, the model needs {count}; name them with --label",
                found.len()
            )))
        }
    }

    fn pick(&self, columns: &[usize]) -> Vec<f32> {
        let rows = self.numbers.chunks_exact(self.width.max(1));
        rows.flat_map(|row| columns.iter().map(|at| row[*at])).collect()
    }

    /// The rows as labelled samples of a model.
    ///
    /// # Errors
    /// [`DataError::Empty`], [`DataError::NoColumn`], [`DataError::Label`] for a class that is no whole number, [`DataError::Malformed`].
    pub fn samples(&self, plan: &Plan, columns: &Columns) -> Result<Dataset, DataError> {
        if self.is_empty() {
            return Err(DataError::Empty);
        }
        let count = match plan.output {
            OutputKind::Classes(_) => 1,
            OutputKind::Regression(width) | OutputKind::Embedding(width) => width as usize,
        };
        let label_columns = self.label_columns(columns, count)?;
        let input_columns = if columns.inputs.is_empty() {
            (0..self.width).filter(|at| !label_columns.contains(at)).collect()
        } else {
            self.find_all(&columns.inputs)?
        };
        if input_columns.is_empty() {
            return Err(DataError::Malformed("no column is left for inputs".into()));
        }
        let mut inputs = self.pick(&input_columns);
        divide(&mut inputs, columns);
        let labels = self.pick(&label_columns);
        let labels = match plan.output {
            OutputKind::Classes(_) => Labels::Classes(classes(&labels)?),
            OutputKind::Regression(_) | OutputKind::Embedding(_) => Labels::Values(labels),
        };
        Ok(Dataset {
            width: input_columns.len(),
            inputs,
            labels,
        })
    }

    /// The rows as inputs of a model: the columns named, all if there are as many as the model takes, or all but the labels.
    ///
    /// # Errors
    /// [`DataError::Empty`], [`DataError::NoColumn`], [`DataError::Width`].
    pub fn inputs(&self, plan: &Plan, columns: &Columns) -> Result<Vec<f32>, DataError> {
        if self.is_empty() {
            return Err(DataError::Empty);
        }
        let expected = plan.input_len();
        let chosen: Vec<usize> = if !columns.inputs.is_empty() {
            self.find_all(&columns.inputs)?
        } else if self.width == expected {
            (0..self.width).collect()
        } else {
            let labels = self.label_columns(columns, self.width.saturating_sub(expected))?;
            (0..self.width).filter(|at| !labels.contains(at)).collect()
        };
        if chosen.len() != expected {
            return Err(DataError::Width {
                found: chosen.len(),
                expected,
            });
        }
        Ok(self.pick(&chosen))
    }
}

/// Labels as classes.
fn classes(labels: &[f32]) -> Result<Vec<u32>, DataError> {
    let class = |(at, label): (usize, &f32)| {
        // Up to 2^24 an f32 holds every whole number.
        if label.fract() == 0.0 && (0.0..16_777_216.0).contains(label) {
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
            Ok(*label as u32)
        } else {
            Err(DataError::Label {
                sample: at as u64 + 1,
                reason: format!("{label} is no class: a whole number from 0 is expected"),
            })
        }
    };
    labels.iter().enumerate().map(class).collect()
}
