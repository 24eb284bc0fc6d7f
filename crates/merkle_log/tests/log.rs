//! The log against the RFC's definitions: all sizes to 300, random large ones, and every kind of tampering.
#![allow(clippy::cast_possible_truncation)] // sizes of trees in memory

mod common;

use common::{flip, leaves, log, path, proof, range, root};
use ddsx_merkle_log::{
    CompactRange, Hash, Log, LogError, ProofError, RangeError, empty_root, verify_consistency, verify_inclusion,
};
use proptest::prelude::*;

const SIZES: u64 = 300;

#[test]
fn should_have_the_rfcs_root_at_every_size_however_it_was_filled() {
    let leaves = leaves(SIZES);
    let all = log(&leaves);
    let mut single = Log::restore(Vec::new()).unwrap();
    for size in 0..=SIZES {
        let expected = root(&leaves[..size as usize]);
        assert_eq!(all.root_at(size).unwrap(), expected);
        assert_eq!(single.root(), expected);
        let restored = Log::restore(single.clone().into_parts().0).unwrap();
        assert_eq!(restored.frontier(), single.frontier());
        if size < SIZES {
            assert_eq!(single.append(leaves[size as usize]).unwrap(), size);
        }
    }
    assert_eq!(single.into_parts(), all.into_parts());
}

#[test]
fn should_prove_every_leaf_of_every_size() {
    let leaves = leaves(SIZES);
    let log = log(&leaves);
    for size in 1..=SIZES {
        let tree = &leaves[..size as usize];
        let root = log.root_at(size).unwrap();
        // Every leaf of small trees; of large ones those near the edges and a spread between.
        let step = if size <= 130 { 1 } else { 7 };
        for index in (0..size).step_by(step).chain([size - 1]) {
            let proof = log.inclusion_proof(index, size).unwrap();
            assert_eq!(proof, path(index as usize, tree));
            let leaf = &leaves[index as usize];
            assert_eq!(log.leaf(index).unwrap(), *leaf);
            assert_eq!(verify_inclusion(leaf, index, size, &proof, &root), Ok(()));
        }
    }
}

#[test]
fn should_prove_every_earlier_size_consistent() {
    let leaves = leaves(SIZES);
    let log = log(&leaves);
    let roots: Vec<_> = (0..=SIZES).map(|size| log.root_at(size).unwrap()).collect();
    for second in 0..=SIZES {
        let step = if second <= 130 { 1 } else { 5 };
        for first in (0..=second).step_by(step).chain([second]) {
            let found = log.consistency_proof(first, second).unwrap();
            if first > 0 {
                assert_eq!(found, proof(first as usize, &leaves[..second as usize]));
            }
            let (old, new) = (&roots[first as usize], &roots[second as usize]);
            assert_eq!(verify_consistency(first, second, old, new, &found), Ok(()));
        }
    }
}

#[test]
fn should_cover_and_merge_every_range() {
    let leaves = leaves(70);
    let log = log(&leaves);
    for begin in 0..=70 {
        for end in begin..=70 {
            let whole = log.range(begin, end).unwrap();
            assert_eq!(whole.hashes(), range(begin as usize, end as usize, &leaves));
            assert_eq!(CompactRange::decode(&whole.encode()), Ok(whole.clone()));
            // Grown leaf by leaf, and merged at every point.
            let mut grown = CompactRange::empty_at(begin);
            for middle in begin..=end {
                let mut merged = grown.clone();
                merged.extend(&log.range(middle, end).unwrap()).unwrap();
                assert_eq!(merged, whole);
                if middle < end {
                    grown.append(leaves[middle as usize]).unwrap();
                }
            }
            assert_eq!(grown, whole);
            if begin == 0 {
                assert_eq!(whole.root(), Ok(root(&leaves[..end as usize])));
            } else {
                assert_eq!(whole.root(), Err(RangeError::NoRoot(begin)));
            }
        }
    }
}

