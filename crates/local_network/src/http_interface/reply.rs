//! Answers of the HTTPS interface: CBOR, or an HTTP error with a line of text.

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::certification::self_described_cbor;

/// A request that was refused before the network saw it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpError {
    /// 4xx: the request is at fault; 5xx: the server is.
    pub status: StatusCode,
    /// What is wrong, for people.
    pub message: String,
}

impl HttpError {
    /// 400.
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            message: message.into(),
        }
    }

    /// 403.
    pub fn forbidden(message: impl Into<String>) -> Self {
        Self {
            status: StatusCode::FORBIDDEN,
            message: message.into(),
        }
    }

    /// 404.
    pub fn not_found(message: impl Into<String>) -> Self {
        Self {
            status: StatusCode::NOT_FOUND,
            message: message.into(),
        }
    }

    /// 500.
    pub fn internal(message: impl Into<String>) -> Self {
        Self {
            status: StatusCode::INTERNAL_SERVER_ERROR,
            message: message.into(),
        }
    }
}

impl IntoResponse for HttpError {
    fn into_response(self) -> Response {
        (self.status, self.message).into_response()
    }
}

/// 200 and a CBOR value, self-described.
pub(super) struct Cbor<T>(pub T);

impl<T: Serialize> IntoResponse for Cbor<T> {
    fn into_response(self) -> Response {
        (
            [(header::CONTENT_TYPE, "application/cbor")],
            self_described_cbor(&self.0),
        )
            .into_response()
    }
}
