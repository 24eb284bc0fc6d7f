//! Bodies of requests and answers: JSON, and `{message}` when something is wrong.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use candid::Principal;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::http_interface::HttpError;
use crate::server::Panicked;

/// Why a request was not served. The client panics with the message.
#[derive(Debug)]
pub(super) struct ApiError {
    status: StatusCode,
    message: String,
}

impl ApiError {
    pub(super) fn bad_request(message: impl Into<String>) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            message: message.into(),
        }
    }

    pub(super) fn forbidden(message: impl Into<String>) -> Self {
        Self {
            status: StatusCode::FORBIDDEN,
            message: message.into(),
        }
    }

    pub(super) fn not_found(message: impl Into<String>) -> Self {
        Self {
            status: StatusCode::NOT_FOUND,
            message: message.into(),
        }
    }
}

#[derive(Serialize)]
struct Message {
    message: String,
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        (self.status, Json(Message { message: self.message })).into_response()
    }
}

impl From<Panicked> for ApiError {
    fn from(Panicked(message): Panicked) -> Self {
        Self {
            status: StatusCode::INTERNAL_SERVER_ERROR,
            message,
        }
    }
}

impl From<Panicked> for HttpError {
    fn from(Panicked(message): Panicked) -> Self {
        Self::internal(message)
    }
}

/// A JSON body; what cannot be read is answered with `{message}`.
pub(super) struct Body<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let bytes = Bytes::from_request(request, state)
            .await
            .map_err(|error| ApiError::bad_request(error.body_text()))?;
        serde_json::from_slice(&bytes)
            .map(Self)
            .map_err(|error| ApiError::bad_request(format!("Malformed body: {error}")))
    }
}

/// What handlers return.
pub(super) type Answer<T> = Result<Json<T>, ApiError>;

pub(super) fn principal(bytes: &[u8]) -> Result<Principal, ApiError> {
    Principal::try_from_slice(bytes).map_err(|error| ApiError::bad_request(format!("Not a principal: {error}")))
}
