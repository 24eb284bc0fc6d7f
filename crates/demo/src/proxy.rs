//! A man in the middle: an HTTP proxy that forwards everything to the network and may forge the replies to `pull`.

use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, Result, bail};
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{Method, StatusCode, Uri};
use axum::response::Response;
use candid::{Decode, Encode};
use ciborium::Value;
use ddsx_types::stream_registry::{PullError, Pulled};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// Changes a reply on its way, or replaces it.
pub type Forge = Box<dyn FnMut(&mut Pulled) -> Result<()> + Send>;

/// A running proxy. It ends when dropped.
pub struct Proxy {
    url: String,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

struct Shared {
    upstream: String,
    client: reqwest::Client,
    forge: Mutex<Option<Forge>>,
    forged: Mutex<u64>,
}

impl Proxy {
    /// Listens on a loopback port of its own and forwards to `upstream` (`http://127.0.0.1:4943`).
    pub async fn start(upstream: &str) -> Result<Self> {
        let shared = Arc::new(Shared {
            upstream: upstream.trim_end_matches('/').to_owned(),
            client: reqwest::Client::builder().no_proxy().build()?,
            forge: Mutex::new(None),
            forged: Mutex::new(0),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        let router = Router::new().fallback(forward).with_state(Arc::clone(&shared));
        let task = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                eprintln!("the proxy ended: {error}");
            }
        });
        Ok(Self { url, shared, task })
    }

    /// Where clients reach it.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// From now on every reply to `pull` goes through `forge`; `None` forwards honestly.
    pub fn set_forge(&self, forge: Option<Forge>) {
        *self.shared.forge.lock().unwrap_or_else(PoisonError::into_inner) = forge;
        *self.shared.forged.lock().unwrap_or_else(PoisonError::into_inner) = 0;
    }

    /// How many replies the present forgery has changed: none means that it was never put to the test.
    pub fn forged(&self) -> u64 {
        *self.shared.forged.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn forward(State(shared): State<Arc<Shared>>, method: Method, uri: Uri, body: Bytes) -> Response {
    pass(&shared, method, &uri, body).await.unwrap_or_else(|error| {
        let mut response = Response::new(Body::from(format!("proxy: {error:#}")));
        *response.status_mut() = StatusCode::BAD_GATEWAY;
        response
    })
}

async fn pass(shared: &Shared, method: Method, uri: &Uri, body: Bytes) -> Result<Response> {
    let is_pull = uri.path().ends_with("/query") && is_pull(&body);
    let url = format!(
        "{}{}",
        shared.upstream,
        uri.path_and_query().map_or("/", |path| path.as_str())
    );
    let reply = shared
        .client
        .request(method, url)
        .header("content-type", "application/cbor")
        .body(body)
        .send()
        .await?;
    let status = reply.status();
    let mut bytes = reply.bytes().await?;
    if is_pull && status.is_success() {
        let mut forge = shared.forge.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(forge) = forge.as_mut() {
            bytes = forge_reply(&bytes, forge)?.into();
            *shared.forged.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        }
    }
    let mut response = Response::new(Body::from(bytes));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert("content-type", "application/cbor".parse()?);
    Ok(response)
}

/// Whether a request envelope (IC interface specification, "Request: Query call") asks for `pull`.
fn is_pull(envelope: &[u8]) -> bool {
    let Ok(mut envelope) = ciborium::from_reader::<Value, _>(envelope) else {
        return false;
    };
    field(&mut envelope, "content")
        .and_then(|content| field(content, "method_name"))
        .is_some_and(|name| name.as_text() == Some("pull"))
}

/// The reply with its argument forged; whatever signed it stays as it was.
fn forge_reply(reply: &[u8], forge: &mut Forge) -> Result<Vec<u8>> {
    let mut reply: Value = ciborium::from_reader(reply)?;
    let Some(Value::Bytes(argument)) = field(&mut reply, "reply").and_then(|inner| field(inner, "arg")) else {
        bail!("the network did not reply to pull");
    };
    let mut pulled = Decode!(argument.as_slice(), Result<Pulled, PullError>)?
        .map_err(|error| anyhow::anyhow!("pull was refused: {error:?}"))?;
    forge(&mut pulled)?;
    *argument = Encode!(&Ok::<_, PullError>(pulled))?;
    let mut bytes = Vec::new();
    ciborium::into_writer(&reply, &mut bytes)?;
    Ok(bytes)
}

/// A field of a CBOR map, behind any tags.
pub fn field<'a>(value: &'a mut Value, name: &str) -> Option<&'a mut Value> {
    match value {
        Value::Tag(_, inner) => field(inner, name),
        Value::Map(entries) => entries
            .iter_mut()
            .find(|(key, _)| key.as_text() == Some(name))
            .map(|(_, value)| value),
        _ => None,
    }
}

/// Changes a CBOR document in place.
pub fn edit_cbor(bytes: &mut Vec<u8>, edit: impl FnOnce(&mut Value) -> Result<()>) -> Result<()> {
    let mut value: Value = ciborium::from_reader(bytes.as_slice()).context("not CBOR")?;
    edit(&mut value)?;
    bytes.clear();
    ciborium::into_writer(&value, bytes)?;
    Ok(())
}
