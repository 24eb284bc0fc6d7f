//! Authentication, against envelopes signed by the public agent's identities.

use std::borrow::Cow;

use axum::http::StatusCode;
use candid::Principal;
use ic_agent::Identity;
use ic_agent::identity::{
    BasicIdentity, DelegatedIdentity, Delegation, Prime256v1Identity, Secp256k1Identity, SignedDelegation,
};
use ic_transport_types::{DelegationPermissions, Envelope, EnvelopeContent};

use super::*;
use crate::execution::Nanos;

const NOW: Nanos = 1_746_143_418_005_285_297; // 2025-05-01 23:50:18.005285297 UTC
const MINUTE: Nanos = 60_000_000_000;

fn canister(n: u8) -> Principal {
    Principal::from_slice(&[0, 0, 0, 0, 0, 0, 0, n, 1, 1])
}

fn ed25519(n: u8) -> BasicIdentity {
    BasicIdentity::from_raw_key(&[n; 32])
}

fn secp256k1(n: u8) -> Secp256k1Identity {
    Secp256k1Identity::from_private_key(k256::SecretKey::from_slice(&[n; 32]).expect("a key"))
}

fn p256(n: u8) -> Prime256v1Identity {
    Prime256v1Identity::from_private_key(p256::SecretKey::from_slice(&[n; 32]).expect("a key"))
}

fn call(sender: Principal, ingress_expiry: Nanos) -> EnvelopeContent {
    EnvelopeContent::Call {
        nonce: Some(vec![1, 2, 3]),
        ingress_expiry,
        sender,
        canister_id: canister(1),
        method_name: "go".into(),
        arg: b"DIDL\0\0".to_vec(),
        sender_info: None,
    }
}

fn query(sender: Principal, ingress_expiry: Nanos) -> EnvelopeContent {
    EnvelopeContent::Query {
        nonce: None,
        ingress_expiry,
        sender,
        canister_id: canister(1),
        method_name: "go".into(),
        arg: vec![],
        sender_info: None,
    }
}

fn envelope<'a>(identity: &dyn Identity, content: &'a EnvelopeContent) -> Envelope<'a> {
    let signed = identity.sign(content).expect("the identity signs");
    Envelope {
        content: Cow::Borrowed(content),
        sender_pubkey: signed.public_key,
        sender_sig: signed.signature,
        sender_delegation: signed.delegations,
    }
}

fn refusal(envelope: &Envelope<'_>) -> String {
    let error = authenticate(&envelope.encode_bytes(), NOW).expect_err("a refusal");
    assert_eq!(error.status, StatusCode::BAD_REQUEST);
    error.message
}

fn delegation(from: &dyn Identity, to: &dyn Identity, edit: impl FnOnce(&mut Delegation)) -> SignedDelegation {
    let mut delegation = Delegation {
        pubkey: to.public_key().expect("a public key"),
        expiration: NOW + MINUTE,
        targets: None,
        permissions: None,
    };
    edit(&mut delegation);
    let signature = from
        .sign_delegation(&delegation)
        .expect("the identity signs")
        .signature
        .expect("a signature");
    SignedDelegation { delegation, signature }
}

fn delegated(from: &dyn Identity, to: Box<dyn Identity>, chain: Vec<SignedDelegation>) -> DelegatedIdentity {
    DelegatedIdentity::new_unchecked(from.public_key().expect("a public key"), to, chain)
}

#[test]
fn should_accept_each_plain_signature_scheme() {
    let identities: [Box<dyn Identity>; 3] = [Box::new(ed25519(1)), Box::new(secp256k1(2)), Box::new(p256(3))];
    for identity in identities {
        let sender = identity.sender().expect("a sender");
        let content = call(sender, NOW + MINUTE);
        let request = authenticate(&envelope(&*identity, &content).encode_bytes(), NOW).expect("authenticated");
        assert_eq!(*request.content.sender(), sender);
        assert_eq!(request.id, *content.to_request_id());
        assert_eq!(request.targets, Targets::All);
    }
}

