//! Which columns of a table hold labels and inputs.

use super::{Columns, DataError, Table};

/// Columns that hold labels if nothing else is said, whatever their case.
const LABELS: [&str; 6] = ["label", "labels", "class", "target", "targets", "y"];

/// Whether names are nothing but numbers: such a heading tells no column from another.
pub(super) fn are_numbers(names: &[String]) -> bool {
    names.iter().all(|name| name.parse::<f32>().is_ok())
}

/// Whether a column is part of a list of this name: `name.0`, `name.1.2`.
fn is_part(column: &str, name: &str) -> bool {
    column
        .strip_prefix(name)
        .and_then(|rest| rest.strip_prefix('.'))
        .is_some_and(|rest| !rest.is_empty() && rest.split('.').all(|place| place.parse::<usize>().is_ok()))
}

impl Table {
    /// Names that tell columns apart.
    fn telling_names(&self) -> Option<&[String]> {
        self.names.as_deref().filter(|names| !are_numbers(names))
    }

    /// The columns of this name: itself, else the parts of a list, in its own case before any other. Empty if there are none.
    fn named(&self, name: &str) -> Result<Vec<usize>, DataError> {
        let names = self.names.as_deref().unwrap_or_default();
        let wanted = name.to_lowercase();
        let folded: Vec<String> = names.iter().map(|name| name.to_lowercase()).collect();
        let all = |is: &dyn Fn(usize) -> bool| -> Vec<usize> { (0..names.len()).filter(|at| is(*at)).collect() };
        let one = |found: &[usize]| {
            if found.len() == 1 {
                return Ok(found.to_vec());
            }
            Err(DataError::Ambiguous {
                name: name.to_owned(),
                columns: found
                    .iter()
                    .map(|at| self.column(*at).to_string())
                    .collect::<Vec<_>>()
                    .join(", "),
            })
        };
        let exact = all(&|at| names[at] == name);
        if !exact.is_empty() {
            return one(&exact);
        }
        let parts = all(&|at| is_part(&names[at], name));
        if !parts.is_empty() {
            return Ok(parts);
        }
        let other_case = all(&|at| folded[at] == wanted);
        if !other_case.is_empty() {
            return one(&other_case);
        }
        Ok(all(&|at| is_part(&folded[at], &wanted)))
    }

    /// The places of a column, or of all that a list made; by name, else by number from 1.
    fn find(&self, name: &str) -> Result<Vec<usize>, DataError> {
        let found = self.named(name)?;
        if !found.is_empty() {
            return Ok(found);
        }
        match name.parse::<usize>() {
            Ok(number) if (1..=self.width).contains(&number) => Ok(vec![number - 1]),
            _ => Err(DataError::NoColumn {
                name: name.to_owned(),
                columns: self.list(&(0..self.width).collect::<Vec<_>>()),
            }),
        }
    }

    pub(super) fn find_all(&self, names: &[String]) -> Result<Vec<usize>, DataError> {
        let mut all = Vec::new();
        for name in names {
            all.extend(self.find(name)?);
        }
        Ok(all)
    }

    /// The columns that are called as labels are.
    fn known_labels(&self) -> Result<Option<Vec<usize>>, DataError> {
        for name in LABELS {
            let found = self.named(name)?;
            if !found.is_empty() {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    /// The columns that hold `count` labels: those asked for, those called so, and the last ones only where columns have no names.
    pub(super) fn label_columns(&self, columns: &Columns, count: usize) -> Result<Vec<usize>, DataError> {
        let found = if !columns.labels.is_empty() {
            self.find_all(&columns.labels)?
        } else if let Some(found) = self.known_labels()? {
            found
        } else if self.telling_names().is_none() {
            (self.width.saturating_sub(count)..self.width).collect()
        } else {
            return Err(DataError::NoLabel {
                columns: self.list(&(0..self.width).collect::<Vec<_>>()),
            });
        };
        if found.len() == count {
            return Ok(found);
        }
        Err(DataError::Malformed(format!(
            "{} holds labels, the model needs {count} columns of them; name them with --label",
            self.list(&found)
        )))
    }

    fn is_y(&self, at: usize) -> bool {
        self.column(at).name.is_some_and(|name| name.eq_ignore_ascii_case("y"))
    }

    /// The columns that are no inputs of a model that takes so many.
    pub(super) fn labels_beside_inputs(&self, inputs: usize, columns: &Columns) -> Result<Vec<usize>, DataError> {
        if !columns.labels.is_empty() {
            return self.find_all(&columns.labels);
        }
        match self.known_labels()? {
            // A coordinate, where nothing else is left for it.
            Some(found) if self.width == inputs && found.iter().all(|at| self.is_y(*at)) => Ok(Vec::new()),
            Some(found) => Ok(found),
            None if self.telling_names().is_none() => Ok((inputs.min(self.width)..self.width).collect()),
            None => Ok(Vec::new()),
        }
    }

    /// Columns as a person would say them: the first and the last of many.
    pub(super) fn list(&self, columns: &[usize]) -> String {
        if columns.is_empty() {
            return "no column".into();
        }
        if let ([first, .., last], true) = (columns, columns.len() > 3) {
            let (first, last) = (self.column(*first), self.column(*last));
            return format!("{} columns, {first} to {last}", columns.len());
        }
        let few: Vec<String> = columns.iter().map(|at| self.column(*at).to_string()).collect();
        few.join(", ")
    }
}
