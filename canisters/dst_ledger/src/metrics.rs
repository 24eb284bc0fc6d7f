//! `http_request`: the counters for an operator's Prometheus at `/metrics`.

use std::fmt::Write;

use candid::{CandidType, Nat};
use ic_stable_structures::Memory;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

use crate::ledger::Ledger;

/// What the HTTP gateway passes on. Only the URL is looked at.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug)]
pub struct HttpRequest {
    /// `GET`, for example.
    pub method: String,
    /// Path and query.
    pub url: String,
    /// As sent.
    pub headers: Vec<(String, String)>,
    /// As sent.
    pub body: ByteBuf,
}

/// What the HTTP gateway answers.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct HttpResponse {
    /// HTTP status.
    pub status_code: u16,
    /// As answered.
    pub headers: Vec<(String, String)>,
    /// As answered.
    pub body: ByteBuf,
}

/// What the ledger cannot know by itself.
#[derive(Clone, Copy, Debug)]
pub struct SystemFigures {
    /// Cycles of the canister.
    pub cycles: u128,
    /// Time of the request, nanoseconds.
    pub now: u64,
}

/// Answers `/metrics`, and 404 anything else.
pub fn respond<M: Memory>(request: &HttpRequest, ledger: &Ledger<M>, system: SystemFigures) -> HttpResponse {
    let path = request.url.split('?').next().unwrap_or_default();
    let (status_code, content_type, body) = match path {
        "/metrics" => (200, "text/plain; version=0.0.4", metrics(ledger, system)),
        _ => (
            404,
            "text/plain; charset=utf-8",
            "There is only /metrics here.\n".to_owned(),
        ),
    };
    HttpResponse {
        status_code,
        headers: vec![
            ("Content-Type".to_owned(), content_type.to_owned()),
            ("Cache-Control".to_owned(), "no-store".to_owned()),
        ],
        body: ByteBuf::from(body),
    }
}

fn metrics<M: Memory>(ledger: &Ledger<M>, system: SystemFigures) -> String {
    let totals = ledger.totals();
    let counts: [(&str, &str, &str, Nat); 11] = [
        (
            "total_supply",
            "gauge",
            "Sum of all balances, smallest units.",
            totals.total_supply,
        ),
        (
            "max_supply",
            "gauge",
            "The supply that no mint can exceed, smallest units.",
            totals.max_supply,
        ),
        ("minted_total", "counter", "Ever minted, smallest units.", totals.minted),
        (
            "burnt_total",
            "counter",
            "Ever burnt by transfers to the minting account, smallest units.",
            totals.burnt,
        ),
        (
            "fees_burnt_total",
            "counter",
            "Ever burnt as fees, smallest units.",
            totals.fees_burnt,
        ),
        ("blocks_total", "counter", "Blocks in the log.", totals.blocks.into()),
        (
            "holders",
            "gauge",
            "Accounts with a balance above 0.",
            totals.holders.into(),
        ),
        ("accounts", "gauge", "Accounts ever seen.", totals.accounts.into()),
        ("allowances", "gauge", "Allowances stored.", totals.allowances.into()),
        (
            "dedup_entries",
            "gauge",
            "Transactions remembered for deduplication.",
            totals.deduplicated.into(),
        ),
        (
            "cycles",
            "gauge",
            "Cycles balance of the canister.",
            system.cycles.into(),
        ),
    ];
    let milliseconds = system.now / 1_000_000;
    let mut text = String::new();
    for (name, kind, help, value) in counts {
        // `Nat` prints digit groups; Prometheus wants plain digits. Writing to a `String` does not fail.
        let _ = writeln!(
            text,
            "# HELP dst_ledger_{name} {help}\n# TYPE dst_ledger_{name} {kind}\ndst_ledger_{name} {} {milliseconds}",
            value.0
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::test_support::{account, install};

    fn get(url: &str) -> HttpResponse {
        let request = HttpRequest {
            method: "GET".into(),
            url: url.into(),
            headers: vec![],
            body: ByteBuf::new(),
        };
        let ledger = install(&[(account(1), 5_000_000)]);
        respond(
            &request,
            &ledger,
            SystemFigures {
                cycles: 77,
                now: 1_000_000_000,
            },
        )
    }

    #[test]
    fn should_print_plain_numbers() {
        let response = get("/metrics?x");
        assert_eq!(response.status_code, 200);
        let text = String::from_utf8(response.body.into_vec()).unwrap();
        for line in [
            "dst_ledger_total_supply 5000000 1000",
            "dst_ledger_blocks_total 1 1000",
            "dst_ledger_holders 1 1000",
            "dst_ledger_cycles 77 1000",
        ] {
            assert!(text.lines().any(|have| have == line), "no line `{line}` in\n{text}");
        }
    }

    #[test]
    fn should_know_no_other_page() {
        assert_eq!(get("/").status_code, 404);
    }
}
