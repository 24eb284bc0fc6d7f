//! Plain pages for those who asked for a page and cannot have it.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use candid::Principal;
use gateway_agent::AgentError;
use gateway_agent::agent::{RejectCode, RejectResponse};
use ic_http_gateway::HttpGatewayError;

use super::status_of_refusal;

/// The request does not say which canister it is for.
pub(super) fn no_canister(domains: &[String]) -> Response {
    let domain = domains.first().map_or("localhost", String::as_str);
    let hint = format!(
        "A canister's page is at http://<canister-id>.{domain}:<port>/, or at /?canisterId=<canister-id> of this address. \
         Agents find the HTTPS interface under /api."
    );
    page(StatusCode::BAD_REQUEST, "Which canister?", &hint)
}

/// `canisterId` does not name a canister.
pub(super) fn invalid_id(text: &str) -> Response {
    let text = format!("canisterId={text} is not the id of a canister.");
    page(StatusCode::BAD_REQUEST, "Which canister?", &text)
}

/// The request's body is too large.
pub(super) fn too_large(limit: usize) -> Response {
    let text = format!("The request's body could not be read, or has more than {limit} bytes.");
    page(StatusCode::PAYLOAD_TOO_LARGE, "Too large", &text)
}

/// The canister did not answer, or its answer must not be shown. `status` is the gateway crate's.
pub(super) fn failed(canister: Principal, status: StatusCode, error: &HttpGatewayError) -> Response {
    match error {
        HttpGatewayError::ResponseVerificationError(error) => {
            let text =
                format!("Canister {canister} sent an answer that it has not certified, so it is not shown. {error}");
            page(status, "Verification failed", &text)
        }
        HttpGatewayError::AgentError(error) => match &**error {
            AgentError::CertifiedReject { reject, .. } | AgentError::UncertifiedReject { reject, .. } => {
                rejected(canister, status, reject)
            }
            AgentError::HttpError(refusal) => {
                let text = String::from_utf8_lossy(&refusal.content);
                let text =
                    format!("There is no canister {canister} on this network, or it cannot be asked now. {text}");
                page(status_of_refusal(refusal.status), "No answer", &text)
            }
            error => page(status, "No answer", &error.to_string()),
        },
        error => page(status, "No answer", &error.to_string()),
    }
}

fn rejected(canister: Principal, status: StatusCode, reject: &RejectResponse) -> Response {
    let code = reject.error_code.as_deref().unwrap_or("no error code");
    let detail = format!("{} ({code})", reject.reject_message);
    if reject.reject_code == RejectCode::DestinationInvalid {
        let text = format!("There is no canister {canister} on this network. {detail}");
        return page(status, "No such canister", &text);
    }
    let text = format!("Canister {canister} serves no page, or failed to. {detail}");
    page(status, "No answer", &text)
}

/// A page without anything that a browser would have to fetch.
fn page(status: StatusCode, title: &str, text: &str) -> Response {
    let (title, text) = (escaped(title), escaped(text));
    let html = format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<meta name=\"color-scheme\" content=\"light dark\">\n\
         <title>{title}</title>\n<h1>{title}</h1>\n<p>{text}</p>\n</html>\n"
    );
    let mut response = (status, Html(html)).into_response();
    let policy = HeaderValue::from_static("default-src 'none'; base-uri 'none'; form-action 'none'");
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Text that cannot become markup.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}
