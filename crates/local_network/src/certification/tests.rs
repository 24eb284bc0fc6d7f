//! Certificates, checked by the public verifier.

use std::borrow::Cow;

use candid::Principal;
use ic_cbor::CertificateToCbor;
use ic_certificate_verification::{CertificateVerificationError, VerifyCertificate};
use ic_certification::{Certificate, LookupResult};

use super::*;
use crate::execution::{CustomSection, Nanos, Visibility};

const TIME: Nanos = 1_700_000_000_000_000_000;
const FIVE_MINUTES: u128 = 300_000_000_000;

/// Two subnets, one canister on each, and two requests on the second.
struct Fake {
    version: u64,
    time: Nanos,
    subnets: Vec<SubnetFacts>,
    root: usize,
    controllers: Vec<Principal>,
    sections: Vec<CustomSection>,
}

fn principal(n: u64) -> Principal {
    let mut bytes = n.to_be_bytes().to_vec();
    bytes.extend_from_slice(&[1, 1]);
    Principal::from_slice(&bytes)
}

fn subnet(seed: u8, nodes: usize, ranges: &[(u64, u64)], subnet_type: &'static str) -> SubnetFacts {
    SubnetFacts {
        id: Principal::self_authenticating(public_key_der(&[seed; 32])),
        seed: [seed; 32],
        nodes,
        canister_ranges: ranges
            .iter()
            .map(|(low, high)| (principal(*low), principal(*high)))
            .collect(),
        subnet_type,
    }
}

impl Fake {
    fn new() -> Self {
        let ranges: Vec<(u64, u64)> = (0..12).map(|n| (100 + 20 * n, 109 + 20 * n)).collect();
        Self {
            version: 1,
            time: TIME,
            subnets: vec![subnet(1, 4, &[(0, 99)], "system"), subnet(2, 3, &ranges, "application")],
            root: 0,
            controllers: vec![principal(7), principal(8)],
            sections: vec![CustomSection {
                name: "candid:service".into(),
                visibility: Visibility::Public,
                content: b"service : {}".to_vec(),
            }],
        }
    }

    fn root_key(&self) -> Vec<u8> {
        public_key_der(&self.subnets[self.root].seed)
    }

    fn application(&self) -> Principal {
        self.subnets[1].id
    }
}

impl State for Fake {
    fn version(&self) -> u64 {
        self.version
    }
    fn subnets(&self) -> Vec<SubnetFacts> {
        self.subnets.clone()
    }
    fn root_subnet(&self) -> Principal {
        self.subnets[self.root].id
    }
    fn subnet_of(&self, canister: Principal) -> Option<Principal> {
        let holds = |s: &&SubnetFacts| {
            s.canister_ranges
                .iter()
                .any(|(low, high)| (low..=high).contains(&&canister))
        };
        self.subnets.iter().find(holds).map(|s| s.id)
    }
    fn certified_time(&self, _: Principal) -> Nanos {
        self.time
    }
    fn canisters(&self, subnet: Principal) -> Vec<CanisterFacts<'_>> {
        let id = principal(if subnet == self.application() { 105 } else { 5 });
        vec![CanisterFacts {
            id,
            controllers: &self.controllers,
            certified_data: b"certified",
            module_hash: Some([9; 32]),
            custom_sections: &self.sections,
        }]
    }
    fn for_each_request(&self, subnet: Principal, visit: &mut dyn FnMut(&[u8; 32], RequestStatus<'_>)) {
        if subnet == self.application() {
            visit(&[3; 32], RequestStatus::Replied(b"reply"));
            visit(
                &[4; 32],
                RequestStatus::Rejected {
                    code: 5,
                    message: "trapped",
                    error_code: Cow::Borrowed("IC0503"),
                },
            );
        }
    }
    fn metrics(&self, _: Principal) -> SubnetMetrics {
        SubnetMetrics {
            num_canisters: 1,
            consumed_cycles_total: 1 << 70,
            ..SubnetMetrics::default()
        }
    }
}

