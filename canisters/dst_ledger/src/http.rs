//! `http_request`: `/metrics` and `/logs`. The answers are not certified: a reader who must not be deceived asks the methods.

use ddsx_runtime::http::{HttpRequest, HttpResponse};
use ic_stable_structures::Memory;

use crate::ledger::Ledger;
use crate::log;
use crate::metrics::{self, SystemFigures};

/// Answers `/metrics` and `/logs`, and 404 to anything else.
pub fn respond<M: Memory>(request: &HttpRequest, ledger: &Ledger<M>, system: SystemFigures) -> HttpResponse {
    match request.path_and_query() {
        ("/metrics", _) => metrics::page(ledger, system).respond(),
        ("/logs", query) => HttpResponse::page("application/jsonl; charset=utf-8", log::json_lines(ledger, query)),
        _ => HttpResponse::not_found("There are /metrics and /logs here."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::test_support::{NOW, account, install};

    fn get(url: &str) -> (u16, String, String) {
        let request = HttpRequest::get(url);
        let ledger = install(&[(account(1), 5_000_000)]);
        for text in ["one", "two"] {
            ledger.stored().0.log.push(NOW, text);
        }
        let response = respond(&request, &ledger, SystemFigures::default());
        let body = String::from_utf8(response.body.into_vec()).unwrap();
        (response.status_code, response.headers[0].1.clone(), body)
    }

    #[test]
    fn should_find_its_pages() {
        let (status, kind, body) = get("/metrics?x");
        assert_eq!((status, kind.as_str()), (200, "text/plain; version=0.0.4"));
        assert!(body.contains("dst_ledger_total_supply 5000000 "), "{body}");
        let (status, kind, body) = get("/logs?limit=1");
        assert_eq!((status, kind.as_str()), (200, "application/jsonl; charset=utf-8"));
        assert!(body.contains("\"text\":\"two\"") && body.lines().count() == 1, "{body}");
        for other in ["/", "", "/metrics/", "/log"] {
            assert_eq!(get(other).0, 404, "{other}");
        }
    }
}
