//! JSON records: lists of numbers, or objects of numbers and lists of numbers, whose fields keep the order of the first record.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};

use super::{DataError, Place, Table, short};

/// A JSON value whose fields are in the order in which they were written.
enum Node {
    Number(f64),
    List(Vec<Node>),
    Object(Vec<(String, Node)>),
    /// Something that is no number, as it is told to people.
    Other(String),
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NodeVisitor)
    }
}

struct NodeVisitor;

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Node, E> {
        Ok(Node::Number(f64::from(u8::from(value))))
    }

    // The nearest number that there is, as for every number with more digits.
    #[expect(clippy::cast_precision_loss)]
    fn visit_i64<E>(self, value: i64) -> Result<Node, E> {
        Ok(Node::Number(value as f64))
    }

    #[expect(clippy::cast_precision_loss)]
    fn visit_u64<E>(self, value: u64) -> Result<Node, E> {
        Ok(Node::Number(value as f64))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Node, E> {
        Ok(Node::Number(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Node, E> {
        Ok(Node::Other(format!("{:?}", short(value))))
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Other("null".into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Node, A::Error> {
        let mut nodes = Vec::new();
        while let Some(node) = list.next_element()? {
            nodes.push(node);
        }
        Ok(Node::List(nodes))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node, A::Error> {
        let mut fields = Vec::new();
        while let Some(field) = map.next_entry()? {
            fields.push(field);
        }
        Ok(Node::Object(fields))
    }
}

/// Adds the records of `text`, one after another or in one list, to a table.
pub fn read(table: &mut Table, text: &str, chunk: Option<u64>) -> Result<(), DataError> {
    let mut records = serde_json::Deserializer::from_str(text).into_iter::<Node>();
    let (mut counted, mut line) = (0, 1);
    loop {
        let rest = &text[records.byte_offset()..];
        let start = text.len() - rest.trim_ascii_start().len();
        line += text[counted..start].bytes().filter(|byte| *byte == b'\n').count() as u64;
        counted = start;
        let Some(record) = records.next() else {
            return Ok(());
        };
        let record = record.map_err(|error| not_json(chunk, &error))?;
        match record {
            Node::List(records) if !records.is_empty() && records.iter().all(is_record) => {
                for record in records {
                    add(table, record, chunk, 0)?;
                }
            }
            record => add(table, record, chunk, line)?,
        }
    }
}

fn not_json(chunk: Option<u64>, error: &serde_json::Error) -> DataError {
    let said = error.to_string();
    let reason = said
        .rsplit_once(" at line ")
        .map_or(said.as_str(), |(reason, _)| reason);
    let chunk = chunk.map_or(String::new(), |chunk| format!("chunk {chunk}, "));
    DataError::Malformed(format!(
        "{chunk}line {}, column {}: not JSON: {reason}",
        error.line(),
        error.column()
    ))
}

fn is_record(node: &Node) -> bool {
    matches!(node, Node::List(_) | Node::Object(_))
}

fn add(table: &mut Table, record: Node, chunk: Option<u64>, line: u64) -> Result<(), DataError> {
    let place = Place {
        chunk,
        line,
        record: table.len() as u64 + 1,
    };
    let refuse = |reason: String| DataError::Record { place, reason };
    let (mut names, mut row) = (Vec::new(), Vec::new());
    match record {
        Node::List(_) => {
            flatten("", &record, &mut names, &mut row).map_err(refuse)?;
            table.push(&row, place)
        }
        Node::Object(fields) => {
            for (name, value) in &fields {
                flatten(name, value, &mut names, &mut row).map_err(refuse)?;
            }
            table.push_named(names, row, place)
        }
        Node::Number(number) => Err(refuse(format!("{number} is neither a list nor an object"))),
        Node::Other(other) => Err(refuse(format!("{other} is neither a list nor an object"))),
    }
}

/// Numbers and lists of them, row by row; each with its place as its name.
fn flatten(name: &str, value: &Node, names: &mut Vec<String>, row: &mut Vec<f32>) -> Result<(), String> {
    match value {
        Node::Number(number) => {
            // The nearest number that there is.
            #[expect(clippy::cast_possible_truncation)]
            row.push(*number as f32);
            names.push(name.to_owned());
            Ok(())
        }
        Node::List(values) => {
            for (place, value) in values.iter().enumerate() {
                flatten(&format!("{name}.{place}"), value, names, row)?;
            }
            Ok(())
        }
        Node::Object(_) => Err(format!(
            "field {name:?} is an object, a number or a list of numbers is expected"
        )),
        Node::Other(other) => Err(format!("field {name:?}: {other} is no number")),
    }
}