#[test]
fn should_refuse_what_lies_beyond_the_tree() {
    let log = log(&leaves(10));
    let beyond = |asked| LogError::BeyondTree { asked, size: 10 };
    assert_eq!(log.leaf(10), Err(beyond(10)));
    assert_eq!(log.root_at(11), Err(beyond(11)));
    assert_eq!(log.inclusion_proof(0, 11), Err(beyond(11)));
    assert_eq!(log.consistency_proof(1, u64::MAX), Err(beyond(u64::MAX)));
    assert_eq!(log.range(0, 11), Err(beyond(11)));
    let order = |first, second| LogError::Order { first, second };
    assert_eq!(log.inclusion_proof(5, 5), Err(order(5, 5)));
    assert_eq!(log.consistency_proof(6, 5), Err(order(6, 5)));
    assert_eq!(log.range(6, 5), Err(order(6, 5)));
}

#[test]
fn should_refuse_a_frontier_that_is_not_of_these_nodes() {
    let (nodes, frontier) = log(&leaves(10)).into_parts();
    assert!(Log::new(nodes.clone(), frontier.clone()).is_ok());
    let shorter = log(&leaves(9)).into_parts().1;
    assert!(matches!(
        Log::new(nodes.clone(), shorter),
        Err(LogError::Frontier { begin: 0, end: 9, .. })
    ));
    assert!(matches!(
        Log::restore(nodes[..2].to_vec()),
        Err(LogError::Frontier { nodes: 2, .. })
    ));
}

#[test]
fn should_refuse_ranges_that_do_not_fit() {
    let log = log(&leaves(10));
    let range = log.range(2, 9).unwrap();
    let mut hashes = range.hashes().to_vec();
    hashes.pop();
    let wrong = RangeError::HashCount {
        begin: 2,
        end: 9,
        expected: 3,
        got: 2,
    };
    assert_eq!(CompactRange::new(2, 9, hashes), Err(wrong));
    let bounds = RangeError::Bounds { begin: 9, end: 2 };
    assert_eq!(CompactRange::new(9, 2, Vec::new()), Err(bounds));
    assert!(CompactRange::new(0, u64::MAX, Vec::new()).is_err());
    let mut left = log.range(0, 3).unwrap();
    assert_eq!(left.extend(&range), Err(RangeError::NotAdjacent { left: 3, right: 2 }));
    let bytes = range.encode();
    for end in 0..bytes.len() {
        assert!(CompactRange::decode(&bytes[..end]).is_err());
    }
    assert!(CompactRange::decode(&[bytes, vec![0]].concat()).is_err());
}

#[test]
fn should_know_the_empty_tree() {
    let log = log(&[]);
    let empty = empty_root();
    assert_eq!((log.size(), log.root()), (0, empty));
    assert_eq!(verify_consistency(0, 0, &empty, &empty, &[]), Ok(()));
    let some = Hash([1; 32]);
    assert_eq!(verify_consistency(0, 5, &some, &some, &[]), Err(ProofError::Root(0)));
    assert_eq!(
        verify_inclusion(&some, 0, 0, &[], &empty),
        Err(ProofError::Index { index: 0, size: 0 })
    );
}

#[test]
fn should_refuse_every_flipped_bit_of_every_proof_of_small_trees() {
    let leaves = leaves(20);
    let log = log(&leaves);
    for size in 1..=20 {
        let root = log.root_at(size).unwrap();
        for index in 0..size {
            let proof = log.inclusion_proof(index, size).unwrap();
            let leaf = leaves[index as usize];
            for bit in 0..256 {
                let refused = |leaf: &Hash, proof: &[Hash], root: &Hash| {
                    verify_inclusion(leaf, index, size, proof, root) == Err(ProofError::Root(size))
                };
                assert!(refused(&flip(leaf, bit), &proof, &root));
                assert!(refused(&leaf, &proof, &flip(root, bit)));
                for at in 0..proof.len() {
                    let mut forged = proof.clone();
                    forged[at] = flip(forged[at], bit);
                    assert!(refused(&leaf, &forged, &root));
                }
            }
        }
        for first in 1..size {
            let proof = log.consistency_proof(first, size).unwrap();
            let old = log.root_at(first).unwrap();
            for bit in 0..256 {
                let refused = |old: &Hash, new: &Hash, proof: &[Hash]| {
                    matches!(
                        verify_consistency(first, size, old, new, proof),
                        Err(ProofError::Root(_))
                    )
                };
                assert!(refused(&flip(old, bit), &root, &proof));
                assert!(refused(&old, &flip(root, bit), &proof));
                for at in 0..proof.len() {
                    let mut forged = proof.clone();
                    forged[at] = flip(forged[at], bit);
                    assert!(refused(&old, &root, &forged));
                }
            }
        }
    }
}

