//! The HTTP gateway: pages of canisters, for browsers that know nothing of canisters.
//!
//! HTTP Gateway Protocol specification. A request becomes a query of the canister's `http_request`; what comes back is
//! passed on only if it is certified. The protocol itself (verification, upgrade to `http_request_update`, streaming) is
//! the public crate `ic-http-gateway`'s; here are its surroundings.
//!
//! | module | concern |
//! |---|---|
//! | [`address`] | which canister a request is for |
//! | [`transport`] | the agent's way to this process' own HTTPS interface |
//! | [`page`] | what is shown where there is no page |

mod address;
mod page;
#[cfg(test)]
mod tests;
mod transport;

use std::sync::Arc;

use anyhow::Context as _;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use candid::Principal;
use gateway_agent::Agent;
use ic_http_gateway::{HttpGatewayClient, HttpGatewayRequestArgs, HttpGatewayResponse};

use address::Address;

/// Requests with a body larger than this many bytes are refused, as PocketIC does. What a canister can take is less.
const MAX_BODY_BYTES: usize = 10 * 1024 * 1024;

/// Says which canister has answered.
const CANISTER_ID: HeaderName = HeaderName::from_static("x-ic-canister-id");

/// Serves the pages of one instance's canisters.
pub struct Gateway {
    client: HttpGatewayClient,
    /// Below these lie the canisters' hosts: `<canister-id>.<domain>`.
    domains: Vec<String>,
}

impl Gateway {
    /// A gateway to the instance whose HTTPS interface is `interface` and whose root key (DER) is `root_key`.
    ///
    /// # Errors
    /// The agent cannot be set up.
    pub fn new(interface: Router, root_key: Vec<u8>, domains: Option<Vec<String>>) -> anyhow::Result<Self> {
        let agent = Agent::builder()
            // Nobody looks this name up: requests stay in this process.
            .with_url("http://localhost")
            .with_arc_http_middleware(Arc::new(transport::Interface(interface)))
            .build()
            .context("the gateway's agent")?;
        agent.set_root_key(root_key);
        Ok(Self {
            client: HttpGatewayClient::builder().with_agent(agent).build()?,
            domains: domains.unwrap_or_else(|| vec!["localhost".into()]),
        })
    }
}

/// Answers whatever is not the HTTPS interface's.
pub async fn serve(State(gateway): State<Arc<Gateway>>, request: Request) -> Response {
    let address = match address::find(&gateway.domains, &request) {
        Ok(Some(address)) => address,
        Ok(None) => return page::no_canister(&gateway.domains),
        Err(address::InvalidId(text)) => return page::invalid_id(&text),
    };
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, MAX_BODY_BYTES).await else {
        return page::too_large(MAX_BODY_BYTES);
    };
    let mut call = gateway.client.request(HttpGatewayRequestArgs {
        canister_request: axum::http::Request::from_parts(parts, body),
        canister_id: address.canister,
    });
    call.unsafe_set_skip_verification(address.raw);
    let mut response = answer(address.canister, call.send().await);
    remember(&address, &mut response);
    response
}

/// The canister's answer, or a page that says what went wrong.
fn answer(canister: Principal, answered: HttpGatewayResponse) -> Response {
    match answered.metadata.internal_error {
        Some(error) => page::failed(canister, answered.canister_response.status(), &error),
        None => answered.canister_response.map(Body::new).into_response(),
    }
}

/// Names the canister, and keeps in the browser what only the query said: what the page fetches next does not repeat it,
/// and a script's imports do not even have the page as their referrer.
fn remember(address: &Address, response: &mut Response) {
    let id = address.canister.to_text();
    let headers = response.headers_mut();
    if address.from_query
        && let Ok(cookie) = HeaderValue::try_from(address::cookie(&id))
    {
        headers.append(header::SET_COOKIE, cookie);
    }
    if let Ok(id) = HeaderValue::try_from(id) {
        headers.insert(CANISTER_ID, id);
    }
}

/// The status that stands for an answer of the HTTPS interface: a canister id outside of every subnet is a bad request
/// there, and a page that does not exist here.
fn status_of_refusal(status: u16) -> StatusCode {
    match StatusCode::from_u16(status) {
        Ok(StatusCode::BAD_REQUEST) => StatusCode::NOT_FOUND,
        Ok(status) => status,
        Err(_) => StatusCode::BAD_GATEWAY,
    }
}
