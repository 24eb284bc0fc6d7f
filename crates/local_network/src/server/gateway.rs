//! Gateways: ports on which one instance's HTTPS interface and the pages of its canisters are served.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use axum::routing::get;
use axum::{Extension, Router, middleware};
use pocket_ic::common::rest::{HttpGatewayBackend, HttpGatewayConfig, HttpGatewayDetails, HttpGatewayInfo};
use tokio::net::TcpListener;

use super::count_requests;
use super::instance::Instance;
use super::table::{Gateway, Server};
use crate::{gateway, http_interface, rest};

/// Opens the port that `config` asks for (any, if it asks for none) and serves the instance there.
///
/// # Errors
/// What cannot be done: no such instance, a port in use, TLS, a replica elsewhere.
pub async fn open(server: &Arc<Server>, config: HttpGatewayConfig) -> Result<HttpGatewayInfo, String> {
    let HttpGatewayBackend::PocketIcInstance(instance_id) = config.forward_to else {
        return Err("this local network forwards to its own instances only, not to a replica".into());
    };
    if config.https_config.is_some() {
        return Err("this local network serves plain HTTP only".into());
    }
    let instance = server
        .instance(instance_id)
        .ok_or_else(|| format!("there is no instance {instance_id}"))?;
    let ip = match &config.ip_addr {
        Some(ip) => ip
            .parse()
            .map_err(|error| format!("{ip} is not an IP address: {error}"))?,
        None => IpAddr::V4(Ipv4Addr::LOCALHOST),
    };
    let address = SocketAddr::new(ip, config.port.unwrap_or(0));
    let listener = TcpListener::bind(address)
        .await
        .map_err(|error| format!("Failed to bind to address {address}: {error}"))?;
    let port = listener.local_addr().map_err(|error| error.to_string())?.port();

    let router = router(instance, config.domains.clone())
        .await?
        .layer(middleware::from_fn_with_state(server.clone(), count_requests));
    let task = tokio::spawn(async move {
        if let Err(error) = axum::serve(listener, router).await {
            eprintln!("The gateway on port {port} has ended: {error}");
        }
    });
    let details = HttpGatewayDetails {
        instance_id,
        port,
        forward_to: config.forward_to,
        domains: config.domains,
        https_config: None,
    };
    Ok(HttpGatewayInfo {
        instance_id: server.add_gateway(Gateway { details, task }),
        port,
    })
}

/// The interface under `/api` of every host, whatever else is asked for from the canister that the request names.
async fn router(instance: Arc<Instance>, domains: Option<Vec<String>>) -> Result<Router, String> {
    let root_key = instance
        .read(|network| network.public_key(network.root_subnet()))
        .await
        .map_err(|panicked| panicked.0)?
        .ok_or("the root subnet has no key")?;
    let interface = http_interface::router::<()>().layer(Extension(instance.clone()));
    let pages = gateway::Gateway::new(interface.clone(), root_key, domains).map_err(|error| format!("{error:#}"))?;
    Ok(interface
        .route("/_/topology", get(rest::topology).layer(Extension(instance)))
        .fallback_service(axum::handler::Handler::with_state(gateway::serve, Arc::new(pages)))
        .layer(middleware::from_fn(http_interface::cors::allow_all_origins)))
}

impl Gateway {
    /// Whether the gateway forwards to this instance.
    pub fn serves(&self, instance: usize) -> bool {
        self.details.forward_to == HttpGatewayBackend::PocketIcInstance(instance)
    }
}
