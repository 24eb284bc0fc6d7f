//! Calls and queries through the agent.

use ic_agent::AgentError;
use ic_agent::Identity;
use ic_agent::agent::RejectCode;
use ic_agent::identity::{AnonymousIdentity, Prime256v1Identity, Secp256k1Identity};

use super::world::{World, controller, now};

#[tokio::test]
async fn should_call_and_query_with_every_kind_of_identity() {
    let world = World::new().await;
    let identities: Vec<Box<dyn Identity>> = vec![
        Box::new(AnonymousIdentity),
        Box::new(controller()),
        Box::new(Secp256k1Identity::from_private_key(
            k256::SecretKey::from_slice(&[3; 32]).expect("a key"),
        )),
        Box::new(Prime256v1Identity::from_private_key(
            p256::SecretKey::from_slice(&[4; 32]).expect("a key"),
        )),
    ];
    for identity in identities {
        let sender = identity.sender().expect("a sender");
        let agent = world.agent(identity).await;
        let called = agent
            .update(&world.canister, "whoami_update")
            .call_and_wait()
            .await
            .expect("a reply");
        assert_eq!(called, sender.as_slice());
        let queried = agent
            .query(&world.canister, "whoami")
            .call()
            .await
            .expect("a signed reply");
        assert_eq!(queried, sender.as_slice());
    }
}

#[tokio::test]
async fn should_carry_arguments_and_replies_whole() {
    let world = World::new().await;
    let agent = world.anonymous_agent().await;
    let argument: Vec<u8> = (0..=u8::MAX).cycle().take(100_000).collect();
    let reply = agent
        .query(&world.canister, "echo")
        .with_arg(argument.clone())
        .call()
        .await
        .expect("a reply");
    assert_eq!(reply, argument);
    let reply = agent
        .update(&world.canister, "echo_update")
        .with_arg(argument.clone())
        .call_and_wait()
        .await;
    assert_eq!(reply.expect("a reply"), argument);
}

#[tokio::test]
async fn should_certify_rejects_of_calls() {
    let world = World::new().await;
    let agent = world.anonymous_agent().await;
    for (method, code, error_code, message) in [
        ("refuse_update", RejectCode::CanisterReject, "IC0406", "no, thanks"),
        ("fail_update", RejectCode::CanisterError, "IC0503", "on purpose"),
        ("nowhere", RejectCode::CanisterError, "IC0536", "nowhere"),
    ] {
        let error = agent
            .update(&world.canister, method)
            .call_and_wait()
            .await
            .expect_err("a reject");
        let AgentError::CertifiedReject { reject, .. } = error else {
            panic!("{method}: {error}")
        };
        assert_eq!(
            (reject.reject_code, reject.error_code.as_deref()),
            (code, Some(error_code)),
            "{method}"
        );
        assert!(reject.reject_message.contains(message), "{}", reject.reject_message);
    }
}

#[tokio::test]
async fn should_sign_rejects_of_queries() {
    let world = World::new().await;
    let agent = world.anonymous_agent().await;
    for (method, code, error_code, message) in [
        ("refuse", RejectCode::CanisterReject, "IC0406", "no, thanks"),
        ("fail", RejectCode::CanisterError, "IC0503", "on purpose"),
        ("nowhere", RejectCode::CanisterError, "IC0536", "nowhere"),
    ] {
        let error = agent.query(&world.canister, method).call().await.expect_err("a reject");
        let AgentError::UncertifiedReject { reject, .. } = error else {
            panic!("{method}: {error}")
        };
        assert_eq!(
            (reject.reject_code, reject.error_code.as_deref()),
            (code, Some(error_code)),
            "{method}"
        );
        assert!(reject.reject_message.contains(message), "{}", reject.reject_message);
    }
}

#[tokio::test]
async fn should_tell_at_once_that_a_message_was_not_let_in() {
    let world = World::new().await;
    let agent = world.anonymous_agent().await;
    let error = agent
        .update(&world.canister, "refused")
        .call_and_wait()
        .await
        .expect_err("a reject");
    let AgentError::UncertifiedReject { reject, .. } = error else {
        panic!("{error}")
    };
    assert_eq!(
        (reject.reject_code, reject.error_code.as_deref()),
        (RejectCode::CanisterReject, Some("IC0406"))
    );
}

#[tokio::test]
async fn should_execute_a_message_sent_twice_once() {
    let world = World::new().await;
    let agent = world.anonymous_agent().await;
    let signed = agent.update(&world.canister, "count").sign().expect("a signed call");
    for _ in 0..2 {
        agent
            .update_signed(world.canister, signed.signed_update.clone())
            .await
            .expect("a reply");
    }
    assert_eq!(world.number(&agent, "counted").await, 1);
}

#[tokio::test]
async fn should_make_progress_by_itself_at_the_clocks_time() {
    let world = World::new().await;
    let agent = world.anonymous_agent().await;
    assert!(world.pic.auto_progress_enabled().await);
    let before = world.number(&agent, "beats").await;
    tokio::time::sleep(std::time::Duration::from_millis(1500)).await;
    assert!(world.number(&agent, "beats").await > before);
    let offset = world.number(&agent, "now").await.abs_diff(now());
    assert!(offset < 30_000_000_000, "the instance's time is {offset} ns off");

    world.pic.stop_progress().await;
    assert!(!world.pic.auto_progress_enabled().await);
    // A round that had begun may still have ended.
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    let stopped = world.number(&agent, "beats").await;
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    assert_eq!(world.number(&agent, "beats").await, stopped);
}
