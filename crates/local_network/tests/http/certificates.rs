//! Certificates, verified by the agent.

use candid::Principal;
use ic_agent::hash_tree::{Label, LookupResult};
use ic_agent::{AgentError, lookup_value};

use super::world::{World, certificate, controller, still};
use crate::common;

#[tokio::test]
async fn should_certify_data_through_a_delegation() {
    let world = World::new().await;
    let agent = world.anonymous_agent().await;
    for data in [b"first".as_slice(), b"and now thirty-two bytes: 123456"] {
        agent
            .update(&world.canister, "certify")
            .with_arg(data.to_vec())
            .call_and_wait()
            .await
            .expect("a reply");
        let certificate = certificate(
            &agent
                .query(&world.canister, "certificate")
                .call()
                .await
                .expect("a reply"),
        );
        agent.verify(&certificate, world.canister).expect("a valid certificate");
        let delegation = certificate.delegation.as_ref().expect("a delegation of the NNS");
        let topology = world.pic.topology().await;
        assert_eq!(delegation.subnet_id, topology.get_app_subnets()[0].as_slice());
        let path: [&[u8]; 3] = [b"canister", world.canister.as_slice(), b"certified_data"];
        assert_eq!(lookup_value(&certificate, path).expect("certified data"), data);
    }
}

#[tokio::test]
async fn should_not_be_valid_for_a_canister_outside_the_delegated_ranges() {
    let world = World::new().await;
    let agent = world.anonymous_agent().await;
    let certificate = certificate(
        &agent
            .query(&world.canister, "certificate")
            .call()
            .await
            .expect("a reply"),
    );
    // The ledger's id is in the NNS subnet's ranges.
    let ledger = Principal::from_text("ryjl3-tyaaa-aaaaa-aaaba-cai").expect("a principal");
    let error = agent.verify(&certificate, ledger).expect_err("a refusal");
    assert!(matches!(error, AgentError::CertificateNotAuthorized()), "{error}");
}

#[tokio::test]
async fn should_not_be_valid_under_another_root_key_or_when_altered() {
    let world = World::new().await;
    let agent = world.anonymous_agent().await;
    let mut certificate = certificate(
        &agent
            .query(&world.canister, "certificate")
            .call()
            .await
            .expect("a reply"),
    );
    let root_key = world.pic.root_key().await.expect("a root key");
    assert_eq!(agent.read_root_key(), root_key);

    certificate.signature[20] ^= 1;
    assert!(agent.verify(&certificate, world.canister).is_err());
    certificate.signature[20] ^= 1;
    agent
        .verify(&certificate, world.canister)
        .expect("a valid certificate again");

    let topology = world.pic.topology().await;
    let subnet = agent
        .fetch_subnet_by_canister(&world.canister)
        .await
        .expect("the subnet");
    assert_eq!(subnet.id(), topology.get_app_subnets()[0]);
    // The application subnet's own key is not the root's.
    agent.set_root_key(subnet.self_reported_key().to_vec());
    assert!(agent.verify(&certificate, world.canister).is_err());
}

#[tokio::test]
async fn should_need_no_delegation_without_an_nns() {
    let world = World::with(common::builder().with_application_subnet()).await;
    let agent = world.anonymous_agent().await;
    let certificate = certificate(
        &agent
            .query(&world.canister, "certificate")
            .call()
            .await
            .expect("a reply"),
    );
    agent.verify(&certificate, world.canister).expect("a valid certificate");
    assert!(certificate.delegation.is_none());
    let called = agent
        .update(&world.canister, "whoami_update")
        .call_and_wait()
        .await
        .expect("a reply");
    assert_eq!(called, Principal::anonymous().as_slice());
}

#[tokio::test]
async fn should_show_subnets_and_their_nodes() {
    let world = World::new().await;
    let agent = world.anonymous_agent().await;
    let topology = world.pic.topology().await;
    for (subnet, nodes) in [
        (topology.get_app_subnets()[0], 13),
        (topology.get_nns().expect("the NNS"), 40),
    ] {
        let shown = agent.fetch_subnet_by_id(&subnet).await.expect("the subnet");
        assert_eq!(shown.id(), subnet);
        assert_eq!(shown.iter_nodes().count(), nodes);
        let metrics = agent.read_state_subnet_metrics(subnet).await.expect("metrics");
        assert_eq!(metrics.num_canisters, u64::from(nodes == 13));
    }
    let metrics = world
        .pic
        .get_subnet_metrics(topology.get_app_subnets()[0])
        .await
        .expect("metrics");
    assert_eq!(metrics.num_canisters, 1);
}

#[tokio::test]
async fn should_carry_the_time_that_was_set() {
    let (pic, canister) = still(common::builder().with_nns_subnet().with_application_subnet()).await;
    let time = pocket_ic::Time::from_nanos_since_unix_epoch(1_900_000_000_123_456_789);
    pic.set_certified_time(time).await;
    assert_eq!(pic.get_time().await, time);
    let reply = pic
        .query_call(canister, Principal::anonymous(), "certificate", vec![])
        .await
        .expect("a reply");
    let certificate = certificate(&reply);
    let LookupResult::Found(mut encoded) = certificate.tree.lookup_path([Label::<Vec<u8>>::from("time")].iter()) else {
        panic!("no time in the certificate")
    };
    assert_eq!(
        leb128::read::unsigned(&mut encoded).expect("LEB128"),
        1_900_000_000_123_456_789
    );
    let now = pic
        .query_call(canister, Principal::anonymous(), "now", vec![])
        .await
        .expect("a reply");
    assert_eq!(common::number(&now), 1_900_000_000_123_456_789);
}

#[tokio::test]
async fn should_be_the_same_for_the_same_history() {
    let mut replies = Vec::new();
    for _ in 0..2 {
        let (pic, canister) = still(common::builder().with_nns_subnet().with_application_subnet()).await;
        let sender = ic_agent::Identity::sender(&controller()).expect("a sender");
        pic.update_call(canister, sender, "certify", b"data".to_vec())
            .await
            .expect("a reply");
        replies.push(
            pic.query_call(canister, sender, "certificate", vec![])
                .await
                .expect("a reply"),
        );
    }
    assert_eq!(replies[0], replies[1]);
}
