//! Opening and closing gateways.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use pocket_ic::common::rest::{CreateHttpGatewayResponse, HttpGatewayConfig, HttpGatewayDetails, InstanceId};

use super::answer::{Answer, ApiError, Body};
use crate::server::{Server, open_gateway};

/// All gateways.
pub(super) async fn list(State(server): State<Arc<Server>>) -> Json<Vec<HttpGatewayDetails>> {
    Json(server.gateways())
}

/// Opens a gateway.
pub(super) async fn open(
    State(server): State<Arc<Server>>,
    Body(config): Body<HttpGatewayConfig>,
) -> Json<CreateHttpGatewayResponse> {
    Json(match open_gateway(&server, config).await {
        Ok(info) => CreateHttpGatewayResponse::Created(info),
        Err(message) => CreateHttpGatewayResponse::Error { message },
    })
}

/// Closes a gateway.
pub(super) async fn stop(State(server): State<Arc<Server>>, Path(gateway): Path<InstanceId>) -> Answer<()> {
    if server.stop_gateway(gateway) {
        Ok(Json(()))
    } else {
        Err(ApiError::not_found("There is no such gateway."))
    }
}
