//! Who is let in.

use ic_agent::agent::EnvelopeContent;
use ic_agent::identity::{DelegatedIdentity, Delegation, SignedDelegation};
use ic_agent::{AgentError, Identity};

use super::world::{World, call, controller, envelope, now, soon, stranger};

const MINUTE: u64 = 60_000_000_000;

/// The controller's identity, delegated to the stranger's key.
fn delegated(edit: impl FnOnce(&mut Delegation)) -> DelegatedIdentity {
    let (from, to) = (controller(), stranger());
    let mut delegation = Delegation {
        pubkey: to.public_key().expect("a public key"),
        expiration: now() + 10 * MINUTE,
        targets: None,
        permissions: None,
    };
    edit(&mut delegation);
    let signature = from
        .sign_delegation(&delegation)
        .expect("signed")
        .signature
        .expect("a signature");
    let chain = vec![SignedDelegation { delegation, signature }];
    DelegatedIdentity::new_unchecked(from.public_key().expect("a public key"), Box::new(to), chain)
}

fn refusal(error: AgentError) -> String {
    let AgentError::HttpError(payload) = error else {
        panic!("not refused: {error}")
    };
    assert_eq!(payload.status, 400);
    String::from_utf8_lossy(&payload.content).into_owned()
}

#[tokio::test]
async fn should_refuse_a_bad_signature() {
    let world = World::new().await;
    let sender = controller().sender().expect("a sender");
    for (version, action) in [
        ("v2", "call"),
        ("v3", "call"),
        ("v4", "call"),
        ("v2", "query"),
        ("v3", "query"),
    ] {
        let content = match call(sender, world.canister, "whoami_update", soon()) {
            EnvelopeContent::Call {
                nonce,
                ingress_expiry,
                sender,
                canister_id,
                method_name,
                arg,
                ..
            } if action == "query" => EnvelopeContent::Query {
                nonce,
                ingress_expiry,
                sender,
                canister_id,
                method_name,
                arg,
                sender_info: None,
            },
            content => content,
        };
        let mut body = envelope(&controller(), &content);
        let path = format!("api/{version}/canister/{}/{action}", world.canister);
        // The signature is a part of the envelope that the rest does not repeat.
        let signature = controller()
            .sign(&content)
            .expect("signed")
            .signature
            .expect("a signature");
        let at = body
            .windows(64)
            .position(|window| window == signature)
            .expect("the signature is in the envelope");
        body[at + 10] ^= 1;
        let (status, message) = world.post(&path, body).await;
        assert_eq!(status, 400, "{path}");
        let message = String::from_utf8_lossy(&message).into_owned();
        assert!(message.contains("nvalid signature"), "{path}: {message}");
    }
    let agent = world.anonymous_agent().await;
    assert_eq!(world.number(&agent, "counted").await, 0);
}

#[tokio::test]
async fn should_refuse_the_signature_of_somebody_else() {
    let world = World::new().await;
    let content = call(
        controller().sender().expect("a sender"),
        world.canister,
        "count",
        soon(),
    );
    let (status, _) = world
        .post(
            &format!("api/v2/canister/{}/call", world.canister),
            envelope(&stranger(), &content),
        )
        .await;
    assert_eq!(status, 400);
}

#[tokio::test]
async fn should_refuse_an_expired_ingress_message_and_one_too_far_ahead() {
    let world = World::new().await;
    let sender = controller().sender().expect("a sender");
    for (expiry, accepted) in [
        (now() - MINUTE, false),
        (now() + 10 * MINUTE, false),
        (now() + 4 * MINUTE, true),
    ] {
        let body = envelope(&controller(), &call(sender, world.canister, "count", expiry));
        let (status, message) = world
            .post(&format!("api/v2/canister/{}/call", world.canister), body)
            .await;
        assert_eq!(status, if accepted { 202 } else { 400 });
        let message = String::from_utf8_lossy(&message).into_owned();
        assert_eq!(
            message.contains("Specified ingress_expiry not within expected range"),
            !accepted,
            "{message}"
        );
    }
}

#[tokio::test]
async fn should_let_a_delegated_key_speak_for_its_owner() {
    let world = World::new().await;
    let canister = world.canister;
    let agent = world
        .agent(delegated(|delegation| delegation.targets = Some(vec![canister])))
        .await;
    let owner = controller().sender().expect("a sender");
    assert_eq!(
        agent.query(&canister, "whoami").call().await.expect("a reply"),
        owner.as_slice()
    );
    let called = agent
        .update(&canister, "whoami_update")
        .call_and_wait()
        .await
        .expect("a reply");
    assert_eq!(called, owner.as_slice());
}

#[tokio::test]
async fn should_refuse_a_delegation_that_has_expired_or_is_for_other_canisters() {
    let world = World::new().await;
    let expired = world
        .agent(delegated(|delegation| delegation.expiration = now() - MINUTE))
        .await;
    let error = expired
        .update(&world.canister, "count")
        .call_and_wait()
        .await
        .expect_err("a refusal");
    assert!(refusal(error).contains("has expired"));

    let other = candid::Principal::management_canister();
    let elsewhere = world
        .agent(delegated(|delegation| delegation.targets = Some(vec![other])))
        .await;
    let error = elsewhere
        .update(&world.canister, "count")
        .call_and_wait()
        .await
        .expect_err("a refusal");
    assert!(refusal(error).contains("is not one of the delegation targets"));
}

#[tokio::test]
async fn should_refuse_an_effective_canister_id_that_is_not_the_callee() {
    let world = World::new().await;
    let agent = world.anonymous_agent().await;
    let other = candid::Principal::from_text("ryjl3-tyaaa-aaaaa-aaaba-cai").expect("a principal");
    let signed = agent.update(&world.canister, "count").sign().expect("a signed call");
    let error = agent
        .update_signed(other, signed.signed_update)
        .await
        .expect_err("a refusal");
    assert!(refusal(error).contains("does not match effective canister id"));
}
