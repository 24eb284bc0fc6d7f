//! `/metrics` in Prometheus' text format.

use std::fmt::Write;

use candid::CandidType;
use ddsx_payments::Host;
use ddsx_runtime::Runtime;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

use crate::host::Aggregator;
use crate::storage;

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
pub fn respond<R: Runtime>(host: &Aggregator<R>, request: &HttpRequest) -> HttpResponse {
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

fn text<R: Runtime>(host: &Aggregator<R>) -> String {
    let totals = host.with_journal(|journal| journal.totals());
    storage::with(|storage| {
        let counters = storage.counters();
        let (used, free) = storage.usage();
        let figures: [(&str, &str, &str, u128); 21] = [
            ("tasks", "counter", "Tasks created.", counters.tasks.into()),
            ("updates", "counter", "Updates accepted.", counters.updates.into()),
            (
                "faults",
                "counter",
                "Updates refused for what is provably false.",
                counters.faults.into(),
            ),
            (
                "refused",
                "counter",
                "Updates refused for another reason: copies, badly written pieces.",
                counters.refused.into(),
            ),
            (
                "rounds_accepted",
                "counter",
                "Rounds accepted.",
                counters.rounds_accepted.into(),
            ),
            (
                "rounds_rejected",
                "counter",
                "Rounds rejected.",
                counters.rounds_rejected.into(),
            ),
            (
                "rounds_skipped",
                "counter",
                "Rounds skipped.",
                counters.rounds_skipped.into(),
            ),
            ("rewards", "counter", "Rewards booked.", counters.rewards.into()),
            ("slices", "counter", "Slices of work.", counters.slices.into()),
            (
                "slice_instructions_max",
                "gauge",
                "The most instructions of a slice so far.",
                counters.most_instructions.into(),
            ),
            (
                "reserved_bytes",
                "gauge",
                "Storage reserved for tasks.",
                counters.reserved_bytes.into(),
            ),
            ("blob_bytes", "gauge", "Weights, updates, evaluation sets.", used.into()),
            ("blob_bytes_free", "gauge", "Free between them.", free.into()),
            (
                "stable_bytes",
                "gauge",
                "Stable memory in use.",
                storage::stable_bytes().into(),
            ),
            (
                "payments_pending",
                "gauge",
                "Payments whose outcome is open.",
                (totals.open_pulls + totals.open_pushes).into(),
            ),
            (
                "payments_quarantined",
                "gauge",
                "Payments that wait for governance.",
                totals.quarantined.into(),
            ),
            (
                "payment_contradictions",
                "counter",
                "Must be 0: paid after all.",
                totals.contradictions.into(),
            ),
            (
                "payouts_waiting",
                "gauge",
                "Payees in the queue.",
                storage.payouts_waiting().into(),
            ),
            (
                "paused",
                "gauge",
                "1 while paused.",
                u128::from(storage.settings().paused),
            ),
            (
                "cycles",
                "gauge",
                "Cycles of the canister.",
                host.runtime().cycles_balance(),
            ),
            (
                "time_seconds",
                "gauge",
                "Time of this reply.",
                (host.runtime().time() / 1_000_000_000).into(),
            ),
        ];
        let mut out = String::new();
        for (name, kind, help, value) in figures {
            // Writing to a string does not fail.
            let _ = write!(
                out,
                "# HELP aggregator_{name} {help}\n# TYPE aggregator_{name} {kind}\naggregator_{name} {value}\n"
            );
        }
        out
    })
}
