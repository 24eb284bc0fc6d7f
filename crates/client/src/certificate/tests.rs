use super::*;
use crate::testing::{CANISTER, Keys, OUTSIDE, Shape, cbor};
use proptest::prelude::*;

const DATA: Hash = Hash([5; 32]);
const TIME: u64 = 1_700_000_000_123_456_789;

fn shape() -> Shape {
    Shape::new(DATA, TIME)
}

fn check(keys: &Keys, shape: &Shape) -> Result<Certified, VerificationError> {
    verify_certificate(&keys.certificate(shape), &keys.root_key(), CANISTER)
}

#[test]
fn should_believe_a_certificate_with_and_without_delegation_and_in_both_layouts_of_ranges() {
    let keys = Keys::new(1);
    let expected = Certified { data: DATA, time: TIME };
    for (delegated, sharded) in [(true, true), (true, false), (false, true)] {
        let shape = Shape {
            sharded,
            delegated,
            ..shape()
        };
        assert_eq!(
            check(&keys, &shape),
            Ok(expected),
            "delegated {delegated}, sharded {sharded}"
        );
    }
}

#[test]
fn should_refuse_a_subnet_that_may_not_speak_for_the_canister() {
    let keys = Keys::new(1);
    for sharded in [true, false] {
        let elsewhere = Shape {
            ranges: vec![(OUTSIDE, OUTSIDE)],
            sharded,
            ..shape()
        };
        assert!(matches!(
            check(&keys, &elsewhere),
            Err(VerificationError::DelegationRange { canister: CANISTER, .. })
        ));
        let none = Shape {
            ranges: Vec::new(),
            sharded,
            ..shape()
        };
        assert!(matches!(
            check(&keys, &none),
            Err(VerificationError::DelegationRange { .. })
        ));
        let hidden = Shape {
            prune_ranges: true,
            sharded,
            ..shape()
        };
        assert!(matches!(
            check(&keys, &hidden),
            Err(VerificationError::DelegationRangesMissing { .. })
        ));
    }
}

#[test]
fn should_refuse_a_certificate_about_another_canister() {
    let keys = Keys::new(1);
    let other = Principal::from_slice(&[0, 0, 0, 0, 0, 16, 0, 8, 1, 1]);
    let about_other = Shape {
        canister: other,
        ..shape()
    };
    let expected = VerificationError::CertificateOfOtherCanister { canister: CANISTER };
    assert_eq!(check(&keys, &about_other), Err(expected));
}

#[test]
fn should_refuse_what_the_root_key_did_not_sign() {
    let (ours, theirs) = (Keys::new(1), Keys::new(7));
    let delegated = verify_certificate(&theirs.certificate(&shape()), &ours.root_key(), CANISTER);
    assert_eq!(delegated, Err(VerificationError::DelegationSignature));
    let direct = Shape {
        delegated: false,
        ..shape()
    };
    let direct = verify_certificate(&theirs.certificate(&direct), &ours.root_key(), CANISTER);
    assert_eq!(direct, Err(VerificationError::DelegationMissing));
    let nested = Shape {
        nested: true,
        ..shape()
    };
    assert_eq!(check(&ours, &nested), Err(VerificationError::DelegationNested));
}

#[test]
fn should_refuse_an_altered_signature_tree_or_delegation() {
    let keys = Keys::new(1);
    let honest: Certificate = serde_cbor::from_slice(&keys.certificate(&shape())).unwrap();
    let verify = |certificate: &Certificate| verify_certificate(&cbor(certificate), &keys.root_key(), CANISTER);

    let mut altered = honest.clone();
    altered.signature[10] ^= 1;
    assert_eq!(verify(&altered), Err(VerificationError::CertificateSignatureMalformed));

    // The signature of something else is a signature all the same.
    let other: Certificate = serde_cbor::from_slice(&keys.certificate(&Shape::new(Hash([6; 32]), TIME))).unwrap();
    let mut altered = honest.clone();
    altered.signature = other.signature;
    assert_eq!(verify(&altered), Err(VerificationError::CertificateSignature));

    let mut altered = honest.clone();
    altered.tree = other.tree;
    assert_eq!(verify(&altered), Err(VerificationError::CertificateSignature));

    let mut altered = honest.clone();
    altered.delegation = None;
    assert_eq!(verify(&altered), Err(VerificationError::DelegationMissing));

    let mut altered = honest.clone();
    let mut inner: Certificate = serde_cbor::from_slice(&altered.delegation.as_ref().unwrap().certificate).unwrap();
    inner.tree = honest.tree.clone();
    altered.delegation.as_mut().unwrap().certificate = cbor(&inner);
    assert_eq!(verify(&altered), Err(VerificationError::DelegationSignature));

    let mut altered = honest;
    let mut inner: Certificate = serde_cbor::from_slice(&altered.delegation.as_ref().unwrap().certificate).unwrap();
    inner.signature[3] ^= 4;
    altered.delegation.as_mut().unwrap().certificate = cbor(&inner);
    assert_eq!(verify(&altered), Err(VerificationError::DelegationSignatureMalformed));
}

#[test]
fn should_say_what_is_malformed() {
    let keys = Keys::new(1);
    let bytes = keys.certificate(&shape());
    let result = verify_certificate(b"no CBOR", &keys.root_key(), CANISTER);
    assert!(matches!(result, Err(VerificationError::CertificateMalformed(_))));
    let result = verify_certificate(&bytes, &keys.root_key()[1..], CANISTER);
    assert!(matches!(result, Err(VerificationError::RootKey(_))));
    let short = Shape {
        data: vec![1; 31],
        ..shape()
    };
    assert_eq!(check(&keys, &short), Err(VerificationError::CertifiedDataLength(31)));
}

#[test]
fn should_refuse_a_tree_nested_too_deeply_without_overflowing_the_stack() {
    let deep: Vec<u8> = std::iter::repeat_n([0x83, 0x01], 200_000).flatten().collect();
    let certificate = [b"\xa2\x64tree".as_slice(), &deep].concat();
    let result = verify_certificate(&certificate, &Keys::new(1).root_key(), CANISTER);
    assert!(matches!(result, Err(VerificationError::CertificateMalformed(_))));
}

#[test]
fn should_read_numbers_and_refuse_what_is_none() {
    assert_eq!(leb128(&[0xe5, 0x8e, 0x26]), Some(624_485));
    assert_eq!(
        leb128(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]),
        Some(u64::MAX)
    );
    for bad in [
        &[][..],
        &[0x80],
        &[0x00, 0x00],
        &[0xff; 11],
        &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02],
    ] {
        assert_eq!(leb128(bad), None, "{bad:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Whatever byte of a certificate is changed, either it is refused, or it says the same as before.
    #[test]
    fn should_never_believe_another_content(position in any::<prop::sample::Index>(), bit in 0..8u8) {
        let keys = Keys::new(1);
        let mut bytes = keys.certificate(&shape());
        let index = position.index(bytes.len());
        bytes[index] ^= 1 << bit;
        if let Ok(certified) = verify_certificate(&bytes, &keys.root_key(), CANISTER) {
            prop_assert_eq!(certified, Certified { data: DATA, time: TIME });
        }
    }
}
