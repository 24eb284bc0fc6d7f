//! What canisters answer to plain HTTP requests: text for operators, not certified. A reader who must not be deceived asks the methods.

use candid::CandidType;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

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

impl HttpRequest {
    /// A `GET` of this URL.
    pub fn get(url: impl Into<String>) -> Self {
        Self {
            method: "GET".to_owned(),
            url: url.into(),
            headers: Vec::new(),
            body: ByteBuf::new(),
        }
    }

    /// The URL's path and its query; the latter is empty if there is none.
    pub fn path_and_query(&self) -> (&str, &str) {
        self.url.split_once('?').unwrap_or((&self.url, ""))
    }
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

impl HttpResponse {
    /// A page of this media type (RFC 9110, section 8.3); nobody may keep a copy.
    pub fn page(content_type: &str, text: String) -> Self {
        Self::of(200, content_type, text)
    }

    /// Status 404, with a line that says what there is instead.
    pub fn not_found(hint: &str) -> Self {
        Self::of(404, "text/plain; charset=utf-8", format!("{hint}\n"))
    }

    /// Status 400, for what is not answered where all nodes would run it and the canister would pay for that.
    pub fn query_only() -> Self {
        Self::of(400, "text/plain; charset=utf-8", "Ask by a query.\n".to_owned())
    }

    fn of(status_code: u16, content_type: &str, text: String) -> Self {
        let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        Self {
            status_code,
            headers: vec![
                header("Content-Type", content_type),
                header("Cache-Control", "no-store"),
            ],
            body: ByteBuf::from(text),
        }
    }
}
