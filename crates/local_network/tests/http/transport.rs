//! The interface's versions, byte by byte.

use candid::Principal;
use ic_agent::agent::EnvelopeContent;
use ic_agent::identity::AnonymousIdentity;
use ic_agent::{Identity, TransportCallResponse, lookup_value};

use super::world::{World, call, certificate, controller, envelope, soon};

#[tokio::test]
async fn should_accept_an_asynchronous_call_and_answer_polls() {
    let world = World::new().await;
    let content = call(
        controller().sender().expect("a sender"),
        world.canister,
        "whoami_update",
        soon(),
    );
    let path = format!("api/v2/canister/{}/call", world.canister);
    let (status, body) = world.post(&path, envelope(&controller(), &content)).await;
    assert_eq!((status, body.as_slice()), (202, b"".as_slice()));
    let agent = world.agent(controller()).await;
    let (reply, _) = agent
        .wait(&content.to_request_id(), world.canister)
        .await
        .expect("a reply");
    assert_eq!(reply, controller().sender().expect("a sender").as_slice());
}

#[tokio::test]
async fn should_answer_synchronous_calls_with_a_certificate() {
    let world = World::new().await;
    let agent = world.anonymous_agent().await;
    for version in ["v3", "v4"] {
        let content = call(Principal::anonymous(), world.canister, "whoami_update", soon());
        let path = format!("api/{version}/canister/{}/call", world.canister);
        let (status, body) = world.post(&path, envelope(&AnonymousIdentity, &content)).await;
        assert_eq!(status, 200);
        let answer = serde_cbor::from_slice(&body).expect("CBOR");
        let TransportCallResponse::Replied { certificate: bytes } = answer else {
            panic!("{version}: {answer:?}")
        };
        let certificate = certificate(&bytes);
        agent.verify(&certificate, world.canister).expect("a valid certificate");
        let request = content.to_request_id();
        let path: [&[u8]; 3] = [b"request_status", request.as_slice(), b"reply"];
        assert_eq!(
            lookup_value(&certificate, path).expect("the reply"),
            Principal::anonymous().as_slice()
        );
    }
}

#[tokio::test]
async fn should_answer_queries_of_both_versions() {
    let world = World::new().await;
    let content = EnvelopeContent::Query {
        nonce: None,
        ingress_expiry: soon(),
        sender: Principal::anonymous(),
        canister_id: world.canister,
        method_name: "whoami".into(),
        arg: vec![],
        sender_info: None,
    };
    for version in ["v2", "v3"] {
        let path = format!("api/{version}/canister/{}/query", world.canister);
        let (status, body) = world.post(&path, envelope(&AnonymousIdentity, &content)).await;
        assert_eq!(status, 200);
        let answer: ic_transport_types::QueryResponse = serde_cbor::from_slice(&body).expect("CBOR");
        let ic_transport_types::QueryResponse::Replied { reply, signatures } = answer else {
            panic!("{answer:?}")
        };
        assert_eq!(reply.arg, Principal::anonymous().as_slice());
        assert_eq!(signatures.len(), 1);
    }
}

#[tokio::test]
async fn should_refuse_what_is_not_an_envelope_or_not_for_this_endpoint() {
    let world = World::new().await;
    let content = call(Principal::anonymous(), world.canister, "count", soon());
    let signed = envelope(&AnonymousIdentity, &content);
    for (path, body) in [
        ("call", b"not CBOR".to_vec()),
        ("call", vec![]),
        ("query", signed.clone()),
        ("read_state", signed),
    ] {
        let (status, _) = world
            .post(&format!("api/v2/canister/{}/{path}", world.canister), body)
            .await;
        assert_eq!(status, 400, "{path}");
    }
    let agent = world.anonymous_agent().await;
    assert_eq!(world.number(&agent, "counted").await, 0);
}

#[tokio::test]
async fn should_serve_browsers_of_any_origin() {
    let world = World::new().await;
    let url = format!("{}api/v3/canister/{}/query", world.url, world.canister);
    let response = reqwest::Client::new()
        .request(reqwest::Method::OPTIONS, url)
        .header("origin", "http://localhost:3000")
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", "content-type")
        .send()
        .await
        .expect("an answer");
    assert!(response.status().is_success());
    assert_eq!(response.headers()["access-control-allow-origin"], "*");
    let allowed = response.headers()["access-control-allow-headers"]
        .to_str()
        .expect("text")
        .to_lowercase();
    assert!(allowed == "*" || allowed.contains("content-type"), "{allowed}");
}
