//! `/metrics` in Prometheus' text format.

use std::fmt::Write;

use candid::CandidType;
use ddsx_payments::Host;
use ddsx_revenue::U256;
use ddsx_runtime::Runtime;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

use crate::host::Registry;
use crate::storage::{self, Storage};

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

/// Answers `/metrics`, and 404 to anything else.
pub fn respond<R: Runtime>(host: &Registry<R>, request: &HttpRequest) -> HttpResponse {
    let path = request.url.split('?').next().unwrap_or_default();
    let (status_code, content_type, body) = match path {
        "/metrics" => (200, "text/plain; version=0.0.4", text(host)),
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

/// One figure with its help.
fn figure(out: &mut String, name: &str, kind: &str, help: &str, value: impl std::fmt::Display) {
    // Writing to a string does not fail.
    let _ = write!(
        out,
        "# HELP registry_{name} {help}\n# TYPE registry_{name} {kind}\nregistry_{name} {value}\n"
    );
}

fn text<R: Runtime>(host: &Registry<R>) -> String {
    let totals = host.with_journal(|journal| journal.totals());
    storage::with(|storage| {
        let mut out = String::new();
        let counters = storage.counters();
        figure(&mut out, "streams", "counter", "Streams created.", counters.streams);
        figure(&mut out, "chunks", "counter", "Chunks in all logs.", counters.chunks);
        figure(
            &mut out,
            "bytes",
            "counter",
            "Bytes of leaves, credits and payloads.",
            counters.bytes,
        );
        figure(&mut out, "plans", "counter", "Plans made.", counters.plans);
        figure(&mut out, "licences", "counter", "Licences granted.", counters.licences);
        let open = totals.open_pulls + totals.open_pushes;
        figure(
            &mut out,
            "payments_pending",
            "gauge",
            "Payment intents whose outcome is open.",
            open,
        );
        figure(
            &mut out,
            "payments_quarantined",
            "gauge",
            "Payments that wait for governance.",
            totals.quarantined,
        );
        let contradictions = totals.contradictions;
        figure(
            &mut out,
            "payment_contradictions",
            "counter",
            "Must be 0: paid after all.",
            contradictions,
        );
        figure(
            &mut out,
            "payouts_in_flight",
            "gauge",
            "Payouts under way.",
            storage.books().payouts_in_flight(),
        );
        figure(
            &mut out,
            "payout_tasks",
            "gauge",
            "Tasks of the payout timer.",
            storage.queue().len(),
        );
        figure(
            &mut out,
            "paused",
            "gauge",
            "1 while paused.",
            u8::from(storage.settings().paused),
        );
        figure(
            &mut out,
            "cycles",
            "gauge",
            "Cycles of the canister.",
            host.runtime().cycles_balance(),
        );
        figure(
            &mut out,
            "stable_bytes",
            "gauge",
            "Stable memory in use.",
            storage::stable_bytes(),
        );
        figure(
            &mut out,
            "time_seconds",
            "gauge",
            "Time of this reply.",
            host.runtime().time() / 1_000_000_000,
        );
        books(&mut out, storage);
        out
    })
}

/// The books, a line for each asset.
fn books(out: &mut String, storage: &Storage) {
    let assets = storage.assets();
    let mut lines = |name: &str, kind: &str, help: &str, value: &dyn Fn(u32) -> U256| {
        let _ = write!(out, "# HELP registry_{name} {help}\n# TYPE registry_{name} {kind}\n");
        for asset in &assets {
            let (symbol, ledger) = (&asset.symbol, asset.ledger);
            let _ = writeln!(
                out,
                "registry_{name}{{asset=\"{symbol}\",ledger=\"{ledger}\"}} {}",
                value(asset.number)
            );
        }
    };
    let book = |asset| storage.books().asset(asset);
    lines("received", "counter", "Prices received.", &|asset| book(asset).received);
    lines(
        "paid_out",
        "counter",
        "Paid to providers, contributors, treasury.",
        &|asset| book(asset).paid_out,
    );
    lines("ledger_fees", "counter", "Ledger fees of payouts.", &|asset| {
        book(asset).ledger_fees
    });
    lines("owed", "gauge", "Owed and not on its way.", &|asset| {
        book(asset).standing.due.into()
    });
    lines("in_flight", "gauge", "On its way.", &|asset| {
        book(asset).standing.in_flight.into()
    });
    lines("held", "gauge", "Held for streams without weight.", &|asset| {
        book(asset).standing.held.into()
    });
    lines("carried", "gauge", "Distributed and not yet settled.", &|asset| {
        book(asset).standing.carried.into()
    });
    lines("conserved", "gauge", "1 if the books balance.", &|asset| {
        U256::from(u8::from(book(asset).conserved()))
    });
}

#[cfg(test)]
mod tests;
