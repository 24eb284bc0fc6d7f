//! JSON records: lists of numbers, or objects of numbers and lists of numbers.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{DataError, Table};

/// Adds the records of `bytes`, one after another or in one list, to a table.
pub fn read(table: &mut Table, bytes: &[u8]) -> Result<(), DataError> {
    for record in serde_json::Deserializer::from_slice(bytes).into_iter::<Value>() {
        let record = record.map_err(|error| DataError::Malformed(format!("not JSON: {error}")))?;
        match record {
            Value::Array(records) if records.iter().all(|record| record.is_object() || record.is_array()) => {
                for record in &records {
                    add(table, record)?;
                }
            }
            record => add(table, &record)?,
        }
    }
    Ok(())
}

fn add(table: &mut Table, record: &Value) -> Result<(), DataError> {
    let at = table.len() as u64 + 1;
    let refuse = |reason: String| DataError::Record { record: at, reason };
    let mut row = Vec::new();
    match record {
        Value::Array(_) => {
            flatten("", record, &mut Vec::new(), &mut row).map_err(refuse)?;
        }
        Value::Object(fields) => {
            // By name, whatever order the fields were written in.
            let fields: BTreeMap<&String, &Value> = fields.iter().collect();
            let mut names = Vec::new();
            for (name, value) in fields {
                flatten(name, value, &mut names, &mut row).map_err(refuse)?;
            }
            table.name(names)?;
        }
        other => return Err(refuse(format!("{other} is neither a list nor an object"))),
    }
    table.push(&row)
}

/// Numbers and lists of them, row by row; each with its place as its name.
fn flatten(name: &str, value: &Value, names: &mut Vec<String>, row: &mut Vec<f32>) -> Result<(), String> {
    match value {
        Value::Number(number) => {
            let number = number.as_f64().ok_or_else(|| format!("{number} is out of range"))?;
            // The nearest number that there is.
            #[allow(clippy::cast_possible_truncation)]
            row.push(number as f32);
            names.push(name.to_owned());
            Ok(())
        }
        Value::Bool(flag) => {
            row.push(f32::from(u8::from(*flag)));
            names.push(name.to_owned());
            Ok(())
        }
        Value::Array(values) => {
            for (place, value) in values.iter().enumerate() {
                flatten(&format!("{name}.{place}"), value, names, row)?;
            }
            Ok(())
        }
        other => Err(format!("{name}: {other} is no number")),
    }
}
