//! `http_request`: `/metrics` and `/logs`. The answers are not certified: a reader who must not be deceived asks the methods.

use candid::CandidType;
use ic_stable_structures::Memory;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

use crate::ledger::Ledger;
use crate::log;
use crate::metrics::{self, SystemFigures};

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

/// Answers `/metrics` and `/logs`, and 404 to anything else.
pub fn respond<M: Memory>(request: &HttpRequest, ledger: &Ledger<M>, system: SystemFigures) -> HttpResponse {
    let (path, query) = request.url.split_once('?').unwrap_or((&request.url, ""));
    let (status_code, content_type, body) = match path {
        "/metrics" => (200, "text/plain; version=0.0.4", metrics::text(ledger, system)),
        "/logs" => (200, "application/jsonl; charset=utf-8", log::json_lines(ledger, query)),
        _ => (
            404,
            "text/plain; charset=utf-8",
            "There are /metrics and /logs here.\n".to_owned(),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::test_support::{NOW, account, install};

    fn get(url: &str) -> (u16, String, String) {
        let request = HttpRequest {
            method: "GET".into(),
            url: url.into(),
            headers: vec![],
            body: ByteBuf::new(),
        };
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
