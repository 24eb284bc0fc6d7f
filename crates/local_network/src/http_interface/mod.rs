//! The Internet Computer's HTTPS interface: call, query, read_state and status.
//!
//! Interface specification: *HTTPS Interface*. The routes are the same below `/instances/<id>/` of the server's own
//! port and at the root of a gateway's port; [`Current`] finds out which instance is meant.
//!
//! | route | what answers |
//! |---|---|
//! | `GET /api/v2/status` | [`status`] |
//! | `POST /api/{v2,v3,v4}/canister/{id}/call`, `/api/v4/subnet/{id}/call` | [`call`] |
//! | `POST /api/{v2,v3}/canister/{id}/query`, `/api/v3/subnet/{id}/query` | [`query`] |
//! | `POST /api/{v2,v3}/{canister,subnet}/{id}/read_state` | [`read_state`] |

mod authentication;
mod call;
pub mod cors;
mod effective;
mod public_key;
mod query;
mod read_state;
mod reply;
mod status;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, FromRequestParts};
use axum::http::request::Parts;
use axum::routing::{get, post};
use candid::Principal;
use serde::Deserialize;

pub use authentication::{Authenticated, Targets, authenticate};
pub use reply::HttpError;

use crate::server::Instance;

/// Requests larger than this many bytes are refused: an ingress message of 2 MiB (on the NNS: 3.5 MiB) and its
/// envelope fit well.
const MAX_BODY_BYTES: usize = 5 * 1024 * 1024;

/// The instance that a request is for; whoever mounts [`router`] puts it among the request's extensions.
pub struct Current(pub Arc<Instance>);

impl<S: Sync> FromRequestParts<S> for Current {
    type Rejection = HttpError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, HttpError> {
        parts
            .extensions
            .get::<Arc<Instance>>()
            .cloned()
            .map(Self)
            .ok_or_else(|| HttpError::not_found("No such instance."))
    }
}

/// The effective canister or subnet id in a request's path.
#[derive(Deserialize)]
struct EffectivePath {
    effective: String,
}

impl EffectivePath {
    fn principal(&self) -> Result<Principal, HttpError> {
        Principal::from_text(&self.effective).map_err(|error| {
            HttpError::bad_request(format!("Invalid principal {} in the URL: {error}", self.effective))
        })
    }
}

/// Which version of `read_state` a request uses: they differ in what they reveal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Version {
    V2,
    V3,
}

/// The routes of the HTTPS interface.
pub fn router<S: Clone + Send + Sync + 'static>() -> Router<S> {
    use Version::{V2, V3};
    Router::new()
        .route("/api/v2/status", get(status::status))
        .route("/api/v2/canister/{effective}/call", post(call::asynchronous))
        .route("/api/v3/canister/{effective}/call", post(call::synchronous))
        .route("/api/v4/canister/{effective}/call", post(call::synchronous))
        .route("/api/v4/subnet/{effective}/call", post(call::synchronous_on_subnet))
        .route("/api/v2/canister/{effective}/query", post(query::canister))
        .route("/api/v3/canister/{effective}/query", post(query::canister))
        .route("/api/v3/subnet/{effective}/query", post(query::subnet))
        .route(
            "/api/v2/canister/{effective}/read_state",
            post(|c, p, b| read_state::canister(V2, c, p, b)),
        )
        .route(
            "/api/v3/canister/{effective}/read_state",
            post(|c, p, b| read_state::canister(V3, c, p, b)),
        )
        .route(
            "/api/v2/subnet/{effective}/read_state",
            post(|c, p, b| read_state::subnet(V2, c, p, b)),
        )
        .route(
            "/api/v3/subnet/{effective}/read_state",
            post(|c, p, b| read_state::subnet(V3, c, p, b)),
        )
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
}
