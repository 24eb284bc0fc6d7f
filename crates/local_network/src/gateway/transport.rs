//! How the gateway's agent reaches the HTTPS interface: in this process, by no port and past no proxy.

use async_trait::async_trait;
use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::http::{Request, Response};
use gateway_agent::AgentError;
use gateway_agent::agent::HttpService;
use tower::ServiceExt;

/// The HTTPS interface of one instance.
#[derive(Debug)]
pub(super) struct Interface(pub Router);

#[async_trait]
impl HttpService for Interface {
    /// A request within a process does not get lost, so that nothing is to be repeated.
    async fn call<'a>(
        &'a self,
        request: &'a (dyn Fn() -> Result<Request<Bytes>, AgentError> + Send + Sync),
        _max_retries: usize,
        size_limit: Option<usize>,
    ) -> Result<Response<Bytes>, AgentError> {
        let Ok(response) = self.0.clone().oneshot(request()?.map(Body::from)).await;
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, size_limit.unwrap_or(usize::MAX))
            .await
            .map_err(|_| AgentError::ResponseSizeExceededLimit())?;
        Ok(Response::from_parts(parts, body))
    }
}
