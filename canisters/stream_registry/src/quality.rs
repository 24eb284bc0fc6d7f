//! The check made on a payload at append: whether it parses, and how many records it holds.

use ddsx_merkle_log::{ContentType, Verdict};
use serde::de::IgnoredAny;

/// What was found of a payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checked {
    /// The checks made and passed, for the leaf.
    pub verdict: Verdict,
    /// Records counted; absent where nothing was checked.
    pub records: Option<u64>,
}

/// Checks JSON and JSON Lines; other content is not checked. In `application/json` the elements of an array are the
/// records, anything else is one record. The error says what is wrong.
pub fn check(content: ContentType, payload: &[u8]) -> Result<Checked, String> {
    let records = match content {
        ContentType::JSON_LINES => lines(payload)?,
        ContentType::JSON => text(payload)?,
        _ => {
            return Ok(Checked {
                verdict: Verdict::NONE,
                records: None,
            });
        }
    };
    if records == 0 {
        return Err("it holds no record".to_owned());
    }
    Ok(Checked {
        verdict: Verdict::PARSES,
        records: Some(records),
    })
}

/// One record a line; the last line may end with a newline.
fn lines(payload: &[u8]) -> Result<u64, String> {
    let payload = payload.strip_suffix(b"\n").unwrap_or(payload);
    let mut count = 0;
    for line in payload.split(|byte| *byte == b'\n') {
        count += 1;
        serde_json::from_slice::<IgnoredAny>(line).map_err(|error| format!("line {count} is not JSON: {error}"))?;
    }
    Ok(count)
}

fn text(payload: &[u8]) -> Result<u64, String> {
    let not_json = |error: serde_json::Error| format!("not JSON: {error}");
    if payload.trim_ascii_start().first() == Some(&b'[') {
        let elements: Vec<IgnoredAny> = serde_json::from_slice(payload).map_err(not_json)?;
        return Ok(elements.len() as u64);
    }
    serde_json::from_slice::<IgnoredAny>(payload).map_err(not_json)?;
    Ok(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn should_count_records() {
        for (content, payload, records) in [
            (ContentType::JSON_LINES, "{\"a\":1}\n{\"a\":2}\n", 2),
            (ContentType::JSON_LINES, "1\r\n\"two\"", 2),
            (ContentType::JSON, " [1, {\"a\": [2]}, null] ", 3),
            (ContentType::JSON, "{\"a\":\n[1,2]}", 1),
        ] {
            let checked = check(content, payload.as_bytes()).expect(payload);
            assert_eq!(
                checked,
                Checked {
                    verdict: Verdict::PARSES,
                    records: Some(records)
                },
                "{payload}"
            );
        }
    }

    #[test]
    fn should_refuse_what_does_not_parse() {
        for (content, payload) in [
            (ContentType::JSON_LINES, "{\"a\":1}\n\n{\"a\":2}"),
            (ContentType::JSON_LINES, "{\"a\":1} {\"a\":2}"),
            (ContentType::JSON_LINES, "{\"a\":"),
            (ContentType::JSON_LINES, "\n"),
            (ContentType::JSON, "[]"),
            (ContentType::JSON, "[1,"),
            (ContentType::JSON, "nul"),
        ] {
            assert!(check(content, payload.as_bytes()).is_err(), "{payload}");
        }
        let deep = "[".repeat(200_000);
        assert!(
            check(ContentType::JSON_LINES, deep.as_bytes()).is_err(),
            "deep nesting ends, without a trap"
        );
    }

    #[test]
    fn should_not_look_into_other_content() {
        let unchecked = Checked {
            verdict: Verdict::NONE,
            records: None,
        };
        assert_eq!(check(ContentType::CSV, b"\"open"), Ok(unchecked));
        assert_eq!(check(ContentType(0x8000), &[0xff]), Ok(unchecked));
    }
}
