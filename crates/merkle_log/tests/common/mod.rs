//! The tree from the RFC's recursive definitions, to compare with: nothing shared with the library but SHA-256.
#![allow(dead_code)] // each test file uses a part of it

use ddsx_merkle_log::{Hash, Log, leaf_hash, node_hash, sha256};

fn split(n: usize) -> usize {
    let mut k = 1;
    while k * 2 < n {
        k *= 2;
    }
    k
}

/// MTH (RFC 9162, 2.1.1) over leaf hashes.
pub fn root(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => sha256(&[]),
        [leaf] => *leaf,
        _ => {
            let (left, right) = leaves.split_at(split(leaves.len()));
            node_hash(&root(left), &root(right))
        }
    }
}

/// PATH (RFC 9162, 2.1.3.1).
pub fn path(index: usize, leaves: &[Hash]) -> Vec<Hash> {
    if leaves.len() == 1 {
        return Vec::new();
    }
    let (left, right) = leaves.split_at(split(leaves.len()));
    if index < left.len() {
        [path(index, left), vec![root(right)]].concat()
    } else {
        [path(index - left.len(), right), vec![root(left)]].concat()
    }
}

/// PROOF (RFC 9162, 2.1.4.1), for a first size from 1 on.
pub fn proof(first: usize, leaves: &[Hash]) -> Vec<Hash> {
    subproof(first, leaves, true)
}

fn subproof(first: usize, leaves: &[Hash], whole: bool) -> Vec<Hash> {
    if first == leaves.len() {
        return if whole { Vec::new() } else { vec![root(leaves)] };
    }
    let (left, right) = leaves.split_at(split(leaves.len()));
    if first <= left.len() {
        [subproof(first, left, whole), vec![root(right)]].concat()
    } else {
        [subproof(first - left.len(), right, false), vec![root(left)]].concat()
    }
}

/// The compact range from its definition: the largest aligned complete subtree that fits, again and again.
pub fn range(begin: usize, end: usize, leaves: &[Hash]) -> Vec<Hash> {
    let mut at = begin;
    let mut hashes = Vec::new();
    while at < end {
        let mut length = 1;
        while at.is_multiple_of(length * 2) && at + length * 2 <= end {
            length *= 2;
        }
        hashes.push(root(&leaves[at..at + length]));
        at += length;
    }
    hashes
}

pub fn leaves(count: u64) -> Vec<Hash> {
    (0..count).map(|number| leaf_hash(&number.to_be_bytes())).collect()
}

pub fn log(leaves: &[Hash]) -> Log<Vec<Hash>> {
    let mut log = Log::restore(Vec::new()).expect("an empty store is an empty log");
    log.append_batch(leaves).expect("a vector takes all nodes");
    log
}

/// The hash with one bit flipped.
pub fn flip(hash: Hash, bit: usize) -> Hash {
    let mut bytes = hash.0;
    bytes[bit / 8 % 32] ^= 1 << (bit % 8);
    Hash(bytes)
}
