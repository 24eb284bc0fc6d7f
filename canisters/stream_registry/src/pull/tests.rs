use super::*;
use crate::testing::*;
use crate::{plans, purchase};
use ddsx_merkle_log::{
    self as merkle, Freshness, Leaf, ReceivedChunk, verify_consistency, verify_inclusion, verify_pull,
};
use ddsx_runtime::testing::TestRuntime;
use ddsx_types::stream_registry::{CreateStreamArgs, PlanKind, PullError as E, RetirePlanArgs};

fn runtime(caller: Principal, in_query: bool) -> TestRuntime {
    let runtime = TestRuntime::default();
    runtime.set_caller(caller);
    runtime.set_time(NOW);
    runtime.set_data_certificate(in_query.then(|| vec![1, 2, 3]));
    runtime
}

fn args(stream: StreamId, from: u64) -> PullArgs {
    PullArgs {
        stream,
        from,
        max_bytes: None,
        licence: None,
        with_left_frontier: true,
    }
}

/// Grants a licence without payment.
fn licence(storage: &mut Storage, owner: Principal, plan: u64) -> u64 {
    let record = storage.plan(plan).unwrap();
    let purchase = crate::storage::records::Purchase {
        recipient: owner.into(),
        stream: record.stream,
        plan,
        kind: record.kind,
        terms_hash: merkle::sha256(b"terms"),
        payment: None,
        protocol_fee_bps: 0,
    };
    purchase::grant(storage, NOW, &purchase)
}

#[test]
fn should_pull_what_a_client_can_verify() {
    let mut storage = storage();
    let id = stream(&mut storage, "quakes");
    append_some(&mut storage, id, 300);
    let runtime = runtime(OWNER, true);
    for (from, max_bytes) in [(0, None), (0, Some(1)), (7, Some(5_000)), (299, None), (300, None)] {
        let pulled = pull(
            &storage,
            &runtime,
            PullArgs {
                max_bytes,
                ..args(id, from)
            },
        )
        .unwrap();
        let size = pulled.head.head.tree_size;
        let chunks: Vec<_> = pulled
            .chunks
            .iter()
            .map(|chunk| ReceivedChunk {
                leaf: &chunk.leaf,
                payload: Some(&chunk.payload),
                credits: &chunk.credits,
            })
            .collect();
        let head = merkle::CertifiedHead {
            stream: id,
            head: merkle::Head {
                tree_size: size,
                root: pulled.head.head.root,
                timestamp: pulled.head.head.timestamp,
            },
            certified_at: NOW,
        };
        let freshness = Freshness {
            now: NOW,
            max_age: merkle::DEFAULT_MAX_AGE,
            max_ahead: merkle::DEFAULT_MAX_AGE,
        };
        let given = merkle::Pulled {
            from,
            chunks: &chunks,
            left: Some(&pulled.left_frontier),
            right: &pulled.right_frontier,
            consistency: None,
            allow_missing_payloads: false,
        };
        let verified = verify_pull(None, &head, &given, &freshness).unwrap();
        assert_eq!(verified.leaves.len() as u64, pulled.next - from);
        if max_bytes == Some(1) {
            assert_eq!(pulled.next, from + 1, "one chunk comes whatever its size");
        }
    }
    assert_eq!(
        pull(&storage, &runtime, args(id, 301)),
        Err(E::BeyondHead { tree_size: 300 })
    );
    assert_eq!(pull(&storage, &runtime, args(99, 0)), Err(E::StreamNotFound));
}

#[test]
fn should_leave_out_a_frontier_that_the_caller_holds() {
    let mut storage = storage();
    let id = stream(&mut storage, "quakes");
    append_some(&mut storage, id, 10);
    let asked = PullArgs {
        with_left_frontier: false,
        ..args(id, 5)
    };
    let pulled = pull(&storage, &runtime(OWNER, true), asked).unwrap();
    assert_eq!(
        (pulled.left_frontier, pulled.right_frontier, pulled.next),
        (vec![], vec![], 10)
    );
}

#[test]
fn should_keep_replies_below_the_platforms_limits() {
    let mut storage = storage();
    let id = stream(&mut storage, "quakes");
    for sequence in 0..4 {
        let chunks = vec![chunk(&vec![7; 900 * 1024], &[]), chunk(&vec![8; 900 * 1024], &[])];
        crate::log::append(&mut storage, OWNER, NOW, &batch(id, sequence * 2, chunks)).unwrap();
    }
    let in_query = pull(&storage, &runtime(OWNER, true), args(id, 0)).unwrap();
    assert_eq!((in_query.next, in_query.head.certificate.is_some()), (2, true));
    let replicated = pull(&storage, &runtime(OWNER, false), args(id, 0)).unwrap();
    assert_eq!((replicated.next, replicated.head.certificate.is_some()), (2, false));
    let id = stream(&mut storage, "small");
    for _ in 0..3 {
        append_some(&mut storage, id, 1_000);
    }
    let many = pull(&storage, &runtime(OWNER, true), args(id, 0)).unwrap();
    assert_eq!(many.next, limits::MAX_PULL_CHUNKS);
}

