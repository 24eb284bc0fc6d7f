use super::*;
use crate::StreamSource;
use crate::testing::{CANISTER, ModelRegistry};
use ddsx_types::stream_registry::CertifiedLicence;

const NOW: u64 = 1_700_000_000_000_000_000;

fn registry() -> ModelRegistry {
    let registry = ModelRegistry::new(NOW);
    registry.create(1);
    registry.append(0, 5);
    registry.append(1, 3);
    registry
}

fn anchor(registry: &ModelRegistry) -> Anchor<'_> {
    Anchor {
        root_key: registry.root_key(),
        canister: CANISTER,
    }
}

#[test]
fn should_prove_a_head() {
    let registry = registry();
    let reply = registry.head(0);
    let head = anchor(&registry).verify_head(&reply, 0).unwrap();
    assert_eq!((head.stream, head.head), (0, reply.head.into()));
    assert_eq!(head.certified_at, registry.now());
}

#[test]
fn should_name_what_is_wrong_with_a_head() {
    let registry = registry();
    let anchor = anchor(&registry);
    let refuse = |forge: &dyn Fn(&mut wire::CertifiedHead)| {
        let mut reply = registry.head(0);
        forge(&mut reply);
        anchor.verify_head(&reply, 0).unwrap_err()
    };
    assert_eq!(
        refuse(&|reply| reply.certificate = None),
        VerificationError::CertificateMissing
    );
    assert!(matches!(
        refuse(&|reply| reply.witness.truncate(9)),
        VerificationError::WitnessMalformed(_)
    ));
    let last = registry.head(0).witness.len() - 1;
    assert!(matches!(
        refuse(&|reply| reply.witness[last] ^= 1),
        VerificationError::WitnessRoot { .. }
    ));
    assert_eq!(
        refuse(&|reply| reply.head.tree_size = 4),
        VerificationError::HeadSize { given: 4, certified: 5 }
    );
    assert!(matches!(
        refuse(&|reply| reply.head.timestamp += 1),
        VerificationError::HeadAltered { .. }
    ));

    let of_other = registry.head(1);
    assert_eq!(
        anchor.verify_head(&of_other, 0),
        Err(VerificationError::WitnessOfOtherStream { stream: 0, shown: 1 })
    );
}

#[test]
fn should_tell_that_a_stream_is_proved_not_to_be_there() {
    let registry = ModelRegistry::new(NOW);
    let reply = registry.head(0);
    assert_eq!(
        anchor(&registry).verify_head(&reply, 7),
        Err(VerificationError::NoSuchStream { stream: 7 })
    );
}

#[test]
fn should_prove_a_licence_and_the_absence_of_one() {
    let registry = registry();
    for id in [2, 3, 9] {
        registry.grant(id);
    }
    let anchor = anchor(&registry);
    let fresh = Freshness::at(registry.now());
    let licence = anchor.verify_licence(&registry.licence(3), 3, &fresh).unwrap().unwrap();
    assert_eq!(licence.id, 3);
    for absent in [0, 5, 10] {
        assert_eq!(
            anchor.verify_licence(&registry.licence(absent), absent, &fresh),
            Ok(None),
            "{absent}"
        );
    }
}

#[test]
fn should_name_what_is_wrong_with_a_licence() {
    let registry = registry();
    for id in [2, 3, 9] {
        registry.grant(id);
    }
    let anchor = anchor(&registry);
    let refuse = |id: u64, forge: &dyn Fn(&mut CertifiedLicence)| {
        let mut reply = registry.licence(id);
        forge(&mut reply);
        anchor
            .verify_licence(&reply, 3, &Freshness::at(registry.now()))
            .unwrap_err()
    };
    assert!(matches!(
        refuse(3, &|reply| reply.encoded.as_mut().unwrap()[20] ^= 1),
        VerificationError::LicenceAltered { licence: 3, .. }
    ));
    assert_eq!(
        refuse(3, &|reply| reply.licence.as_mut().unwrap().stream = 7),
        VerificationError::LicenceDiffers { licence: 3 }
    );
    assert!(matches!(
        refuse(3, &|reply| reply.licence = None),
        VerificationError::LicenceNotShown {
            said: "there is no such licence",
            ..
        }
    ));
    assert!(matches!(
        refuse(9, &|_| ()),
        VerificationError::LicenceNotShown {
            said: "there is such a licence",
            ..
        }
    ));
    let late = Freshness::at(registry.now() + 301_000_000_000);
    assert!(matches!(
        anchor.verify_licence(&registry.licence(3), 3, &late),
        Err(VerificationError::Log(VerifyError::CertificateTooOld {
            age_s: 301,
            ..
        }))
    ));
    let early = Freshness::at(registry.now() - 61_000_000_000);
    assert!(matches!(
        anchor.verify_licence(&registry.licence(3), 3, &early),
        Err(VerificationError::Log(VerifyError::CertificateFromFuture { .. }))
    ));
}
