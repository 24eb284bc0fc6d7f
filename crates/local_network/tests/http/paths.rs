//! `read_state`: who may read what.

use candid::Principal;
use ic_agent::hash_tree::Label;
use ic_agent::{AgentError, Identity};

use super::world::{World, controller, stranger};
use crate::common;

fn status(error: AgentError) -> u16 {
    let AgentError::HttpError(payload) = error else {
        panic!("not refused: {error}")
    };
    payload.status
}

fn path(labels: &[&[u8]]) -> Vec<Label<Vec<u8>>> {
    labels.iter().map(|label| Label::from_bytes(label)).collect()
}

#[tokio::test]
async fn should_show_anybody_a_canisters_public_facts() {
    let world = World::new().await;
    let agent = world.anonymous_agent().await;
    let hash = agent
        .read_state_canister_module_hash(world.canister)
        .await
        .expect("a module hash");
    assert_eq!(hash, sha2_of(&common::wasm(include_str!("canister.wat"))));
    let controllers = agent
        .read_state_canister_controllers(world.canister)
        .await
        .expect("controllers");
    assert_eq!(controllers, [controller().sender().expect("a sender")]);
    let candid = agent
        .read_state_canister_metadata(world.canister, "candid:service")
        .await
        .expect("metadata");
    assert_eq!(candid, b"service : {}");
    let absent = agent
        .read_state_canister_metadata(world.canister, "nothing")
        .await
        .expect_err("no such section");
    assert!(matches!(absent, AgentError::LookupPathAbsent(_)), "{absent}");
}

fn sha2_of(bytes: &[u8]) -> Vec<u8> {
    use sha2::Digest;
    sha2::Sha256::digest(bytes).to_vec()
}

#[tokio::test]
async fn should_show_private_sections_to_controllers_only() {
    let world = World::new().await;
    let owner = world.agent(controller()).await;
    let secret = owner
        .read_state_canister_metadata(world.canister, "secret")
        .await
        .expect("metadata");
    assert_eq!(secret, b"for controllers");
    for agent in [world.agent(stranger()).await, world.anonymous_agent().await] {
        let error = agent
            .read_state_canister_metadata(world.canister, "secret")
            .await
            .expect_err("a refusal");
        assert_eq!(status(error), 403);
    }
}

#[tokio::test]
async fn should_show_an_answer_to_its_sender_only() {
    let world = World::new().await;
    let owner = world.agent(controller()).await;
    let signed = owner
        .update(&world.canister, "whoami_update")
        .sign()
        .expect("a signed call");
    owner
        .update_signed(world.canister, signed.signed_update)
        .await
        .expect("a reply");
    let (reply, _) = owner.wait(&signed.request_id, world.canister).await.expect("a reply");
    assert_eq!(reply, controller().sender().expect("a sender").as_slice());
    let other = world.agent(stranger()).await;
    let error = other
        .request_status_raw(&signed.request_id, world.canister)
        .await
        .expect_err("a refusal");
    assert_eq!(status(error), 403);
}

#[tokio::test]
async fn should_refuse_paths_that_nobody_may_read() {
    let world = World::new().await;
    let agent = world.anonymous_agent().await;
    let canister = world.canister.as_slice();
    let ledger = Principal::from_text("ryjl3-tyaaa-aaaaa-aaaba-cai").expect("a principal");
    for (labels, expected) in [
        (vec![b"canister".as_slice(), canister, b"certified_data"], 404),
        (vec![b"canister".as_slice(), canister], 404),
        (vec![b"canister".as_slice()], 404),
        (vec![b"request_status".as_slice()], 404),
        (vec![b"request_status".as_slice(), b"short"], 400),
        (vec![b"nonsense".as_slice()], 404),
        (vec![b"canister".as_slice(), ledger.as_slice(), b"controllers"], 400),
    ] {
        let error = agent
            .read_state_raw(vec![path(&labels)], world.canister)
            .await
            .expect_err("a refusal");
        assert_eq!(status(error), expected, "{labels:?}");
    }
    let two = vec![
        path(&[b"request_status", &[1; 32]]),
        path(&[b"request_status", &[2; 32]]),
    ];
    assert_eq!(
        status(agent.read_state_raw(two, world.canister).await.expect_err("a refusal")),
        400
    );
}

#[tokio::test]
async fn should_read_the_time_and_refute_unknown_requests() {
    let world = World::new().await;
    let agent = world.anonymous_agent().await;
    let certificate = agent
        .read_state_raw(vec![path(&[b"time"])], world.canister)
        .await
        .expect("a certificate");
    assert!(ic_agent::lookup_value(&certificate, [b"time".as_slice()]).is_ok());
    let unknown = ic_agent::RequestId::new(&[9; 32]);
    let (status, _) = agent
        .request_status_raw(&unknown, world.canister)
        .await
        .expect("a certificate");
    assert_eq!(status, ic_agent::agent::RequestStatusResponse::Unknown);
}
