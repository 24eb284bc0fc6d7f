//! Rows of numbers, and how they become samples.

use std::collections::{HashMap, HashSet};

use ddsx_nn::build::{InputError, check_inputs};
use ddsx_nn::spec::{OutputKind, Plan};
use ddsx_nn::train::data::{Dataset, Labels};

use super::{ColumnName, Columns, DataError, Header, Place, Rows, divide, input_reason, json, rows};

/// Rows of numbers, all of one length.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Table {
    /// What the columns are called, where they have names. A list in a record gives columns `name.0`, `name.1`, ….
    pub(super) names: Option<Vec<String>>,
    pub(super) width: usize,
    pub(super) numbers: Vec<f32>,
    /// Where each row stands.
    places: Vec<Place>,
    /// What was decided that a person should know.
    remarks: Vec<String>,
}

impl Table {
    /// Number of rows.
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// What was decided while it was read: separators, a heading of numbers.
    pub fn remarks(&self) -> &[String] {
        &self.remarks
    }

    /// Adds rows, which must be like those that are there. `chunk` is the sequence number of the chunk they come from, if it is one.
    ///
    /// # Errors
    /// [`DataError::Malformed`], [`DataError::Record`], [`DataError::Field`], [`DataError::Heading`].
    pub fn extend(&mut self, kind: Rows, text: &str, header: Header, chunk: Option<u64>) -> Result<(), DataError> {
        match kind {
            Rows::Csv => rows::read(self, text, header, chunk),
            Rows::Json => json::read(self, text, chunk),
        }
    }

    /// Notes what a person should know, once.
    pub(super) fn remark(&mut self, text: &str) {
        if !self.remarks.iter().any(|said| said == text) {
            self.remarks.push(text.to_owned());
        }
    }

    /// The column at a place, from 0.
    pub(super) fn column(&self, at: usize) -> ColumnName {
        ColumnName {
            number: at + 1,
            name: self.names.as_ref().and_then(|names| names.get(at)).cloned(),
        }
    }