fn path(labels: &[&[u8]]) -> Path {
    labels.iter().map(|label| label.to_vec()).collect()
}

fn verify(certificate: &[u8], canister: u64, root_key: &[u8]) -> Result<Certificate, CertificateVerificationError> {
    let certificate = Certificate::from_cbor(certificate).expect("the certificate is CBOR");
    certificate
        .verify(
            principal(canister).as_slice(),
            root_key,
            &u128::from(TIME),
            &FIVE_MINUTES,
        )
        .map(|()| certificate)
}

fn found<'a>(certificate: &'a Certificate, labels: &[&[u8]]) -> Option<&'a [u8]> {
    match certificate.tree.lookup_path(labels) {
        LookupResult::Found(value) => Some(value),
        _ => None,
    }
}

#[test]
fn should_certify_data_of_a_canister_of_the_root_subnet() {
    let state = Fake::new();
    let certificate = Certifier::default()
        .data_certificate(&state, principal(5))
        .expect("a certificate");
    let certificate = verify(&certificate, 5, &state.root_key()).expect("a valid certificate");
    assert!(certificate.delegation.is_none());
    assert_eq!(
        found(&certificate, &[b"canister", principal(5).as_slice(), b"certified_data"]),
        Some(b"certified".as_slice())
    );
}

#[test]
fn should_certify_data_through_a_delegation() {
    let state = Fake::new();
    for canister in [105, 104, 329] {
        let certificate = Certifier::default()
            .data_certificate(&state, principal(canister))
            .expect("a certificate");
        let certificate = verify(&certificate, canister, &state.root_key()).expect("a valid certificate");
        assert_eq!(
            certificate.delegation.as_ref().map(|d| d.subnet_id.clone()),
            Some(state.application().as_slice().to_vec())
        );
    }
}

#[test]
fn should_be_refused_for_a_canister_outside_the_delegated_ranges() {
    let state = Fake::new();
    let certificate = Certifier::default()
        .certificate(&state, state.application(), &[])
        .expect("a certificate");
    let refused = verify(&certificate, 110, &state.root_key()).expect_err("canister 110 is in a gap");
    assert!(
        matches!(refused, CertificateVerificationError::PrincipalOutOfRange { .. }),
        "{refused}"
    );
}

#[test]
fn should_be_refused_under_another_root_key() {
    let state = Fake::new();
    let certificate = Certifier::default()
        .certificate(&state, state.application(), &[])
        .expect("a certificate");
    let refused = verify(&certificate, 105, &public_key_der(&[3; 32])).expect_err("the key is another");
    assert!(
        matches!(refused, CertificateVerificationError::SignatureVerificationFailed),
        "{refused}"
    );
}

#[test]
fn should_be_its_own_root_without_nns() {
    let mut state = Fake::new();
    state.subnets.remove(0);
    state.root = 0;
    state.subnets.push(subnet(5, 1, &[(500, 600)], "application"));
    let root = state.root_subnet();
    let certificate = Certifier::default()
        .certificate(&state, root, &[])
        .expect("a certificate");
    assert!(
        verify(&certificate, 105, &state.root_key())
            .expect("a valid certificate")
            .delegation
            .is_none()
    );
}

