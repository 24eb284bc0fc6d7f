//! Comma-separated values.

use csv::{ReaderBuilder, StringRecord, Trim};

use super::{DataError, Header, Table};

fn number(field: &str) -> Option<f32> {
    field.parse().ok()
}

/// Adds the rows of `bytes` to a table.
pub fn read(table: &mut Table, bytes: &[u8], header: Header) -> Result<(), DataError> {
    let mut reader = ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .trim(Trim::All)
        .from_reader(bytes);
    let mut record = StringRecord::new();
    let mut row = Vec::new();
    let mut first = true;
    loop {
        let more = reader.read_record(&mut record);
        if !more.map_err(|error| DataError::Malformed(error.to_string()))? {
            return Ok(());
        }
        let names = first
            && match header {
                Header::Yes => true,
                Header::No => false,
                Header::Auto => record.iter().any(|field| number(field).is_none()),
            };
        first = false;
        if names {
            table.name(record.iter().map(str::to_owned).collect())?;
            continue;
        }
        row.clear();
        for field in &record {
            row.push(number(field).ok_or_else(|| DataError::Record {
                record: table.len() as u64 + 1,
                reason: format!("{field:?} is no number"),
            })?);
        }
        table.push(&row)?;
    }
}
