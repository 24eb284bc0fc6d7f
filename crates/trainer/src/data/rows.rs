//! Values separated by commas, semicolons or tabs.

use csv::{ReaderBuilder, StringRecord, Trim};

use super::{DataError, Header, Place, Table, short};

fn number(field: &str) -> Option<f32> {
    field.parse().ok()
}

/// What separates the values, by the first line that is not empty.
fn separator(text: &str) -> Result<u8, DataError> {
    let (number, line) = (1..)
        .zip(text.lines())
        .find(|(_, line)| !line.trim().is_empty())
        .unwrap_or((1, ""));
    let mut quoted = false;
    let plain: Vec<u8> = line
        .bytes()
        .filter(|byte| {
            quoted ^= *byte == b'"';
            !quoted
        })
        .collect();
    let has = |separator: u8| plain.contains(&separator);
    match (has(b','), has(b';'), has(b'\t')) {
        (true, true, _) => Err(DataError::Malformed(format!(
            "line {number} has both commas and semicolons: write numbers with a decimal point, and one of them between columns"
        ))),
        (false, true, _) => Ok(b';'),
        (false, false, true) => Ok(b'\t'),
        _ => Ok(b','),
    }
}

/// Adds the rows of `text` to a table.
pub fn read(table: &mut Table, text: &str, header: Header, chunk: Option<u64>) -> Result<(), DataError> {
    let separator = separator(text)?;
    match separator {
        b';' => table.remark("columns are separated by semicolons"),
        b'\t' => table.remark("columns are separated by tabs"),
        _ => {}
    }
    let mut reader = ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(separator)
        .trim(Trim::All)
        .from_reader(text.as_bytes());
    let mut record = StringRecord::new();
    let mut row = Vec::new();
    let mut first = true;
    loop {
        let more = reader.read_record(&mut record);
        if !more.map_err(|error| DataError::Malformed(error.to_string()))? {
            return Ok(());
        }
        let line = record.position().map_or(0, csv::Position::line);
        let heading = std::mem::take(&mut first)
            && match header {
                Header::Yes => true,
                Header::No => false,
                Header::Auto => is_heading(table, &record, line)?,
            };
        if heading {
            table.name(record.iter().map(str::to_owned).collect(), chunk, line)?;
            continue;
        }
        let place = Place {
            chunk,
            line,
            record: table.len() as u64 + 1,
        };
        row.clear();
        for (at, field) in record.iter().enumerate() {
            row.push(number(field).ok_or_else(|| DataError::Field {
                place,
                column: table.column(at),
                reason: not_a_number(field),
            })?);
        }
        table.push(&row, place)?;
    }
}

fn not_a_number(field: &str) -> String {
    let said = short(field);
    if field.is_empty() {
        "is empty; a number is expected".into()
    } else if number(&field.replacen(',', ".", 1)).is_some() {
        format!("{said:?} is no number; write the decimal point as a point")
    } else if field.split_whitespace().count() > 1 && field.split_whitespace().all(|part| number(part).is_some()) {
        format!("{said:?} is no number; put commas, semicolons or tabs between columns")
    } else {
        format!("{said:?} is no number")
    }
}

/// Whether the first row of a text names the columns.
fn is_heading(table: &mut Table, record: &StringRecord, line: u64) -> Result<bool, DataError> {
    let numbers: Vec<&str> = record.iter().filter(|field| number(field).is_some()).collect();
    if numbers.is_empty() || (!table.is_empty() && table.has_names(record.iter())) {
        return Ok(true);
    }
    // Later texts of one table are like the first.
    if !table.is_empty() {
        return Ok(numbers.len() < record.len());
    }
    // A heading counts in whole numbers: 1.0 is a measurement.
    let counts_from = |start: u64| {
        (start..)
            .zip(&numbers)
            .all(|(count, field)| **field == count.to_string())
    };
    let counted = counts_from(0) || counts_from(1);
    if numbers.len() < record.len() {
        // Names, and numbers that count: `,0,1,2,label`.
        if counted {
            return Ok(true);
        }
        let odd = record.iter().position(|field| number(field).is_none()).unwrap_or(0);
        return Err(DataError::Heading(format!(
            "line {line} is neither a heading nor a record: {} {}",
            table.column(odd),
            not_a_number(&record[odd])
        )));
    }
    let all: Vec<&str> = record.iter().map(short).collect();
    let (first, last) = (all.first().copied().unwrap_or(""), all.last().copied().unwrap_or(""));
    match numbers.len() {
        // One number is a record: a heading of one column that is called 0 or 1 is rarer.
        0 | 1 => Ok(false),
        2 if counted => Err(DataError::Heading(format!(
            "line {line} ({first}, {last}) may be a heading or a record"
        ))),
        _ if counted => {
            table.remark(&format!(
                "line {line}, {first} to {last}, was taken as a heading, not as a record (--header no if it is one)"
            ));
            Ok(true)
        }
        2 | 3 => Ok(false),
        _ if numbers[0].parse::<u32>().is_ok_and(|start| counts_from(start.into())) => Err(DataError::Heading(
            format!("line {line} counts from {first} to {last}: it may be a heading or a record"),
        )),
        _ => Ok(false),
    }
}
