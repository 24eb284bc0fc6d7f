//! Creating, listing and deleting instances.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::{Path, State};
use pocket_ic::common::rest::{
    CreateInstanceResponse, HttpGatewayBackend, HttpGatewayConfig, InitialTime, InstanceConfig,
    InstanceHttpGatewayConfig, InstanceId,
};

use super::answer::{Answer, ApiError, Body};
use crate::network::Network;
use crate::network::stale::Lag;
use crate::server::{Instance, Server, open_gateway};

/// What has become of each instance there has been.
pub(super) async fn list(State(server): State<Arc<Server>>) -> Json<Vec<String>> {
    Json(server.describe_instances())
}

/// Creates an instance.
pub(super) async fn create(
    State(server): State<Arc<Server>>,
    Body(config): Body<InstanceConfig>,
) -> Answer<CreateInstanceResponse> {
    Ok(Json(match build(&server, config).await {
        Ok(created) => created,
        Err(message) => CreateInstanceResponse::Error { message },
    }))
}

async fn build(server: &Arc<Server>, config: InstanceConfig) -> Result<CreateInstanceResponse, String> {
    let gateway = config.http_gateway_config.clone();
    let delay = match &config.initial_time {
        Some(InitialTime::AutoProgress(progress)) => Some(progress.artificial_delay_ms.unwrap_or(0)),
        _ => None,
    };
    let network = tokio::task::spawn_blocking(move || {
        let mut network = Network::new(&config)?;
        network.set_lag(Lag::from_environment());
        Ok::<_, String>(network)
    })
    .await
    .map_err(|error| error.to_string())??;
    let topology = network.topology();
    let instance = Instance::new(network);
    if let Some(delay) = delay {
        instance
            .start_progress(Duration::from_millis(delay))
            .await
            .map_err(|panicked| panicked.0)?;
    }
    let instance_id = server.add_instance(instance);
    let http_gateway_info = match gateway {
        None => None,
        Some(gateway) => {
            let opened = open_gateway(server, gateway_config(gateway, instance_id)).await;
            Some(opened.inspect_err(|_| {
                server.delete_instance(instance_id);
            })?)
        }
    };
    Ok(CreateInstanceResponse::Created {
        instance_id,
        topology,
        http_gateway_info,
    })
}

fn gateway_config(config: InstanceHttpGatewayConfig, instance_id: InstanceId) -> HttpGatewayConfig {
    HttpGatewayConfig {
        ip_addr: config.ip_addr,
        port: config.port,
        forward_to: HttpGatewayBackend::PocketIcInstance(instance_id),
        domains: config.domains,
        https_config: config.https_config,
        domain_custom_provider_local_file: config.domain_custom_provider_local_file,
    }
}

/// Deletes an instance.
pub(super) async fn delete(State(server): State<Arc<Server>>, Path(id): Path<InstanceId>) -> Answer<()> {
    if server.delete_instance(id) {
        Ok(Json(()))
    } else {
        Err(ApiError::not_found("There is no such instance."))
    }
}