#[test]
fn should_refuse_proofs_of_another_length_index_or_size() {
    let leaves = leaves(64);
    let log = log(&leaves);
    for size in 1..=64_u64 {
        let root = log.root_at(size).unwrap();
        for index in 0..size {
            let proof = log.inclusion_proof(index, size).unwrap();
            let leaf = &leaves[index as usize];
            let refused = |index, size, proof: &[Hash]| verify_inclusion(leaf, index, size, proof, &root).is_err();
            assert!(refused(index, size, &[&proof[..], &[Hash([0; 32])]].concat()));
            if let Some((_, shorter)) = proof.split_last() {
                assert!(refused(index, size, shorter));
            }
            for other in (0..size).filter(|other| *other != index) {
                assert!(refused(other, size, &proof));
            }
        }
        for first in 1..size {
            let proof = log.consistency_proof(first, size).unwrap();
            let old = log.root_at(first).unwrap();
            let refused = |proof: &[Hash]| verify_consistency(first, size, &old, &root, proof).is_err();
            assert!(refused(&[&proof[..], &[Hash([0; 32])]].concat()));
            if let Some((_, shorter)) = proof.split_last() {
                assert!(refused(shorter));
            }
        }
    }
    let root = log.root();
    assert_eq!(
        verify_consistency(64, 63, &root, &root, &[]),
        Err(ProofError::Sizes { first: 64, second: 63 })
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn should_hold_for_random_large_trees(
        batches in prop::collection::vec(1..3_000_usize, 1..6),
        points in any::<[prop::sample::Index; 4]>(),
        bit in 0..256_usize,
    ) {
        let size: usize = batches.iter().sum();
        let leaves = leaves(size as u64);
        let mut log = Log::restore(Vec::new()).unwrap();
        let mut rest = leaves.as_slice();
        for batch in batches {
            let (now, later) = rest.split_at(batch);
            log.append_batch(now).unwrap();
            rest = later;
        }
        prop_assert_eq!(log.root(), root(&leaves));
        let index = points[0].index(size);
        let found = log.inclusion_proof(index as u64, size as u64).unwrap();
        prop_assert_eq!(&found, &path(index, &leaves));
        verify_inclusion(&leaves[index], index as u64, size as u64, &found, &log.root()).unwrap();
        let first = points[1].index(size) + 1;
        let found = log.consistency_proof(first as u64, size as u64).unwrap();
        prop_assert_eq!(&found, &proof(first, &leaves));
        let old = log.root_at(first as u64).unwrap();
        verify_consistency(first as u64, size as u64, &old, &log.root(), &found).unwrap();
        if let Some(at) = (!found.is_empty()).then(|| bit % found.len()) {
            let mut forged = found;
            forged[at] = flip(forged[at], bit);
            prop_assert!(
                verify_consistency(first as u64, size as u64, &old, &log.root(), &forged).is_err()
            );
        }
        let (a, b) = (points[2].index(size + 1), points[3].index(size + 1));
        let (begin, end) = (a.min(b), a.max(b));
        let mut merged = log.range(0, begin as u64).unwrap();
        let middle = log.range(begin as u64, end as u64).unwrap();
        prop_assert_eq!(middle.hashes(), range(begin, end, &leaves));
        merged.extend(&middle).unwrap();
        merged.extend(&log.range(end as u64, size as u64).unwrap()).unwrap();
        prop_assert_eq!(merged.root().unwrap(), log.root());
    }
}