#[test]
fn should_refuse_a_signature_of_something_else_or_somebody_else() {
    let identities: [Box<dyn Identity>; 3] = [Box::new(ed25519(1)), Box::new(secp256k1(2)), Box::new(p256(3))];
    for identity in identities {
        let sender = identity.sender().expect("a sender");
        let (content, other) = (call(sender, NOW + MINUTE), call(sender, NOW + MINUTE + 1));
        let forged = Envelope {
            content: Cow::Borrowed(&other),
            ..envelope(&*identity, &content)
        };
        assert!(
            refusal(&forged).starts_with("Invalid signature"),
            "{}",
            refusal(&forged)
        );

        let mut flipped = envelope(&*identity, &content);
        flipped.sender_sig.as_mut().expect("a signature")[40] ^= 1;
        assert!(refusal(&flipped).starts_with("Invalid signature"));
    }
    let content = call(ed25519(2).sender().expect("a sender"), NOW + MINUTE);
    let impostor = envelope(&ed25519(1), &content);
    assert!(refusal(&impostor).contains("does not match the public key"));
}

#[test]
fn should_take_a_high_s_on_secp256k1_as_the_internet_computer_does() {
    let identity = secp256k1(2);
    let content = call(identity.sender().expect("a sender"), NOW + MINUTE);
    let mut envelope = envelope(&identity, &content);
    let low = k256::ecdsa::Signature::from_slice(envelope.sender_sig.as_ref().expect("signed")).expect("a signature");
    let high = k256::ecdsa::Signature::from_scalars(low.r().to_bytes(), (-*low.s()).to_bytes()).expect("a signature");
    envelope.sender_sig = Some(high.to_bytes().to_vec());
    assert!(authenticate(&envelope.encode_bytes(), NOW).is_ok());
}

#[test]
fn should_refuse_a_missing_signature_and_a_signed_anonymous_request() {
    let content = call(ed25519(1).sender().expect("a sender"), NOW + MINUTE);
    let unsigned = Envelope {
        content: Cow::Borrowed(&content),
        sender_pubkey: None,
        sender_sig: None,
        sender_delegation: None,
    };
    assert!(refusal(&unsigned).starts_with("Missing signature"));
    let content = call(Principal::anonymous(), NOW + MINUTE);
    let signed = Envelope {
        sender_sig: Some(vec![0; 64]),
        content: Cow::Borrowed(&content),
        ..unsigned
    };
    assert!(refusal(&signed).starts_with("Signature is not allowed"));
}

#[test]
fn should_refuse_an_expiry_in_the_past_or_too_far_ahead() {
    let identity = ed25519(1);
    let sender = identity.sender().expect("a sender");
    for (expiry, accepted) in [
        (NOW - 1, false),
        (NOW, true),
        (NOW + 5 * MINUTE + MINUTE / 2, true),
        (NOW + 6 * MINUTE, false),
    ] {
        for content in [call(sender, expiry), query(sender, expiry)] {
            let result = authenticate(&envelope(&identity, &content).encode_bytes(), NOW);
            assert_eq!(result.is_ok(), accepted, "{expiry}");
        }
    }
    assert_eq!(
        refusal(&envelope(&identity, &call(sender, NOW - 1))),
        "Invalid request expiry: Specified ingress_expiry not within expected range: Minimum allowed expiry: 2025-05-01 \
         23:50:18.005285297 UTC, Maximum allowed expiry: 2025-05-01 23:55:48.005285297 UTC, Provided expiry:        \
         2025-05-01 23:50:18.005285296 UTC"
    );
}

