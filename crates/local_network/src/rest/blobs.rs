//! The blob store: large arguments of other requests, uploaded beforehand.

use std::io::Read;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use flate2::read::GzDecoder;
use sha2::{Digest, Sha256};

use super::answer::ApiError;
use crate::server::{Blob, Server};

/// Stores the body as it is and answers with its key in hex.
pub(super) async fn store(State(server): State<Arc<Server>>, headers: HeaderMap, body: Bytes) -> Response {
    let gzip = match headers
        .get(header::CONTENT_ENCODING)
        .map(axum::http::HeaderValue::as_bytes)
    {
        None => false,
        Some(b"gzip") => true,
        Some(_) => {
            let message = "Bad encoding: Only 'gzip' content encoding is supported";
            return (StatusCode::BAD_REQUEST, message).into_response();
        }
    };
    let mut hasher = Sha256::new();
    hasher.update([u8::from(gzip)]);
    hasher.update(&body);
    let key: [u8; 32] = hasher.finalize().into();
    server.add_blob(
        key,
        Blob {
            bytes: Arc::new(body.to_vec()),
            gzip,
        },
    );
    hex::encode(key).into_response()
}

/// A blob as it was stored.
pub(super) async fn fetch(State(server): State<Arc<Server>>, Path(id): Path<String>) -> Response {
    let Ok(key) = hex::decode(id) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    match server.blob(&key) {
        None => StatusCode::NOT_FOUND.into_response(),
        Some(Blob { bytes, gzip: false }) => bytes.to_vec().into_response(),
        Some(Blob { bytes, gzip: true }) => ([(header::CONTENT_ENCODING, "gzip")], bytes.to_vec()).into_response(),
    }
}

/// The content of a blob, unpacked.
pub(super) fn content(server: &Server, key: &[u8]) -> Result<Arc<Vec<u8>>, ApiError> {
    let blob = server
        .blob(key)
        .ok_or_else(|| ApiError::bad_request("There is no such blob."))?;
    if !blob.gzip {
        return Ok(blob.bytes);
    }
    let mut unpacked = Vec::new();
    GzDecoder::new(blob.bytes.as_slice())
        .read_to_end(&mut unpacked)
        .map_err(|error| ApiError::bad_request(format!("The blob is not gzip: {error}")))?;
    Ok(Arc::new(unpacked))
}
