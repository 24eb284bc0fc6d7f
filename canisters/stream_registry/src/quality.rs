//! The check made on a payload at append: whether it parses, and how many records it holds.
//!
//! JSON is what RFC 8259 says: UTF-8, and text that can be decoded. Before, bytes that are no UTF-8 and escapes of lone surrogates passed; chunks
//! stored then keep their verdict, since a leaf is never rewritten.

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
        let not_json = |reason: String| format!("line {count} is not JSON: {reason}");
        let line = decoded(line).map_err(not_json)?;
        serde_json::from_str::<IgnoredAny>(line).map_err(|error| not_json(error.to_string()))?;
    }
    Ok(count)
}

fn text(payload: &[u8]) -> Result<u64, String> {
    let not_json = |error: serde_json::Error| format!("not JSON: {error}");
    let payload = decoded(payload).map_err(|reason| format!("not JSON: {reason}"))?;
    if payload.trim_ascii_start().starts_with('[') {
        let elements: Vec<IgnoredAny> = serde_json::from_str(payload).map_err(not_json)?;
        return Ok(elements.len() as u64);
    }
    serde_json::from_str::<IgnoredAny>(payload).map_err(not_json)?;
    Ok(1)
}

/// The text of a payload whose escapes all stand for characters. The parser skips over what strings say; here it is looked at.
fn decoded(payload: &[u8]) -> Result<&str, String> {
    let text =
        std::str::from_utf8(payload).map_err(|error| format!("byte {} is not UTF-8", error.valid_up_to() + 1))?;
    let mut rest = payload;
    // Outside of strings a backslash is no JSON, which the parser finds.
    while let Some(at) = rest.iter().position(|byte| *byte == b'\\') {
        let escape = &rest[at..];
        let unit = utf_16(escape);
        let low = utf_16(escape.get(6..).unwrap_or_default());
        let length = match (unit, low) {
            (Some(0xd800..=0xdbff), Some(0xdc00..=0xdfff)) => 12,
            (Some(0xd800..=0xdfff), _) => {
                let byte = payload.len() - escape.len() + 1;
                return Err(format!(
                    "the escape at byte {byte} is half of a character (a lone surrogate)"
                ));
            }
            _ => 2,
        };
        rest = escape.get(length..).unwrap_or_default();
    }
    Ok(text)
}

/// The number in an escape `\uXXXX` that begins here.
fn utf_16(escape: &[u8]) -> Option<u16> {
    let digits = escape.strip_prefix(b"\\u")?.get(..4)?;
    let all_hex = digits.iter().all(u8::is_ascii_hexdigit);
    let digits = std::str::from_utf8(digits).ok().filter(|_| all_hex)?;
    u16::from_str_radix(digits, 16).ok()
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
            (
                ContentType::JSON_LINES,
                "\"\\ud83d\\ude00 \\\\ud800 \\u00e9 é\"\n1e400\n",
                2,
            ),
            (ContentType::JSON, "{\"\\uD83D\\uDE00\": \"\\\\\"}", 1),
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
        for (content, payload, words) in [
            (
                ContentType::JSON_LINES,
                b"1\n\"\xff\"\n".as_slice(),
                "line 2 is not JSON: byte 2 is not UTF-8",
            ),
            (ContentType::JSON, b"[\"\xc3\"]", "byte 3 is not UTF-8"),
            (
                ContentType::JSON_LINES,
                b"\"\\ud800\"\n",
                "line 1 is not JSON: the escape at byte 2 is half",
            ),
            (
                ContentType::JSON_LINES,
                b"\"a\\n\\udc00\"",
                "the escape at byte 5 is half",
            ),
            (
                ContentType::JSON,
                b"{\"\\ud800\\u0041\":1}",
                "the escape at byte 3 is half",
            ),
            (ContentType::JSON, b"[\"\\ud800", "the escape at byte 3 is half"),
            (ContentType::JSON, b"[\"\\\\\\ud800\"]", "the escape at byte 5 is half"),
        ] {
            let reason = check(content, payload).expect_err(words);
            assert!(reason.contains(words), "{words}: {reason}");
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
