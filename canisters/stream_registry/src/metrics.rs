//! `/metrics`, for an operator's Prometheus.

use ddsx_payments::Host;
use ddsx_revenue::U256;
use ddsx_runtime::http::{HttpRequest, HttpResponse};
use ddsx_runtime::{Metrics, Runtime, cycles_days_left};

use crate::host::Registry;
use crate::storage::records::AssetBook;
use crate::storage::{self, Storage};

/// Answers `/metrics`, and 404 to anything else.
pub fn respond<R: Runtime>(host: &Registry<R>, request: &HttpRequest) -> HttpResponse {
    match request.path_and_query() {
        ("/metrics", _) => page(host).respond(),
        _ => HttpResponse::not_found("There is only /metrics here."),
    }
}

fn page<R: Runtime>(host: &Registry<R>) -> Metrics {
    let journal = host.with_journal(|journal| journal.totals());
    let mut page = Metrics::new("registry", host.runtime().time());
    storage::with(|storage| {
        let counters = storage.counters();
        page.counter("streams", "Streams created.", counters.streams);
        page.counter("chunks", "Chunks in all logs.", counters.chunks);
        page.gauge("bytes", "Bytes of leaves, credits and payloads stored.", counters.bytes);
        page.counter("plans", "Plans made.", counters.plans);
        page.counter("licences", "Licences granted.", counters.licences);
        page.gauge(
            "payments_pending",
            "Payment intents whose outcome is open.",
            journal.open_pulls + journal.open_pushes,
        );
        page.gauge(
            "payments_quarantined",
            "Payments that wait for governance.",
            journal.quarantined,
        );
        page.counter(
            "payment_contradictions",
            "Must be 0: paid after all.",
            journal.contradictions,
        );
        page.gauge(
            "payouts_in_flight",
            "Payouts under way.",
            storage.books().payouts_in_flight(),
        );
        page.gauge("payout_tasks", "Tasks of the payout timer.", storage.queue().len());
        page.gauge(
            "upkeep_tasks",
            "Streams whose storage the timer looks after.",
            storage.upkeep_tasks(),
        );
        page.gauge("paused", "1 while paused.", u8::from(storage.settings().paused));
        books(&mut page, storage);
    });
    page.cycles_days_left(cycles_days_left(host.runtime()));
    page.gauge("stable_bytes", "Stable memory in use.", storage::stable_bytes());
    page
}

/// The books, a sample for each asset, smallest units.
fn books(page: &mut Metrics, storage: &Storage) {
    let books: Vec<_> = storage
        .assets()
        .into_iter()
        .map(|asset| {
            let labels = format!("asset=\"{}\",ledger=\"{}\"", asset.symbol, asset.ledger);
            (labels, storage.books().asset(asset.number))
        })
        .collect();
    let each = |value: fn(&AssetBook) -> U256| {
        let samples = books.iter().map(move |(labels, book)| (labels.clone(), value(book)));
        samples.collect::<Vec<_>>()
    };
    page.counters("received", "Prices received.", each(|book| book.received));
    page.counters(
        "paid_out",
        "Paid to providers, contributors, treasury.",
        each(|book| book.paid_out),
    );
    page.counters("ledger_fees", "Ledger fees of payouts.", each(|book| book.ledger_fees));
    page.gauges(
        "owed",
        "Owed and not on its way.",
        each(|book| book.standing.due.into()),
    );
    page.gauges("in_flight", "On its way.", each(|book| book.standing.in_flight.into()));
    page.gauges(
        "held",
        "Held for streams without weight.",
        each(|book| book.standing.held.into()),
    );
    page.gauges(
        "carried",
        "Distributed and not yet settled.",
        each(|book| book.standing.carried.into()),
    );
    page.gauges(
        "conserved",
        "1 if the books balance.",
        each(|book| u8::from(book.conserved()).into()),
    );
}

#[cfg(test)]
mod tests;