#[test]
fn should_reveal_request_statuses_and_refute_unknown_ones() {
    let state = Fake::new();
    let certifier = Certifier::default();
    let paths = [
        path(&[b"request_status", &[3; 32]]),
        path(&[b"request_status", &[5; 32]]),
    ];
    let certificate = certifier
        .certificate(&state, state.application(), &paths)
        .expect("a certificate");
    let certificate = verify(&certificate, 105, &state.root_key()).expect("a valid certificate");
    let status = |id: u8, leaf: &str| {
        certificate
            .tree
            .lookup_path([b"request_status".as_slice(), &[id; 32], leaf.as_bytes()])
    };
    assert_eq!(status(3, "status"), LookupResult::Found(b"replied"));
    assert_eq!(status(3, "reply"), LookupResult::Found(b"reply"));
    assert_eq!(status(4, "reject_message"), LookupResult::Unknown);
    assert_eq!(status(5, "status"), LookupResult::Absent);

    let paths = [path(&[b"request_status", &[4; 32]])];
    let certificate = certifier
        .certificate(&state, state.application(), &paths)
        .expect("a certificate");
    let certificate = Certificate::from_cbor(&certificate).expect("the certificate is CBOR");
    for (leaf, value) in [
        ("status", b"rejected".as_slice()),
        ("reject_code", &[5]),
        ("reject_message", b"trapped"),
        ("error_code", b"IC0503"),
    ] {
        assert_eq!(
            found(&certificate, &[b"request_status", &[4; 32], leaf.as_bytes()]),
            Some(value),
            "{leaf}"
        );
    }
}

#[test]
fn should_show_the_canister_and_the_subnet() {
    let state = Fake::new();
    let certifier = Certifier::default();
    let (canister, subnet) = (principal(105), state.application());
    let paths = [
        path(&[b"canister", canister.as_slice()]),
        path(&[b"subnet", subnet.as_slice()]),
    ];
    let certificate = certifier.certificate(&state, subnet, &paths).expect("a certificate");
    let certificate = verify(&certificate, 105, &state.root_key()).expect("a valid certificate");
    let of_canister = |leaf: &[&[u8]]| found(&certificate, &[&[b"canister", canister.as_slice()], leaf].concat());
    assert_eq!(of_canister(&[b"module_hash"]), Some([9; 32].as_slice()));
    assert_eq!(
        of_canister(&[b"metadata", b"candid:service"]),
        Some(b"service : {}".as_slice())
    );
    assert_eq!(
        of_canister(&[b"controllers"]).map(|b| b[..4].to_vec()),
        Some(vec![0xd9, 0xd9, 0xf7, 0x82])
    );
    let of_subnet = |leaf: &[&[u8]]| found(&certificate, &[&[b"subnet", subnet.as_slice()], leaf].concat());
    assert_eq!(of_subnet(&[b"type"]), Some(b"application".as_slice()));
    assert_eq!(of_subnet(&[b"public_key"]), Some(public_key_der(&[2; 32]).as_slice()));
    let keys = certifier.keys(&state, subnet).expect("the keys of a subnet");
    for node in keys.nodes() {
        assert_eq!(
            of_subnet(&[b"node", node.id().as_slice(), b"public_key"]),
            Some(node.public_key_der())
        );
    }
    assert_eq!(keys.nodes().len(), 3);
    let metrics: ic_transport_types::SubnetMetrics =
        ciborium::from_reader(of_subnet(&[b"metrics"]).expect("metrics")).expect("metrics are CBOR");
    assert_eq!(metrics.consumed_cycles_total, 1 << 70);
}

#[test]
fn should_sign_again_only_when_the_state_has_changed() {
    let mut state = Fake::new();
    let certifier = Certifier::default();
    let first = certifier.data_certificate(&state, principal(105));
    assert_eq!(first, certifier.data_certificate(&state, principal(105)));
    state.version += 1;
    state.time += 1;
    let second = certifier.data_certificate(&state, principal(105));
    assert_ne!(first, second);
    let fresh = Certifier::default()
        .data_certificate(&state, principal(105))
        .expect("a certificate");
    assert!(verify(&fresh, 105, &state.root_key()).is_ok());
}

#[test]
fn should_renew_a_delegation_when_ranges_change() {
    let mut state = Fake::new();
    let certifier = Certifier::default();
    assert!(certifier.certificate(&state, state.application(), &[]).is_some());
    state.subnets[1]
        .canister_ranges
        .push((principal(1000), principal(1001)));
    state.version += 1;
    let certificate = certifier
        .certificate(&state, state.application(), &[])
        .expect("a certificate");
    assert!(verify(&certificate, 1000, &state.root_key()).is_ok());
}