    /// Whether the columns are called so, in this order.
    pub(super) fn has_names<'a>(&self, names: impl Iterator<Item = &'a str>) -> bool {
        self.names
            .as_ref()
            .is_some_and(|known| names.eq(known.iter().map(String::as_str)))
    }

    /// Adds one row.
    pub(super) fn push(&mut self, row: &[f32], place: Place) -> Result<(), DataError> {
        if self.is_empty() && self.names.is_none() {
            self.width = row.len();
        }
        if row.len() != self.width || row.is_empty() {
            return Err(DataError::Record {
                place,
                reason: format!("{} numbers, the others have {}", row.len(), self.width),
            });
        }
        self.numbers.extend_from_slice(row);
        self.places.push(place);
        Ok(())
    }

    /// Adds one row whose columns are named, in the order of the first one.
    pub(super) fn push_named(&mut self, names: Vec<String>, row: Vec<f32>, place: Place) -> Result<(), DataError> {
        let refuse = |reason: String| Err(DataError::Record { place, reason });
        match &self.names {
            None if self.is_empty() => {
                let mut seen = HashSet::new();
                if let Some(twice) = names.iter().find(|name| !seen.insert(*name)) {
                    return refuse(format!("two fields make the column {twice:?}"));
                }
                self.width = names.len();
                self.names = Some(names);
                self.push(&row, place)
            }
            Some(known) if *known == names => self.push(&row, place),
            Some(known) if known.len() == names.len() => {
                let places: HashMap<&String, f32> = names.iter().zip(row).collect();
                let ordered: Option<Vec<f32>> = known.iter().map(|name| places.get(name).copied()).collect();
                match ordered {
                    Some(row) => self.push(&row, place),
                    None => refuse("its fields are not those of the first".into()),
                }
            }
            _ => refuse("its fields are not those of the first".into()),
        }
    }

    /// Names the columns, or compares them with the names that they have.
    pub(super) fn name(&mut self, names: Vec<String>, chunk: Option<u64>, line: u64) -> Result<(), DataError> {
        match &self.names {
            None if self.is_empty() => {
                self.width = names.len();
                self.names = Some(names);
                Ok(())
            }
            Some(known) if *known == names => Ok(()),
            _ => Err(DataError::Record {
                place: Place {
                    chunk,
                    line,
                    record: self.len() as u64 + 1,
                },
                reason: "its columns are not those of the first".into(),
            }),
        }
    }

    fn pick(&self, columns: &[usize]) -> Vec<f32> {
        let rows = self.numbers.chunks_exact(self.width.max(1));
        rows.flat_map(|row| columns.iter().map(|at| row[*at])).collect()
    }

    fn field(&self, row: usize, column: usize, reason: String) -> DataError {
        DataError::Field {
            place: self.places.get(row).copied().unwrap_or_default(),
            column: self.column(column),
            reason,
        }
    }

    fn check_filled(&self) -> Result<(), DataError> {
        match &self.names {
            Some(names) if self.is_empty() && super::columns::are_numbers(names) => Err(DataError::Heading(
                "the only line counts upwards: it may be a heading or a record".into(),
            )),
            _ if self.is_empty() => Err(DataError::Empty),
            _ => Ok(()),
        }
    }

    /// The inputs in these columns, divided, each of which the model can take.
    fn take_inputs(&self, plan: &Plan, chosen: &[usize], columns: &Columns) -> Result<Vec<f32>, DataError> {
        let expected = plan.input_len();
        if chosen.len() != expected {
            return Err(DataError::Width {
                found: chosen.len(),
                expected,
            });
        }
        let mut inputs = self.pick(chosen);
        divide(&mut inputs, columns);
        match check_inputs(plan, &inputs) {
            Ok(()) => Ok(inputs),
            Err(InputError::NotFinite(index) | InputError::NotAnEntry { index, .. }) => {
                let (row, column) = (index / expected, chosen[index % expected]);
                let reason = input_reason(plan, inputs[index]);
                Err(self.field(row, column, reason))
            }
            Err(error) => Err(DataError::Malformed(error.to_string())),
        }
    }

    /// The rows as labelled samples of a model; what was decided about columns.
    ///
    /// # Errors
    /// [`DataError::Empty`], [`DataError::NoColumn`], [`DataError::Ambiguous`], [`DataError::NoLabel`], [`DataError::Width`],
    /// [`DataError::Field`] for what the model cannot take, [`DataError::Malformed`].
    pub fn samples(&self, plan: &Plan, columns: &Columns) -> Result<(Dataset, Vec<String>), DataError> {
        self.check_filled()?;
        let count = match plan.output {
            OutputKind::Classes(_) => 1,
            OutputKind::Regression(width) | OutputKind::Embedding(width) => width as usize,
        };
        let labels = self.label_columns(columns, count)?;
        let chosen = if columns.inputs.is_empty() {
            (0..self.width).filter(|at| !labels.contains(at)).collect()
        } else {
            self.find_all(&columns.inputs)?
        };
        if chosen.is_empty() {
            return Err(DataError::Malformed("no column is left for inputs".into()));
        }
        if let Some(both) = chosen.iter().find(|at| labels.contains(at)) {
            return Err(DataError::Malformed(format!(
                "{} is both a label and an input",
                self.column(*both)
            )));
        }
        let inputs = self.take_inputs(plan, &chosen, columns)?;
        let values = self.pick(&labels);
        let place = |at: usize, reason: String| self.field(at / count, labels[at % count], reason);
        let found = match plan.output {
            OutputKind::Classes(classes) => {
                let class = |(at, label): (usize, &f32)| class(*label, classes).map_err(|reason| place(at, reason));
                Labels::Classes(values.iter().enumerate().map(class).collect::<Result<_, _>>()?)
            }
            OutputKind::Regression(_) | OutputKind::Embedding(_) => {
                if let Some(at) = values.iter().position(|value| !value.is_finite()) {
                    return Err(place(at, format!("{} is not finite", values[at])));
                }
                Labels::Values(values)
            }
        };
        let data = Dataset {
            width: chosen.len(),
            inputs,
            labels: found,
        };
        let mut remarks = self.remarks.clone();
        let what = if count == 1 { "the label is" } else { "the targets are" };
        remarks.push(format!(
            "{what} {}; inputs are {}",
            self.list(&labels),
            self.list(&chosen)
        ));
        Ok((data, remarks))
    }

    /// The rows as inputs of a model: the columns named, or all but the labels; what was decided about columns.
    ///
    /// # Errors
    /// [`DataError::Empty`], [`DataError::NoColumn`], [`DataError::Ambiguous`], [`DataError::Width`], [`DataError::Field`].
    pub fn inputs(&self, plan: &Plan, columns: &Columns) -> Result<(Vec<f32>, Vec<String>), DataError> {
        self.check_filled()?;
        let chosen: Vec<usize> = if columns.inputs.is_empty() {
            let labels = self.labels_beside_inputs(plan.input_len(), columns)?;
            (0..self.width).filter(|at| !labels.contains(at)).collect()
        } else {
            self.find_all(&columns.inputs)?
        };
        let inputs = self.take_inputs(plan, &chosen, columns)?;
        let mut remarks = self.remarks.clone();
        if chosen.len() < self.width {
            remarks.push(format!("inputs are {}", self.list(&chosen)));
        }
        Ok((inputs, remarks))
    }
}

/// A label as a class of so many.
fn class(label: f32, classes: u32) -> Result<u32, String> {
    // Up to 2^24 an f32 holds every whole number.
    if label.fract() != 0.0 || !(0.0..16_777_216.0).contains(&label) {
        return Err(format!("{label} is no class: a whole number from 0 is expected"));
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a whole number in range"
    )]
    let class = label as u32;
    if class < classes {
        Ok(class)
    } else {
        Err(format!("class {class}, the model has {classes}, from 0"))
    }
}
