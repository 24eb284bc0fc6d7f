//! What `/logs` tells an operator: installations and upgrades, what governance changed, what housekeeping did, errors. The lines lie in
//! [`crate::storage::line_log`]. No transaction writes one; a call that traps leaves none, since a trap undoes what it wrote.
//!
//! `/logs` answers JSON lines, the newest first: `{"number":17,"time":"2026-09-21T14:13:20Z","text":"…"}`. `?limit=n` asks for at most
//! n of the 1,000 that one answer holds, `?before=number` for those before a line.

use ic_stable_structures::Memory;
use serde::Serialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::ledger::{Chores, Ledger};

/// Lines in one answer: at most 1,000 of about 600 bytes each, and those of a text full of quotation marks of 1,100.
pub const MAX_LINES: usize = 1_000;

#[derive(Serialize)]
struct JsonLine<'a> {
    number: u64,
    time: String,
    text: &'a str,
}

/// The page that the URL's query string asks for.
pub fn json_lines<M: Memory>(ledger: &Ledger<M>, query: &str) -> String {
    let (storage, _) = ledger.stored();
    let number = |name: &str| -> Option<u64> {
        let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        pairs.find(|(key, _)| *key == name)?.1.parse().ok()
    };
    let limit = number("limit").and_then(|limit| usize::try_from(limit).ok());
    let lines = storage.log.newest_before(number("before").unwrap_or(u64::MAX));
    let mut page = String::new();
    for line in lines.take(limit.unwrap_or(MAX_LINES).min(MAX_LINES)) {
        let time = OffsetDateTime::from_unix_timestamp_nanos(line.time.into())
            .ok()
            .and_then(|time| time.format(&Rfc3339).ok());
        let json = JsonLine {
            number: line.number,
            time: time.unwrap_or_default(),
            text: &line.text,
        };
        // A number and two texts are always JSON.
        page += &serde_json::to_string(&json).unwrap_or_default();
        page.push('\n');
    }
    page
}

/// What slices of housekeeping did together, in words, if it was more than sorting new accounts and splitting buckets,
/// which goes on all the time.
pub fn chores(done: &Chores) -> Option<String> {
    let table = [
        (done.minted, "initial balances entered"),
        (done.indexed, "older accounts indexed"),
        (done.recorded, "older blocks entered in histories"),
        (done.forgotten, "transactions left the window"),
        (done.expired, "expired allowances removed"),
    ];
    let parts: Vec<String> = table
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{count} {what}"))
        .collect();
    (!parts.is_empty()).then(|| format!("housekeeping: {}", parts.join(", ")))
}

/// Adds what one more slice did.
pub const fn add(sum: &Chores, slice: &Chores) -> Chores {
    Chores {
        minted: sum.minted + slice.minted,
        indexed: sum.indexed + slice.indexed,
        recorded: sum.recorded + slice.recorded,
        sorted: sum.sorted + slice.sorted,
        split: sum.split + slice.split,
        forgotten: sum.forgotten + slice.forgotten,
        expired: sum.expired + slice.expired,
        more: slice.more,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::test_support::{NOW, install};

    #[test]
    fn should_write_json_lines_newest_first() {
        let ledger = install(&[]);
        let log = &ledger.stored().0.log;
        log.push(NOW, "first");
        log.push(NOW + 1_500_000_000, "a \"quoted\"\nsecond");
        let second = "{\"number\":1,\"time\":\"2026-09-21T14:13:21.5Z\",\"text\":\"a \\\"quoted\\\"\\nsecond\"}\n";
        let first = "{\"number\":0,\"time\":\"2026-09-21T14:13:20Z\",\"text\":\"first\"}\n";
        let table = [
            ("", format!("{second}{first}")),
            ("limit=1", second.to_owned()),
            ("before=1", first.to_owned()),
            ("before=1&limit=0", String::new()),
            ("limit=x&before=-1", format!("{second}{first}")),
            ("before=0", String::new()),
        ];
        for (query, expected) in table {
            assert_eq!(json_lines(&ledger, query), expected, "{query}");
        }
    }

    #[test]
    fn should_bound_an_answer() {
        let ledger = install(&[]);
        for n in 0..3_000 {
            ledger.stored().0.log.push(NOW, &format!("{n}{}", "\u{1}".repeat(600)));
        }
        let page = json_lines(&ledger, "limit=5000");
        assert_eq!(page.lines().count(), MAX_LINES);
        assert!(page.len() < 3_100_000, "{} bytes", page.len());
    }

    #[test]
    fn should_tell_of_housekeeping_only_what_is_news() {
        let slice = Chores {
            sorted: 4,
            more: true,
            ..Chores::default()
        };
        assert_eq!(chores(&slice), None);
        let sum = add(
            &slice,
            &Chores {
                forgotten: 3,
                expired: 2,
                sorted: 1,
                ..Chores::default()
            },
        );
        assert_eq!((sum.sorted, sum.more), (5, false));
        assert_eq!(
            chores(&sum).unwrap(),
            "housekeeping: 3 transactions left the window, 2 expired allowances removed"
        );
    }
}
