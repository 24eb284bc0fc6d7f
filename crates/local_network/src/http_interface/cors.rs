//! Cross-origin requests: pages served from anywhere may use the interface and fetch what canisters serve, as on mainnet's
//! boundary nodes. No cookies go with such requests, since the origin allowed is `*`.

use axum::extract::Request;
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

/// `/api` needs GET and POST; the others are for canisters' own interfaces.
const ALLOWED_METHODS: &str = "HEAD, GET, POST, PUT, PATCH, DELETE, OPTIONS";
const ALLOWED_HEADERS: &str = "User-Agent, DNT, Keep-Alive, If-None-Match, If-Modified-Since, Accept, Authorization, \
     Cache-Control, Content-Type, Content-Length, Range, X-Requested-With, X-Ic-Canister-Id";
const EXPOSED_HEADERS: &str =
    "Accept-Ranges, Content-Length, Content-Range, X-Request-Id, X-Ic-Canister-Id, X-Ic-Retry-After";
const MAX_AGE_SECONDS: &str = "7200";

/// Answers preflight requests and marks every other answer as readable from any origin, unless it says for itself by which.
pub async fn allow_all_origins(request: Request, next: Next) -> Response {
    let preflight =
        request.method() == Method::OPTIONS && request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
    let mut response = if preflight {
        StatusCode::NO_CONTENT.into_response()
    } else {
        next.run(request).await
    };
    let headers = response.headers_mut();
    headers
        .entry(header::ACCESS_CONTROL_ALLOW_ORIGIN)
        .or_insert(HeaderValue::from_static("*"));
    headers
        .entry(header::ACCESS_CONTROL_EXPOSE_HEADERS)
        .or_insert(HeaderValue::from_static(EXPOSED_HEADERS));
    if preflight {
        headers.insert(
            header::ACCESS_CONTROL_ALLOW_METHODS,
            HeaderValue::from_static(ALLOWED_METHODS),
        );
        headers.insert(
            header::ACCESS_CONTROL_ALLOW_HEADERS,
            HeaderValue::from_static(ALLOWED_HEADERS),
        );
        headers.insert(
            header::ACCESS_CONTROL_MAX_AGE,
            HeaderValue::from_static(MAX_AGE_SECONDS),
        );
    }
    response
}