#[test]
fn should_let_pull_whom_it_may() {
    let mut storage = storage();
    let id = stream(&mut storage, "quakes");
    let another = stream(&mut storage, "other");
    append_some(&mut storage, id, 3);
    let minute = plan(
        &mut storage,
        id,
        PlanKind::Subscription {
            duration_ns: 60_000_000_000,
        },
        5,
    );
    let ever = plan(&mut storage, id, PlanKind::Perpetual, 5);
    let as_buyer = |storage: &Storage, at: u64, licence| {
        let runtime = runtime(BUYER, true);
        runtime.set_time(at);
        pull(storage, &runtime, PullArgs { licence, ..args(id, 0) }).map(|pulled| pulled.next)
    };
    assert_eq!(as_buyer(&storage, NOW, None), Err(E::NoLicence));
    assert_eq!(as_buyer(&storage, NOW, Some(0)), Err(E::LicenceNotFound));
    let theirs = licence(&mut storage, OTHER, ever);
    assert_eq!(as_buyer(&storage, NOW, Some(theirs)), Err(E::LicenceNotFound));
    let short = licence(&mut storage, BUYER, minute);
    let end = NOW + 60_000_000_000;
    assert_eq!(as_buyer(&storage, end - 1, None), Ok(3));
    assert_eq!(as_buyer(&storage, end - 1, Some(short)), Ok(3));
    assert_eq!(
        as_buyer(&storage, end, Some(short)),
        Err(E::LicenceExpired { expired_at: end })
    );
    assert_eq!(
        as_buyer(&storage, end, None),
        Err(E::LicenceExpired { expired_at: end })
    );
    let long = licence(&mut storage, BUYER, ever);
    licence(&mut storage, BUYER, minute);
    assert_eq!(
        as_buyer(&storage, end, None),
        Ok(3),
        "the one that lasts longest is looked up"
    );
    assert_eq!(as_buyer(&storage, end, Some(long)), Ok(3));
    let elsewhere = PullArgs {
        licence: Some(long),
        ..args(another, 0)
    };
    assert_eq!(
        pull(&storage, &runtime(BUYER, true), elsewhere),
        Err(E::LicenceNotFound)
    );
}

#[test]
fn should_open_a_free_stream_to_everyone() {
    let mut storage = storage();
    let id = stream(&mut storage, "quakes");
    append_some(&mut storage, id, 3);
    let free = plan(&mut storage, id, PlanKind::Free, 0);
    let anonymous = runtime(Principal::anonymous(), true);
    assert_eq!(pull(&storage, &anonymous, args(id, 0)).unwrap().next, 3);
    plans::retire(&mut storage, OWNER, RetirePlanArgs { stream: id, plan: free }).unwrap();
    assert_eq!(pull(&storage, &anonymous, args(id, 0)), Err(E::NoLicence));
}

#[test]
fn should_prove_inclusion_and_consistency() {
    let mut storage = storage();
    let id = stream(&mut storage, "quakes");
    append_some(&mut storage, id, 70);
    let runtime = runtime(OTHER, true);
    let old = head(&storage, &runtime, id).unwrap().head;
    append_some(&mut storage, id, 61);
    for (sequence, tree_size) in [(0, None), (130, None), (69, Some(70)), (0, Some(1))] {
        let asked = InclusionProofArgs {
            stream: id,
            sequence,
            tree_size,
        };
        let proof = inclusion_proof(&storage, &runtime, asked).unwrap();
        let root = match tree_size {
            None => proof.head.head.root,
            Some(70) => old.root,
            Some(_) => Leaf::decode(&proof.leaf).unwrap().hash(),
        };
        let leaf = Leaf::decode(&proof.leaf).unwrap().hash();
        verify_inclusion(&leaf, sequence, proof.tree_size, &proof.path, &root).unwrap();
    }
    let asked = ConsistencyProofArgs {
        stream: id,
        first: 70,
        second: None,
    };
    let proof = consistency_proof(&storage, &runtime, asked).unwrap();
    verify_consistency(70, proof.second, &old.root, &proof.head.head.root, &proof.path).unwrap();

    let out = Err(ProofError::OutOfRange { tree_size: 131 });
    for (sequence, tree_size) in [
        (131, None),
        (70, Some(70)),
        (0, Some(132)),
        (0, Some(0)),
        (u64::MAX, None),
    ] {
        let asked = InclusionProofArgs {
            stream: id,
            sequence,
            tree_size,
        };
        assert_eq!(inclusion_proof(&storage, &runtime, asked).map(|_| ()), out, "{asked:?}");
    }
    for (first, second) in [(0, None), (132, None), (5, Some(4)), (5, Some(132))] {
        let asked = ConsistencyProofArgs {
            stream: id,
            first,
            second,
        };
        assert_eq!(
            consistency_proof(&storage, &runtime, asked).map(|_| ()),
            out,
            "{asked:?}"
        );
    }
    assert_eq!(head(&storage, &runtime, 9), Err(ProofError::StreamNotFound));
    let empty = crate::streams::create(&mut storage, OWNER, NOW, CreateStreamArgs { ..create_args("empty") }).unwrap();
    assert_eq!(head(&storage, &runtime, empty).unwrap().head.tree_size, 0);
}