#[test]
fn should_not_ask_anonymous_readers_for_an_expiry_but_anonymous_callers() {
    fn unsigned(content: Cow<'_, EnvelopeContent>) -> Envelope<'_> {
        Envelope {
            content,
            sender_pubkey: None,
            sender_sig: None,
            sender_delegation: None,
        }
    }
    let anonymous = Principal::anonymous();
    let read = EnvelopeContent::ReadState {
        ingress_expiry: 0,
        sender: anonymous,
        paths: vec![],
    };
    assert!(authenticate(&unsigned(Cow::Borrowed(&read)).encode_bytes(), NOW).is_ok());
    assert!(authenticate(&unsigned(Cow::Borrowed(&query(anonymous, 0))).encode_bytes(), NOW).is_ok());
    assert!(authenticate(&unsigned(Cow::Borrowed(&call(anonymous, 0))).encode_bytes(), NOW).is_err());
    assert!(authenticate(&unsigned(Cow::Borrowed(&call(anonymous, NOW))).encode_bytes(), NOW).is_ok());
}

#[test]
fn should_follow_a_chain_of_delegations_and_narrow_its_targets() {
    let (owner, middle, device) = (ed25519(1), secp256k1(2), p256(3));
    let first = delegation(&owner, &middle, |d| d.targets = Some(vec![canister(1), canister(2)]));
    let second = delegation(&middle, &device, |d| d.targets = Some(vec![canister(1), canister(3)]));
    let identity = delegated(&owner, Box::new(device), vec![first, second]);
    let sender = owner.sender().expect("a sender");
    let content = call(sender, NOW + MINUTE);
    let request = authenticate(&envelope(&identity, &content).encode_bytes(), NOW).expect("authenticated");
    assert_eq!(*request.content.sender(), sender);
    assert_eq!(request.targets, Targets::Only([canister(1)].into()));
}

#[test]
fn should_refuse_bad_delegations() {
    let (owner, device) = (ed25519(1), ed25519(2));
    let sender = owner.sender().expect("a sender");
    let refused = |chain: Vec<SignedDelegation>| {
        let identity = delegated(&owner, Box::new(ed25519(2)), chain);
        refusal(&envelope(&identity, &call(sender, NOW + MINUTE)))
    };
    let expired = delegation(&owner, &device, |d| d.expiration = NOW - 1);
    assert!(refused(vec![expired]).starts_with("Invalid delegation expiry"));
    let elsewhere = delegation(&owner, &device, |d| d.targets = Some(vec![canister(2)]));
    assert!(refused(vec![elsewhere]).contains("is not one of the delegation targets"));
    let crowded = delegation(&owner, &device, |d| d.targets = Some(vec![canister(1); 1001]));
    assert!(refused(vec![crowded]).contains("at most 1000 targets"));
    let queries = delegation(&owner, &device, |d| {
        d.permissions = Some(DelegationPermissions::Queries);
    });
    assert!(refused(vec![queries]).contains("queries only"));
    let unsigned = SignedDelegation {
        signature: vec![0; 64],
        ..delegation(&owner, &device, |_| ())
    };
    assert!(refused(vec![unsigned]).starts_with("Invalid delegation"));
    let by_another = delegation(&ed25519(9), &device, |_| ());
    assert!(refused(vec![by_another]).starts_with("Invalid delegation"));
    let circle = vec![delegation(&owner, &owner, |_| ()), delegation(&owner, &device, |_| ())];
    assert!(refused(circle).contains("cycle"));
    let endless = vec![delegation(&owner, &device, |_| ()); 21];
    assert!(refused(endless).starts_with("Chain of delegations is too long"));
}

#[test]
fn should_let_a_delegation_for_queries_query() {
    let (owner, device) = (ed25519(1), ed25519(2));
    let queries = delegation(&owner, &device, |d| {
        d.permissions = Some(DelegationPermissions::Queries);
    });
    let identity = delegated(&owner, Box::new(device), vec![queries]);
    let content = query(owner.sender().expect("a sender"), NOW + MINUTE);
    assert!(authenticate(&envelope(&identity, &content).encode_bytes(), NOW).is_ok());
}

#[test]
fn should_refuse_what_is_too_large_or_not_an_envelope() {
    let unsigned = |content| Envelope {
        content,
        sender_pubkey: None,
        sender_sig: None,
        sender_delegation: None,
    };
    let mut content = call(Principal::anonymous(), NOW);
    if let EnvelopeContent::Call { nonce, .. } = &mut content {
        *nonce = Some(vec![0; 33]);
    }
    assert!(refusal(&unsigned(Cow::Borrowed(&content))).starts_with("Nonce"));
    let paths = vec![vec!["time".into()]; 1001];
    let content = EnvelopeContent::ReadState {
        ingress_expiry: NOW,
        sender: Principal::anonymous(),
        paths,
    };
    assert!(refusal(&unsigned(Cow::Borrowed(&content))).starts_with("Too many paths"));
    let paths = vec![vec!["time".into(); 128]];
    let content = EnvelopeContent::ReadState {
        ingress_expiry: NOW,
        sender: Principal::anonymous(),
        paths,
    };
    assert!(refusal(&unsigned(Cow::Borrowed(&content))).contains("at most 127 labels"));
    for garbage in [b"".as_slice(), b"hello", &[0xd9, 0xd9, 0xf7, 0xa0], &[0xff; 100]] {
        assert!(authenticate(garbage, NOW).is_err());
    }
}
