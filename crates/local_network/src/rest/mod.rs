//! PocketIC's REST API.
//!
//! No standard describes it: the reference is the client crate `pocket-ic` 13 (`nonblocking.rs`, `common/rest.rs`),
//! whose types are the bodies here. Every operation is answered when it is done, with 200; the protocol's 202 and 409
//! (started, busy) are never needed.

mod answer;
mod blobs;
mod gateways;
mod instances;
mod read;
#[cfg(test)]
mod tests;
mod update;

use std::collections::HashMap;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};

use answer::ApiError;

pub use read::topology;

use crate::http_interface;
use crate::server::Server;

/// All routes of the server's own port.
pub fn router(server: &Arc<Server>) -> Router {
    Router::new()
        .route("/status", get(|| async { StatusCode::OK }))
        .route("/status/", get(|| async { StatusCode::OK }))
        .merge(both("/blobstore", post(blobs::store)))
        .merge(both("/blobstore/{id}", get(blobs::fetch)))
        .merge(both("/verify_signature", post(read::verify_signature)))
        .route(
            "/read_graph/{label}/{operation}",
            get(|| async { (StatusCode::NOT_FOUND, "No such operation.") }),
        )
        .route("/prune_graph/{label}/{operation}", delete(|| async { StatusCode::OK }))
        .merge(both("/instances", get(instances::list).post(instances::create)))
        .merge(both("/instances/{id}", delete(instances::delete)))
        .merge(both("/http_gateway", get(gateways::list).post(gateways::open)))
        .merge(both("/http_gateway/{gateway}/stop", post(gateways::stop)))
        .nest("/instances/{id}", instance_router(server))
        .fallback(|| async { StatusCode::NOT_FOUND })
        .with_state(server.clone())
}

/// The client's URLs end in a slash or do not.
fn both<S: Clone + Send + Sync + 'static>(path: &str, handler: axum::routing::MethodRouter<S>) -> Router<S> {
    Router::new()
        .route(path, handler.clone())
        .route(&format!("{path}/"), handler)
}

fn instance_router(server: &Arc<Server>) -> Router<Arc<Server>> {
    let interface = http_interface::router().layer(middleware::from_fn(http_interface::cors::allow_all_origins));
    Router::new()
        .route("/read/topology", get(read::topology))
        .route("/_/topology", get(read::topology))
        .route("/read/get_time", get(read::get_time))
        .route("/read/get_canister_http", get(read::get_canister_http))
        .route("/read/query", post(read::query))
        .route("/read/ingress_status", post(read::ingress_status))
        .route("/read/get_cycles", post(read::get_cycles))
        .route("/read/get_stable_memory", post(read::get_stable_memory))
        .route("/read/get_controllers", post(read::get_controllers))
        .route("/read/get_subnet", post(read::get_subnet))
        .route("/read/pub_key", post(read::pub_key))
        .route("/update/submit_ingress_message", post(update::submit_ingress_message))
        .route("/update/await_ingress_message", post(update::await_ingress_message))
        .route("/update/set_time", post(update::set_time))
        .route("/update/set_certified_time", post(update::set_certified_time))
        .route("/update/add_cycles", post(update::add_cycles))
        .route("/update/set_stable_memory", post(update::set_stable_memory))
        .route("/update/tick", post(update::tick))
        .route("/update/mock_canister_http", post(update::not_here))
        .route("/update/canister_snapshot_download", post(update::not_here))
        .route("/update/canister_snapshot_upload", post(update::not_here))
        .route("/auto_progress", get(read::auto_progress).post(update::auto_progress))
        .route("/stop_progress", post(update::stop_progress))
        .merge(interface)
        .route_layer(middleware::from_fn_with_state(server.clone(), find_instance))
}

/// Puts the instance that the path names where [`http_interface::Current`] finds it.
async fn find_instance(
    State(server): State<Arc<Server>>,
    Path(path): Path<HashMap<String, String>>,
    mut request: Request,
    next: Next,
) -> Response {
    let id = path.get("id").and_then(|id| id.parse().ok());
    match id.and_then(|id| server.instance(id)) {
        Some(instance) => {
            request.extensions_mut().insert(instance);
            next.run(request).await
        }
        None => ApiError::not_found("Instance was deleted or never existed.").into_response(),
    }
}
