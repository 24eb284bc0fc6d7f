//! A live instance, a canister on its application subnet, and agents.

use std::borrow::Cow;
use std::time::{SystemTime, UNIX_EPOCH};

use candid::Principal;
use ic_agent::agent::{Agent, Envelope, EnvelopeContent};
use ic_agent::identity::{AnonymousIdentity, BasicIdentity};
use ic_agent::{Certificate, Identity};
use pocket_ic::PocketIcBuilder;
use pocket_ic::nonblocking::PocketIc;

use crate::common;

/// What the tests of this file set up.
pub struct World {
    pub pic: PocketIc,
    /// Where `/api` is served.
    pub url: String,
    pub canister: Principal,
}

/// The controller of the canister.
pub fn controller() -> BasicIdentity {
    BasicIdentity::from_raw_key(&[1; 32])
}

/// Somebody else.
pub fn stranger() -> BasicIdentity {
    BasicIdentity::from_raw_key(&[2; 32])
}

/// The clock's time in nanoseconds.
pub fn now() -> u64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("a clock after 1970");
    u64::try_from(since.as_nanos()).expect("a clock before 2554")
}

/// An installed canister on an instance that stands still.
pub async fn still(builder: PocketIcBuilder) -> (PocketIc, Principal) {
    let pic = builder.build_async().await;
    let sender = controller().sender().expect("a sender");
    let canister = pic.create_canister_with_settings(Some(sender), None).await;
    pic.add_cycles(canister, common::CYCLES).await;
    pic.install_canister(
        canister,
        common::wasm(include_str!("canister.wat")),
        vec![],
        Some(sender),
    )
    .await;
    (pic, canister)
}

impl World {
    /// A live instance with an NNS and an application subnet; the canister is on the latter.
    pub async fn new() -> Self {
        Self::with(common::builder().with_nns_subnet().with_application_subnet()).await
    }

    /// A live instance with the subnets of `builder`.
    pub async fn with(builder: PocketIcBuilder) -> Self {
        let (mut pic, canister) = still(builder).await;
        let url = pic.make_live(None).await.to_string();
        Self { pic, url, canister }
    }

    /// An agent that verifies certificates and query signatures under this instance's root key.
    pub async fn agent(&self, identity: impl Identity + 'static) -> Agent {
        let agent = Agent::builder()
            .with_url(&self.url)
            .with_identity(identity)
            .with_verify_query_signatures(true)
            .build()
            .expect("an agent");
        agent.fetch_root_key().await.expect("a root key");
        agent
    }

    pub async fn anonymous_agent(&self) -> Agent {
        self.agent(AnonymousIdentity).await
    }

    /// Sends an envelope as it is.
    pub async fn post(&self, path: &str, body: Vec<u8>) -> (u16, Vec<u8>) {
        let response = reqwest::Client::new()
            .post(format!("{}{path}", self.url))
            .header("content-type", "application/cbor")
            .body(body)
            .send()
            .await
            .expect("an answer");
        let status = response.status().as_u16();
        (status, response.bytes().await.expect("a body").to_vec())
    }

    /// Calls a query method without an argument and reads its answer as a number.
    pub async fn number(&self, agent: &Agent, method: &str) -> u64 {
        common::number(&agent.query(&self.canister, method).call().await.expect("a reply"))
    }
}

/// A call of the test canister.
pub fn call(sender: Principal, canister_id: Principal, method: &str, ingress_expiry: u64) -> EnvelopeContent {
    EnvelopeContent::Call {
        nonce: Some(ingress_expiry.to_be_bytes().to_vec()),
        ingress_expiry,
        sender,
        canister_id,
        method_name: method.into(),
        arg: vec![],
        sender_info: None,
    }
}

/// Signs `content`.
pub fn envelope(identity: &dyn Identity, content: &EnvelopeContent) -> Vec<u8> {
    let signed = identity.sign(content).expect("the identity signs");
    let envelope = Envelope {
        content: Cow::Borrowed(content),
        sender_pubkey: signed.public_key,
        sender_sig: signed.signature,
        sender_delegation: signed.delegations,
    };
    envelope.encode_bytes()
}

/// A time that requests may expire at.
pub fn soon() -> u64 {
    now() + 120_000_000_000
}

/// A certificate from its bytes.
pub fn certificate(bytes: &[u8]) -> Certificate {
    serde_cbor::from_slice(bytes).expect("the certificate is CBOR")
}
