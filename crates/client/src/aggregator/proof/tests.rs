use candid::{Encode, Nat};
use ddsx_merkle_log::{MerkleMap, VecMapStore};
use ddsx_types::federated_aggregator::RoundOutcome;
use ic_certification::{HashTree, fork, label, pruned};

use super::*;
use crate::testing::{CANISTER, Keys, Shape, cbor};

const NOW: u64 = 1_700_000_000_000_000_000;
const KEY: RoundKey = RoundKey { task: 3, round: 2 };

/// An aggregator's certified tree with real certificates.
struct Model {
    keys: Keys,
    root_key: Vec<u8>,
    models: MerkleMap<VecMapStore>,
    reports: MerkleMap<VecMapStore>,
}

fn version(task: TaskId) -> ModelVersion {
    ModelVersion {
        task,
        version: 7,
        round: 7,
        hash: Hash([5; 32]),
        parent: Hash([4; 32]),
        bytes: 1_234,
    }
}

fn report(key: RoundKey) -> RoundReport {
    RoundReport {
        task: key.task,
        round: key.round,
        outcome: RoundOutcome::Accepted,
        version: 2,
        parent: 1,
        model: Hash([5; 32]),
        parent_model: Hash([4; 32]),
        candidate: None,
        evaluated: None,
        clients: Vec::new(),
        seed: None,
        budget: Nat::from(10_u8),
        rewarded: Nat::from(9_u8),
        opened_at: NOW,
        published_at: NOW + 1,
        progress: None,
        scores_later: None,
    }
}

fn report_label(key: RoundKey) -> Vec<u8> {
    [key.task.to_be_bytes().as_slice(), &key.round.to_be_bytes()].concat()
}

impl Model {
    fn new() -> Self {
        let keys = Keys::new(1);
        let mut models = MerkleMap::init(VecMapStore::default()).unwrap();
        let mut reports = MerkleMap::init(VecMapStore::default()).unwrap();
        for task in [1, 3, 8] {
            let bytes = Encode!(&version(task)).unwrap();
            models.insert(&task.to_be_bytes(), sha256(&bytes)).unwrap();
            for round in 1..4 {
                let key = RoundKey { task, round };
                let bytes = Encode!(&report(key)).unwrap();
                reports.insert(&report_label(key), sha256(&bytes)).unwrap();
            }
        }
        Self {
            root_key: keys.root_key(),
            keys,
            models,
            reports,
        }
    }

    fn anchor(&self) -> Anchor<'_> {
        Anchor {
            root_key: &self.root_key,
            canister: CANISTER,
        }
    }

    fn proof(&self, tree: &HashTree) -> (Option<ByteBuf>, ByteBuf) {
        let certificate = self.keys.certificate(&Shape::new(Hash(tree.digest()), NOW));
        (Some(ByteBuf::from(certificate)), ByteBuf::from(cbor(tree)))
    }

    fn model(&self, task: TaskId) -> CertifiedModel {
        let shown = label(MODELS_LABEL, self.models.witness(&[&task.to_be_bytes()]).unwrap());
        let others = pruned(label(REPORTS_LABEL, pruned(self.reports.root_hash())).digest());
        let (certificate, witness) = self.proof(&fork(shown, others));
        CertifiedModel {
            model: version(task),
            encoded: ByteBuf::from(Encode!(&version(task)).unwrap()),
            certificate,
            witness,
        }
    }

    fn report(&self, key: RoundKey) -> CertifiedReport {
        let shown = label(REPORTS_LABEL, self.reports.witness(&[&report_label(key)]).unwrap());
        let others = pruned(label(MODELS_LABEL, pruned(self.models.root_hash())).digest());
        let (certificate, witness) = self.proof(&fork(others, shown));
        CertifiedReport {
            report: ByteBuf::from(Encode!(&report(key)).unwrap()),
            certificate,
            witness,
        }
    }
}

#[test]
fn should_prove_a_model_and_a_report() {
    let model = Model::new();
    let fresh = Freshness::at(NOW);
    let proved = model.anchor().verify_model(&model.model(3), 3, &fresh);
    assert_eq!(proved, Ok((version(3), NOW)));
    let proved = model.anchor().verify_report(&model.report(KEY), KEY, &fresh);
    assert_eq!(proved, Ok((report(KEY), NOW)));
}

#[test]
fn should_name_what_is_wrong_with_a_model() {
    let model = Model::new();
    let subject = Subject::Model { task: 3 };
    let refuse = |task, forge: &dyn Fn(&mut CertifiedModel)| {
        let mut reply = model.model(task);
        forge(&mut reply);
        let verified = model.anchor().verify_model(&reply, 3, &Freshness::at(NOW));
        verified.unwrap_err()
    };
    assert_eq!(
        refuse(3, &|reply| reply.certificate = None),
        VerificationError::CertificateMissing
    );
    let last = model.model(3).witness.len() - 1;
    assert!(matches!(
        refuse(3, &|reply| reply.witness[last] ^= 1),
        VerificationError::WitnessRoot { .. }
    ));
    assert!(matches!(
        refuse(3, &|reply| *reply.encoded.last_mut().unwrap() ^= 1),
        VerificationError::EntryAltered { subject: found, .. } if found == subject
    ));
    assert_eq!(
        refuse(3, &|reply| reply.model.bytes += 1),
        VerificationError::EntryDiffers(subject)
    );
    assert_eq!(refuse(8, &|_| ()), VerificationError::NotShown(subject));
    let late = Freshness::at(NOW + 301_000_000_000);
    assert!(matches!(
        model.anchor().verify_model(&model.model(3), 3, &late),
        Err(VerificationError::Log(_))
    ));
}

#[test]
fn should_name_what_is_wrong_with_a_report() {
    let model = Model::new();
    let subject = Subject::Report { task: 3, round: 2 };
    let refuse = |key, forge: &dyn Fn(&mut CertifiedReport)| {
        let mut reply = model.report(key);
        forge(&mut reply);
        let verified = model.anchor().verify_report(&reply, KEY, &Freshness::at(NOW));
        verified.unwrap_err()
    };
    assert!(matches!(
        refuse(KEY, &|reply| *reply.report.last_mut().unwrap() ^= 1),
        VerificationError::EntryAltered { subject: found, .. } if found == subject
    ));
    assert_eq!(
        refuse(RoundKey { task: 3, round: 1 }, &|_| ()),
        VerificationError::NotShown(subject)
    );
    // A proof of one thing is none of another.
    let of_a_model = model.model(3);
    assert_eq!(
        refuse(KEY, &|reply| {
            reply.certificate.clone_from(&of_a_model.certificate);
            reply.witness.clone_from(&of_a_model.witness);
        }),
        VerificationError::NotShown(subject)
    );
}

/// One bit of every byte: each try costs two signatures.
#[test]
fn should_refuse_a_flipped_bit_wherever_it_is() {
    let model = Model::new();
    let honest = model.model(3);
    let fresh = Freshness::at(NOW);
    let verify = |reply: &CertifiedModel| model.anchor().verify_model(reply, 3, &fresh);
    verify(&honest).unwrap();
    for at in 0..honest.encoded.len() {
        let mut reply = honest.clone();
        reply.encoded[at] ^= 1 << (at % 8);
        verify(&reply).unwrap_err();
    }
    for at in 0..honest.witness.len() {
        let mut reply = honest.clone();
        reply.witness[at] ^= 1 << (at % 8);
        // CBOR has more than one way to write a length: what is accepted must prove the same.
        if let Ok((proved, _)) = verify(&reply) {
            assert_eq!(proved, honest.model, "byte {at} of the witness");
        }
    }
}
