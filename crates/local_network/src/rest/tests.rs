//! The server as a whole, without canisters: routes, envelopes of answers, blobs, gateways.

use axum::body::{Body, to_bytes};
use axum::http::{Method, Request, StatusCode};
use pocket_ic::common::rest::{
    CreateInstanceResponse, ExtendedSubnetConfigSet, InstanceConfig, RawTime, SubnetSpec, Topology,
};
use serde::Serialize;
use serde_json::Value;
use tower::ServiceExt;

use super::*;

/// Sends one request to a server's router.
async fn send(server: &Arc<Server>, method: Method, path: &str, body: &str) -> (StatusCode, Vec<u8>) {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .body(Body::from(body.to_string()))
        .expect("a request");
    let response = router(server).oneshot(request).await.expect("an answer");
    let status = response.status();
    (
        status,
        to_bytes(response.into_body(), usize::MAX)
            .await
            .expect("a body")
            .to_vec(),
    )
}

async fn post<T: Serialize>(server: &Arc<Server>, path: &str, body: &T) -> (StatusCode, Value) {
    let body = serde_json::to_string(body).expect("JSON");
    let (status, answer) = send(server, Method::POST, path, &body).await;
    (status, serde_json::from_slice(&answer).unwrap_or(Value::Null))
}

async fn get(server: &Arc<Server>, path: &str) -> (StatusCode, Value) {
    let (status, answer) = send(server, Method::GET, path, "").await;
    (status, serde_json::from_slice(&answer).unwrap_or(Value::Null))
}

async fn new_instance(server: &Arc<Server>) -> (usize, Topology) {
    let subnet_config_set = ExtendedSubnetConfigSet {
        application: vec![SubnetSpec::default()],
        ..ExtendedSubnetConfigSet::default()
    };
    let config = InstanceConfig {
        subnet_config_set,
        ..InstanceConfig::default()
    };
    let (status, created) = post(server, "/instances", &config).await;
    assert_eq!(status, StatusCode::OK);
    match serde_json::from_value(created).expect("the answer is of the client's type") {
        CreateInstanceResponse::Created {
            instance_id, topology, ..
        } => (instance_id, topology),
        CreateInstanceResponse::Error { message } => panic!("{message}"),
    }
}

#[tokio::test]
async fn should_create_list_and_delete_instances() {
    let server = Server::new(false);
    let (first, topology) = new_instance(&server).await;
    let (second, _) = new_instance(&server).await;
    assert_eq!((first, second), (0, 1));
    assert_eq!(topology.get_app_subnets().len(), 1);
    // The client's URL of an instance ends in a slash.
    assert_eq!(
        send(&server, Method::DELETE, "/instances/0/", "").await.0,
        StatusCode::OK
    );
    assert_eq!(
        send(&server, Method::DELETE, "/instances/0/", "").await.0,
        StatusCode::NOT_FOUND
    );
    assert_eq!(
        get(&server, "/instances").await.1,
        serde_json::json!(["Deleted", "Available"])
    );
    assert_eq!(
        get(&server, "/instances/0/read/get_time").await.0,
        StatusCode::NOT_FOUND
    );
    assert_eq!(get(&server, "/instances/1/read/get_time").await.0, StatusCode::OK);
}

#[tokio::test]
async fn should_say_what_is_wrong_with_a_request() {
    let server = Server::new(false);
    new_instance(&server).await;
    let (status, answer) = post(&server, "/instances", &InstanceConfig::default()).await;
    assert_eq!(status, StatusCode::OK);
    assert!(
        answer["Error"]["message"]
            .as_str()
            .is_some_and(|m| m.contains("at least one subnet")),
        "{answer}"
    );
    let (status, answer) = post(&server, "/instances/0/update/set_time", &"noon").await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(answer["message"].is_string());
    let (status, _) = post(
        &server,
        "/instances/0/read/get_cycles",
        &serde_json::json!({"canister_id": "AAAAAAAQAAEBAQ=="}),
    )
    .await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert_eq!(get(&server, "/nowhere").await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn should_set_and_tell_the_time() {
    let server = Server::new(false);
    new_instance(&server).await;
    let time = RawTime {
        nanos_since_epoch: 1_700_000_000_000_000_000,
    };
    assert_eq!(
        post(&server, "/instances/0/update/set_time", &time).await,
        (StatusCode::OK, Value::Null)
    );
    let (_, told) = get(&server, "/instances/0/read/get_time").await;
    assert_eq!(told, serde_json::to_value(time).expect("JSON"));
}

#[tokio::test]
async fn should_keep_blobs_under_their_hash() {
    let server = Server::new(false);
    let (status, id) = send(&server, Method::POST, "/blobstore/", "hello").await;
    assert_eq!(status, StatusCode::OK);
    let id = String::from_utf8(id).expect("hex");
    assert_eq!(hex::decode(&id).expect("hex").len(), 32);
    let (status, blob) = send(&server, Method::GET, &format!("/blobstore/{id}"), "").await;
    assert_eq!((status, blob.as_slice()), (StatusCode::OK, b"hello".as_slice()));
    let unknown = format!("/blobstore/{}", "00".repeat(32));
    assert_eq!(send(&server, Method::GET, &unknown, "").await.0, StatusCode::NOT_FOUND);
    assert_eq!(
        send(&server, Method::GET, "/blobstore/xyz", "").await.0,
        StatusCode::BAD_REQUEST
    );
}

#[tokio::test]
async fn should_answer_the_status_in_cbor_to_any_origin() {
    let server = Server::new(false);
    let (_, topology) = new_instance(&server).await;
    let request = Request::get("/instances/0/api/v2/status")
        .body(Body::empty())
        .expect("a request");
    let response = router(&server).oneshot(request).await.expect("an answer");
    assert_eq!(response.headers()["access-control-allow-origin"], "*");
    let body = to_bytes(response.into_body(), usize::MAX).await.expect("a body");
    let status: ciborium::Value = ciborium::from_reader(body.as_ref()).expect("CBOR");
    let ciborium::Value::Tag(55799, status) = status else {
        panic!("not self-described: {status:?}")
    };
    let fields = status.into_map().expect("a map");
    let root_key = fields
        .iter()
        .find(|(key, _)| key.as_text() == Some("root_key"))
        .expect("a root key");
    let root_key = root_key.1.as_bytes().expect("bytes");
    assert_eq!(
        candid::Principal::self_authenticating(root_key),
        topology.get_app_subnets()[0]
    );
}

#[tokio::test]
async fn should_answer_preflight_requests() {
    let server = Server::new(false);
    new_instance(&server).await;
    let request = Request::options("/instances/0/api/v3/canister/aaaaa-aa/query")
        .header("origin", "http://localhost:3000")
        .header("access-control-request-method", "POST")
        .body(Body::empty())
        .expect("a request");
    let response = router(&server).oneshot(request).await.expect("an answer");
    assert_eq!(response.status(), StatusCode::NO_CONTENT);
    assert!(
        response.headers()["access-control-allow-methods"]
            .to_str()
            .is_ok_and(|methods| methods.contains("POST"))
    );
    assert!(
        response.headers()["access-control-allow-headers"]
            .to_str()
            .is_ok_and(|h| h.contains("Content-Type"))
    );
}
