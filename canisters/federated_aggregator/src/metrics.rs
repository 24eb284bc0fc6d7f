//! `/metrics`, for an operator's Prometheus.

use ddsx_payments::Host;
use ddsx_runtime::http::{HttpRequest, HttpResponse};
use ddsx_runtime::{Metrics, Runtime, cycles_days_left};

use crate::host::Aggregator;
use crate::storage;

/// Answers `/metrics`, and 404 to anything else.
pub fn respond<R: Runtime>(host: &Aggregator<R>, request: &HttpRequest) -> HttpResponse {
    match request.path_and_query() {
        ("/metrics", _) => page(host).respond(),
        _ => HttpResponse::not_found("There is only /metrics here."),
    }
}

fn page<R: Runtime>(host: &Aggregator<R>) -> Metrics {
    let totals = host.with_journal(|journal| journal.totals());
    let mut page = Metrics::new("aggregator", host.runtime().time());
    storage::with(|storage| {
        let counters = storage.counters();
        let (used, free) = storage.usage();
        page.counter("tasks", "Tasks created.", counters.tasks);
        page.counter("updates", "Updates accepted.", counters.updates);
        page.counter("faults", "Updates refused for what is provably false.", counters.faults);
        page.counter(
            "refused",
            "Updates refused for another reason: copies, badly written pieces.",
            counters.refused,
        );
        page.counter("rounds_accepted", "Rounds accepted.", counters.rounds_accepted);
        page.counter("rounds_rejected", "Rounds rejected.", counters.rounds_rejected);
        page.counter("rounds_skipped", "Rounds skipped.", counters.rounds_skipped);
        page.counter("rewards", "Rewards booked.", counters.rewards);
        page.counter("slices", "Slices of work.", counters.slices);
        page.gauge(
            "slice_instructions_max",
            "The most instructions of a slice so far.",
            counters.most_instructions,
        );
        page.gauge(
            "drafts_unpaid",
            "Drafts that nobody has paid for yet.",
            storage.unpaid_drafts(),
        );
        page.gauge("reserved_bytes", "Storage reserved for tasks.", counters.reserved_bytes);
        page.gauge("blob_bytes", "Weights, updates, evaluation sets.", used);
        page.gauge("blob_bytes_free", "Free between them.", free);
        page.gauge("stable_bytes", "Stable memory in use.", storage::stable_bytes());
        page.gauge(
            "payments_pending",
            "Payments whose outcome is open.",
            totals.open_pulls + totals.open_pushes,
        );
        page.gauge(
            "payments_quarantined",
            "Payments that wait for governance.",
            totals.quarantined,
        );
        page.counter(
            "payment_contradictions",
            "Must be 0: paid after all.",
            totals.contradictions,
        );
        page.gauge("payouts_waiting", "Payees in the queue.", storage.payouts_waiting());
        page.gauge(
            "assets_waiting",
            "Assets whose ledger asks for an absurd fee: payments in them wait.",
            storage.assets().iter().filter(|asset| asset.absurd_fee).count() as u64,
        );
        page.gauge("paused", "1 while paused.", u8::from(storage.settings().paused));
        page.cycles_days_left(cycles_days_left(host.runtime()));
    });
    page
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::World;

    #[test]
    fn should_tell_days_left_and_no_balance() {
        let world = World::new();
        let response = respond(&world.host, &HttpRequest::get("/metrics"));
        assert_eq!(response.status_code, 200);
        let text = String::from_utf8(response.body.into_vec()).unwrap();
        assert!(text.contains("\naggregator_cycles_days_left 365 "), "{text}");
        assert!(!text.contains("\naggregator_cycles "), "the balance is for controllers");
        assert_eq!(respond(&world.host, &HttpRequest::get("/")).status_code, 404);
    }
}
