//! Instances, gateways and blobs through the client.

use candid::Principal;
use pocket_ic::common::rest::{
    BlobCompression, CreateHttpGatewayResponse, HttpGatewayBackend, HttpGatewayConfig, HttpGatewayDetails, HttpsConfig,
    InstanceHttpGatewayConfig,
};

use super::world::{World, still};
use crate::common;

fn gateway(instance: usize, port: Option<u16>) -> HttpGatewayConfig {
    HttpGatewayConfig {
        ip_addr: None,
        port,
        forward_to: HttpGatewayBackend::PocketIcInstance(instance),
        domains: None,
        https_config: None::<HttpsConfig>,
        domain_custom_provider_local_file: None,
    }
}

#[tokio::test]
async fn should_forget_a_deleted_instance() {
    let world = World::new().await;
    let server = world.pic.get_server_url();
    let client = reqwest::Client::new();
    let instance = server
        .join(&format!("instances/{}/read/get_time", world.pic.instance_id))
        .expect("a URL");
    assert!(
        client
            .get(instance.clone())
            .send()
            .await
            .expect("an answer")
            .status()
            .is_success()
    );
    let gateway_url = world.url.clone();
    world.pic.drop().await;
    assert!(
        !client
            .get(instance)
            .send()
            .await
            .expect("an answer")
            .status()
            .is_success()
    );
    let list: Vec<String> = client
        .get(server.join("instances").expect("a URL"))
        .send()
        .await
        .expect("an answer")
        .json()
        .await
        .expect("JSON");
    assert!(list.contains(&"Deleted".to_string()), "{list:?}");
    assert!(
        client
            .get(format!("{gateway_url}api/v2/status"))
            .send()
            .await
            .is_err_and(|error| error.is_connect())
    );
}

#[tokio::test]
async fn should_serve_two_instances_that_do_not_know_each_other() {
    let (first, canister) = still(common::builder().with_application_subnet()).await;
    let (second, other) = still(common::builder().with_application_subnet()).await;
    assert_ne!(first.instance_id, second.instance_id);
    assert_eq!(canister, other);
    first
        .update_call(canister, Principal::anonymous(), "count", vec![])
        .await
        .expect("a reply");
    for (pic, count) in [(&first, 1), (&second, 0)] {
        let counted = pic
            .query_call(canister, Principal::anonymous(), "counted", vec![])
            .await
            .expect("a reply");
        assert_eq!(common::number(&counted), count);
    }
}

#[tokio::test]
async fn should_open_list_and_close_gateways() {
    let (pic, _) = still(common::builder().with_application_subnet()).await;
    let server = pic.get_server_url();
    let client = reqwest::Client::new();
    let url = server.join("http_gateway").expect("a URL");
    let open = async |config: &HttpGatewayConfig| -> CreateHttpGatewayResponse {
        client
            .post(url.clone())
            .json(config)
            .send()
            .await
            .expect("an answer")
            .json()
            .await
            .expect("JSON")
    };
    let CreateHttpGatewayResponse::Created(info) = open(&gateway(pic.instance_id, None)).await else {
        panic!("no gateway")
    };
    // The port is taken.
    let again = open(&gateway(pic.instance_id, Some(info.port))).await;
    assert!(matches!(again, CreateHttpGatewayResponse::Error { .. }), "{again:?}");
    let list = async || -> Vec<HttpGatewayDetails> {
        client
            .get(url.clone())
            .send()
            .await
            .expect("an answer")
            .json()
            .await
            .expect("JSON")
    };
    assert!(list().await.iter().any(|gateway| gateway.port == info.port));
    let status = format!("http://localhost:{}/api/v2/status", info.port);
    assert!(
        client
            .get(&status)
            .send()
            .await
            .expect("an answer")
            .status()
            .is_success()
    );
    let stop = server
        .join(&format!("http_gateway/{}/stop", info.instance_id))
        .expect("a URL");
    assert!(client.post(stop).send().await.expect("an answer").status().is_success());
    assert!(!list().await.iter().any(|gateway| gateway.port == info.port));
    assert!(
        client
            .get(&status)
            .header("connection", "close")
            .send()
            .await
            .is_err_and(|error| error.is_connect())
    );
}

#[tokio::test]
async fn should_open_a_gateway_with_the_instance() {
    let config = InstanceHttpGatewayConfig {
        ip_addr: None,
        port: None,
        domains: None,
        https_config: None,
        domain_custom_provider_local_file: None,
    };
    let pic = common::builder()
        .with_application_subnet()
        .with_http_gateway(config)
        .build_async()
        .await;
    let url = pic.url().expect("the gateway's URL");
    let status = reqwest::get(url.join("api/v2/status").expect("a URL"))
        .await
        .expect("an answer");
    assert!(status.status().is_success());
}

#[tokio::test]
async fn should_move_stable_memory_through_the_blob_store() {
    let (pic, canister) = still(common::builder().with_application_subnet()).await;
    let mut page = vec![0; 65536];
    page[..5].copy_from_slice(b"hello");
    pic.set_stable_memory(canister, page.clone(), BlobCompression::NoCompression)
        .await;
    assert_eq!(pic.get_stable_memory(canister).await, page);

    page[..5].copy_from_slice(b"HELLO");
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut packed, &page).expect("packs");
    pic.set_stable_memory(canister, packed.finish().expect("packs"), BlobCompression::Gzip)
        .await;
    assert_eq!(pic.get_stable_memory(canister).await, page);
}

#[tokio::test]
async fn should_keep_the_time_until_it_is_moved() {
    let (pic, canister) = still(common::builder().with_application_subnet()).await;
    let before = pic.get_time().await;
    pic.advance_time(std::time::Duration::from_hours(1)).await;
    pic.tick().await;
    let passed = pic.get_time().await.as_nanos_since_unix_epoch() - before.as_nanos_since_unix_epoch();
    assert!((3_600_000_000_000..3_600_000_001_000).contains(&passed), "{passed}");
    let now = pic
        .query_call(canister, Principal::anonymous(), "now", vec![])
        .await
        .expect("a reply");
    assert!(common::number(&now).abs_diff(pic.get_time().await.as_nanos_since_unix_epoch()) <= 1);
}

#[tokio::test]
async fn should_tell_controllers_subnets_and_keys() {
    let (pic, canister) = still(common::builder().with_nns_subnet().with_application_subnet()).await;
    let sender = ic_agent::Identity::sender(&super::world::controller()).expect("a sender");
    assert_eq!(pic.get_controllers(canister).await, [sender]);
    let topology = pic.topology().await;
    assert_eq!(pic.get_subnet(canister).await, Some(topology.get_app_subnets()[0]));
    assert!(pic.canister_exists(canister).await);
    let unknown = Principal::from_text("ryjl3-tyaaa-aaaaa-aaaba-cai").expect("a principal");
    assert!(!pic.canister_exists(unknown).await);
    let root_key = pic.root_key().await.expect("a root key");
    assert_eq!(
        Principal::self_authenticating(root_key),
        topology.get_nns().expect("the NNS")
    );
}
