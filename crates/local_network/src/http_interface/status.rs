//! `GET /api/v2/status`.
//!
//! Interface specification: *Status endpoint*.

use axum::response::IntoResponse;
use serde::Serialize;

use super::Current;
use super::reply::{Cbor, HttpError};

#[derive(Serialize)]
struct Status {
    #[serde(with = "serde_bytes")]
    root_key: Vec<u8>,
    #[serde(rename = "replica_health_status")]
    health: &'static str,
    impl_version: &'static str,
}

/// The root key: clients of a development network fetch it here.
pub(super) async fn status(Current(instance): Current) -> Result<impl IntoResponse, HttpError> {
    let root_key = instance
        .read(|network| network.public_key(network.root_subnet()))
        .await?
        .ok_or_else(|| HttpError::internal("The root subnet has no key."))?;
    Ok(Cbor(Status {
        root_key,
        health: "healthy",
        impl_version: env!("CARGO_PKG_VERSION"),
    }))
}
